"""Writing: nothing lost, nothing twice, every row accounted for, whatever is repeated or fails half-way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.results import InsertManyResult

from edx_import.errors import PackageError, StoreError
from edx_import.ids import event_id, row_id
from edx_import.model import Counts, Document, Rejected
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.store.rejects import KEPT_PER_IMPORT, RAW_LIMIT, RejectLog
from edx_import.store.settling import Row, settle
from edx_import.store.writer import WriteResult, WriteTarget, encoded, remove_gone, write

COURSE = "course-v1:DemoX+D101+1T2020"
TABLE = "student_courseenrollment"
DAY = "universityx/edge/events/2026/universityx-edge-events-2026-02-03.log.gz.gpg"

EVENTS_OF_DAY = WriteTarget(DAY, "aaa", replace=False)
WEEK = WriteTarget("universityx-2026-02-01.zip//enrollment.sql", "w1", replace=True)
NEXT_WEEK = WriteTarget("universityx-2026-02-08.zip//enrollment.sql", "w2", replace=True)


def event(line: int, text: str | None = None) -> Document:
    raw = (text or f'{{"n": {line}}}').encode()
    fields = {"_id": ObjectId(event_id("prod", 1_000_000, raw)), "site": "prod", "course_id": COURSE, "text": raw.decode()}
    return Document("events", fields, line, raw)


def row(line: int, user: int, mode: str = "audit", **more: Any) -> Document:
    fields = {"_id": row_id("prod", COURSE, str(user)), "site": "prod", "course_id": COURSE, "user_id": user, "mode": mode, **more}
    return Document(TABLE, fields, line, f"{user}\t{mode}".encode())


def account(result: WriteResult) -> tuple[int, int, int, int]:
    counts = result.counts
    assert counts.balanced
    assert sum(result.by_collection.values()) == counts.loaded
    assert sum(result.reasons.values()) == counts.rejected
    return counts.read, counts.loaded, counts.duplicate, counts.rejected


def modes(store: Store) -> dict[int, str]:
    return {found["user_id"]: found["mode"] for found in store.database[TABLE].find()}


# --- events: the first to arrive stays


def test_documents_are_stored_as_given_with_their_origin(database: Store) -> None:
    moment = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    given = {"_id": 1, "site": "prod", "time": moment, "deep": {"list": [1, 2.5, None, True, 2**40]}, "bytes": b"\xff", "nan": math.inf}
    result = write(database, [Document("events", given, 7, b"raw")], EVENTS_OF_DAY)
    assert account(result) == (1, 1, 0, 0)
    assert result.by_collection == {"events": 1}
    assert list(database.database["events"].find()) == [{**given, "import": {"object": DAY, "content": "aaa", "line": 7}}]


def test_same_line_from_an_earlier_attempt_is_loaded_and_not_written(database: Store) -> None:
    events = [event(line) for line in range(1, 1501)]  # more than a batch
    assert account(write(database, events, EVENTS_OF_DAY)) == (1500, 1500, 0, 0)
    database.database["events"].update_many({}, {"$set": {"mark": 1}})
    assert account(write(database, events, EVENTS_OF_DAY)) == (1500, 1500, 0, 0)
    assert database.database["events"].count_documents({"mark": 1}) == 1500


def test_equal_lines_are_one_event_in_a_batch_across_batches_and_across_files(database: Store) -> None:
    twice = [event(1, "same"), event(2, "same"), *(event(line) for line in range(3, 1100)), event(1100, "same")]
    first = account(write(database, twice, EVENTS_OF_DAY))
    assert first == (1100, 1098, 2, 0)
    assert account(write(database, twice, EVENTS_OF_DAY)) == first
    assert account(write(database, twice[:2], WriteTarget("other day", "bbb", replace=False))) == (2, 0, 2, 0)


def test_another_version_with_lines_moved_adds_what_is_new_and_keeps_the_same(database: Store) -> None:
    write(database, [event(1, "a"), event(2, "b")], EVENTS_OF_DAY)
    again = write(database, [event(1, "new"), event(2, "b"), event(3, "a")], WriteTarget(DAY, "aab", replace=False))
    assert account(again) == (3, 3, 0, 0)
    assert database.database["events"].count_documents({"import.content": "aab"}) == 3
    twice = write(database, [event(1, "a"), event(2, "b"), event(3, "a")], WriteTarget(DAY, "aac", replace=False))
    assert account(twice) == (3, 2, 1, 0)


@pytest.mark.parametrize("content", ["aaa", "aab"])
def test_force_replaces_events_and_still_tells_duplicates(database: Store, content: str) -> None:
    twice = [event(1, "same"), event(2), event(3, "same")]
    write(database, twice, EVENTS_OF_DAY)
    write(database, [event(9, "elsewhere")], WriteTarget("other day", "bbb", replace=False))
    database.database["events"].update_many({}, {"$set": {"old": True}})
    forced = write(database, [*twice, event(4, "elsewhere")], WriteTarget(DAY, content, replace=False, force=True))
    assert account(forced) == (4, 3, 1, 0)
    assert database.database["events"].count_documents({"old": True}) == 0
    assert database.database["events"].count_documents({}) == 3


def test_two_processes_that_write_the_same_events_load_each_once(mongod: str, database: Store) -> None:
    events = [event(line) for line in range(1, 4001)]

    def load(key: str) -> WriteResult:
        with Store.connect(mongod, database.name) as own:
            return write(own, events, WriteTarget(key, key, replace=False))

    with ThreadPoolExecutor(2) as pool:
        results = [account(result) for result in pool.map(load, ("one", "two"))]
    assert sum(loaded for _, loaded, _, _ in results) == 4000
    assert sum(duplicate for _, _, duplicate, _ in results) == 4000
    assert database.database["events"].count_documents({}) == 4000


# --- tables: the newest takes the place


def test_next_week_replaces_adds_and_removes(database: Store) -> None:
    other_course = Document(TABLE, {"_id": row_id("prod", COURSE + "b", "1"), "site": "prod", "user_id": 9, "mode": "honor"}, 1, b"")
    write(database, [other_course], WriteTarget("elsewhere", "w0", replace=True))
    write(database, [row(1, 1), row(2, 2), row(3, 3)], WEEK)
    result = write(database, [row(1, 2, "verified"), row(2, 4), row(3, 3)], NEXT_WEEK)
    assert account(result) == (3, 3, 0, 0)
    assert remove_gone(database, TABLE, "prod", COURSE, NEXT_WEEK) == 1
    assert modes(database) == {2: "verified", 3: "audit", 4: "audit", 9: "honor"}
    assert remove_gone(database, TABLE, "prod", COURSE, NEXT_WEEK) == 0


def test_what_is_gone_is_found_where_ids_do_not_begin_with_the_course(database: Store) -> None:
    for target, names in ((WEEK, "ab"), (NEXT_WEEK, "bc")):
        posts = [Document("forum", {"_id": f"prod|{name}", "site": "prod", "course_id": COURSE}, 1, b"") for name in names]
        write(database, posts, target)
    assert remove_gone(database, "forum", "prod", "another course", NEXT_WEEK) == 0
    assert remove_gone(database, "forum", "prod", COURSE, NEXT_WEEK) == 1
    assert [found["_id"] for found in database.database["forum"].find()] == ["prod|b", "prod|c"]


def test_row_written_again_is_loaded_with_its_new_fields(database: Store) -> None:
    write(database, [row(1, 1)], WEEK)
    assert account(write(database, [row(1, 1, course={"name": "New"})], WEEK)) == (1, 1, 0, 0)
    assert database.database[TABLE].find_one({"course.name": "New"})


@pytest.mark.parametrize("between", [0, 1000], ids=["in a batch", "across batches"])
def test_two_rows_with_one_key_are_a_duplicate_or_a_clash(database: Store, between: int) -> None:
    rows = [row(1, 1, score=math.nan), row(2, 2), *(row(10 + n, 10 + n) for n in range(between))]
    rows += [row(5001, 1, score=math.nan), row(5002, 2, "verified")]
    for _ in range(2):  # a second attempt says the same
        result = write(database, rows, WEEK)
        assert account(result) == (between + 4, between + 2, 1, 1)
        assert result.reasons == {"two rows with one key": 1}
        assert modes(database)[2] == "audit"
    assert [kept["line"] for kept in database.database["rejects"].find()] == [5002]


# --- what cannot be stored


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**64, "not storable"),
        ("\ud800", "not storable"),
        ({"a\0b": 1}, "not storable"),
        ({1: 2}, "not storable"),
        ("x" * (16 * 2**20), "document over 16 MB"),
        ("x" * (16 * 2**20 - 200), None),
    ],
    ids=["long integer", "surrogate", "NUL in a key", "key that is no text", "over 16 MB", "just 16 MB"],
)
def test_what_bson_refuses_is_rejected_and_the_rest_loaded(database: Store, value: Any, reason: str | None) -> None:
    odd = Document("events", {"_id": 2, "value": value}, 2, b"odd")
    result = write(database, [event(1), odd, event(3)], EVENTS_OF_DAY)
    assert account(result) == (3, 2 if reason else 3, 0, 1 if reason else 0)
    kept = list(database.database["rejects"].find())
    assert [(found["line"], found["reason"], found["raw"]) for found in kept] == ([(2, reason, b"odd")] if reason else [])


@pytest.mark.parametrize("target", [EVENTS_OF_DAY, WEEK], ids=["events", "tables"])
@pytest.mark.parametrize("levels", [185, 400])
def test_what_the_server_refuses_is_rejected_and_the_rest_loaded(database: Store, levels: int, target: WriteTarget) -> None:
    nested: dict[str, Any] = {}
    for _ in range(levels):
        nested = {"deeper": nested}
    items = [event(1), Document("events", {"_id": 2, "value": nested}, 2, b"odd"), event(3)]
    for _ in range(2):
        result = write(database, items, target)
        assert account(result) == (3, 2, 0, 1)
        assert result.reasons == {"not storable": 1}
        assert database.database["events"].count_documents({}) == 2


def test_row_that_can_no_longer_be_stored_leaves_the_old_one(database: Store) -> None:
    write(database, [row(1, 1), row(2, 2)], WEEK)
    bad = row(1, 1)
    bad.fields["$odd"] = 1  # a replacement must not begin a name like that
    assert account(write(database, [bad, row(2, 2, "honor")], NEXT_WEEK)) == (2, 1, 0, 1)
    assert modes(database) == {1: "audit", 2: "honor"}


def test_large_documents_are_replaced_too(database: Store) -> None:
    for target in (WEEK, NEXT_WEEK):
        large = [row(line, line, "x" * (2**20 * line), week=target.content) for line in (1, 9, 15)]
        assert account(write(database, large, target)) == (3, 3, 0, 0)
    assert database.database[TABLE].count_documents({"week": "w2"}) == 3


def test_row_with_an_enormous_key_is_loaded_and_rejected_when_it_cannot_be_replaced(database: Store) -> None:
    """To replace it, its key and the whole of it would have to fit into one command."""
    for target, outcome in ((WEEK, (3, 3, 0, 0)), (NEXT_WEEK, (3, 2, 0, 1))):
        odd = Document(TABLE, {"_id": "x" * (9 * 2**20), "user_id": 2, "mode": "audit"}, 2, b"odd")
        assert account(write(database, [row(1, 1), odd, row(3, 3)], target)) == outcome
    assert modes(database) == {1: "audit", 2: "audit", 3: "audit"}


@pytest.mark.parametrize("target", [EVENTS_OF_DAY, WEEK], ids=["events", "tables"])
def test_rows_with_large_keys_are_written_again(database: Store, target: WriteTarget) -> None:
    rows = [Document(TABLE, {"_id": f"{line}{'%' * (900 * 2**10)}", "user_id": line, "mode": "audit"}, line, b"") for line in range(20)]
    rows.append(Document(TABLE, {"_id": "x" * (7 * 2**20), "user_id": 20, "mode": "audit"}, 20, b""))
    for _ in range(2):
        assert account(write(database, rows, target)) == (21, 21, 0, 0)


# --- the rejected rows


def test_rejects_are_counted_and_kept_with_their_beginning(database: Store) -> None:
    rejected = Rejected(3, "not JSON", b"x" * (RAW_LIMIT + 10), "at \ud800")
    result = write(database, [event(1), rejected, Rejected(4, "not JSON", b"y")], EVENTS_OF_DAY)
    assert account(result) == (3, 1, 0, 2)
    assert result.reasons == {"not JSON": 2}
    assert database.database["rejects"].find_one({"line": 3}) == {
        "_id": f"{DAY}:3",
        "file": DAY,
        "import": {"object": DAY},
        "line": 3,
        "reason": "not JSON",
        "detail": "at \\ud800",
        "raw": b"x" * RAW_LIMIT,
        "raw_length": RAW_LIMIT + 10,
    }


def test_rejects_of_an_earlier_attempt_are_replaced_and_those_of_others_left(database: Store) -> None:
    write(database, [Rejected(1, "old", b""), Rejected(2, "old", b"")], EVENTS_OF_DAY)
    write(database, [Rejected(1, "old", b"")], WriteTarget(DAY + "x", "a", replace=False))
    write(database, [Rejected(2, "new", b"")], EVENTS_OF_DAY)
    kept = {(found["file"], found["line"], found["reason"]) for found in database.database["rejects"].find()}
    assert kept == {(DAY, 2, "new"), (DAY + "x", 1, "old")}


def test_rejects_beyond_the_limit_are_only_counted(database: Store) -> None:
    result = write(database, (Rejected(line, "bad", b"") for line in range(KEPT_PER_IMPORT + 5)), EVENTS_OF_DAY)
    assert result.reasons == {"bad": KEPT_PER_IMPORT + 5}
    assert database.database["rejects"].count_documents({}) == KEPT_PER_IMPORT


def test_writers_that_share_an_import_share_its_log(database: Store) -> None:
    log = RejectLog(database, DAY)
    for line in (1, 2):
        write(database, [Rejected(line, "bad", b"")], EVENTS_OF_DAY, log)
    assert log.reasons == {"bad": 2}
    assert database.database["rejects"].count_documents({}) == 2


# --- others at work


class _WithRemover(Collection[Any]):
    """The collection, with somebody who removes the first learner a moment after we have looked."""

    def find(self, *args: Any, **kwargs: Any) -> Any:
        found = list(super().find(*args, **kwargs))
        self.delete_many({"user_id": 1})
        return found


class _WithWriter(Collection[Any]):
    """The collection, with somebody who writes the same a moment before we insert."""

    def insert_many(self, documents: Iterable[Any], *args: Any, **kwargs: Any) -> InsertManyResult:
        documents = list(documents)
        for document in documents:
            self.replace_one({"_id": document["_id"]}, {"user_id": 1, "import": {"object": "another"}}, upsert=True)
        return super().insert_many(documents, *args, **kwargs)


class _WithBoth(_WithRemover, _WithWriter):
    pass


def _rows(target: WriteTarget, *documents: Document) -> list[Row]:
    return [each for each in (encoded(document, target) for document in documents) if isinstance(each, Row)]


def test_row_removed_by_another_process_meanwhile_is_not_lost(database: Store) -> None:
    write(database, [row(1, 1), row(2, 2)], WEEK)
    outcome = settle(_WithRemover(database.database, TABLE), _rows(NEXT_WEEK, row(1, 1, "honor"), row(2, 2, "honor")), NEXT_WEEK)
    assert (outcome.loaded, outcome.duplicate, outcome.rejected) == (2, 0, [])
    assert modes(database) == {1: "honor", 2: "honor"}


def test_row_is_not_counted_twice_when_one_is_refused_and_another_gone(database: Store) -> None:
    write(database, [row(1, 1), row(2, 2)], WEEK)
    bad = row(2, 2)
    bad.fields["$odd"] = 1  # a replacement must not begin a name like that
    outcome = settle(_WithRemover(database.database, TABLE), _rows(NEXT_WEEK, row(1, 1, "honor"), bad), NEXT_WEEK)
    assert (outcome.loaded, len(outcome.rejected)) == (1, 1)


def test_event_written_by_another_process_meanwhile_is_a_duplicate(database: Store) -> None:
    outcome = settle(_WithWriter(database.database, "events"), _rows(EVENTS_OF_DAY, event(1), event(2)), EVENTS_OF_DAY)
    assert (outcome.loaded, outcome.duplicate, outcome.rejected) == (0, 2, [])


def test_endless_quarrel_with_another_process_ends_in_an_error(database: Store) -> None:
    with pytest.raises(StoreError, match="another process keeps changing"):
        settle(_WithBoth(database.database, TABLE), _rows(WEEK, row(1, 1)), WEEK)


# --- failures half-way


def interrupted(items: Iterable[Document | Rejected], after: int) -> Iterator[Document | Rejected]:
    for number, item in enumerate(items):
        if number == after:
            raise PackageError("the stream broke")
        yield item


def test_what_breaks_the_stream_passes_through_and_what_was_written_stays(database: Store) -> None:
    events = [event(line) for line in range(1, 2501)]
    with pytest.raises(PackageError):
        write(database, interrupted(events, 2400), EVENTS_OF_DAY)
    assert database.database["events"].count_documents({}) == 2000
    assert account(write(database, events, EVENTS_OF_DAY)) == (2500, 2500, 0, 0)


lines_of_tables = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["audit", "honor"])), max_size=12)


@given(lines_of_tables, lines_of_tables, st.integers(0, 12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_crash_and_repeat_ends_as_one_clean_run_of_the_last_state(
    database: Store, old: list[tuple[int, str]], new: list[tuple[int, str]], crash: int
) -> None:
    def clear() -> None:
        for name in database.database.list_collection_names():
            database.database[name].delete_many({})

    def rows(lines: list[tuple[int, str]]) -> list[Document]:
        return [row(number, user, mode) for number, (user, mode) in enumerate(lines, 1)]

    def run(lines: list[tuple[int, str]], target: WriteTarget) -> Counts:
        counts = write(database, rows(lines), target).counts
        remove_gone(database, TABLE, "prod", COURSE, target)
        return counts

    clear()
    clean = run(new, NEXT_WEEK)
    hashes = database_hash(database)
    clear()
    run(old, WEEK)
    write(database, rows(new)[:crash], NEXT_WEEK)
    assert run(new, NEXT_WEEK) == clean
    hashes_again = database_hash(database)
    assert hashes_again.get(TABLE) == hashes.get(TABLE)
    assert {found["line"] for found in database.database["rejects"].find({"file": NEXT_WEEK.import_key})} == _clashes(new)
    assert clean.balanced


def _clashes(lines: list[tuple[int, str]]) -> set[int]:
    first: dict[int, str] = {}
    return {number for number, (user, mode) in enumerate(lines, 1) if first.setdefault(user, mode) != mode}


# --- identical


def test_fingerprint_tells_content_and_not_where_it_came_from(database: Store) -> None:
    write(database, [row(1, 1), row(2, 2)], WEEK)
    database.database["imports"].insert_one({"_id": "any"})
    before = database_hash(database)
    assert set(before) == {TABLE}
    write(database, [row(5, 2), row(6, 1)], NEXT_WEEK)
    assert database_hash(database) == before
    write(database, [row(5, 2, "honor")], NEXT_WEEK)
    assert database_hash(database) != before
