"""Files that were cut, changed or added to on their way: nothing of them reaches the database, all else does, and the good file is taken later.

Most tests load in this process, many damaged copies of small files; the last ones tell what a person sees.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from bench import MAIL, RDX, WEEK, Bench, day, opened_bench, put, tarred, zipped
from damage import CONTENT, CSV, LOG, MEMBERS, RESEARCH, changed_zip, event, flipped, places, refused, sealed_member, spans
from desk import Desk

from edx_import.model import ImportState
from edx_import.sample.sealing import InstitutionKey


@pytest.fixture(scope="module")
def open_bench(mongod: str, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with opened_bench(mongod, institution, tmp_path_factory.mktemp("scratch"), "tampered") as bench:
        yield bench


@pytest.fixture
def bench(open_bench: Bench) -> Bench:
    open_bench.clear()
    return open_bench


# --- messages: an event file, a research package


@pytest.mark.parametrize(("key", "content"), [(day(12), LOG), (RDX, RESEARCH)], ids=["events", "research package"])
def test_a_message_that_is_cut_changed_or_added_to_leaves_no_trace(bench: Bench, key: str, content: bytes) -> None:
    good = bench.sealer.seal(gzip.compress(content), compress=False)
    assert bench.load(day(1), bench.seal(gzip.compress(event(100, "DemoX/D90/2013_Fall")))).counts.loaded == 1
    before = bench.hash()
    for place in places(len(good), 8):
        if place:
            refused(bench.load(key, good[:place]), bench, before)
        refused(bench.load(key, flipped(good, place)), bench, before)
    for added in (b"\n", b"rubbish", good, bench.seal(b"more")):
        refused(bench.load(key, good + added), bench, before)
    outcome = bench.load(key, good)
    assert outcome.state is ImportState.LOADED
    assert outcome.counts.loaded > 0
    assert bench.hash() != before


def gzip_with(data: bytes, *, crc: int = 0, size: int = 0) -> bytes:
    """A gzip whose trailer is wrong by so much."""
    packed = gzip.compress(data)
    stated_crc, stated_size = struct.unpack("<2L", packed[-8:])
    return packed[:-8] + struct.pack("<2L", stated_crc ^ crc, stated_size ^ size)


PACKED = {
    "checksum": gzip_with(LOG, crc=1),
    "length": gzip_with(LOG, size=1),
    "trailer cut": gzip.compress(LOG)[:-1],
    "no trailer": gzip.compress(LOG)[:-8],
    "cut": gzip.compress(LOG)[:-60],
    "rubbish after it": gzip.compress(LOG) + b"rubbish",
    "half a second one": gzip.compress(LOG) + gzip.compress(event(99))[:-5],
    "second one damaged": gzip.compress(LOG) + gzip_with(event(99), crc=7),
    "no gzip": LOG,
    "nothing": b"",
    "another message within": b"\xcb\x0bb\x00\0\0\0\0hello",
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED.keys())
def test_a_broken_gzip_that_is_sealed_well_leaves_no_trace(bench: Bench, packed: bytes) -> None:
    """Anybody can seal: the key for it is public."""
    refused(bench.load(day(12), bench.seal(packed)), bench, {})


def test_two_gzips_in_a_row_are_one_file(bench: Bench) -> None:
    """So the format has it; both must be whole."""
    outcome = bench.load(day(12), bench.seal(gzip.compress(LOG + b"\n") + gzip.compress(event(99))))
    assert (outcome.state, outcome.counts.loaded) == (ImportState.LOADED, 41)


TARS = {
    "no end": RESEARCH.rstrip(b"\0") + bytes(-len(RESEARCH.rstrip(b"\0")) % 512),
    "half an end": RESEARCH[: len(RESEARCH.rstrip(b"\0")) + -len(RESEARCH.rstrip(b"\0")) % 512] + bytes(512),
    "member cut": RESEARCH[: RESEARCH.rindex(b"course-prod") + 600],
    "header damaged": flipped(RESEARCH, RESEARCH.rindex(b"course-prod")),
    "something after it": RESEARCH + b"more",
    "events within cut": tarred({"events/DemoX_D101_1T2020-events-2020-01-12.log.gz": gzip.compress(LOG)[:-9]}),
    "content within cut": tarred({"state/2020-01-12/DemoX-D101-1T2020-course-prod-analytics.xml.tar.gz": CONTENT[:-9]}),
    "no tar": LOG,
}


@pytest.mark.parametrize("tar", TARS.values(), ids=TARS.keys())
def test_a_broken_tar_that_is_sealed_well_leaves_no_trace(bench: Bench, tar: bytes) -> None:
    refused(bench.load(RDX, bench.seal(gzip.compress(tar))), bench, {})


def test_an_earlier_delivery_stays_when_the_next_one_is_damaged(bench: Bench) -> None:
    assert bench.load(day(12), bench.seal(gzip.compress(LOG))).counts.loaded == 40
    before, again = bench.hash(), bench.seal(gzip.compress(LOG + b"\n" + event(90)))
    for damaged in (again[:-30], flipped(again, len(again) // 2), bench.seal(gzip.compress(event(90))[:-4])):
        refused(bench.load(day(12), damaged), bench, before)
    assert bench.load(day(12), again).counts.loaded == 41


# --- the e-mail report


def test_an_email_report_that_is_damaged_leaves_no_trace(bench: Bench) -> None:
    data = zipped({"email-opt-in-demox-2020-01-12/demox-email_opt_in-prod-analytics.csv.gpg": bench.seal(CSV)})
    for place in places(len(data), 8)[1:]:
        refused(bench.load(MAIL, data[:place]), bench, {})
    (content,) = [(first, end) for kind, first, end in spans(data) if kind == "content"]
    for place in Random(2).sample(range(*content), 5):
        outcome = bench.load(MAIL, flipped(data, place))
        refused(outcome, bench, {})
        assert any("email_opt_in" in warning for warning in outcome.warnings)
    assert bench.load(MAIL, data).counts.loaded == 8


# --- what a person sees


def test_a_sync_over_damaged_files_says_what_is_wrong_with_each_and_loads_the_rest(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    week = zipped({f"demox-2020-01-12/{path}": bench.seal(data) for path, data in MEMBERS.items()})
    good = {
        WEEK: week,
        MAIL: zipped({"email-opt-in-demox-2020-01-12/demox-email_opt_in-prod-analytics.csv.gpg": bench.seal(CSV)}),
        RDX: bench.seal(gzip.compress(RESEARCH)),
        **{day(number): bench.seal(gzip.compress(event(number))) for number in range(1, 6)},
    }
    damaged = {
        WEEK: changed_zip(week, lambda members: members | {sealed_member(members, "auth_user"): b"x" * 99}),
        MAIL: good[MAIL][:-30],
        RDX: bench.seal(gzip.compress(TARS["no end"])),
        day(1): good[day(1)][:-20],
        day(2): flipped(good[day(2)], -25),
        day(3): good[day(3)] + b"x",
        day(4): bench.seal(gzip.compress(event(4))[:-2]),
    }
    source = tmp_path / "source"
    arguments = ("sync", "--source", str(source), *(f"--only={kind}" for kind in ("database", "email", "rdx", "events")))
    put(source, good | damaged)
    said = desk.run(*arguments, "--json")
    assert said.code == 7
    errors = {found["key"]: found["error"]["what"] for found in said.json["imports"] if "error" in found}
    assert errors.keys() == damaged.keys()
    assert "1 members" in errors[WEEK]
    assert "auth_user" in said.err
    assert "ZIP" in errors[MAIL]
    assert "tar archive is cut short" in errors[RDX]
    assert "cut short" in errors[day(1)]
    assert "damaged" in errors[day(2)]
    assert "after the end" in errors[day(3)]
    assert "gzip stream is cut short" in errors[day(4)]
    assert desk.count("events") == 1
    assert desk.count("email_opt_in") == desk.count("auth_user") == desk.count("rejects") == 0
    assert desk.count("student_courseenrollment") == 14
    put(source, good)
    desk.run(*arguments, check=True)
    repaired = desk.hash()
    desk.run(*arguments, "--force", check=True, STORAGE_DB=f"{desk.database}_clean")
    clean = Desk(desk.uri, f"{desk.database}_clean")
    assert repaired == clean.hash()
    with clean.store() as store:
        store.drop()
