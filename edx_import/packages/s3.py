"""The data package in S3: two buckets, listed by prefix and read object by object. The only importer of boto3.

The only calls are ListObjectsV2 with a prefix and GetObject: an account may have no more permissions than these.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from urllib3.exceptions import HTTPError

from edx_import.errors import ConfigurationError, SourceError
from edx_import.model import DeliveredObject, ObjectKind
from edx_import.packages import download
from edx_import.packages.base import DamagedError, Passed, UnavailableError, Wanted
from edx_import.packages.download import Answer, Download, Patience
from edx_import.packages.listing import Found, choose, prefixes_now
from edx_import.packages.naming import parse_key
from edx_import.settings import Secret

if TYPE_CHECKING:
    from botocore.config import _RetryDict
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, GetObjectRequestTypeDef

_BUFFER = 1 << 20
#: How often boto3 makes one request, waiting in between up to 1, 2, 4 and 8 s at random; AWS_MAX_ATTEMPTS and AWS_RETRY_MODE may say otherwise.
_ATTEMPTS = 5


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

    def __init__(self, access: S3Access, patience: Patience | None = None) -> None:
        self._access = access
        self._patience = patience or download.PATIENCE
        self._made: S3Client | None = None
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Source, (self._access, self._patience)

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

        A download that breaks is taken up where it broke. Raises DamagedError in place of the last bytes when the MD5 is known, and another one.
        """
        bucket, key = self._access.bucket_of(delivered.name.kind), delivered.location or delivered.key
        what = f"reading s3://{bucket}/{key}"
        listed = _Object(self._client, bucket, key, delivered.etag, what, self._patience)
        return io.BufferedReader(Download(listed.ask, delivered.size, what, self._patience), _BUFFER)

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
                self._made = _make_client(self._access, self._patience)
            return self._made


def _make_client(access: S3Access, patience: Patience) -> S3Client:
    # A session of our own: the default one is shared, and making clients from it is not safe in threads.
    core = botocore.session.get_session()
    session = boto3.session.Session(botocore_session=core)
    # Where a bucket is not plain AWS, checksums that nobody asked for are more than some servers understand.
    config = Config(
        signature_version="s3v4",
        connect_timeout=patience.connect_timeout,
        read_timeout=patience.read_timeout,
        retries=_retries(core),
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return session.client(
        "s3",
        aws_access_key_id=_reveal(access.access_key_id),
        aws_secret_access_key=_reveal(access.secret_access_key),
        aws_session_token=_reveal(access.session_token),
        region_name=access.region or session.region_name or "us-east-1",
        endpoint_url=access.endpoint_url,
        config=config,
    )


def _retries(core: botocore.session.Session) -> _RetryDict:
    """How boto3 repeats a request: as the user has set it, else more often than its own default."""
    try:
        attempts = core.get_config_variable("max_attempts")
    except ValueError:
        raise ConfigurationError("AWS_MAX_ATTEMPTS (in a profile: max_attempts) is not a number", "Set it from 1 up, or leave it out.") from None
    mode: Any = os.environ.get("AWS_RETRY_MODE") or core.get_scoped_config().get("retry_mode") or "standard"
    return {"mode": mode, "total_max_attempts": _ATTEMPTS if attempts is None else attempts}


def _reveal(secret: Secret | None) -> str | None:
    return secret.reveal() if secret else None


@dataclass(frozen=True, slots=True)
class _Object:
    """One object as it was listed, to be read from any position on."""

    client: Callable[[], S3Client]
    bucket: str
    key: str
    etag: str
    what: str
    patience: Patience

    def ask(self, position: int) -> Answer:
        """Raises SourceError; UnavailableError when S3 may answer later."""
        request: GetObjectRequestTypeDef = {"Bucket": self.bucket, "Key": self.key, "IfMatch": f'"{self.etag}"'}
        if position:
            request["Range"] = f"bytes={position}-"
        with boto_errors(self.what, f"s3:GetObject on {self.key}"):
            answer = self.client().get_object(**request)
        body = _Body(answer["Body"], self.what, self.patience.read_timeout)
        try:
            self._check(answer, position)
        except SourceError:
            body.close()
            raise
        return Answer(body, _md5(answer, self.etag))

    def _check(self, answer: GetObjectOutputTypeDef, position: int) -> None:
        """For servers that do not know every header of a request."""
        if answer.get("ETag", self.etag).strip('"') != self.etag:
            raise SourceError(f"{self.what}: {_CHANGED}", _CHANGED_HINT, transient=True)
        if position and not answer.get("ContentRange", "").startswith(f"bytes {position}-"):
            raise DamagedError(f"{self.what}: the connection broke, and this server cannot go on where it did")


def _md5(answer: GetObjectOutputTypeDef, etag: str) -> str:
    """The MD5 of the whole, where the ETag is one: not for what was uploaded in parts (a `-`), nor what is sealed with a key of KMS or a customer."""
    plain = answer.get("ServerSideEncryption", "AES256") == "AES256" and not answer.get("SSECustomerAlgorithm")
    return etag if plain and re.fullmatch("[0-9a-f]{32}", etag) else ""


@dataclass(frozen=True, slots=True)
class _Body:
    """The body of an answer, its errors translated."""

    stream: StreamingBody
    what: str
    timeout: float

    def read(self, size: int, /) -> bytes:
        try:
            return bytes(self.stream.read(size))
        except ReadTimeoutError:
            raise UnavailableError(f"{self.what}: no byte came for {self.timeout:g} s", _NETWORK_HINT) from None
        except (BotoCoreError, HTTPError, OSError):
            raise UnavailableError(f"{self.what}: the connection broke", _NETWORK_HINT) from None

    def close(self) -> None:
        self.stream.close()


_CREDENTIALS_HINT = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, if you use one)."
_BUCKETS_HINT = "Check EDX_COURSE_DATA_BUCKET and EDX_EVENT_BUCKET."
_NETWORK_HINT = "Check the network, the proxy settings and AWS_ENDPOINT_URL, then run the command again."
_CHANGED = "the object has changed since it was listed"
_CHANGED_HINT = "It was replaced meanwhile: run the sync again, which takes the new one."

#: S3's error codes: what happened, what to do.
_CODES: dict[str, tuple[str, str]] = {
    "InvalidAccessKeyId": ("S3 does not know this access key", _CREDENTIALS_HINT),
    "SignatureDoesNotMatch": ("the secret access key does not belong to the access key", _CREDENTIALS_HINT),
    "InvalidToken": ("the session token is not valid", _CREDENTIALS_HINT),
    "ExpiredToken": ("the session token has expired", "Get new credentials and set AWS_SESSION_TOKEN."),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "Set the clock."),
    "NoSuchBucket": ("there is no such bucket", _BUCKETS_HINT),
    "PermanentRedirect": ("the bucket is in another region", "Set AWS_DEFAULT_REGION to the region of the bucket."),
    "NoSuchKey": ("the object is gone", "It was removed after it was listed: run the sync again, which takes what is there then."),
    "InvalidObjectState": ("the object is archived and cannot be read", "Ask edX to restore it, or leave it out with --since."),
    "PreconditionFailed": (_CHANGED, _CHANGED_HINT),
    "InvalidRange": (_CHANGED, _CHANGED_HINT),
}
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"})
_ANOTHER_LISTING_HELPS = frozenset({"PreconditionFailed", "InvalidRange", "NoSuchKey"})
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
        raise UnavailableError(f"{what}: S3 cannot be reached ({type(error).__name__})", _NETWORK_HINT) from None
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
        return SourceError(f"{what}: {happened}", hint, transient=code in _ANOTHER_LISTING_HELPS)
    if code in _BUSY or status == 429 or status >= 500:
        return UnavailableError(f"{what}: S3 is busy ({code or status})")
    return SourceError(f"{what}: S3 refused ({code})")
