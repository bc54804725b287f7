"""The data package in S3: two buckets, listed by prefix and read object by object. The only importer of boto3.

The only calls are ListObjectsV2 with a prefix and GetObject: an account may have no more permissions than these.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from urllib3.exceptions import HTTPError

from edx_import.errors import SourceError
from edx_import.model import DeliveredObject, ObjectKind
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.listing import Found, choose, prefixes_now
from edx_import.packages.naming import parse_key
from edx_import.settings import Secret

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

_CONNECT_TIMEOUT = 10  # seconds
_READ_TIMEOUT = 60
_BUFFER = 1 << 20
#: How often in a row a broken download is taken up again where it broke, without a byte of progress in between.
_RESUMES = 3


@dataclass(frozen=True, slots=True)
class S3Access:
    """How to reach the buckets. What is left out (credentials, region, endpoint) is looked up by boto3 in its usual places.

    No region there either: us-east-1, which is AWS's own default and where the buckets are taken to be.
    """

    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    course_bucket: str = "course-data"
    event_bucket: str = "edx-course-data"
    region: str | None = None
    endpoint_url: str | None = None

    def bucket_of(self, kind: ObjectKind) -> str:
        """The bucket that holds the objects of a kind."""
        return self.event_bucket if kind in (ObjectKind.EVENTS, ObjectKind.RDX) else self.course_bucket


class S3Source:
    """The package source that edX delivers to. The client is made at the first call; a pickled source makes its own."""

    def __init__(self, access: S3Access) -> None:
        self._access = access
        self._made: S3Client | None = None
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Source, (self._access,)

    @property
    def description(self) -> str:
        """Where it is, for a person."""
        return f"S3 (buckets {self._access.course_bucket} and {self._access.event_bucket})"

    def list(self, wanted: Wanted) -> Iterator[DeliveredObject | Passed]:
        """The objects of that kind, in the order of their keys. Raises SourceError."""
        bucket = self._access.bucket_of(wanted.kind)
        return choose((found for prefix in prefixes_now(wanted) for found in self._below(bucket, prefix)), wanted)

    def open(self, delivered: DeliveredObject) -> BinaryIO:
        """A stream of its sealed bytes. Raises SourceError, also while reading, and when the object has changed since it was listed.

        A download that breaks is taken up again where it broke.
        """
        request: GetObjectRequestTypeDef = {
            "Bucket": self._access.bucket_of(delivered.name.kind),
            "Key": delivered.location or delivered.key,
            "IfMatch": f'"{delivered.etag}"',
        }
        return io.BufferedReader(_ObjectStream(self._client, request, delivered.size), _BUFFER)

    def check_access(self, org: str, kinds: Iterable[ObjectKind] = (ObjectKind.DATABASE, ObjectKind.EVENTS)) -> None:
        """Lists a key at most of each kind, to see that it is allowed. Raises SourceError for the first that is not."""
        for kind in kinds:
            bucket = self._access.bucket_of(kind)
            prefix = prefixes_now(Wanted(kind, org))[0]
            with _listing_errors(bucket, prefix):
                self._client().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)

    def _below(self, bucket: str, prefix: str) -> Iterator[Found]:
        with _listing_errors(bucket, prefix):
            for page in self._client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    key = entry["Key"]
                    yield Found(key, parse_key(key), entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])

    def _client(self) -> S3Client:
        with self._lock:
            if self._made is None:
                self._made = _make_client(self._access)
            return self._made


def _make_client(access: S3Access) -> S3Client:
    # Where a bucket is not plain AWS, checksums that nobody asked for are more than some servers understand.
    config = Config(
        signature_version="s3v4",
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        retries={"mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # A session of our own: the default one is shared, and making clients from it is not safe in threads.
    session = boto3.session.Session()
    return session.client(
        "s3",
        aws_access_key_id=_reveal(access.access_key_id),
        aws_secret_access_key=_reveal(access.secret_access_key),
        aws_session_token=_reveal(access.session_token),
        region_name=access.region or session.region_name or "us-east-1",
        endpoint_url=access.endpoint_url,
        config=config,
    )


def _reveal(secret: Secret | None) -> str | None:
    return secret.reveal() if secret else None


class _ObjectStream(io.RawIOBase):
    """The bytes of one object, exactly as many as were listed."""

    def __init__(self, client: Callable[[], S3Client], request: GetObjectRequestTypeDef, size: int) -> None:
        self._client = client
        self._request = request
        self._size = size
        self._position = 0
        self._what = f"reading s3://{request['Bucket']}/{request['Key']}"
        self._body = self._ask()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._read(min(len(view), self._size - self._position))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_body"):
            self._body.close()
        super().close()

    def _read(self, size: int) -> bytes:
        for attempt in range(_RESUMES + 1):
            if attempt:
                self._body.close()
                self._body = self._ask()
            data = self._read_once(size) if size else b""
            if data or not size:
                return data
        raise SourceError(f"{self._what}: the connection broke after {self._position:,} of {self._size:,} bytes", "Try again later.", transient=True)

    def _read_once(self, size: int) -> bytes:
        """Nothing when the connection is broken."""
        try:
            return bytes(self._body.read(size))
        except (BotoCoreError, HTTPError, OSError):
            return b""

    def _ask(self) -> StreamingBody:
        request = self._request.copy()
        if self._position:
            request["Range"] = f"bytes={self._position}-"
        with boto_errors(self._what, f"s3:GetObject on {request['Key']}"):
            answer = self._client().get_object(**request)
        if self._position and not answer.get("ContentRange", "").startswith(f"bytes {self._position}-"):
            raise SourceError(f"{self._what}: the server cannot resume a broken download", "Try again later.", transient=True)
        return answer["Body"]


_CREDENTIALS_HINT = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, if you use one)."
_BUCKETS_HINT = "Check EDX_COURSE_DATA_BUCKET and EDX_EVENT_BUCKET."
_NETWORK_HINT = "Check the network, the proxy settings and AWS_ENDPOINT_URL, then run the command again."

#: S3's error codes: what happened, what to do.
_CODES: dict[str, tuple[str, str]] = {
    "InvalidAccessKeyId": ("S3 does not know this access key", _CREDENTIALS_HINT),
    "SignatureDoesNotMatch": ("the secret access key does not belong to the access key", _CREDENTIALS_HINT),
    "InvalidToken": ("the session token is not valid", _CREDENTIALS_HINT),
    "ExpiredToken": ("the session token has expired", "Get new credentials and set AWS_SESSION_TOKEN."),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "Set the clock."),
    "NoSuchBucket": ("there is no such bucket", _BUCKETS_HINT),
    "PermanentRedirect": ("the bucket is in another region", "Set AWS_DEFAULT_REGION to the region of the bucket."),
    "NoSuchKey": ("the object is gone", "Run the command again."),
    "InvalidObjectState": ("the object is archived and cannot be read", "Ask edX to restore it, or leave it out with --since."),
    "PreconditionFailed": ("the object has changed since it was listed", "Run the command again."),
    "InvalidRange": ("the object has changed since it was listed", "Run the command again."),
}
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"})
_CHANGED = frozenset({"PreconditionFailed", "InvalidRange"})
_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "RequestTimeout"})


@contextmanager
def boto_errors(what: str, permission: str = "") -> Iterator[None]:
    """Turns what boto3 raises into SourceError: `what` was being done, and needs `permission`.

    The texts of boto3's own errors may hold request headers, session token included. They are neither repeated nor chained.
    """
    try:
        yield
    except ClientError as error:
        raise _refused(what, permission, error) from None
    except (NoCredentialsError, PartialCredentialsError):
        raise SourceError(f"{what}: no AWS credentials", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to the keys that edX sent.") from None
    except ParamValidationError:
        raise SourceError(f"{what}: this cannot be the name of a bucket", _BUCKETS_HINT) from None
    except (ConnectionError, HTTPClientError) as error:
        raise SourceError(f"{what}: S3 cannot be reached ({type(error).__name__})", _NETWORK_HINT, transient=True) from None
    except BotoCoreError as error:
        raise SourceError(f"{what}: boto3 cannot work with these settings ({type(error).__name__})", "Check the AWS_... variables.") from None
    except ValueError:  # an endpoint that is no URL
        raise SourceError(f"{what}: S3 cannot be reached (not an address)", "Check AWS_ENDPOINT_URL.") from None


@contextmanager
def _listing_errors(bucket: str, prefix: str) -> Iterator[None]:
    with boto_errors(f"listing s3://{bucket}/{prefix}", f"s3:ListBucket on bucket {bucket} with prefix {prefix}"):
        yield


def _refused(what: str, permission: str, error: ClientError) -> SourceError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED:
        missing = f", which lacks {permission}" if permission else ""
        return SourceError(f"{what}: access denied to this account{missing}", "Ask edX for this permission; check EDX_ORG and the bucket names too.")
    if code in _CODES:
        happened, hint = _CODES[code]
        return SourceError(f"{what}: {happened}", hint, transient=code in _CHANGED)
    if code in _BUSY or status >= 500:
        return SourceError(f"{what}: S3 is busy ({code})", "Try again later.", transient=True)
    return SourceError(f"{what}: S3 refused ({code})")
