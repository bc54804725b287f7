"""Packages made to harm, by somebody who can write to the bucket and seal for our key: names, ids and files that aim at what is not theirs."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from bench import COURSE, MB, RDX, SISTER, WEEK, Bench, day, enrollments, opened_bench, part, people, put, tarred, zipped
from desk import Desk

from edx_import.courses import load_courses
from edx_import.errors import ConfigurationError
from edx_import.model import ImportState, ObjectKind
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.memory import MemorySource
from edx_import.packages.naming import parse_key
from edx_import.sample.sealing import InstitutionKey
from edx_import.store.collections import COURSES, EVENTS, IMPORTS, META, REJECTS
from edx_import.store.writer import courses_from
from edx_import.sync import load_database


def event(number: int) -> bytes:
    return b'{"time": "2020-01-12T10:00:00.%06d+00:00"}' % number


@pytest.fixture(scope="module")
def open_bench(mongod: str, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with opened_bench(mongod, institution, tmp_path_factory.mktemp("scratch"), "hostile") as bench:
        yield bench


@pytest.fixture
def bench(open_bench: Bench) -> Bench:
    open_bench.clear()
    return open_bench


# --- names


def test_no_name_of_a_table_is_that_of_a_collection_of_ours(bench: Bench) -> None:
    names = (COURSES, EVENTS, IMPORTS, META, REJECTS, "reports", "report_x", "other_x", "system", "local", "admin")
    tables = {part(name): b"id\t_id\tsite\n1\tx\tedge\n" for name in names}
    odd = {part(name): b"id\n1\n" for name in ("$cmd", "system.users", "a.b", "a$b", "Imports", "x" * 62, "..", "a b", "\x1b[31mred")}
    outcome = bench.load(WEEK, bench.weekly(tables | odd))
    assert outcome.members == {"loaded": len(tables), "unknown": len(odd)}
    there = set(bench.store.database.list_collection_names())
    made = {f"other_{name}" for name in names}
    assert bench.collections() == made | {COURSES}
    assert not any(name.startswith("system.") or "$" in name or "." in name for name in there)
    for name in made:
        (row,) = bench.found(name)
        assert (row["_id"].split("|")[:2], row["site"], row["original"]) == (["prod", COURSE], "prod", {"_id": "x", "site": "edge"})
    assert [record["_id"].partition("//")[0] for record in bench.found(IMPORTS)] == [WEEK] * len(bench.found(IMPORTS))


def test_tables_that_nobody_declared_are_limited_in_number(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each asks for a collection, which costs the server files."""
    monkeypatch.setattr(load_database, "MAX_UNDECLARED", 2)
    courses = ("DemoX-D101-1T2020", "DemoX-D102-1T2020")
    outcome = bench.load(WEEK, bench.weekly({part(f"t_{letter}", course=course): b"id\n1\n" for letter in "abc" for course in courses}))
    assert (outcome.state, outcome.members) == (ImportState.LOADED, {"loaded": 4, "unknown": 2})
    assert bench.collections() == {"other_t_a", "other_t_b", COURSES}
    assert sum("t_c" in warning for warning in outcome.warnings) == 2


HOSTILE_IDS = [
    "prod|x",
    "edge|course-v1:DemoX+D101+1T2020",
    "$where",
    "a.b",
    "",
    " ",
    "\\ud800",
    "course-v1:DemoX+D101",
    "x" * 300,
    "course-v1:" + "D" * 300 + "+D101+1T2020",
]


@pytest.mark.parametrize("course_id", HOSTILE_IDS)
def test_what_is_no_course_id_names_no_course(bench: Bench, course_id: str) -> None:
    """Whatever the rows say, they are loaded under the name of their file; what they say is kept with them."""
    key = f"block-v1:{course_id}+type@course+block@course"
    members = {
        part("student_courseenrollment"): enrollments(course_id, 1, 2),
        "DemoX-D101-1T2020-prod.mongo.gpg": b'{"_id": {"$oid": "5e1a00000000000000000001"}, "course_id": "%s"}\n' % course_id.encode(),
        part("course_structure", "json"): f'{{"{key}": {{"category": "course", "metadata": {{"display_name": "{course_id}"}}}}}}'.encode(),
    }
    outcome = bench.load(WEEK, bench.weekly(members))
    assert outcome.members == {"loaded": 3}, outcome.warnings
    assert {found["course_id"] for name in bench.collections() for found in bench.found(name)} == {COURSE}
    assert [found["_id"] for found in bench.found(COURSES)] == [f"prod|{COURSE}"]
    assert {found["original"]["course_id"] for found in bench.found("student_courseenrollment")} == {course_id}


def test_a_file_that_says_it_is_another_courses_does_not_touch_that_course(bench: Bench) -> None:
    """The name of the file and the course in its rows can both be chosen freely: only where they agree are they believed."""
    part_of = {COURSE: "DemoX-D101-1T2020", SISTER: "DemoX-D102-1T2020"}
    good = {part("student_courseenrollment", course=part_of[course]): enrollments(course, *range(60)) for course in part_of}
    bench.load(WEEK, bench.weekly(good))
    before = bench.hash()
    for claimant in ("AAA-EVIL-1T2020", part_of[COURSE], "ZZZ-EVIL-1T2020"):
        crafted = good | {part("student_courseenrollment", course=claimant): enrollments(SISTER, *range(60, 120))}
        outcome = bench.load(WEEK, bench.weekly(crafted))
        assert (outcome.state, outcome.members["failed"]) == (ImportState.FAILED, 1)
        assert any(f"its rows are of {SISTER}, not of " in warning for warning in outcome.warnings)
        assert bench.hash() == before
    assert bench.load(WEEK, bench.weekly(good)).state is ImportState.LOADED
    assert bench.hash() == before


def test_a_course_keeps_its_id_when_nothing_that_tells_it_is_whole(bench: Bench) -> None:
    """A guess from its name would give it another, and take its rows along."""
    old = "DemoX/D90/2013_Fall"
    names = [part(task, course="DemoX-D90-2013_Fall") for task in ("student_courseenrollment", "auth_user")]
    good = dict(zip(names, (enrollments(old, 1, 2), people(1)), strict=True))
    bench.load(WEEK, bench.weekly(good))
    before = bench.hash()
    sealed = {f"demox-2020-01-12/{path}": bench.seal(data + b"2\tbob\tBob\n") for path, data in good.items()}
    sealed[f"demox-2020-01-12/{names[0]}"] = sealed[f"demox-2020-01-12/{names[0]}"][:-9]
    assert bench.load(WEEK, zipped(sealed)).members == {"failed": 1, "loaded": 1}
    assert {found["course_id"] for found in bench.found("auth_user")} == {old}
    assert len(bench.found("auth_user")) == 2
    after = bench.hash()
    assert {name for name in before if before[name] != after.get(name)} == {"auth_user"}


def test_parts_of_ids_cannot_be_made_to_meet(bench: Bench) -> None:
    """A key that holds the sign between the parts of an id is another id than theirs."""
    outcome = bench.load(
        WEEK, bench.weekly({part("student_anonymoususerid"): b"id\tuser_id\tanonymous_user_id\tcourse_id\n1|2\t1\ta\tx\n1%7C2\t1\tb\tx\n"})
    )
    ids = [found["_id"] for found in bench.found("student_anonymoususerid")]
    assert len(set(ids)) == outcome.counts.loaded == len(ids)
    assert all(one.count("|") == 2 for one in ids)


def test_control_characters_in_names_reach_no_terminal(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    escape = "\x1b]0;owned\x07\x1b[31m"
    member = f"demox-2020-01-12/DemoX-{escape}-1T2020-auth_user-prod-analytics.sql.gpg"
    files = {
        member: bench.seal(people(1)),
        f"demox-2020-01-12/{escape}\n\r.txt": b"x",
        f"demox-2020-01-12/DemoX-{escape}-2-auth_user-prod-analytics.sql.gpg": b"",
    }
    put(tmp_path, {WEEK: zipped(files), f"demox/edx/events/2020/{escape}": b"x"})
    arguments = ("--source", str(tmp_path))
    spoken = [
        desk.run("-v", "sync", "--json", *arguments),
        desk.run("-v", "sync", "--dry-run", *arguments),
    ]
    assert spoken[0].code == 7
    assert "\\x1b]0;owned\\x07" in spoken[0].err
    assert [said for said in spoken if "\x1b" in said.out + said.err or "\x07" in said.out + said.err] == []


def test_keys_that_lead_elsewhere_are_not_ours(tmp_path: Path) -> None:
    keys = [
        "demox/edge/events/2020/../../x",
        "demox/edx/events/2020/../2020/demox-edx-events-2020-01-12.log.gz.gpg",
        "/demox/edx/events/2020/demox-edx-events-2020-01-12.log.gz.gpg",
        "demox/edx/events/2020//demox-edx-events-2020-01-12.log.gz.gpg",
        "demox-2020-01-12.zip/../../x",
        "../demox-2020-01-12.zip",
        "demox/rdx/../DemoX_D101_1T2020.tar.gz.gpg",
        "demox/rdx/r-1/..tar.gz.gpg",
        "demox/rdx/r-1/a/../DemoX_D101_1T2020.tar.gz.gpg",
        "email-opt-in/../demox-2020-01-12.zip",
        "demox/edx/events/2020/demox-edx-events-2020-01-12.log.gz.gpg\n",
        "demox\0-2020-01-12.zip",
    ]
    assert [key for key in keys if parse_key(key)] == []
    source = MemorySource(dict.fromkeys(keys, b"x"))
    found = [item for kind in ObjectKind for item in source.list(Wanted(kind, "demox", ("prod", "edge")))]
    assert all(isinstance(item, Passed) for item in found)


def test_links_and_pipes_in_a_folder_are_not_followed(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    source, secret = tmp_path / "source", tmp_path / "secret"
    put(source, {day(1): bench.seal(gzip.compress(event(1)))})
    secret.write_bytes(bench.seal(gzip.compress(event(9))))
    (source / day(2)).symlink_to(secret)
    (source / day(3)).symlink_to("/dev/zero")
    os.mkfifo(source / day(4))
    (source / day(5)).symlink_to(source / day(5))
    (source / "loop").symlink_to(source)
    said = desk.run("sync", "--json", "--source", str(source), "--only", "events", "--keep", str(tmp_path / "kept"), check=True)
    assert (said.json["objects"], said.json["skipped"]) == (1, 4)
    assert desk.count("events") == 1
    assert [path.relative_to(tmp_path / "kept").as_posix() for path in (tmp_path / "kept").rglob("*") if path.is_file()] == [day(1)]


def special(name: str, kind: bytes, link: str = "") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry.tobuf(tarfile.GNU_FORMAT)


def entry_of(name: str, data: bytes) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    return entry.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape") + data + bytes(-len(data) % 512)


def test_entries_of_a_tar_that_are_no_files_are_left_out(bench: Bench) -> None:
    """Nothing is ever unpacked to a disk; paths are data."""
    entries = [
        entry_of("course/course.xml", b"<course/>"),
        special("course/html/link.html", tarfile.SYMTYPE, "/etc/passwd"),
        special("course/html/hard.html", tarfile.LNKTYPE, "course/course.xml"),
        special("course/html/device.html", tarfile.CHRTYPE),
        special("course/html/pipe.html", tarfile.FIFOTYPE),
        entry_of("../../html/outside.html", b"x"),
        entry_of("/etc/html/absolute.html", b"x"),
        entry_of("course/html/" + "deep/" * 900 + "a.html", b"x"),
        entry_of("course/html/twice.html", b"first"),
        entry_of("course/html/twice.html", b"second"),
        bytes(1024),
    ]
    outcome = bench.load(WEEK, bench.weekly({part("course", "xml.tar.gz"): gzip.compress(b"".join(entries))}))
    assert (outcome.state, outcome.counts.loaded) == (ImportState.LOADED, 2)
    assert {found["path"]: found["text"] for found in bench.found("course_content")} == {"course.xml": "<course/>", "html/twice.html": "first"}
    left = {note.removeprefix("left out: "): number for note, number in outcome.counts.notes.items()}
    assert left == {
        "a link": 2,
        "no regular file": 2,
        "a path that leads out of the archive": 2,
        "a path that is too long": 1,
        "twice in the archive": 1,
    }


def test_names_in_a_research_package_that_cannot_be_stored_are_left_out(bench: Bench) -> None:
    state = "state/2020-01-12/DemoX-D101-1T2020"
    entries = [
        entry_of(f"{state}-student_courseenrollment-prod-analytics.sql", enrollments(COURSE, 1, 2)),
        entry_of(f"{state}\udcff-auth_user-prod-analytics.sql", people(1)),
        entry_of("events/DemoX\udcff_D101_1T2020-events-2020-01-12.log.gz", gzip.compress(event(1))),
        *(entry_of(f"rubbish{number}", b"") for number in range(300)),
        bytes(1024),
    ]
    outcome = bench.load(RDX, bench.seal(gzip.compress(b"".join(entries))))
    assert (outcome.state, outcome.counts.loaded, outcome.members) == (ImportState.LOADED, 2, {"loaded": 1, "unknown": 302})
    assert len(outcome.warnings) == 100
    assert bench.collections() == {"student_courseenrollment", COURSES}


@pytest.mark.parametrize("course_id", [one for one in HOSTILE_IDS if one])
def test_what_is_no_course_id_names_no_course_of_a_research_package(bench: Bench, course_id: str) -> None:
    tar = tarred({"state/2020-01-12/DemoX-D101-1T2020-student_courseenrollment-prod-analytics.sql": enrollments(course_id, 1)})
    assert bench.load(RDX, bench.seal(gzip.compress(tar))).counts.loaded == 1
    assert {found["course_id"] for name in bench.collections() for found in bench.found(name)} == {COURSE}


def test_a_report_of_very_many_courses_can_still_be_looked_through(bench: Bench) -> None:
    """More text than fits into one document of the database: some, long, in the place of many."""
    ids = [f"{number}{'x' * 2 * MB}" for number in range(9)]
    for course_id in ids:
        bench.store.database["email_opt_in"].insert_one({"site": "prod", "course_id": course_id, "import": {"object": "a report"}})
    assert courses_from(bench.store, "email_opt_in", "prod", "^a report$") == ids


# --- what is the institution's own


def test_yaml_made_to_grow_or_to_run_is_not_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "courses.yaml"
    steps = [f"{after}: &{after} [{','.join(9 * [f'*{before}'])}]\n" for before, after in pairwise("abcdefghij")]
    grows = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(steps)
    runs = "courses:\n  - id: !!python/object/apply:os.system ['touch owned']\n"
    deep = "courses: " + "[" * 2000
    itself = "courses: &a\n  - *a\n"
    for text in (grows, runs, deep, itself, "\0", "a: *b"):
        path.write_text(text)
        with pytest.raises(ConfigurationError):
            load_courses(path)
    assert not (tmp_path / "owned").exists()
    assert not Path("owned").exists()


def test_a_key_file_that_cannot_be_a_key_is_told(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    put(tmp_path / "source", {day(1): bench.seal(gzip.compress(event(1)))})
    (tmp_path / "key.asc").write_bytes(b"x" * (20 * MB))
    said = desk.run("sync", "--source", str(tmp_path / "source"), "--only", "events", KEY_FILE=str(tmp_path / "key.asc"))
    assert said.code == 3
    assert "key" in said.err
    assert len(said.err) < 2000
