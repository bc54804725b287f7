"""What a command may change, and how: under the lock, page by page, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from edx_import.errors import LockHeldError, UsageError
from edx_import.reports.context import Context
from edx_import.store.changes import Changes, Writer
from edx_import.store.connection import Store
from edx_import.store.lock import LOCK_ID, sync_lock


@pytest.fixture
def writer(database: Store) -> Iterator[Writer]:
    with sync_lock(database) as lock:
        yield Writer(database, lock)


def put(database: Store, *documents: dict[str, Any]) -> None:
    database.database["things"].insert_many(documents)


def things(database: Store) -> list[dict[str, Any]]:
    return list(database.database["things"].find().sort("_id", 1))


def test_a_result_takes_the_place_of_the_one_before(database: Store, writer: Writer) -> None:
    writer.save("reports", {"_id": "a", "n": 1, "old": True})
    writer.save("reports", {"_id": "a", "n": 2})
    writer.save("report_mine", {"_id": "b"})
    assert list(database.database["reports"].find()) == [{"_id": "a", "n": 2}]
    assert database.database["report_mine"].count_documents({}) == 1


@pytest.mark.parametrize("collection", ["events", "imports", "meta", "courses", "reports_mine"])
def test_a_result_is_saved_among_results_only(writer: Writer, collection: str) -> None:
    with pytest.raises(UsageError, match=collection):
        writer.save(collection, {"_id": 1})


def test_documents_are_changed_removed_and_left(database: Store, writer: Writer) -> None:
    put(database, *({"_id": n, "name": "x"} for n in range(2500)))

    def change(document: dict[str, Any]) -> dict[str, Any] | None:
        if document["_id"] % 5 == 0:
            return None
        return document if document["_id"] % 5 == 1 else {"_id": document["_id"]}

    counted = writer.rewrite("things", change, dry_run=True)
    assert len(things(database)) == 2500
    assert writer.rewrite("things", change) == counted == Changes(2500, 1500, 500)
    assert things(database) == [{"_id": n, "name": "x"} if n % 5 == 1 else {"_id": n} for n in range(2500) if n % 5]


def test_ids_of_every_type_and_large_documents_are_reached(database: Store, writer: Writer) -> None:
    ids = [1, 2.5, "a", "b", ObjectId(), datetime(2020, 1, 1, tzinfo=UTC), {"a": 1}, True]
    put(database, *({"_id": key, "filler": "x" * 3 * 2**20} for key in ids))
    assert writer.rewrite("things", lambda old: {"_id": old["_id"]}) == Changes(len(ids), len(ids), 0)
    assert sorted(map(str, ids)) == sorted(str(thing["_id"]) for thing in things(database))
    assert all(thing.keys() == {"_id"} for thing in things(database))


def test_a_document_can_move_to_another_id(database: Store, writer: Writer) -> None:
    put(database, {"_id": "a", "n": 1}, {"_id": "b", "n": 2})
    assert writer.rewrite("things", lambda old: {**old, "_id": "0"} if old["_id"] == "a" else old) == Changes(2, 1, 0)
    assert things(database) == [{"_id": "0", "n": 1}, {"_id": "b", "n": 2}]


def test_what_surely_is_not_concerned_is_not_looked_into(database: Store, writer: Writer) -> None:
    put(database, {"_id": 1, "name": "jane"}, {"_id": 2, "name": "john"})
    assert writer.rewrite("things", lambda old: None, may_concern=lambda raw: b"jane" in raw) == Changes(2, 0, 1)
    assert things(database) == [{"_id": 2, "name": "john"}]


def test_a_query_says_which_documents_are_gone_through(database: Store, writer: Writer) -> None:
    put(database, {"_id": 1, "site": "prod"}, {"_id": 2, "site": "edge"})
    assert writer.rewrite("things", lambda old: None, {"site": "edge"}) == Changes(1, 0, 1)


def test_fields_are_set_and_taken_away(database: Store, writer: Writer) -> None:
    put(database, {"_id": 1, "a": 1, "b": 1}, {"_id": 2}, {"_id": 3})
    assert writer.set_fields("things", {1: {"a": 2, "b": None}, 2: {"a": 3}, 4: {"a": 1}}) == 2
    assert things(database) == [{"_id": 1, "a": 2}, {"_id": 2, "a": 3}, {"_id": 3}]


@pytest.mark.parametrize("collection", ["imports", "meta"])
def test_the_books_of_the_syncs_are_left_alone(writer: Writer, collection: str) -> None:
    with pytest.raises(UsageError, match="not for commands"):
        writer.rewrite(collection, lambda old: None)


def test_nothing_is_written_once_another_has_the_lock(database: Store, writer: Writer) -> None:
    put(database, {"_id": 1})
    database.database["meta"].update_one({"_id": LOCK_ID}, {"$set": {"owner": "another"}})
    with pytest.raises(LockHeldError):
        writer.rewrite("things", lambda old: None)
    assert things(database) == [{"_id": 1}]


def test_a_command_that_does_not_say_so_gets_no_writer() -> None:
    with pytest.raises(UsageError) as caught:
        Context(None).writer  # type: ignore[arg-type]  # noqa: B018
    assert "WRITES = True" in caught.value.hint
