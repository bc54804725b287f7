"""A download from S3 that breaks, stalls, is refused, damaged or changed on its way: ridden out where that is possible, told where it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count

import pytest
from s3_proxy import Action, Fault, FaultProxy, cut, damage, first, hang, pass_on, reset, status, trickle, without
from s3_shelf import AT_ONCE, S3Shelf, delivered

from edx_import.errors import SourceError
from edx_import.model import DeliveredObject, ObjectKind
from edx_import.packages.base import DamagedError, UnavailableError, Wanted
from edx_import.packages.download import Answer, Download, Patience
from edx_import.packages.s3 import S3Source

ORG = "universityx"
DATA = os.urandom(100_000)
DATABASE = Wanted(ObjectKind.DATABASE, ORG)
HASTY = Patience(read_timeout=1.5, first_wait=0, resumes=1)
weeks = count()


@pytest.fixture(scope="module")
def shelf(s3_server: str) -> S3Shelf:
    return S3Shelf.made(s3_server, ORG)


@pytest.fixture(scope="module")
def running(s3_server: str) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server) as proxy:
        yield proxy


@pytest.fixture
def proxy(running: FaultProxy) -> FaultProxy:
    running.forget()
    return running


@pytest.fixture(scope="module")
def tries_once() -> Iterator[None]:
    """What boto3 does by itself is not what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield


@pytest.fixture(scope="module")
def source(shelf: S3Shelf, running: FaultProxy, tries_once: None) -> S3Source:
    return shelf.through(running.url)


@pytest.fixture(scope="module")
def hasty(shelf: S3Shelf, running: FaultProxy, tries_once: None) -> S3Source:
    """Takes a server that is silent for a moment to be gone."""
    return shelf.through(running.url, HASTY)


@pytest.fixture
def listed(shelf: S3Shelf, source: S3Source) -> DeliveredObject:
    """An object of 100,000 bytes as it was listed."""
    return put(shelf, source, DATA)


def put(shelf: S3Shelf, source: S3Source, data: bytes, **how: str) -> DeliveredObject:
    key = f"{ORG}-{date(2020, 1, 5) + timedelta(weeks=next(weeks))}.zip"
    shelf.client.put_object(Bucket=shelf.bucket_of(key), Key=key, Body=data, **how)
    return as_listed(source, key)


def as_listed(source: S3Source, key: str) -> DeliveredObject:
    return next(found for found in delivered(source, DATABASE) if found.key == key)


def read(source: S3Source, listed: DeliveredObject) -> bytes:
    with source.open(listed) as stream:
        return b"".join(iter(lambda: stream.read(30_000), b""))


def ranges(proxy: FaultProxy) -> list[str]:
    return [request.range for request in proxy.of_objects()]


@pytest.mark.parametrize(
    "fault",
    [reset(40_000), reset(0), cut(40_000), cut(40_000, honest=True), cut(0), cut(99_999)],
    ids=["reset", "reset at once", "cut", "cut honestly", "nothing", "all but a byte"],
)
def test_what_breaks_on_the_way_is_ridden_out(source: S3Source, proxy: FaultProxy, listed: DeliveredObject, fault: Action) -> None:
    proxy.faults.append(Fault(fault))
    assert read(source, listed) == DATA


def test_a_server_that_falls_silent_is_left(hasty: S3Source, proxy: FaultProxy, listed: DeliveredObject) -> None:
    proxy.faults.append(Fault(hang(65_536)))
    assert read(hasty, listed) == DATA
    assert ranges(proxy) == ["", "bytes=65536-"]


def test_slow_is_no_error(hasty: S3Source, proxy: FaultProxy, listed: DeliveredObject) -> None:
    """The whole takes longer than the longest silence."""
    proxy.faults.append(Fault(trickle(10_000, 0.18)))
    assert read(hasty, listed) == DATA
    assert ranges(proxy) == [""]


def test_a_download_goes_on_where_it_broke(source: S3Source, proxy: FaultProxy, listed: DeliveredObject) -> None:
    proxy.faults += [Fault(cut(40_000)), Fault(cut(0), nth=2), Fault(cut(30_000), nth=3)]
    assert read(source, listed) == DATA
    assert ranges(proxy) == ["", "bytes=40000-", "bytes=40000-", "bytes=70000-"]
    assert {request.headers["If-Match"] for request in proxy.of_objects()} == {f'"{listed.etag}"'}


@pytest.mark.parametrize("refusal", [status(500, "InternalError"), status(503, "SlowDown"), status(429, "TooManyRequests"), reset()])
def test_refusals_when_it_is_taken_up_are_waited_out(source: S3Source, proxy: FaultProxy, listed: DeliveredObject, refusal: Action) -> None:
    proxy.faults += [Fault(cut(40_000)), Fault(refusal, nth=2, times=2)]
    assert read(source, listed) == DATA
    assert ranges(proxy) == ["", *["bytes=40000-"] * 3]


def test_progress_gives_new_tries(source: S3Source, proxy: FaultProxy, listed: DeliveredObject) -> None:
    proxy.faults += [Fault(cut(5_000), times=15)]
    assert read(source, listed) == DATA


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (cut(0), "ended too early|connection broke"),
        (reset(0), "connection broke"),
        (status(503, "SlowDown"), "busy"),
    ],
)
def test_what_breaks_for_good_is_told_never_cut(source: S3Source, proxy: FaultProxy, listed: DeliveredObject, fault: Action, words: str) -> None:
    proxy.faults += [Fault(cut(40_000)), Fault(fault, nth=2, times=None)]
    with pytest.raises(UnavailableError, match=f"({words}).*, after 40,000 of 100,000 bytes and {AT_ONCE.resumes} tries to go on") as caught:
        read(source, listed)
    assert caught.value.transient
    assert len(ranges(proxy)) == 1 + AT_ONCE.resumes


def test_a_server_that_stays_silent_is_told(hasty: S3Source, proxy: FaultProxy, listed: DeliveredObject) -> None:
    proxy.faults += [Fault(hang(65_536)), Fault(hang(0), nth=2)]
    with pytest.raises(UnavailableError, match=r"no byte came for 1\.5 s, after 65,536 of 100,000 bytes and 1 tries"):
        read(hasty, listed)


def test_an_object_replaced_since_it_was_listed_is_not_taken(source: S3Source, proxy: FaultProxy, shelf: S3Shelf, listed: DeliveredObject) -> None:
    proxy.faults.append(Fault(first(lambda: shelf.put(listed.key, DATA[::-1]))))
    with pytest.raises(SourceError, match="changed since it was listed") as caught:
        source.open(listed)
    assert "takes the new one" in caught.value.hint
    assert len(ranges(proxy)) == 1
    assert read(source, as_listed(source, listed.key)) == DATA[::-1]


@pytest.mark.parametrize("then", [pass_on, without("If-Match")], ids=["", "by a server that does not know If-Match"])
def test_an_object_replaced_while_it_is_fetched_is_not_mixed(
    source: S3Source, proxy: FaultProxy, shelf: S3Shelf, listed: DeliveredObject, then: Action
) -> None:
    proxy.faults += [Fault(cut(40_000)), Fault(first(lambda: shelf.put(listed.key, DATA[::-1]), then), nth=2)]
    with pytest.raises(SourceError, match="changed since it was listed") as caught:
        read(source, listed)
    assert caught.value.transient
    assert len(ranges(proxy)) == 2


@pytest.mark.parametrize("nth", [1, 2], ids=["before", "meanwhile"])
def test_an_object_that_vanishes_is_told(source: S3Source, proxy: FaultProxy, shelf: S3Shelf, listed: DeliveredObject, nth: int) -> None:
    proxy.faults += [Fault(first(lambda: shelf.remove(listed.key)), nth=nth), Fault(cut(40_000))]
    with pytest.raises(SourceError, match="the object is gone") as caught:
        read(source, listed)
    assert "run the sync again" in caught.value.hint
    assert len(ranges(proxy)) == nth


def test_a_server_that_cannot_go_on_is_asked_from_the_start(source: S3Source, proxy: FaultProxy, listed: DeliveredObject) -> None:
    """The caller starts again on DamagedError; nothing of the second answer is taken for a continuation of the first."""
    proxy.faults += [Fault(cut(40_000)), Fault(without("Range"), nth=2)]
    with pytest.raises(DamagedError, match="cannot go on"):
        read(source, listed)


@pytest.mark.parametrize("at", [0, 50_000, 99_999])
def test_damage_on_the_way_is_noticed_before_the_last_byte(source: S3Source, proxy: FaultProxy, listed: DeliveredObject, at: int) -> None:
    proxy.faults.append(Fault(damage(at)))
    with source.open(listed) as stream:
        assert len(stream.read(60_000)) == 60_000
        with pytest.raises(DamagedError, match="arrived damaged"):
            stream.read(40_000)


def test_damage_is_noticed_across_a_break(source: S3Source, proxy: FaultProxy, listed: DeliveredObject) -> None:
    proxy.faults += [Fault(cut(40_000)), Fault(damage(), nth=2)]
    with pytest.raises(DamagedError):
        read(source, listed)


def test_an_etag_that_is_no_md5_is_not_taken_for_one(source: S3Source, proxy: FaultProxy, shelf: S3Shelf) -> None:
    """What is sealed with KMS has another ETag on AWS, what was uploaded in parts everywhere: there, the size has to do."""
    sealed = put(shelf, source, DATA, ServerSideEncryption="aws:kms")
    in_parts = as_listed(source, put_in_parts(shelf, sealed.key))
    assert in_parts.etag.endswith("-1")
    for listed in (put(shelf, source, DATA, ServerSideEncryption="aws:kms"), in_parts):
        proxy.forget()
        proxy.faults.append(Fault(damage()))
        assert read(source, listed)[1:] == DATA[1:]
    proxy.forget()
    proxy.faults.append(Fault(damage()))
    with pytest.raises(DamagedError):
        read(source, put(shelf, source, DATA, ServerSideEncryption="AES256"))


def put_in_parts(shelf: S3Shelf, key: str) -> str:
    where = {"Bucket": shelf.bucket_of(key), "Key": key}
    upload = shelf.client.create_multipart_upload(**where)["UploadId"]
    part = shelf.client.upload_part(**where, UploadId=upload, PartNumber=1, Body=DATA)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    shelf.client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    return key


def test_an_object_in_parts_is_taken_up_like_any_other(source: S3Source, proxy: FaultProxy, shelf: S3Shelf, listed: DeliveredObject) -> None:
    in_parts = as_listed(source, put_in_parts(shelf, listed.key))
    proxy.faults.append(Fault(cut(40_000)))
    assert read(source, in_parts) == DATA


# The waiting


def test_waits_are_random_grow_and_are_bounded() -> None:
    patience = Patience(first_wait=1, longest_wait=10)
    for failures, longest in enumerate((1, 2, 4, 8, 10, 10), start=1):
        waits = [patience.wait(failures) for _ in range(300)]
        assert min(waits) < longest / 10
        assert longest * 0.9 < max(waits) <= longest


class Watched(Patience):
    """Writes down how many failures in a row were waited for."""

    failures: list[int] = []  # noqa: RUF012

    def wait(self, failures: int) -> float:
        self.failures.append(failures)
        return 0


class Pieces:
    """A body of what it is given; an empty piece is a break."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def read(self, size: int, /) -> bytes:
        return self.pieces.pop(0)

    def close(self) -> None: ...


def test_each_failure_in_a_row_waits_longer_and_progress_starts_anew() -> None:
    body = Pieces([b"a", b"", b"", b"", b"b", b"", b"c"])
    Watched.failures.clear()
    with Download(lambda position: Answer(body), 3, "reading", Watched()) as download:
        assert download.read(3) + download.read(3) + download.read(3) == b"abc"
    assert Watched.failures == [1, 2, 3, 1]


def test_a_server_that_does_not_even_begin_is_not_waited_for() -> None:
    """boto3 has asked it several times already; other objects may be had meanwhile."""
    asked = []

    def ask(position: int) -> Answer:
        asked.append(position)
        raise UnavailableError("S3 is busy")

    with pytest.raises(UnavailableError):
        Download(ask, 3, "reading", Watched())
    assert asked == [0]
