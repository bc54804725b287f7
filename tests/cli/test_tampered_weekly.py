"""A weekly ZIP that was tampered with: whole files of it are loaded or nothing of them, no file ends in the place of another, and it heals."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bench import COURSE, SISTER, WEEK, Bench, enrollments, opened_bench
from damage import CONTENT, MEMBERS, changed_zip, flipped, places, refused, sealed_member, spans

from edx_import.model import ImportState
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key


@pytest.fixture(scope="module")
def open_bench(mongod: str, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with opened_bench(mongod, institution, tmp_path_factory.mktemp("scratch"), "tampered_weekly") as bench:
        yield bench


@pytest.fixture
def bench(open_bench: Bench) -> Bench:
    open_bench.clear()
    return open_bench


@pytest.fixture(scope="module")
def good(open_bench: Bench) -> tuple[bytes, dict[str, dict[Any, Any]]]:
    """The ZIP of all members, and what is in the database after it."""
    open_bench.clear()
    data = open_bench.weekly(MEMBERS)
    assert open_bench.load(WEEK, data).state is ImportState.LOADED
    return data, contents(open_bench)


def contents(bench: Bench) -> dict[str, dict[Any, Any]]:
    """All documents by collection and `_id`, without where they come from."""
    names = bench.collections()
    return {name: {found.pop("_id"): {field: found[field] for field in found if field != "import"} for found in bench.found(name)} for name in names}


def by_file(found: dict[str, dict[Any, Any]]) -> dict[tuple[str, str], dict[Any, Any]]:
    """The documents of each file: by collection and course."""
    files: dict[tuple[str, str], dict[Any, Any]] = {}
    for name, documents in found.items():
        for key, document in documents.items():
            files.setdefault((name, document["course_id"]), {})[key] = document
    return files


def only_whole_files(bench: Bench, expected: dict[str, dict[Any, Any]]) -> set[tuple[str, str]]:
    """Every file is in the database just as the good delivery has it, or not at all; and no course without one. Gives the files that are missing."""
    there, whole = by_file(contents(bench)), by_file(expected)
    courses = {course for name, course in there if name != "courses"}
    for (name, course), documents in there.items():
        if name == "courses":
            assert course in courses, f"{course} has no file"
            assert documents.keys() == whole[name, course].keys()
        else:
            assert documents == whole[name, course]
    return {file for file in whole.keys() - there.keys() if file[0] != "courses"}


def test_a_changed_byte_anywhere_in_a_zip_costs_whole_files_at_most(bench: Bench, good: tuple[bytes, dict[str, dict[Any, Any]]]) -> None:
    data, expected = good
    random = Random(5)
    sampled = [(kind, place) for kind, first, end in spans(data) for place in random.sample(range(first, end), 3 if kind == "directory" else 1)]
    # of headers: name, checksum, sizes, offset
    directory = next(first for kind, first, _ in spans(data) if kind == "directory")
    sampled += [("directory", directory + offset) for offset in (8, 10, 16, 20, 24, 28, 42, 46 + 24)]
    for kind, place in sampled:
        bench.clear()
        outcome = bench.load(WEEK, flipped(data, place, bit=1))
        missing = only_whole_files(bench, expected)
        assert bool(missing) == (outcome.state is ImportState.FAILED), (kind, place, outcome)
        if kind == "content":
            assert len(missing) == 1, (place, missing)
            assert outcome.members["failed"] == 1
            assert "1 members of" in str(outcome.error)
    assert bench.load(WEEK, data).state is ImportState.LOADED
    assert contents(bench) == expected


def test_a_zip_that_is_cut_or_added_to_leaves_no_trace(bench: Bench, good: tuple[bytes, dict[str, dict[Any, Any]]]) -> None:
    data, expected = good
    for place in places(len(data), 12)[1:]:
        refused(bench.load(WEEK, data[:place]), bench, {})
    for added in (b"\0", b"rubbish" * 1000):
        refused(bench.load(WEEK, data + added), bench, {})
    assert bench.load(WEEK, b"rubbish" + data).state is ImportState.LOADED  # a ZIP is read from its end
    assert contents(bench) == expected


@pytest.mark.parametrize("change", ["cut", "empty", "added to", "not sealed", "of another key"])
def test_a_member_that_is_not_whole_leaves_no_trace_of_itself(
    bench: Bench, good: tuple[bytes, dict[str, dict[Any, Any]]], change: str, tmp_path: Path
) -> None:
    data, expected = good
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        whole = file.read(sealed_member(dict.fromkeys(file.namelist(), b""), "D102-1T2020-student"))
    instead = {"cut": whole[:-25], "empty": b"", "added to": whole + b"x", "not sealed": MEMBERS[next(iter(MEMBERS))], "of another key": b""}[change]
    if change == "of another key":
        stranger = make_key(tmp_path, name="Stranger", email="stranger@example.org", passphrase="", kind="ecc")
        with Sealer(stranger) as other:
            instead = other.seal(enrollments(SISTER, 1))
    outcome = bench.load(WEEK, changed_zip(data, lambda members: members | {sealed_member(members, "D102-1T2020-student"): instead}))
    assert only_whole_files(bench, expected) == {("student_courseenrollment", SISTER)}
    assert (outcome.state, outcome.members["failed"]) == (ImportState.FAILED, 1)
    assert [warning for warning in outcome.warnings if "D102-1T2020-student_courseenrollment" in warning]
    assert bench.load(WEEK, data).members == {"loaded": 1, "unchanged": 4}
    assert contents(bench) == expected


def test_a_course_of_which_nothing_is_whole_is_not_known(bench: Bench, good: tuple[bytes, dict[str, dict[Any, Any]]]) -> None:
    """Its id would be a guess from names that anybody can change."""
    data, _ = good
    outcome = bench.load(WEEK, changed_zip(data, lambda members: {path: flipped(sealed, 200) for path, sealed in members.items()}))
    refused(outcome, bench, {})
    assert outcome.members == {"failed": 5}


BROKEN_CONTENT = {
    "no end of the tar": gzip.compress(gzip.decompress(CONTENT).rstrip(b"\0")),
    "member of the tar cut": gzip.compress(gzip.decompress(CONTENT)[:1800]),
    "gzip cut": CONTENT[:-5],
    "gzip with rubbish": CONTENT + b"rubbish",
    "no gzip": b"words",
}


@pytest.mark.parametrize("packed", BROKEN_CONTENT.values(), ids=BROKEN_CONTENT.keys())
def test_broken_course_content_that_is_sealed_well_leaves_no_trace(bench: Bench, packed: bytes) -> None:
    refused(bench.load(WEEK, bench.weekly({"DemoX-D101-1T2020-course-prod-analytics.xml.tar.gz.gpg": packed})), bench, {})


def test_members_that_changed_places_are_not_loaded_into_each_others_course(bench: Bench, good: tuple[bytes, dict[str, dict[Any, Any]]]) -> None:
    """Both are whole and sealed by edX; only their names tell of the change."""
    data, expected = good

    def swap(members: dict[str, bytes]) -> dict[str, bytes]:
        one, other = sealed_member(members, "D101-1T2020-student"), sealed_member(members, "D102-1T2020-student")
        return members | {one: members[other], other: members[one]}

    outcome = bench.load(WEEK, changed_zip(data, swap))
    assert only_whole_files(bench, expected) == {("student_courseenrollment", COURSE), ("student_courseenrollment", SISTER)}
    assert outcome.members["failed"] == 2
    assert [warning for warning in outcome.warnings if "D101-1T2020-student" in warning and SISTER in warning]


def test_a_file_in_the_place_of_another_kind_removes_nothing(bench: Bench, good: tuple[bytes, dict[str, dict[Any, Any]]]) -> None:
    data, expected = good
    bench.load(WEEK, data)

    def swap(members: dict[str, bytes]) -> dict[str, bytes]:
        one, other = sealed_member(members, "D101-1T2020-student"), sealed_member(members, "D101-1T2020-auth")
        return members | {one: members[other], other: members[one]}

    outcome = bench.load(WEEK, changed_zip(data, swap), force=True)
    assert outcome.members["failed"] == 2
    found = contents(bench)
    assert {name: found[name] for name in expected} == expected
