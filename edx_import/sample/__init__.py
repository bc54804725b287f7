"""Makes sample packages that look like the real ones, and knows what is in them."""
