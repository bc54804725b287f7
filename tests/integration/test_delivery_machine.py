"""Any mix of deliveries, re-deliveries, dirty files, faults and repeats ends in the database of one clean run of the last state.

Real gpg, real MongoDB; the source is memory. A crash is an exception that no part of the program expects, raised at a step of the delivery. Events
are those of all versions of their files; of tables, what the newest package has.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from edx_import.courses import load_courses
from edx_import.decryption import Keyring
from edx_import.errors import Interrupted, SourceError
from edx_import.model import CourseFilter, DeliveredObject, ImportState, ObjectKind, ObjectName
from edx_import.packages.memory import MemorySource
from edx_import.packages.naming import build_key
from edx_import.progress import SilentProgress, Step
from edx_import.sample.sealing import Sealer
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.store.ledger import Ledger
from edx_import.sync.outcome import SyncSummary
from edx_import.sync.plan import SyncRequest
from edx_import.sync.pool import InlineExecutor
from edx_import.sync.run import execute, prepare
from edx_import.sync.tools import Tools

pytestmark = pytest.mark.proof

OURS, THEIRS = "course-v1:DemoX+D101+1T2020", "course-v1:DemoX+D102+2T2020"
PARTS = {OURS: "DemoX-D101-1T2020", THEIRS: "DemoX-D102-2T2020"}
DAYS = [date(2020, 1, 10), date(2020, 1, 11)]
FIRST_WEEK = date(2020, 1, 12)

LINES = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 25), st.sampled_from([OURS, THEIRS])),
        st.sampled_from([b"null", b"{}", b"not JSON", b'{"time": "2020-13-01T00:00:00"}', b'{"time": "2020-01-10T10:00:00", "a.b": "\xff"}']),
    ),
    max_size=25,
)
ROWS = st.dictionaries(st.integers(1, 30), st.sampled_from(["audit", "verified", "honor"]), max_size=20)
COURSES = st.dictionaries(st.sampled_from([OURS, THEIRS]), st.tuples(ROWS, ROWS), min_size=1)
FAULTS = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from([Step.FETCHING, Step.FETCHED, Step.VERIFIED, Step.READING, Step.WRITTEN, Step.REMOVED, Step.RECORDING]), st.integers(1, 4)
    ),
)


class CrashError(BaseException):
    """What nobody expects, and nobody records."""


class Struck(SilentProgress):
    """Raises at a step."""

    def __init__(self, step: Step, nth: int, error: BaseException) -> None:
        self._step, self._left, self._error = step, nth, error

    def step(self, key: str, step: Step) -> None:
        self._left -= step is self._step
        if step is self._step and self._left == 0:
            raise self._error


class Broken(MemorySource):
    """A source whose bytes arrive changed, or do not arrive. Only their first `times`."""

    def __init__(self, objects: dict[str, bytes], damage: Callable[[bytes], bytes], times: int) -> None:
        super().__init__(objects)
        self._damage, self._left = damage, times

    def open(self, delivered: DeliveredObject) -> BinaryIO:
        data = super().open(delivered).read()
        self._left -= 1
        return io.BytesIO(self._damage(data) if self._left >= 0 else data)


def gone(data: bytes) -> bytes:
    raise SourceError("the object is gone", "Run the command again.")


DAMAGES = {"cut": lambda data: data[: len(data) // 2], "flipped": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:], "gone": gone}


@dataclass(frozen=True)
class Bench:
    """What the machine works with; of the session."""

    uri: str
    keyring: Keyring
    sealer: Sealer
    scratch: Path

    def database(self) -> Store:
        store = Store.connect(self.uri, f"machine_{uuid4().hex[:10]}")
        ensure_collections(store)
        return store

    def sync(self, store: Store, source: MemorySource, progress: SilentProgress | None = None, **request: Any) -> SyncSummary:
        tools = Tools(source, self.keyring, store, load_courses(None), self.scratch, progress=progress or SilentProgress())
        prepared = prepare(source, store, SyncRequest(("demox",), (ObjectKind.DATABASE, ObjectKind.EVENTS), **request))
        return execute(prepared, lambda _: InlineExecutor(tools), tools.progress)


def event_line(line: tuple[int, str] | bytes) -> bytes:
    if isinstance(line, bytes):
        return line
    number, course = line
    return json.dumps(
        {"time": f"2020-01-10T10:00:{number:02d}+00:00", "event_type": "page_close", "event": "", "context": {"course_id": course}}
    ).encode()


class Delivery(RuleBasedStateMachine):
    """A bucket that changes, and syncs that are struck."""

    bench: Bench

    @initialize()
    def begin(self) -> None:
        self.store = self.bench.database()
        self.objects: dict[str, bytes] = {}
        self.versions: dict[str, list[list[bytes]]] = {}
        self.week: tuple[str, bytes] | None = None
        self.next_week = FIRST_WEEK

    @rule(day=st.sampled_from(DAYS), lines=LINES)
    def events_are_delivered(self, day: date, lines: list[tuple[int, str] | bytes]) -> None:
        key = build_key(ObjectName(ObjectKind.EVENTS, "demox", day, "edx"))
        self._settle(key)
        log = [event_line(line) for line in lines]
        self.objects[key] = self._sealed_log(log)
        self.versions.setdefault(key, []).append(log)

    @rule(courses=COURSES)
    def package_is_delivered(self, courses: dict[str, tuple[dict[int, str], dict[int, str]]]) -> None:
        key = build_key(ObjectName(ObjectKind.DATABASE, "demox", self.next_week))
        self.objects[key] = self._package(key.removesuffix(".zip"), courses)
        self.next_week += timedelta(days=7)

    @precondition(lambda self: self.objects)
    @rule(fault=FAULTS, crash=st.booleans(), force=st.booleans())
    def sync(self, fault: tuple[Step, int] | None, crash: bool, force: bool) -> None:
        struck = Struck(*fault, CrashError() if crash else Interrupted("stopped")) if fault else None
        try:
            self.bench.sync(self.store, MemorySource(self.objects), struck, force=force)
        except CrashError:
            assert crash

    @precondition(lambda self: self.objects)
    @rule(damage=st.sampled_from(sorted(DAMAGES)), times=st.integers(1, 2))
    def sync_of_what_arrives_damaged(self, damage: str, times: int) -> None:
        self.bench.sync(self.store, Broken(self.objects, DAMAGES[damage], times))

    @precondition(lambda self: self.objects)
    @rule(course=st.sampled_from([OURS, THEIRS]))
    def sync_of_one_course(self, course: str) -> None:
        self.bench.sync(self.store, MemorySource(self.objects), courses=CourseFilter((course,)))

    def teardown(self) -> None:
        try:
            if self.objects:
                self._compare()
        finally:
            self.store.drop()
            self.store.close()

    def _compare(self) -> None:
        summary = self.bench.sync(self.store, MemorySource(self.objects), retry_failed=True)
        assert not summary.failed, [outcome.error for outcome in summary.failed]
        assert all(outcome.counts.balanced for outcome in summary.outcomes)
        newest = max((key for key in self.objects if key.endswith(".zip")), default=None)
        last = {key: data for key, data in self.objects.items() if not key.endswith(".zip") or key == newest}
        union = last | {key: self._sealed_log([line for version in versions for line in version]) for key, versions in self.versions.items()}
        found, of_last, of_union = database_hash(self.store), self._clean(last), self._clean(union)
        assert found.pop("rejects", "") == of_last.pop("rejects", "")
        assert found.get("events") == of_union.get("events")
        for name in ("auth_user", "student_courseenrollment"):
            assert found.get(name) == of_last.get(name)
        assert not self.bench.sync(self.store, MemorySource(self.objects)).outcomes

    def _clean(self, objects: dict[str, bytes]) -> dict[str, str]:
        with self.bench.database() as store:
            assert not self.bench.sync(store, MemorySource(objects)).failed
            try:
                return database_hash(store)
            finally:
                store.drop()

    def _settle(self, key: str) -> None:
        """What was begun of a version is ended before the next takes its place: how much of it is in could not be told otherwise."""
        if key not in self.objects:
            return
        record = Ledger(self.store).record(key)
        if record is None or record.etag != md5(self.objects[key], usedforsecurity=False).hexdigest():
            self.versions[key].pop()  # nobody has seen it
        elif record.state is not ImportState.LOADED or not record.filter.takes_all:
            self.bench.sync(self.store, MemorySource(self.objects), retry_failed=True)

    def _sealed_log(self, log: list[bytes]) -> bytes:
        return self.bench.sealer.seal(gzip.compress(b"".join(line + b"\n" for line in log)))

    def _package(self, top: str, courses: dict[str, tuple[dict[int, str], dict[int, str]]]) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for course in (OURS, THEIRS):
                users, enrolments = courses.get(course, ({}, {}))
                names = [f"{number}\tlearner{number}\t{name}" for number, name in users.items()]
                modes = [f"{number}\t{number}\t{course}\t2020-01-01 00:00:00\t1\t{mode}" for number, mode in enrolments.items()]
                self._member(archive, top, course, "auth_user", ["id\tusername\tfirst_name", *names])
                self._member(archive, top, course, "student_courseenrollment", ["id\tuser_id\tcourse_id\tcreated\tis_active\tmode", *modes])
        return made.getvalue()

    def _member(self, archive: zipfile.ZipFile, top: str, course: str, task: str, rows: list[str]) -> None:
        sealed = self.bench.sealer.seal("".join(f"{row}\n" for row in rows).encode())
        archive.writestr(f"{top}/{PARTS[course]}-{task}-prod-analytics.sql.gpg", sealed)


def test_whatever_happens_the_database_is_that_of_one_clean_run(mongod: str, keyring: Keyring, sealer: Sealer, tmp_path: Path) -> None:
    Delivery.bench = Bench(mongod, keyring, sealer, tmp_path)
    # MIXES=300 for a long look
    chosen = settings(
        max_examples=int(os.environ.get("MIXES", "15")),
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Delivery, settings=chosen)
