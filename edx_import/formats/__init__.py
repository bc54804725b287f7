"""Bytes to documents, pure: no file, no network, no database."""
