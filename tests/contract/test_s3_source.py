"""What only S3 can do: refuse, ask for keys and permissions. Over HTTP, with a proxy in front that sees every request."""

from __future__ import annotations

import pickle
import traceback
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from s3_proxy import Fault, FaultProxy, Reply, answer, status
from s3_shelf import SECRET, S3Shelf, delivered

from edx_import.errors import ConfigurationError, SourceError
from edx_import.model import ObjectKind
from edx_import.packages.base import Wanted
from edx_import.packages.s3 import S3Access, S3Source
from edx_import.settings import Secret

pytestmark = pytest.mark.usefixtures("no_aws_settings")

ORG = "universityx"
ZIP = f"{ORG}-2020-01-05.zip"
DATABASE = Wanted(ObjectKind.DATABASE, ORG)
EMAIL = Wanted(ObjectKind.EMAIL, ORG)
EVENTS = Wanted(ObjectKind.EVENTS, ORG)
TOKEN = "invented-session-token"


def events_key(day: str) -> str:
    return f"{ORG}/edx/events/{day[:4]}/{ORG}-edx-events-{day}.log.gz.gpg"


def keys(shelf: S3Shelf, wanted: Wanted) -> list[str]:
    return [found.key for found in delivered(shelf.source, wanted)]


@pytest.fixture
def shelf(s3_server: str) -> S3Shelf:
    return S3Shelf.made(s3_server, ORG)


@pytest.fixture
def proxy(s3_server: str) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server) as running:
        yield running


def with_refusal(proxy: FaultProxy, code: int, error: str) -> SourceError:
    proxy.faults.append(Fault(status(code, error, message=SECRET), listing=True, times=None))
    with pytest.raises(SourceError) as caught:
        S3Source(S3Access(Secret("AKIDINVENTED"), Secret(SECRET), endpoint_url=proxy.url)).check_access(ORG)
    return caught.value


def test_more_than_a_page_of_keys_is_listed_whole(shelf: S3Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(10):
        shelf.put(f"email-opt-in/another-{number}-2020-01-05.zip", b"")
        shelf.put(events_key(f"2020-01-{number + 10}"), b"")
    shelf.put(f"email-opt-in/{ZIP}", b"email")
    assert len(keys(shelf, EVENTS)) == 10
    assert len(keys(shelf, EMAIL)) == 1


def test_research_packages_come_from_the_event_bucket_and_one_listing(shelf: S3Shelf, proxy: FaultProxy) -> None:
    key = f"{ORG}/rdx/r-1/UniversityX_Demo_2020.tar.gz.gpg"
    shelf.put(key, b"rdx")
    source = shelf.through(proxy.url)
    [found] = delivered(source, Wanted(ObjectKind.RDX, ORG))
    with source.open(found) as stream:
        assert stream.read() == b"rdx"
    [listing, get] = proxy.requests
    assert (urlsplit(listing.path).path.strip("/"), listing.query["prefix"]) == (shelf.access.event_bucket, [f"{ORG}/rdx/"])
    assert urlsplit(get.path).path == f"/{shelf.access.event_bucket}/{key}"


def test_only_lists_with_a_prefix_and_gets(shelf: S3Shelf, proxy: FaultProxy) -> None:
    shelf.put(ZIP, b"zip")
    source = shelf.through(proxy.url)
    source.check_access(ORG)
    for wanted in (DATABASE, EVENTS, EMAIL):
        for found in delivered(source, wanted):
            source.open(found).read()
    assert {request.method for request in proxy.requests} == {"GET"}
    listings = [request.query for request in proxy.requests if request.is_listing]
    assert all(query["prefix"][0].startswith((f"{ORG}-", f"{ORG}/", "email-opt-in/")) for query in listings)
    [get] = proxy.of_objects()
    assert urlsplit(get.path).path == f"/{shelf.access.course_bucket}/{ZIP}"


def test_a_pickled_source_works_in_another_process(shelf: S3Shelf) -> None:
    shelf.put(ZIP, b"zip")
    list(shelf.source.list(DATABASE))
    source = pickle.loads(pickle.dumps(shelf.source))
    assert [found.key for found in delivered(source, DATABASE)] == [ZIP]


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
    shelf: S3Shelf, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, variable: str, given: str | None, used: str
) -> None:
    if variable:
        monkeypatch.setenv("AWS_DEFAULT_REGION", variable)
    S3Source(replace(shelf.access, endpoint_url=proxy.url, region=given)).check_access(ORG, [ObjectKind.DATABASE])
    assert f"/{used}/s3/" in proxy.requests[0].headers["Authorization"]


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
    ("number", "code", "transient"),
    [
        (503, "SlowDown", True),
        (500, "InternalError", True),
        (403, "AccessDenied", False),
        (403, "RequestTimeTooSkewed", False),
        (400, "ExpiredToken", False),
        (400, "SomethingElse", False),
    ],
)
def test_a_refusal_is_told_as_one_that_may_pass_or_not(proxy: FaultProxy, number: int, code: str, transient: bool) -> None:
    error = with_refusal(proxy, number, code)
    assert error.transient is transient
    assert error.what.startswith("listing s3://course-data/universityx-: ")


def test_what_s3_refuses_now_is_no_fault_of_an_object(proxy: FaultProxy) -> None:
    """Else objects would be given up for good because of keys that have expired."""
    assert with_refusal(proxy, 403, "AccessDenied").passing


@pytest.mark.parametrize("body", [b"<html>Welcome to our guest network<br></html>", b"<ListBucketResult><Contents><Key>univ"])
def test_an_answer_that_cannot_be_read_is_no_empty_listing(shelf: S3Shelf, proxy: FaultProxy, body: bytes) -> None:
    proxy.faults.append(Fault(answer(Reply(200, {}, body)), listing=True))
    with pytest.raises(SourceError) as caught:
        list(shelf.through(proxy.url).list(DATABASE))
    assert caught.value.transient


def test_a_refused_listing_is_asked_for_again_and_as_often_as_the_user_says(
    shelf: S3Shelf, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    proxy.faults.append(Fault(status(503, "SlowDown"), listing=True, times=3))
    with pytest.raises(SourceError, match="busy"):
        list(shelf.through(proxy.url).list(DATABASE))
    assert len(proxy.requests) == 2
    assert list(shelf.through(proxy.url).list(DATABASE)) == []


@pytest.mark.parametrize(
    ("variables", "mode", "attempts"), [({}, "standard", 5), ({"AWS_RETRY_MODE": "adaptive", "AWS_MAX_ATTEMPTS": "7"}, "adaptive", 7)]
)
def test_boto3_repeats_requests_as_the_user_says(
    shelf: S3Shelf, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], mode: str, attempts: int
) -> None:
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    list(shelf.through(proxy.url).list(DATABASE))
    headers = proxy.requests[0].headers
    assert f"cfg/retry-mode#{mode}" in headers["User-Agent"]
    assert headers["amz-sdk-request"].endswith(f"max={attempts}")


def test_a_number_of_attempts_that_is_none_is_told(shelf: S3Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "many")
    with pytest.raises(ConfigurationError, match="AWS_MAX_ATTEMPTS"):
        list(shelf.source.list(DATABASE))


def test_no_secret_is_in_any_error(shelf: S3Shelf, proxy: FaultProxy) -> None:
    broken_token = replace(shelf.access, session_token=Secret(f"{TOKEN}\n{TOKEN}"))
    with pytest.raises(SourceError) as caught:
        S3Source(broken_token).check_access(ORG)
    for error in (caught.value, with_refusal(proxy, 400, "SomethingElse")):
        text = "".join(traceback.format_exception(error)) + error.hint
        assert TOKEN not in text
        assert SECRET not in text
    assert SECRET not in repr(shelf.access) + repr(shelf.source) + shelf.source.description


def set_calls_before_permissions_count(server: str, number: str) -> None:
    """From so many calls on, the server checks who asks and what they may do."""
    headers = {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset-auth", number.encode(), headers, method="POST")).close()
