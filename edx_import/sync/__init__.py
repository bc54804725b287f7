"""Delivery: list, plan, fetch, verify, decrypt, read, write, record."""
