"""A MongoDB that fails in the middle of the work: the end and every number are those of a run where nothing happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, cycle
from typing import Any

import pymongo.common
import pytest
from bson import ObjectId
from relay import relay_to
from replica_set import Server, fail, mend, wait_until

from edx_import.errors import ExitCode, LockHeldError, StoreError
from edx_import.ids import event_id, row_id
from edx_import.model import Document, FastItem, ImportRecord, ImportState, Rejected
from edx_import.store import lock, patience
from edx_import.store.collections import COURSES, EVENTS, FORUM, INDEXES, META, ensure_collections
from edx_import.store.connection import Store
from edx_import.store.course_metadata import forget_course, known_courses, refresh_course, save_course
from edx_import.store.fingerprint import database_hash
from edx_import.store.ledger import Ledger
from edx_import.store.lock import EXPIRY_SECONDS, LOCK_ID, LockToken, sync_lock
from edx_import.store.rejects import kept_rejects
from edx_import.store.schema import check_schema
from edx_import.store.superseded import superseded
from edx_import.store.writer import WriteResult, WriteTarget, courses_from, remove_course, remove_gone, write

COURSE = "course-v1:DemoX+D101+1T2020"
OTHER = "course-v1:DemoX+D102+1T2020"
TABLE = "student_courseenrollment"
DAY = "universityx/edge/events/2026/universityx-edge-events-2026-02-03.log.gz.gpg"

EVENTS_OF_DAY = WriteTarget(DAY, "aaa", replace=False)
EVENTS_AGAIN = WriteTarget(DAY, "bbb", replace=False)
EVENTS_OF_NEXT_DAY = WriteTarget(DAY.replace("02-03", "02-04"), "ccc", replace=False)
WEEK = WriteTarget("universityx-2026-02-01.zip//enrollment.sql", "w1", replace=True)
NEXT_WEEK = WriteTarget("universityx-2026-02-08.zip//enrollment.sql", "w2", replace=True)

RECORD = ImportRecord("universityx-2026-02-01.zip", ImportState.LOADED, org="universityx")

#: Of all indexes, those of one collection: the others are made in the same way.
INDEXED = FORUM

_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.05)
    # how soon the driver looks again at a server that has failed, in seconds
    monkeypatch.setattr(pymongo.common, "MIN_HEARTBEAT_INTERVAL", 0.02)


def event(line: int, text: str | None = None) -> Document:
    raw = (text or f'{{"n": {line}}}').encode()
    fields = {"_id": ObjectId(event_id("prod", 1_000_000, raw)), "site": "prod", "course_id": COURSE, "text": raw.decode()}
    return Document(EVENTS, fields, line, raw)


def row(line: int, user: int, mode: str = "audit", course: str = COURSE, **more: Any) -> Document:
    fields = {"_id": row_id("prod", course, str(user)), "site": "prod", "course_id": course, "user_id": user, "mode": mode, **more}
    return Document(TABLE, fields, line, f"{user}\t{mode}".encode())


# --- the work of a sync, step by step


@dataclass
class Sync:
    """What a sync does with a database. Each step gives what it knows of its outcome."""

    store: Store
    token: LockToken

    def makes_collections(self) -> Any:
        ensure_collections(self.store, without_indexes=set(INDEXES) - {INDEXED})
        check_schema(self.store)

    def begins(self) -> Any:
        Ledger(self.store).expect([RECORD])
        Ledger(self.store).save(RECORD)
        return Ledger(self.store).records(), Ledger(self.store).members(RECORD.key)

    def learns_of_courses(self) -> Any:
        changed = [save_course(self.store, "prod", course, None, None) for course in (COURSE, OTHER)]
        return changed, forget_course(self.store, "prod", OTHER), forget_course(self.store, "prod", OTHER), known_courses(self.store)

    def writes_a_table(self) -> Any:
        rows = [row(line, line, course=COURSE if line < 30 else OTHER) for line in range(1, 40)]
        return account(write(self.store, [*rows, Rejected(50, "too few columns", b"1\t2"), row(51, 1, "honor")], WEEK))

    def replaces_it(self) -> Any:
        rows: list[FastItem] = [row(1, 1, "verified"), row(2, 40), row(3, 2), row(4, 2), row(5, 40, "honor"), Rejected(6, "too few columns", b"1\t2")]
        return account(write(self.store, [*rows, row(7, 3, "x" * 2**20), row(8, 41, "x" * 2**20)], NEXT_WEEK))

    def removes_what_is_gone(self) -> Any:
        courses = courses_from(self.store, TABLE, "prod", "^universityx-")
        removed = [remove_gone(self.store, TABLE, "prod", COURSE, NEXT_WEEK) for _ in range(2)]
        return courses, removed, remove_course(self.store, TABLE, "prod", OTHER)

    def writes_events(self) -> Any:
        first = write(self.store, [event(1), event(2), event(3), event(4, '{"n": 1}')], EVENTS_OF_DAY)
        again = write(self.store, [event(1), event(2), event(3), event(4, '{"n": 1}')], EVENTS_OF_DAY)
        other = write(self.store, [event(1, '{"n": 2}'), event(2, '{"n": 20}')], EVENTS_OF_NEXT_DAY)
        return account(first), account(again), account(other)

    def takes_a_newer_delivery(self) -> Any:
        newer = write(self.store, [event(1, '{"n": 3}'), event(2, '{"n": 30}')], EVENTS_AGAIN)
        return account(newer), superseded(self.store, EVENTS_AGAIN, "", "")

    def refreshes_metadata(self) -> Any:
        metadata = {"name": "Demonstrations"}
        return [refresh_course(self.store, "prod", COURSE, metadata) for _ in range(2)]

    def ends(self) -> Any:
        self.token.check(self.store)
        Ledger(self.store).save(RECORD)
        return [(kept["file"], kept["line"]) for kept in kept_rejects(self.store, 10)]


STEPS: tuple[Callable[[Sync], Any], ...] = (
    Sync.makes_collections,
    Sync.begins,
    Sync.learns_of_courses,
    Sync.writes_a_table,
    Sync.replaces_it,
    Sync.removes_what_is_gone,
    Sync.writes_events,
    Sync.takes_a_newer_delivery,
    Sync.refreshes_metadata,
    Sync.ends,
)


def account(result: WriteResult) -> Any:
    assert result.counts.balanced
    return result.counts.as_dict(), result.by_collection, result.reasons


def done(store: Store, strike: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """All steps, each after a strike; what they gave, and what is in the database then."""
    strike()
    with sync_lock(store) as token:
        gave: dict[str, Any] = {}
        for step in STEPS:
            strike()
            gave[step.__name__] = step(Sync(store, token))
    return gave


def contents(store: Store) -> dict[str, Any]:
    """The database, the provenance of documents included, and its indexes."""
    kept = {name: list(store.database[name].find({}, {"import": 1}).sort("_id")) for name in (EVENTS, TABLE, COURSES)}
    holder = store.database[META].find_one({"_id": LOCK_ID})
    assert holder is not None
    assert holder["owner"] is None, "the lock is free again"
    return {**kept, "hashes": database_hash(store), "indexes": sorted(store.database[INDEXED].index_information())}


@contextmanager
def fresh(uri: str) -> Iterator[Store]:
    with Store.connect(uri, f"faults_{next(_NUMBERS)}") as store:
        yield store
        store.drop()


@pytest.fixture(scope="module")
def clean(mongod: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the steps give where nothing happens, and what is in the database then."""
    with fresh(mongod) as store:
        return done(store), contents(store)


READS = ("listCollections", "listIndexes", "find", "aggregate")
WRITES = ("create", "createIndexes", "insert", "update", "delete")


def test_steps_do_what_they_say(clean: tuple[dict[str, Any], dict[str, Any]]) -> None:
    gave, there = clean
    assert gave["removes_what_is_gone"] == ([COURSE, OTHER], [26, 0], 10)
    assert gave["takes_a_newer_delivery"][1] == 2
    assert gave["refreshes_metadata"] == [5, 0]
    assert gave["learns_of_courses"] == ([True, True], True, False, {("prod", COURSE)})
    assert set(there["hashes"]) == {EVENTS, TABLE, COURSES, META, "rejects"}


@pytest.mark.parametrize("command", [*READS, *WRITES])
def test_connection_lost_before_and_after_a_command_is_done(own_server: Server, clean: Any, command: str) -> None:
    done_before = cycle((True, False))
    with relay_to(own_server.port) as relay, fresh(relay.uri) as store:
        gave = done(store, lambda: relay.lose(command, [next(done_before) for _ in range(3)]))
        relay.relent()
        assert relay.lost
        assert (gave, contents(store)) == clean


@pytest.mark.parametrize("command", [*READS, *WRITES])
def test_error_that_passes(own_server: Server, clean: Any, command: str) -> None:
    """Not the primary, shutting down, too slow."""
    failed, codes = mend(own_server), cycle((10107, 11600, 262))
    with fresh(own_server.uri) as store:
        gave = done(store, lambda: fail(own_server, [command], {"errorCode": next(codes)}, times=3))
        assert mend(own_server) > failed
        assert (gave, contents(store)) == clean


@pytest.mark.parametrize("command", WRITES)
def test_write_that_is_done_but_not_confirmed(own_server: Server, clean: Any, command: str) -> None:
    """The majority did not confirm it in time, or the server ended meanwhile."""
    failed, codes = mend(own_server), cycle((64, 91))
    with fresh(own_server.uri) as store:
        gave = done(store, lambda: fail(own_server, [command], {"writeConcernError": {"code": next(codes), "errmsg": "not confirmed"}}, times=3))
        assert mend(own_server) > failed
        assert (gave, contents(store)) == clean


@pytest.mark.parametrize(
    ("command", "code", "hint"),
    [*((command, 13, "Give the user in STORAGE_URI the role") for command in READS), *((command, 14031, "Free some space") for command in WRITES)],
)
def test_error_that_stays_is_told_at_once(own_server: Server, command: str, code: int, hint: str) -> None:
    with fresh(own_server.uri) as store:
        failed = mend(own_server)
        with pytest.raises(StoreError) as caught:
            done(store, lambda: fail(own_server, [command], {"errorCode": code}, times=None))
        assert caught.value.exit_code == ExitCode.STORE
        assert hint in caught.value.hint
        assert mend(own_server) - failed <= 3, "the step, the way round it where there is one, and the freeing of the lock"


# --- a server that is away


def test_server_killed_between_and_within_batches_loses_nothing(own_server: Server) -> None:
    said: list[str] = []
    with fresh(f"{own_server.uri}&serverSelectionTimeoutMS=100") as store:

        def back_again(text: str) -> None:
            said.append(text)
            own_server.start()

        store.patience.tell = back_again
        result = write(store, struck((event(line) for line in range(1, 2501)), own_server.kill, after=1700), EVENTS_OF_DAY)
        assert (result.counts.read, result.counts.loaded) == (2500, 2500)
        assert store.database[EVENTS].count_documents({}) == 2500
    assert len(said) == 1
    assert said[0].startswith("MongoDB does not answer (")


def test_server_that_stays_away_is_told_with_what_to_do(own_server: Server) -> None:
    with fresh(f"{own_server.uri}&serverSelectionTimeoutMS=100") as store:
        store.patience.limit = 0.3
        write(store, [event(1)], EVENTS_OF_DAY)
        own_server.kill()
        with pytest.raises(StoreError, match=r"MongoDB cannot be reached|the connection to MongoDB was lost") as caught:
            write(store, [event(2)], EVENTS_OF_NEXT_DAY)
        assert caught.value.exit_code == ExitCode.STORE
        assert caught.value.hint
        own_server.start()
        result = write(store, [event(2)], EVENTS_OF_NEXT_DAY)
        assert (result.counts.loaded, result.counts.duplicate) == (1, 0)


def test_process_may_begin_while_the_server_is_away(own_server: Server) -> None:
    own_server.kill()
    with Store.unchecked(f"{own_server.uri}&serverSelectionTimeoutMS=100", f"faults_{next(_NUMBERS)}") as store:
        store.patience.tell = lambda text: own_server.start()
        assert write(store, [event(1)], EVENTS_OF_DAY).counts.loaded == 1
        store.drop()


def struck(items: Iterable[Document], strike: Callable[[], None], after: int) -> Iterator[Document]:
    for number, item in enumerate(items):
        if number == after:
            strike()
        yield item


# --- the lock


def test_what_another_sync_has_taken_over_meanwhile_is_left_alone(own_server: Server) -> None:
    with fresh(own_server.uri) as store, Store.connect(own_server.uri, store.name) as other:
        write(store, [row(1, 1)], WEEK)
        with sync_lock(store):
            _grow_old(other)
            with sync_lock(other):
                fail(own_server, ["delete"], {"closeConnection": True})
                with pytest.raises(LockHeldError, match="taken over"):
                    remove_gone(store, TABLE, "prod", COURSE, NEXT_WEEK)
        assert store.database[TABLE].count_documents({}) == 1


def _grow_old(store: Store) -> None:
    """As if the holder of the lock had not been heard of for a long time."""
    long_ago = _heartbeat(store) - timedelta(seconds=EXPIRY_SECONDS + 1)
    store.database[META].update_one({"_id": LOCK_ID}, {"$set": {"heartbeat": long_ago}})


def test_heart_goes_on_beating_after_beats_that_did_not_get_through(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(lock, "_SOON_SECONDS", 0.02)
    said: list[str] = []
    with fresh(own_server.uri) as store, sync_lock(store) as token:
        store.patience.tell = said.append
        failed = mend(own_server)
        fail(own_server, ["update"], {"errorCode": 11600}, times=None)
        wait_until(lambda: said)
        assert mend(own_server) > failed
        seen = _heartbeat(store)
        wait_until(lambda: _heartbeat(store) > seen)
        token.check(store)
    assert said == ["MongoDB does not answer (MongoDB is shutting down); trying again for up to a minute"]


def _heartbeat(store: Store) -> Any:
    found = store.database[META].find_one({"_id": LOCK_ID})
    assert found is not None
    return found["heartbeat"]
