"""What only S3 can do: break, refuse, change in between. Over HTTP, with a server in front that cuts and refuses."""

from __future__ import annotations

import os
import pickle
import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from edx_import.errors import SourceError
from edx_import.model import DeliveredObject, ObjectKind
from edx_import.packages.base import Wanted
from edx_import.packages.s3 import S3Access, S3Source
from edx_import.settings import Secret

pytestmark = pytest.mark.usefixtures("no_aws_settings")

ORG = "universityx"
ZIP = f"{ORG}-2020-01-05.zip"
DATABASE = Wanted(ObjectKind.DATABASE, ORG)
EMAIL = Wanted(ObjectKind.EMAIL, ORG)
EVENTS = Wanted(ObjectKind.EVENTS, ORG)
SECRET = "invented/secret/key/that/nobody/has"
TOKEN = "invented-session-token"
numbers = count()


def events_key(day: str) -> str:
    return f"{ORG}/edx/events/{day[:4]}/{ORG}-edx-events-{day}.log.gz.gpg"


def delivered(source: S3Source, wanted: Wanted) -> list[DeliveredObject]:
    return [found for found in source.list(wanted) if isinstance(found, DeliveredObject)]


def keys(shelf: S3Shelf, wanted: Wanted) -> list[str]:
    return [found.key for found in delivered(shelf.source, wanted)]


class S3Shelf:
    def __init__(self, endpoint: str) -> None:
        number = next(numbers)
        self.access = S3Access(
            access_key_id=Secret("AKIDINVENTED"),
            secret_access_key=Secret(SECRET),
            course_bucket=f"broken-course-data-{number}",
            event_bucket=f"broken-edx-course-data-{number}",
            endpoint_url=endpoint,
        )
        self.client: Any = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id="AKIDOWNER", aws_secret_access_key="owner", region_name="us-east-1"
        )
        for bucket in (self.access.course_bucket, self.access.event_bucket):
            self.client.create_bucket(Bucket=bucket)
        self.source = S3Source(self.access)

    def put(self, key: str, data: bytes) -> None:
        bucket = self.access.event_bucket if key.startswith(f"{ORG}/") else self.access.course_bucket
        self.client.put_object(Bucket=bucket, Key=key, Body=data)


@pytest.fixture
def shelf(s3_server: str) -> S3Shelf:
    return S3Shelf(s3_server)


class Between(ThreadingHTTPServer):
    """A server in front of S3 that sees every request, and cuts or refuses answers as told."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.behind = behind
        self.requests: list[tuple[str, str, str]] = []
        self.signatures: list[str] = []
        self.cut_objects_after: list[int] = []
        self.refusal: tuple[int, str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Forward(BaseHTTPRequestHandler):
    server: Between
    kept: ClassVar = ("content-length", "content-type", "etag", "content-range", "last-modified")

    def do_GET(self) -> None:
        self.server.requests.append((self.command, self.path, self.headers.get("Range", "")))
        self.server.signatures.append(self.headers["Authorization"])
        if self.server.refusal:
            status, code = self.server.refusal
            self._answer(status, {}, f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode())
            return
        request = urllib.request.Request(self.server.behind + self.path, headers=dict(self.headers))
        try:
            with urllib.request.urlopen(request) as answer:
                self._answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, dict(error.headers), error.read())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            if name.lower() in self.kept:
                self.send_header(name, value)
        self.end_headers()
        is_object = "list-type" not in parse_qs(urlsplit(self.path).query)
        cut = self.server.cut_objects_after.pop(0) if is_object and self.server.cut_objects_after else len(body)
        self.wfile.write(body[:cut])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def between(s3_server: str) -> Iterator[Between]:
    running = Between(s3_server)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def with_refusal(between: Between, status: int, code: str) -> SourceError:
    between.refusal = (status, code)
    with pytest.raises(SourceError) as caught:
        S3Source(S3Access(Secret("AKIDINVENTED"), Secret(SECRET), endpoint_url=between.url)).check_access(ORG)
    return caught.value


def test_more_than_a_page_of_keys_is_listed_whole(shelf: S3Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(10):
        shelf.put(f"email-opt-in/another-{number}-2020-01-05.zip", b"")
        shelf.put(events_key(f"2020-01-{number + 10}"), b"")
    shelf.put(f"email-opt-in/{ZIP}", b"email")
    assert len(keys(shelf, EVENTS)) == 10
    assert len(keys(shelf, EMAIL)) == 1


def test_research_packages_come_from_the_event_bucket_and_one_listing(shelf: S3Shelf, between: Between) -> None:
    key = f"{ORG}/rdx/r-1/UniversityX_Demo_2020.tar.gz.gpg"
    shelf.put(key, b"rdx")
    source = S3Source(replace(shelf.access, endpoint_url=between.url))
    [found] = delivered(source, Wanted(ObjectKind.RDX, ORG))
    with source.open(found) as stream:
        assert stream.read() == b"rdx"
    [listing, get] = [urlsplit(path) for _, path, _ in between.requests]
    assert (listing.path.strip("/"), parse_qs(listing.query)["prefix"]) == (shelf.access.event_bucket, [f"{ORG}/rdx/"])
    assert get.path == f"/{shelf.access.event_bucket}/{key}"


def test_only_lists_with_a_prefix_and_gets(shelf: S3Shelf, between: Between) -> None:
    shelf.put(ZIP, b"zip")
    source = S3Source(replace(shelf.access, endpoint_url=between.url))
    source.check_access(ORG)
    for wanted in (DATABASE, EVENTS, EMAIL):
        for found in delivered(source, wanted):
            source.open(found).read()
    queries = [parse_qs(urlsplit(path).query) for _, path, _ in between.requests]
    assert {method for method, _, _ in between.requests} == {"GET"}
    listings = [query for query in queries if "list-type" in query]
    assert all(query["prefix"][0].startswith((f"{ORG}-", f"{ORG}/", "email-opt-in/")) for query in listings)
    [get] = [path for _, path, _ in between.requests if "list-type" not in path]
    assert urlsplit(get).path == f"/{shelf.access.course_bucket}/{ZIP}"


def test_a_pickled_source_works_in_another_process(shelf: S3Shelf) -> None:
    shelf.put(ZIP, b"zip")
    list(shelf.source.list(DATABASE))
    source = pickle.loads(pickle.dumps(shelf.source))
    assert [found.key for found in delivered(source, DATABASE)] == [ZIP]


def test_a_broken_download_is_taken_up_where_it_broke(shelf: S3Shelf, between: Between) -> None:
    data = os.urandom(100_000)
    shelf.put(ZIP, data)
    source = S3Source(replace(shelf.access, endpoint_url=between.url))
    [found] = delivered(source, DATABASE)
    between.cut_objects_after = [40_000, 0, 30_000]
    with source.open(found) as stream:
        assert stream.read() == data
    ranges = [asked for _, path, asked in between.requests if "list-type" not in path]
    assert ranges == ["", "bytes=40000-", "bytes=40000-", "bytes=70000-"]


def test_a_download_that_breaks_for_good_is_told_never_cut(shelf: S3Shelf, between: Between) -> None:
    shelf.put(ZIP, os.urandom(1000))
    source = S3Source(replace(shelf.access, endpoint_url=between.url))
    [found] = delivered(source, DATABASE)
    between.cut_objects_after = [400, 0, 0, 0]
    with source.open(found) as stream, pytest.raises(SourceError, match="after 400 of 1,000 bytes") as caught:
        stream.read()
    assert caught.value.transient


def test_a_change_in_the_middle_of_a_broken_download_is_noticed(shelf: S3Shelf, between: Between) -> None:
    shelf.put(ZIP, bytes(3 << 20))
    source = S3Source(replace(shelf.access, endpoint_url=between.url))
    [found] = delivered(source, DATABASE)
    between.cut_objects_after = [2 << 20]
    with source.open(found) as stream:
        stream.read(1 << 20)
        shelf.put(ZIP, b"\1" * (3 << 20))
        with pytest.raises(SourceError, match="changed since it was listed"):
            stream.read()


def test_a_missing_bucket_is_told_with_the_variables_to_set(shelf: S3Shelf) -> None:
    source = S3Source(replace(shelf.access, event_bucket="no-such-bucket"))
    with pytest.raises(SourceError, match=r"listing s3://no-such-bucket/universityx/.*no such bucket") as caught:
        list(source.list(EVENTS))
    assert "EDX_EVENT_BUCKET" in caught.value.hint
    with pytest.raises(SourceError, match="no such bucket"):
        source.check_access(ORG)
    source.check_access(ORG, [ObjectKind.DATABASE])


def test_a_bucket_that_no_bucket_can_be_called_is_told(shelf: S3Shelf) -> None:
    with pytest.raises(SourceError, match="cannot be the name of a bucket"):
        list(S3Source(replace(shelf.access, course_bucket="my bucket")).list(DATABASE))


def test_no_credentials_are_told_with_the_variables_to_set(shelf: S3Shelf) -> None:
    for access in (replace(shelf.access, access_key_id=None, secret_access_key=None), replace(shelf.access, secret_access_key=None)):
        with pytest.raises(SourceError, match="no AWS credentials") as caught:
            S3Source(access).check_access(ORG)
        assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in caught.value.hint


def test_credentials_and_endpoint_may_come_from_the_environment(shelf: S3Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDINVENTED")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", shelf.access.endpoint_url or "")
    S3Source(S3Access(course_bucket=shelf.access.course_bucket, event_bucket=shelf.access.event_bucket)).check_access(ORG)


@pytest.mark.parametrize(
    ("variable", "given", "used"), [("", None, "us-east-1"), ("eu-west-1", None, "eu-west-1"), ("eu-west-1", "us-west-2", "us-west-2")]
)
def test_the_region_is_the_one_given_else_of_the_environment_else_the_default(
    shelf: S3Shelf, between: Between, monkeypatch: pytest.MonkeyPatch, variable: str, given: str | None, used: str
) -> None:
    if variable:
        monkeypatch.setenv("AWS_DEFAULT_REGION", variable)
    S3Source(replace(shelf.access, endpoint_url=between.url, region=given)).check_access(ORG, [ObjectKind.DATABASE])
    assert f"/{used}/s3/" in between.signatures[0]


def test_an_account_without_permission_is_told_which_one_it_lacks(shelf: S3Shelf, s3_server: str) -> None:
    shelf.put(ZIP, b"zip")
    iam: Any = boto3.client("iam", endpoint_url=s3_server, aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
    iam.create_user(UserName="czar")
    made = iam.create_access_key(UserName="czar")["AccessKey"]
    access = replace(shelf.access, access_key_id=Secret(made["AccessKeyId"]), secret_access_key=Secret(made["SecretAccessKey"]))
    [found] = delivered(shelf.source, DATABASE)
    try:
        set_calls_before_permissions_count(s3_server, "0")
        with pytest.raises(SourceError, match="access denied") as listing:
            list(S3Source(access).list(DATABASE))
        with pytest.raises(SourceError, match="access denied") as reading:
            S3Source(access).open(found)
        with pytest.raises(SourceError, match="does not know this access key"):
            shelf.source.check_access(ORG)
        with pytest.raises(SourceError, match="secret access key does not belong"):
            S3Source(replace(access, secret_access_key=Secret("wrong"))).check_access(ORG)
    finally:
        set_calls_before_permissions_count(s3_server, "inf")
    assert f"s3:ListBucket on bucket {access.course_bucket} with prefix {ORG}-" in listing.value.what
    assert f"s3:GetObject on {ZIP}" in reading.value.what


def test_an_endpoint_that_nobody_answers_is_told_and_may_pass(shelf: S3Shelf) -> None:
    with pytest.raises(SourceError, match="cannot be reached") as caught:
        S3Source(replace(shelf.access, endpoint_url="http://127.0.0.1:1")).check_access(ORG)
    assert caught.value.transient
    with pytest.raises(SourceError, match="not an address"):
        S3Source(replace(shelf.access, endpoint_url="nowhere")).check_access(ORG)


@pytest.mark.parametrize(
    ("status", "code", "transient"),
    [
        (503, "SlowDown", True),
        (500, "InternalError", True),
        (403, "AccessDenied", False),
        (403, "RequestTimeTooSkewed", False),
        (400, "ExpiredToken", False),
        (400, "SomethingElse", False),
    ],
)
def test_a_refusal_is_told_as_one_that_may_pass_or_not(between: Between, status: int, code: str, transient: bool) -> None:
    error = with_refusal(between, status, code)
    assert error.transient is transient
    assert error.what.startswith("listing s3://course-data/universityx-: ")


def test_no_secret_is_in_any_error(shelf: S3Shelf, between: Between) -> None:
    broken_token = replace(shelf.access, session_token=Secret(f"{TOKEN}\n{TOKEN}"))
    with pytest.raises(SourceError) as caught:
        S3Source(broken_token).check_access(ORG)
    for error in (caught.value, with_refusal(between, 400, "SomethingElse")):
        text = "".join(traceback.format_exception(error)) + error.hint
        assert TOKEN not in text
        assert SECRET not in text
    assert SECRET not in repr(shelf.access) + repr(shelf.source) + shelf.source.description


def set_calls_before_permissions_count(server: str, number: str) -> None:
    """From so many calls on, the server checks who asks and what they may do."""
    headers = {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset-auth", number.encode(), headers, method="POST")).close()
