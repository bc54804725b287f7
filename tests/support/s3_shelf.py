"""Two buckets of their own in a real S3 server, and the source that reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import boto3

from edx_import.model import DeliveredObject
from edx_import.packages.base import Wanted
from edx_import.packages.download import Patience
from edx_import.packages.s3 import S3Access, S3Source
from edx_import.settings import Secret

SECRET = "invented/secret/key/that/nobody/has"
#: Does not wait before it tries again.
AT_ONCE = Patience(first_wait=0, resumes=3)
_numbers = count()


@dataclass(frozen=True)
class S3Shelf:
    """`client` is the owner's, who may do everything. What begins with `org/` goes to the bucket of events."""

    access: S3Access
    client: Any
    org: str

    @classmethod
    def made(cls, endpoint: str, org: str) -> S3Shelf:
        number = next(_numbers)
        access = S3Access(
            Secret("AKIDINVENTED"),
            Secret(SECRET),
            course_bucket=f"{org}-course-data-{number}",
            event_bucket=f"{org}-edx-course-data-{number}",
            endpoint_url=endpoint,
        )
        client: Any = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id="AKIDOWNER", aws_secret_access_key="owner", region_name="us-east-1")
        for bucket in (access.course_bucket, access.event_bucket):
            client.create_bucket(Bucket=bucket)
        return cls(access, client, org)

    @cached_property
    def source(self) -> S3Source:
        return S3Source(self.access, AT_ONCE)

    def through(self, url: str, patience: Patience = AT_ONCE) -> S3Source:
        """A source that reaches the buckets another way."""
        return S3Source(replace(self.access, endpoint_url=url), patience)

    def bucket_of(self, key: str) -> str:
        return self.access.event_bucket if key.startswith(f"{self.org}/") else self.access.course_bucket

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket_of(key), Key=key, Body=data)

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket_of(key), Key=key)


def delivered(source: S3Source, wanted: Wanted) -> list[DeliveredObject]:
    """What of it can be taken."""
    return [found for found in source.list(wanted) if isinstance(found, DeliveredObject)]
