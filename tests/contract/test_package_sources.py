"""What every package source promises: S3 over HTTP, a folder and memory, each held to the same tests."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest

from edx_import.errors import SourceError
from edx_import.model import EDGE, PROD, DeliveredObject, ObjectKind
from edx_import.packages.base import PackageSource, Passed, Wanted, newest
from edx_import.packages.folder import FolderSource
from edx_import.packages.memory import MemorySource
from edx_import.packages.s3 import S3Access, S3Source
from edx_import.settings import Secret

ORG = "universityx"
DATABASE = Wanted(ObjectKind.DATABASE, ORG)
EMAIL = Wanted(ObjectKind.EMAIL, ORG)
RDX = Wanted(ObjectKind.RDX, ORG)
ALL_EVENTS = Wanted(ObjectKind.EVENTS, ORG)
EVENTS = replace(ALL_EVENTS, since=date(2019, 1, 1), until=date(2020, 12, 31))  # fewer prefixes to list


def events_key(day: str, token: str = "edx", org: str = ORG) -> str:
    return f"{org}/{token}/events/{day[:4]}/{org}-{token}-events-{day}.log.gz.gpg"


def rdx_key(request: str = "r-1", stem: str = "UniversityX_Demo_2020") -> str:
    return f"{ORG}/rdx/{request}/{stem}.tar.gz.gpg"


class Shelf(Protocol):
    """A place to put objects for a source to find."""

    @property
    def source(self) -> PackageSource: ...

    def put(self, key: str, data: bytes) -> None: ...


def delivered(source: PackageSource, wanted: Wanted) -> list[DeliveredObject]:
    return [found for found in source.list(wanted) if isinstance(found, DeliveredObject)]


def passed(source: PackageSource, wanted: Wanted) -> list[Passed]:
    return [found for found in source.list(wanted) if isinstance(found, Passed)]


def keys(shelf: Shelf, wanted: Wanted) -> list[str]:
    return [found.key for found in delivered(shelf.source, wanted)]


class PackageSourcePromises:
    """Inherited by the tests of each source, which give the fixture `shelf`."""

    def test_only_the_exact_org_is_listed(self, shelf: Shelf) -> None:
        for org in (ORG, f"{ORG}-pro", f"pro-{ORG}", f"{ORG}2", f"{ORG}-2019-01-01"):
            shelf.put(f"{org}-2020-01-05.zip", b"zip")
            shelf.put(events_key("2020-01-05", org=org), b"events")
            shelf.put(f"email-opt-in/email-opt-in-{org}-2020-01-05.zip", b"email")
        assert keys(shelf, DATABASE) == [f"{ORG}-2020-01-05.zip"]
        assert keys(shelf, replace(DATABASE, org=f"{ORG}-pro")) == [f"{ORG}-pro-2020-01-05.zip"]
        assert keys(shelf, EVENTS) == [events_key("2020-01-05")]
        assert keys(shelf, EMAIL) == [f"email-opt-in/email-opt-in-{ORG}-2020-01-05.zip"]
        assert [passed(shelf.source, wanted) for wanted in (DATABASE, EVENTS, EMAIL)] == [[], [], []]

    def test_an_object_comes_with_all_that_its_name_says(self, shelf: Shelf) -> None:
        shelf.put(events_key("2020-01-05", "edge"), b"four")
        [found] = delivered(shelf.source, replace(EVENTS, sites=(EDGE,)))
        assert (found.name.kind, found.name.org, found.name.date, found.name.site) == (ObjectKind.EVENTS, ORG, date(2020, 1, 5), EDGE)
        assert (found.size, bool(found.etag)) == (4, True)

    def test_events_are_of_the_sites_asked_for(self, shelf: Shelf) -> None:
        of_token = {token: events_key("2020-01-05", token) for token in ("edge", "edx", "prod")}
        for key in of_token.values():
            shelf.put(key, b"events")
        assert keys(shelf, EVENTS) == [of_token["edx"], of_token["prod"]]
        assert keys(shelf, replace(EVENTS, sites=(EDGE,))) == [of_token["edge"]]
        assert keys(shelf, replace(EVENTS, sites=(PROD, EDGE))) == list(of_token.values())

    def test_zips_hold_both_sites_and_are_listed_for_either(self, shelf: Shelf) -> None:
        shelf.put(f"{ORG}-2020-01-05.zip", b"zip")
        assert keys(shelf, replace(DATABASE, sites=(EDGE,))) == [f"{ORG}-2020-01-05.zip"]

    def test_events_of_all_years_come_in_the_order_of_their_keys(self, shelf: Shelf) -> None:
        expected = [events_key(day) for day in ("2012-09-01", "2019-12-31", "2020-01-01", "2020-01-02")]
        for key in reversed(expected):
            shelf.put(key, b"events")
        assert keys(shelf, ALL_EVENTS) == expected

    def test_since_and_until_are_days_of_the_name_both_included(self, shelf: Shelf) -> None:
        days = ["2019-12-30", "2019-12-31", "2020-01-01", "2020-01-02"]
        for day in days:
            shelf.put(events_key(day), b"events")
            shelf.put(f"{ORG}-{day}.zip", b"zip")
        since, until = date(2019, 12, 31), date(2020, 1, 1)
        assert keys(shelf, replace(EVENTS, since=since, until=until)) == [events_key(day) for day in days[1:3]]
        assert keys(shelf, replace(DATABASE, since=since, until=until)) == [f"{ORG}-{day}.zip" for day in days[1:3]]
        assert keys(shelf, replace(EVENTS, since=date(2020, 1, 2))) == [events_key(days[3])]
        assert keys(shelf, replace(EVENTS, until=date(2019, 12, 30))) == [events_key(days[0])]

    def test_the_newest_is_so_by_its_name_not_by_its_upload(self, shelf: Shelf) -> None:
        for day in ("2020-01-12", "2020-01-05", "2019-12-29"):
            shelf.put(f"{ORG}-{day}.zip", b"zip")
        found = newest(delivered(shelf.source, DATABASE))
        assert found is not None
        assert found.key == f"{ORG}-2020-01-12.zip"

    def test_patches_are_shown_with_a_reason(self, shelf: Shelf) -> None:
        shelf.put(events_key("2020-01-05", "patches"), b"patch")
        [found] = shelf.source.list(EVENTS)
        assert isinstance(found, Passed)
        assert (found.key, "patches" in found.reason) == (events_key("2020-01-05", "patches"), True)

    def test_an_unknown_name_among_our_events_is_shown_with_a_reason(self, shelf: Shelf) -> None:
        strange = f"{ORG}/edx/events/2020/{ORG}-edx-events-2020-01-05.log.gz.gpg.part"
        shelf.put(strange, b"events")
        shelf.put("universityy/edx/events/2020/notes.txt", b"not ours")
        assert list(shelf.source.list(EVENTS)) == [Passed(strange, "not a name we know")]

    def test_names_of_nobody_where_all_orgs_share_are_left_alone(self, shelf: Shelf) -> None:
        for key in (f"{ORG}-notes.zip", f"{ORG}-2020-02-30.zip", f"legacy/{ORG}.tar", "email-opt-in/readme.txt"):
            shelf.put(key, b"?")
        assert [list(shelf.source.list(wanted)) for wanted in (DATABASE, EVENTS, EMAIL)] == [[], [], []]

    def test_research_packages_of_an_org_are_listed_with_request_and_stem(self, shelf: Shelf) -> None:
        expected = [rdx_key("r-1", "UniversityX_Demo_2020"), rdx_key("r-1", "UniversityX_Demo_2021"), rdx_key("r-2", "UniversityX_Demo_2020")]
        for key in reversed(expected):
            shelf.put(key, b"rdx")
        shelf.put("universityy/rdx/r-1/UniversityY_Demo_2020.tar.gz.gpg", b"not ours")
        shelf.put(events_key("2020-01-05"), b"events")
        found = delivered(shelf.source, RDX)
        assert [item.key for item in found] == expected
        assert [(item.name.request, item.name.stem, item.name.site) for item in found[1:]] == [
            ("r-1", "UniversityX_Demo_2021", "rdx:r-1"),
            ("r-2", "UniversityX_Demo_2020", "rdx:r-2"),
        ]
        with shelf.source.open(found[0]) as stream:
            assert stream.read() == b"rdx"
        assert keys(shelf, EVENTS) == [events_key("2020-01-05")]
        assert passed(shelf.source, RDX) == passed(shelf.source, EVENTS) == []

    def test_days_and_sites_do_not_count_for_research_packages(self, shelf: Shelf) -> None:
        shelf.put(rdx_key(), b"rdx")
        assert keys(shelf, replace(RDX, since=date(2020, 1, 1))) == [rdx_key()]
        assert keys(shelf, replace(RDX, until=date(2020, 1, 1), sites=(EDGE,))) == [rdx_key()]

    def test_an_unknown_name_among_research_packages_is_shown_with_a_reason(self, shelf: Shelf) -> None:
        strange = [
            f"{ORG}/rdx/r-1/UniversityX-Demo-2020.tar.gz.gpg",
            f"{ORG}/rdx/r-1/notes.txt",
            f"{ORG}/rdx/r-1/old/UniversityY_Demo_2020.tar.gz.gpg",
        ]
        for key in strange:
            shelf.put(key, b"?")
        shown = list(shelf.source.list(RDX))
        assert [item.key for item in shown] == strange
        assert all(isinstance(item, Passed) and item.reason for item in shown)

    def test_an_empty_file_is_listed_like_any_other(self, shelf: Shelf) -> None:
        shelf.put(events_key("2020-01-05"), b"")
        [found] = delivered(shelf.source, EVENTS)
        with shelf.source.open(found) as stream:
            assert (found.size, stream.read()) == (0, b"")

    def test_both_names_of_an_email_report_are_one_object(self, shelf: Shelf) -> None:
        used, guide = f"email-opt-in/email-opt-in-{ORG}-2020-01-05.zip", f"email-opt-in/{ORG}-2020-01-05.zip"
        shelf.put(guide, b"guide")
        [found] = delivered(shelf.source, EMAIL)
        assert (found.key, found.location) == (used, guide)
        with shelf.source.open(found) as stream:
            assert stream.read() == b"guide"
        shelf.put(used, b"used")
        first, second = shelf.source.list(EMAIL)
        assert isinstance(first, DeliveredObject)
        assert second == Passed(guide, f"the same object as {used}")

    def test_the_bytes_are_those_that_were_put(self, shelf: Shelf) -> None:
        data = os.urandom(3_000_000)
        shelf.put(f"{ORG}-2020-01-05.zip", data)
        [found] = delivered(shelf.source, DATABASE)
        with shelf.source.open(found) as stream:
            assert b"".join(iter(lambda: stream.read(70_001), b"")) == data

    def test_a_change_since_the_listing_is_noticed(self, shelf: Shelf) -> None:
        shelf.put(f"{ORG}-2020-01-05.zip", b"before")
        [found] = delivered(shelf.source, DATABASE)
        shelf.put(f"{ORG}-2020-01-05.zip", b"later")
        with pytest.raises(SourceError, match="changed since it was listed") as caught:
            shelf.source.open(found).read()
        assert caught.value.transient

    def test_an_object_that_is_gone_is_told(self, shelf: Shelf) -> None:
        shelf.put(f"{ORG}-2020-01-05.zip", b"zip")
        [found] = delivered(shelf.source, DATABASE)
        with pytest.raises(SourceError, match=r"gone|not there"):
            shelf.source.open(replace(found, location=f"{ORG}-2020-01-12.zip"))

    def test_the_same_state_has_the_same_etag(self, shelf: Shelf) -> None:
        shelf.put(f"{ORG}-2020-01-05.zip", b"zip")
        assert delivered(shelf.source, DATABASE)[0].etag == delivered(shelf.source, DATABASE)[0].etag

    def test_it_says_where_it_is(self, shelf: Shelf) -> None:
        assert shelf.source.description


# Memory


class MemoryShelf:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.source = MemorySource(self.objects)

    def put(self, key: str, data: bytes) -> None:
        self.objects[key] = data


class TestMemorySource(PackageSourcePromises):
    @pytest.fixture
    def shelf(self) -> Shelf:
        return MemoryShelf()


# Folder


class FolderShelf:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = FolderSource(path)

    def put(self, key: str, data: bytes) -> None:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class TestFolderSource(PackageSourcePromises):
    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        folder = tmp_path / "delivery"
        folder.mkdir()
        return FolderShelf(folder)


# S3

numbers = count()


class S3Shelf:
    def __init__(self, endpoint: str) -> None:
        number = next(numbers)
        self.access = S3Access(
            access_key_id=Secret("AKIDINVENTED"),
            secret_access_key=Secret("invented"),
            course_bucket=f"course-data-{number}",
            event_bucket=f"edx-course-data-{number}",
            endpoint_url=endpoint,
        )
        self.client: Any = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id="AKIDOWNER", aws_secret_access_key="owner", region_name="us-east-1"
        )
        for bucket in (self.access.course_bucket, self.access.event_bucket):
            self.client.create_bucket(Bucket=bucket)
        self.source = S3Source(self.access)

    def put(self, key: str, data: bytes) -> None:
        bucket = self.access.event_bucket if key.startswith((f"{ORG}/", "universityy/")) or "/events/" in key else self.access.course_bucket
        self.client.put_object(Bucket=bucket, Key=key, Body=data)


@pytest.mark.usefixtures("no_aws_settings")
class TestS3Source(PackageSourcePromises):
    @pytest.fixture
    def shelf(self, s3_server: str) -> Shelf:
        return S3Shelf(s3_server)
