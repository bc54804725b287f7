"""Every line of every file is accounted for: read = loaded + duplicate + rejected + filtered, whatever the file holds and however often it comes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edx_import.courses import load_courses
from edx_import.decryption import Keyring
from edx_import.model import CourseFilter, ImportState, ObjectKind, ObjectName
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.memory import MemorySource
from edx_import.packages.naming import build_key
from edx_import.sample.sealing import Sealer
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.sync.load_object import load_object
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Coverage, Task
from edx_import.sync.tools import Tools

KEY = build_key(ObjectName(ObjectKind.EVENTS, "demox", date(2020, 1, 12), "edx"))
OURS, THEIRS = "course-v1:DemoX+D101+1T2020", "DemoX/D90/2013_Fall"

Load = Callable[..., ObjectOutcome]


def line(number: int, course: str) -> bytes:
    event = {"time": f"2020-01-12T10:00:00.{number:06d}+00:00", "event_type": "page_close", "context": {"course_id": course}, "event": ""}
    return json.dumps(event).encode()


GOOD = st.builds(line, st.integers(0, 30), st.sampled_from([OURS, THEIRS, ""]))
DIRTY = st.one_of(
    st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")),
    GOOD.map(lambda good: good[: len(good) // 2]),
    GOOD.map(lambda good: b"Jan 12 10:00:00 localhost " + good),
    GOOD.map(lambda good: good + b"\xff"),
    st.sampled_from([b"null", b"[1]", b"{}", b"5", b'"x"', b"", b"  ", b'{"time": 3}', b'{"time": "2020-13-01T00:00:00"}']),
    st.sampled_from([b'{"time": "2020-01-12T10:00:00", "\xc3": 1}', b'{"time": "2020-01-12T10:00:00", "a.b": {"$c": 12345678901234567890123}}']),
)
FILES = st.lists(st.one_of(GOOD, GOOD, GOOD, DIRTY), max_size=60)


@pytest.fixture
def load(database: Store, keyring: Keyring, sealer: Sealer, tmp_path: Path) -> Load:
    """Delivers a log and loads it."""

    def loaded(log: bytes, **task: Any) -> ObjectOutcome:
        source = MemorySource({KEY: sealer.seal(gzip.compress(log))})
        (delivered,) = [found for found in source.list(Wanted(ObjectKind.EVENTS, "demox")) if not isinstance(found, Passed)]
        tools = Tools(source, keyring, database, load_courses(None), tmp_path)
        coverage = Coverage(("prod",), task.pop("courses", CourseFilter()))
        return load_object(Task(delivered, "new", coverage, **task), tools)

    return loaded


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=FILES, filtered=st.booleans())
def test_every_line_is_loaded_duplicate_rejected_or_filtered(load: Load, database: Store, lines: list[bytes], filtered: bool) -> None:
    for name in ("events", "rejects", "imports"):
        database.database[name].delete_many({})
    courses = CourseFilter((OURS,)) if filtered else CourseFilter()
    first = load(b"\n".join(lines), courses=courses)
    counts = first.counts
    assert counts.read == sum(1 for line in lines if line.strip())
    assert counts.read == counts.loaded + counts.duplicate + counts.rejected + counts.filtered
    assert counts.loaded == database.database["events"].count_documents({})
    assert counts.rejected == database.database["rejects"].count_documents({}) == sum(first.reasons.values())
    if filtered:
        assert not database.database["events"].count_documents({"course_id": {"$ne": OURS}})
    before = database_hash(database)
    again = load(b"\n".join(lines), courses=courses, force=True)
    assert again.counts == counts
    assert database_hash(database) == before


def test_lines_that_come_again_in_another_version_are_kept_once(load: Load, database: Store) -> None:
    shared = [line(1, OURS), line(2, OURS)]
    assert load(b"\n".join(shared)).counts.loaded == 2
    counts = load(b"\n".join([line(3, OURS), *shared])).counts
    assert (counts.loaded, counts.duplicate) == (3, 0)
    assert database.database["events"].count_documents({}) == 3


def test_line_that_vanished_from_a_redelivered_file_stays(load: Load, database: Store) -> None:
    load(b"\n".join([line(1, OURS), line(2, OURS)]))
    load(line(2, OURS))
    assert database.database["events"].count_documents({}) == 2


def test_failed_object_leaves_a_record_of_each_delivery(load: Load, database: Store) -> None:
    for attempt in (1, 2):
        outcome = load(b"\n".join([b"no json"] * 200))
        assert outcome.state is ImportState.FAILED
        record = database.database["imports"].find_one({"_id": KEY})
        assert record is not None
        assert (record["state"], record["attempts"], len(record["versions"])) == ("failed", 1, attempt - 1)
        assert "200 of 200 rows were rejected" in record["error"]
