"""What only a folder can be: of several layouts, linked, replaced, missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edx_import.errors import SourceError
from edx_import.model import DeliveredObject, ObjectKind
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.folder import FolderSource

ORG = "universityx"
DATABASE = Wanted(ObjectKind.DATABASE, ORG)
EMAIL = Wanted(ObjectKind.EMAIL, ORG)
EVENTS = Wanted(ObjectKind.EVENTS, ORG)
RDX = Wanted(ObjectKind.RDX, ORG)
EVENTS_FILE = f"{ORG}-edx-events-2020-01-05.log.gz.gpg"
EVENTS_KEY = f"{ORG}/edx/events/2020/{EVENTS_FILE}"


def delivered(source: FolderSource, wanted: Wanted) -> list[DeliveredObject]:
    return [found for found in source.list(wanted) if isinstance(found, DeliveredObject)]


def passed(source: FolderSource, wanted: Wanted) -> list[Passed]:
    return [found for found in source.list(wanted) if isinstance(found, Passed)]


def keys(shelf: FolderShelf, wanted: Wanted) -> list[str]:
    return [found.key for found in delivered(shelf.source, wanted)]


class FolderShelf:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = FolderSource(path)

    def put(self, key: str, data: bytes) -> None:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture
def shelf(tmp_path: Path) -> FolderShelf:
    folder = tmp_path / "delivery"
    folder.mkdir()
    return FolderShelf(folder)


def test_keys_below_a_folder_for_each_bucket(shelf: FolderShelf) -> None:
    shelf.put(f"course-data/{ORG}-2020-01-05.zip", b"zip")
    shelf.put(f"course-data/email-opt-in/{ORG}-2020-01-05.zip", b"email")
    shelf.put(f"edx-course-data/{EVENTS_KEY}", b"events")
    assert keys(shelf, DATABASE) == [f"{ORG}-2020-01-05.zip"]
    assert keys(shelf, EMAIL) == [f"email-opt-in/email-opt-in-{ORG}-2020-01-05.zip"]
    assert keys(shelf, EVENTS) == [EVENTS_KEY]


def test_loose_files_have_the_keys_they_would_have_in_s3(shelf: FolderShelf) -> None:
    shelf.put(f"downloads/{ORG}-2020-01-05.zip", b"zip")
    shelf.put(f"downloads/email-opt-in-{ORG}-2020-01-05.zip", b"email")
    shelf.put(f"some/where/deep/{EVENTS_FILE}", b"events")
    assert keys(shelf, DATABASE) == [f"{ORG}-2020-01-05.zip"]
    assert keys(shelf, EMAIL) == [f"email-opt-in/email-opt-in-{ORG}-2020-01-05.zip"]
    assert keys(shelf, EVENTS) == [EVENTS_KEY]


def test_the_folder_of_email_reports_itself_may_be_the_source(shelf: FolderShelf) -> None:
    shelf.put(f"email-opt-in/{ORG}-2020-01-05.zip", b"email")
    source = FolderSource(shelf.path / "email-opt-in")
    assert (len(delivered(source, EMAIL)), len(delivered(source, DATABASE))) == (1, 0)


def test_a_request_s_folder_itself_may_be_the_source(shelf: FolderShelf) -> None:
    key = f"{ORG}/rdx/r-1/UniversityX_Demo_2020.tar.gz.gpg"
    shelf.put(key, b"rdx")
    [found] = delivered(FolderSource(shelf.path / ORG / "rdx" / "r-1"), RDX)
    assert (found.key, found.location) == (key, "UniversityX_Demo_2020.tar.gz.gpg")


def test_a_loose_research_package_is_passed_for_its_request_is_unknown(shelf: FolderShelf) -> None:
    shelf.put("downloads/UniversityX_Demo_2020.tar.gz.gpg", b"rdx")
    shelf.put("downloads/UniversityY_Demo_2020.tar.gz.gpg", b"not ours")
    [found] = shelf.source.list(RDX)
    assert isinstance(found, Passed)
    assert found.key == "downloads/UniversityX_Demo_2020.tar.gz.gpg"
    assert f"{ORG}/rdx/REQUEST-ID" in found.reason
    assert list(shelf.source.list(EVENTS)) == []


def test_a_research_package_among_events_is_passed_not_overlooked(shelf: FolderShelf) -> None:
    shelf.put(f"{ORG}/edx/events/2020/UniversityX_Demo_2020.tar.gz.gpg", b"rdx")
    assert [type(found) for found in shelf.source.list(EVENTS)] == [Passed]


def test_the_same_object_twice_is_taken_from_its_first_place(shelf: FolderShelf) -> None:
    shelf.put(f"b/{ORG}-2020-01-05.zip", b"second")
    shelf.put(f"a/{ORG}-2020-01-05.zip", b"first")
    first, second = shelf.source.list(DATABASE)
    assert isinstance(first, DeliveredObject)
    assert first.location == f"a/{ORG}-2020-01-05.zip"
    assert second == Passed(f"b/{ORG}-2020-01-05.zip", f"the same object as a/{ORG}-2020-01-05.zip")


def test_a_file_written_again_with_the_same_size_is_a_change(shelf: FolderShelf) -> None:
    shelf.put(f"{ORG}-2020-01-05.zip", b"one")
    [found] = delivered(shelf.source, DATABASE)
    shelf.put(f"{ORG}-2020-01-05.zip", b"two")
    os.utime(shelf.path / f"{ORG}-2020-01-05.zip", ns=(1, 1))
    with pytest.raises(SourceError, match="changed"):
        shelf.source.open(found)


def test_links_that_leave_the_folder_are_passed(shelf: FolderShelf, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"not ours to read")
    (shelf.path / f"{ORG}-2020-01-05.zip").symlink_to(outside / "file")
    (shelf.path / f"{ORG}-2020-01-12.zip").symlink_to(outside / "nothing")
    (shelf.path / "linked").symlink_to(outside)
    assert {(found.key, found.reason) for found in passed(shelf.source, DATABASE)} == {
        ("linked", "a link that leaves the folder"),
        (f"{ORG}-2020-01-05.zip", "a link that leaves the folder"),
        (f"{ORG}-2020-01-12.zip", "a link that leads nowhere"),
    }
    assert delivered(shelf.source, DATABASE) == []


def test_a_file_replaced_by_a_link_to_the_outside_is_not_opened(shelf: FolderShelf, tmp_path: Path) -> None:
    shelf.put(f"{ORG}-2020-01-05.zip", b"zip")
    [found] = delivered(shelf.source, DATABASE)
    (shelf.path / found.location).rename(tmp_path / "moved")
    (shelf.path / found.location).symlink_to(tmp_path / "moved")
    with pytest.raises(SourceError, match="leaves the folder"):
        shelf.source.open(found)


def test_links_inside_the_folder_are_followed(shelf: FolderShelf) -> None:
    shelf.put("..data/mounted", b"zip")
    (shelf.path / f"{ORG}-2020-01-05.zip").symlink_to(shelf.path / "..data" / "mounted")
    [found] = delivered(shelf.source, DATABASE)
    with shelf.source.open(found) as stream:
        assert stream.read() == b"zip"


def test_what_is_no_regular_file_is_passed(shelf: FolderShelf) -> None:
    os.mkfifo(shelf.path / f"{ORG}-2020-01-05.zip")
    assert passed(shelf.source, DATABASE) == [Passed(f"{ORG}-2020-01-05.zip", "not a regular file")]


def test_a_folder_name_that_is_not_utf8_can_be_shown_and_read(shelf: FolderShelf) -> None:
    for folder in (b"\xe9t\xe9", b"\xe9u\xe9"):
        place = os.path.join(os.fsencode(shelf.path), folder)
        os.mkdir(place)
        Path(os.fsdecode(place), f"{ORG}-2020-01-05.zip").write_bytes(b"zip")
    [found] = delivered(shelf.source, DATABASE)
    with shelf.source.open(found) as stream:
        assert stream.read() == b"zip"
    assert passed(shelf.source, DATABASE)[0].key.encode() == f"�u�/{ORG}-2020-01-05.zip".encode()


@pytest.mark.parametrize("make", [False, True])
def test_a_missing_folder_is_told(tmp_path: Path, make: bool) -> None:
    path = tmp_path / "nowhere"
    if make:
        path.write_bytes(b"a file")
    with pytest.raises(SourceError, match=r"does not exist|is not a folder") as caught:
        list(FolderSource(path).list(DATABASE))
    assert "--source" in caught.value.hint
