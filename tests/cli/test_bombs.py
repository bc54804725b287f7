"""Bombs: small packages that would fill memory or never end. Each costs no more than itself, whatever it is made of.

Several go through the whole command line, whose memory is measured.
"""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import bson
import measured
import pytest
from bench import COURSE, MB, RDX, WEEK, Bench, day, enrollments, opened_bench, part, people, put, tarred, zipped
from desk import Desk, Said

from edx_import.model import Document, ImportState, Rejected
from edx_import.packages.archive import MAX_MEMBERS, Archive
from edx_import.sample.sealing import InstitutionKey
from edx_import.store.writer import WriteTarget, write

pytestmark = pytest.mark.proof

LONG = 15 * MB

#: What a sync may hold at most, whatever it is given, in bytes.
MOST_MEMORY = 400 * MB

DEEP = b"[" * 100_000 + b"]" * 100_000


def event(number: int, more: bytes = b"") -> bytes:
    return b'{"time": "2020-01-12T10:00:00.%06d+00:00"' % number + more + b"}"


@pytest.fixture(scope="module")
def open_bench(mongod: str, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with opened_bench(mongod, institution, tmp_path_factory.mktemp("scratch"), "bombs") as bench:
        yield bench


@pytest.fixture
def bench(open_bench: Bench) -> Bench:
    open_bench.clear()
    return open_bench


def sync_measured(desk: Desk, folder: Path, only: str, target: Path) -> Said:
    """A sync as JSON, in no more memory than it may take."""
    command = [sys.executable, measured.__file__, str(target), "sync", "--json", "--source", str(folder), "--only", only]
    done = subprocess.run(command, env=desk.environment, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    peak = int(target.read_text())
    print(f"{peak / MB:.0f} MB")
    assert peak < MOST_MEMORY, f"{peak / MB:.0f} MB"
    return Said(done.returncode, done.stdout, done.stderr)


# --- lines and members


def log_of(*lines: bytes) -> bytes:
    """A good line, the others, and another good line."""
    return gzip.compress(b"\n".join([event(1), *lines, event(2)]), 1)


EVENT_BOMBS: dict[str, tuple[Callable[[], bytes], dict[str, int]]] = {
    "a line of 20 MB": (lambda: log_of(event(3, b', "x": "' + b"y" * (20 * MB) + b'"')), {"line over 16 MB": 1}),
    "five million empty objects": (lambda: log_of(event(3, b', "x": [' + b"{}," * (LONG // 3) + b"0]")), {"document over 16 MB": 1}),
    "the same, not in UTF-8": (lambda: log_of(event(3, b', "y": "\xff", "x": [' + b"[]," * (LONG // 3) + b"0]")), {"document over 16 MB": 1}),
    "the same within a payload": (lambda: log_of(event(3, b', "event": "[' + b"{}," * (LONG // 3) + b'0]"')), {}),
    "half a million keys": (lambda: log_of(event(3, b', "x": {' + b",".join(b'"%06x":0' % n for n in range(500_000)) + b"}")), {}),
    "100,000 levels": (lambda: log_of(event(3, b', "x": ' + DEEP)), {"nested too deep": 1}),
    "100,000 levels of objects": (lambda: log_of(event(3, b', "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000)), {"nested too deep": 1}),
    "a number of 15 million digits": (lambda: log_of(event(3, b', "x": ' + b"9" * LONG)), {"document over 16 MB": 1}),
}


def test_bombs_of_event_lines_cost_their_line_and_little_memory(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    files = {day(number): bench.sealer.seal(make(), compress=False) for number, (make, _) in enumerate(EVENT_BOMBS.values(), 1)}
    put(tmp_path / "source", files)
    said = sync_measured(desk, tmp_path / "source", "events", tmp_path / "peak")
    assert said.code == 0
    found = {outcome["key"]: outcome for outcome in said.json["imports"]}
    for number, (name, (_, reasons)) in enumerate(EVENT_BOMBS.items(), 1):
        outcome = found[day(number)]
        assert outcome["state"] == "loaded", name
        assert outcome.get("reject_reasons", {}) == reasons, name
        assert outcome["counts"]["loaded"] + outcome["counts"]["duplicate"] >= 2, name
    assert desk.hash().keys() <= {"events", "rejects", "meta", "courses"}


PEOPLE = people(1)
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]><html>&j;</html>"  # fmt: skip


def test_bombs_of_weekly_members_cost_themselves_and_little_memory(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    content = {
        "course/course.xml": b"<course/>",
        "course/html/laughs.xml": LAUGHS,
        "course/html/deep.xml": b"<a>" * 100_000,
        "course/problem/large.xml": b"x" * (17 * MB),
        "course/problem/huge.xml": b"x" * (65 * MB),
        "course/policies/deep.json": b"[" * 100_000,
        "course/policies/wide.json": b"[" + b"[]," * (LONG // 3) + b"0]",
    }
    post = b'{"_id": {"$oid": "5e1a0000000000000000000%d"}, "course_id": "course-v1:DemoX+D101+1T2020", "x": %s}\n'
    members = {
        part("student_courseenrollment"): enrollments(COURSE, 1, 2) + b"3\t3\t" + b"x" * (20 * MB) + b"\t\t1\taudit\n",
        part("auth_user"): PEOPLE + b"2\tb\t" + b"x" * (20 * MB) + b"\n3" + b"\t" * LONG + b"\nb'4'\tb'" + b"y" * (LONG // 2) + b"'\tb''\n",
        part("auth_userprofile"): b"\t" * LONG + b"\n1\n",
        part("certificates_generatedcertificate"): b"\t".join(b"c" for _ in range(4000)) + b"\n",
        part("courseware_studentmodule"): b"id\tstate\tstudent_id\n1\t[" + b"{}," * (LONG // 3) + b"0]\t7\n",
        "DemoX-D101-1T2020-prod.mongo.gpg": post % (1, b"0") + post % (2, DEEP) + post % (3, b"[" + b"{}," * MB * 5 + b"0]"),
        part("course_structure", "json"): b'{"block-v1:DemoX+D101+1T2020+type@course+block@course": {"category": "course"}, "b": %s}' % DEEP,
        part("course", "xml.tar.gz"): gzip.compress(tarred(content), 1),
    }
    put(tmp_path / "source", {WEEK: bench.weekly(members)})
    said = sync_measured(desk, tmp_path / "source", "database", tmp_path / "peak")
    assert said.code == 7
    (outcome,) = said.json["imports"]
    assert outcome["members"] == {"failed": 2, "loaded": 6}
    assert "15,728,641 columns" in said.err
    assert "4000 of its 4000 columns are not those of certificates_generatedcertificate" in said.err
    assert outcome["counts"]["loaded"] == sum(desk.count(name) for name in outcome["collections"])
    loaded = {name: desk.count(name) for name in ("student_courseenrollment", "auth_user", "courseware_studentmodule", "forum", "course_structure")}
    assert loaded == {"student_courseenrollment": 2, "auth_user": 2, "courseware_studentmodule": 1, "forum": 1, "course_structure": 1}
    files = {found["path"]: found for found in desk.find("course_content")}
    assert files.keys() == {"course.xml", "html/laughs.xml", "html/deep.xml", "policies/deep.json", "policies/wide.json"}
    assert files["html/laughs.xml"]["text"] == LAUGHS.decode()
    assert (files["html/laughs.xml"]["attributes"], files["html/laughs.xml"]["children"]) == ({}, [])
    notes = outcome["counts"]["notes"]
    assert (notes["left out: too large"], notes["XML with a document type"], notes["JSON that cannot be read"]) == (1, 1, 2)


@pytest.mark.parametrize("loaded", [True, False])
def test_long_lines_that_say_little_are_not_heaped_up(bench: Bench, loaded: bool) -> None:
    """A line of blanks makes a small document, and a rejected one is kept by its beginning: a batch of such rows is no batch of their lines."""
    made = bson.ObjectId.from_datetime(datetime(2020, 1, 12, tzinfo=UTC)).binary[:8]

    def rows() -> Iterator[Document | Rejected]:
        for number in range(60):
            raw = bytes(8 * MB)
            row_id = bson.ObjectId(made + number.to_bytes(4))
            yield Document("events", {"_id": row_id}, number, raw) if loaded else Rejected(number, "not JSON", raw)

    tracemalloc.start()
    written = write(bench.store, rows(), WriteTarget(day(1), "content", replace=False))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * MB
    assert (written.counts.loaded, written.counts.rejected) == ((60, 0) if loaded else (0, 60))


def test_a_message_that_openpgp_itself_inflates_is_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are not gzipped, so that no other limit would hold for them; and a gzip within may be inflated twice."""
    monkeypatch.setattr("edx_import.decryption.verification.FREE_SIZE", 2 * MB)
    monkeypatch.setattr("edx_import.decryption.verification.MAX_RATIO", 100)
    outcome = bench.load(WEEK, bench.weekly({part("auth_user"): PEOPLE + b"\n" * (9 * MB), part("student_courseenrollment"): enrollments(COURSE, 1)}))
    assert outcome.members == {"failed": 1, "loaded": 1}
    assert any("auth_user" in warning and "100 times its size" in warning for warning in outcome.warnings)
    twice = bench.load(day(12), bench.seal(gzip.compress(event(1) + b"\n" * (9 * MB))))
    assert (twice.state, twice.counts.read) == (ImportState.FAILED, 0)
    assert bench.collections() == {"student_courseenrollment", "courses"}


def test_archives_within_a_research_package_are_held_against_all_of_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edx_import.sync.load_rdx.FREE_SIZE", 20 * MB)
    bomb = gzip.compress(event(1) + b"\n" * (9 * MB), 9)
    tar = tarred({f"events/DemoX_D101_1T2020-events-2020-01-{number:02d}.log.gz": bomb for number in range(1, 5)})
    outcome = bench.load(RDX, bench.seal(gzip.compress(tar)))
    assert outcome.state is ImportState.FAILED
    assert "inflate to more than 1,000 times" in str(outcome.error)
    assert bench.collections() == set()


def test_a_research_package_with_an_endless_course_structure_is_refused_unread(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edx_import.sync.load_rdx.HELD_LIMIT", MB)
    tar = tarred({"state/2020-01-12/DemoX-D101-1T2020-course_structure-prod-analytics.json": b" " * (2 * MB)})
    outcome = bench.load(RDX, bench.seal(gzip.compress(tar)))
    assert "a course structure of 2,097,152 bytes" in str(outcome.error)
    assert bench.collections() == set()


# --- ZIP


def refused(bench: Bench, key: str, data: bytes, *words: str) -> None:
    outcome = bench.load(key, data)
    assert outcome.state is ImportState.FAILED
    assert all(word in str(outcome.error) for word in words), outcome.error
    assert bench.collections() == set()


def test_zips_within_zips_are_no_messages(bench: Bench) -> None:
    """A ZIP is opened once, and what is in it has to be sealed: one that holds itself is no more than a member that is broken."""
    inner = zipped({"x": b"y" * 1000})
    data = zipped({f"demox-2020-01-12/{part('auth_user')}": inner, f"demox-2020-01-12/{part('teams')}": bench.seal(inner), "inner.zip": inner})
    outcome = bench.load(WEEK, data)
    assert outcome.members == {"failed": 2, "unknown": 1}
    assert bench.collections() <= {"courses", "rejects"}
    assert any("no OpenPGP message" in warning for warning in outcome.warnings)


def directory_entry(name: bytes, *, flags: int = 0, method: int = 0, sizes: tuple[int, int] = (0, 0), offset: int = 0) -> bytes:
    fields = (20, 3, 20, 0, flags, method, 0, 33, 0, *sizes, len(name), 0, 0, 0, 0, 0, offset)
    return struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *fields) + name


def zip_of(entries: list[bytes], before: bytes = b"") -> bytes:
    directory = b"".join(entries)
    number = min(len(entries), 0xFFFF)
    return before + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, number, number, len(directory), len(before), 0)


def local(name: bytes, size: int) -> bytes:
    return struct.pack("<4s2B4HL2L2H", b"PK\3\4", 20, 0, 0, 0, 0, 33, 0, size, size, len(name), 0) + name


SHARED = local(b"a.gpg", 9) + bytes(9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: zip_of([directory_entry(b"%d" % number) for number in range(MAX_MEMBERS + 1)], local(b"0", 0)), "20,001 members"),
        (lambda: zip_of([directory_entry(b"%x" % number) for number in range(250_000)]), "cut or damaged"),
        (lambda: zip_of([directory_entry(b"a.gpg", sizes=(9, 9)), directory_entry(b"b.gpg", sizes=(9, 9))], SHARED), "shares its bytes"),
        (lambda: zip_of([directory_entry(b"a.gpg", flags=1)], local(b"a.gpg", 0)), "encrypted by ZIP"),
        (lambda: zip_of([directory_entry(b"a.gpg", method=12)], local(b"a.gpg", 0)), "compressed by a method"),
        (lambda: zip_of([directory_entry(b"a.gpg", method=8, sizes=(9, 2**31))], SHARED), "inflates to 2,147,483,648 bytes from 9"),
        (lambda: zip_of([directory_entry(b"a.gpg"), directory_entry(b"a.gpg")], SHARED), "twice"),
        (lambda: zip_of([directory_entry(b"n" * 1025)], local(b"n" * 1025, 0)), "too long"),
        (lambda: zip_of([directory_entry(b"a.gpg", offset=2**31)], SHARED), "cut or damaged"),
        *(
            (lambda name=name: zip_of([directory_entry(name)], local(name, 0)), "leads out")
            for name in (b"../../x.gpg", b"/etc/passwd", b"C:\\x.gpg", b"a\\..\\..\\x.gpg", b"\\\\host\\share\\x", b"demox/../../x.gpg")
        ),
    ],
)
def test_zips_made_to_harm_are_refused_unread(bench: Bench, make: Callable[[], bytes], words: str) -> None:
    refused(bench, WEEK, make(), words)


def test_a_zip_of_5_gb_is_read_quickly_and_in_little_memory(tmp_path: Path) -> None:
    """The large member is a hole in the file, so that it takes no disk; the small ones lie behind it, beyond 4 GB."""
    size, path = 5 * 2**30, tmp_path / "large.zip"
    with path.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        large = zipfile.ZipInfo("demox-2020-01-12/large.gpg")
        large.file_size = size
        with archive.open(large, "w", force_zip64=True):
            pass
        file.seek(size, os.SEEK_CUR)
        info = archive.getinfo(large.filename)
        info.file_size = info.compress_size = size
        archive.start_dir = file.tell()
        for number in range(3):
            archive.writestr(f"demox-2020-01-12/small{number}.gpg", b"%d" % number * 100)
    assert path.stat().st_blocks * 512 < MB
    tracemalloc.start()
    with path.open("rb") as stored, Archive(stored) as read:
        assert [member.size for member in read.members()] == [size, 100, 100, 100]
        for number in range(3):
            with read.open(f"demox-2020-01-12/small{number}.gpg") as stream:
                assert stream.read() == b"%d" % number * 100
        with read.open("demox-2020-01-12/large.gpg") as stream:
            for _ in range(200):
                assert len(stream.read(MB)) == MB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * MB
