"""edx-import: the edX data package from S3 in MongoDB, and answers from it."""

__version__ = "0.1.0"
