"""A replica set whose primary goes in the middle of a write: the next one has every row, once, and every number is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pymongo.common
import pytest
from bson import ObjectId
from replica_set import ReplicaSet, Server, when_hanging

from edx_import.ids import event_id, row_id
from edx_import.model import Document
from edx_import.store import connection, patience
from edx_import.store.connection import Store
from edx_import.store.writer import WriteTarget, remove_gone, write

pytestmark = pytest.mark.proof

COURSE = "course-v1:DemoX+D101+1T2020"
TABLE = "student_courseenrollment"
DAY = WriteTarget("universityx/edge/events/2026/universityx-edge-events-2026-02-03.log.gz.gpg", "aaa", replace=False)
WEEK = WriteTarget("universityx-2026-02-01.zip//enrollment.sql", "w1", replace=True)
NEXT_WEEK = WriteTarget("universityx-2026-02-08.zip//enrollment.sql", "w2", replace=True)

_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.05)
    # how soon the driver looks again at a server that has failed, in seconds
    monkeypatch.setattr(pymongo.common, "MIN_HEARTBEAT_INTERVAL", 0.05)


def event(line: int) -> Document:
    raw = b'{"n": %d}' % line
    return Document("events", {"_id": ObjectId(event_id("prod", 1_000_000, raw)), "site": "prod", "course_id": COURSE}, line, raw)


def row(user: int) -> Document:
    return Document(TABLE, {"_id": row_id("prod", COURSE, str(user)), "site": "prod", "course_id": COURSE, "user_id": user}, user, b"%d" % user)


@contextmanager
def fresh(replica_set: ReplicaSet) -> Iterator[Store]:
    with Store.connect(replica_set.uri, f"failover_{next(_NUMBERS)}") as store:
        yield store
        replica_set.heal()
        store.drop()


STRIKES: dict[str, Callable[[ReplicaSet, Server], None]] = {
    "killed": lambda replica_set, primary: primary.kill(),
    "stopped": lambda replica_set, primary: primary.stop(),
    "stepped down": lambda replica_set, primary: replica_set.step_down(),
}


@pytest.mark.parametrize("strike", STRIKES.values(), ids=STRIKES)
def test_primary_gone_while_a_write_waits_for_the_majority(replica_set: ReplicaSet, strike: Callable[[ReplicaSet, Server], None]) -> None:
    primary = replica_set.primary()
    with fresh(replica_set) as store:
        write(store, [row(user) for user in range(1, 101)], WEEK)
        with when_hanging(primary, "hangBeforeWaitingForWriteConcern", lambda: strike(replica_set, primary)):
            result = write(store, [event(line) for line in range(1, 1501)], DAY)
        assert (result.counts.read, result.counts.loaded, result.counts.duplicate) == (1500, 1500, 0)
        assert store.database["events"].count_documents({}) == 1500
        assert replica_set.primary() is not primary


def test_primary_gone_while_rows_are_removed(replica_set: ReplicaSet) -> None:
    primary = replica_set.primary()
    with fresh(replica_set) as store:
        write(store, [row(user) for user in range(1, 101)], WEEK)
        write(store, [row(user) for user in range(1, 31)], NEXT_WEEK)
        with when_hanging(primary, "hangBeforeWaitingForWriteConcern", primary.kill):
            assert remove_gone(store, TABLE, "prod", COURSE, NEXT_WEEK) == 70
        assert store.database[TABLE].count_documents({}) == 30
        assert replica_set.primary() is not primary


def test_row_that_only_the_lost_primary_had_is_written_again(replica_set: ReplicaSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The majority does not confirm it; then the primary is gone, and with it what only it had. A row that was seen there is not yet loaded."""
    monkeypatch.setattr(connection, "_WRITE_CONCERN", pymongo.WriteConcern(w="majority", j=True, wtimeout=500))
    primary = replica_set.primary()
    others = [member for member in replica_set.members if member is not primary]
    with fresh(replica_set) as store:
        store.patience.tell = lambda text: lose()

        def lose() -> None:
            primary.kill()
            for member in others:
                member.set_fail_point("stopReplProducer", "off")

        for member in others:
            member.set_fail_point("stopReplProducer", "alwaysOn")
        result = write(store, [event(1)], DAY)
        if primary.is_up:
            lose()
        assert (result.counts.read, result.counts.loaded) == (1, 1)
        assert store.database["events"].count_documents({}) == 1
        assert replica_set.primary() is not primary
