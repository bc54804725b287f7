"""Where sealed bytes come from: S3 or a folder. Knows names and archives, not what is in them."""
