"""Fixtures that every test may use: a real MongoDB, a real key, S3 over HTTP."""

from __future__ import annotations
