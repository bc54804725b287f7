"""The ledger gives back what was written, object by object and member by member."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edx_import.model import CourseFilter, ImportRecord, ImportState
from edx_import.store.connection import Store
from edx_import.store.ledger import Ledger, member_key, record_from_document, record_to_document

KEY = "universityx-2026-02-01.zip"

FULL = ImportRecord(
    key=KEY,
    state=ImportState.FAILED,
    member="universityx-2026-02-01/DemoX-D101-1T2020-auth_user-prod-analytics.sql.gpg",
    kind="auth_user",
    org="universityx",
    site="prod",
    date="2026-02-01",
    size=2**40,
    etag="abc-2",
    content_hash="0123456789ab",
    filter=CourseFilter(("course-v1:DemoX+*",), ("*+2T*", "*+3T*")),
    reader_version=3,
    counts={"read": 3, "notes": {"not UTF-8": 1}},
    collections={"auth_user": 2},
    started=datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC),
    finished=datetime(2026, 2, 3, 4, 6, tzinfo=UTC),
    attempts=2,
    error="the member is cut",
    tool_version="1.2.3",
    failures=1,
    host=socket.gethostname(),
    versions=({"etag": "older", "counts": {"read": 2}, "finished": datetime(2026, 2, 2, tzinfo=UTC)},),
    first_id="00",
    last_id="ff",
)


@pytest.mark.parametrize(
    "record", [FULL, replace(FULL, member=""), ImportRecord(KEY, ImportState.PENDING, host=socket.gethostname())], ids=["full", "object", "bare"]
)
def test_record_comes_back_as_it_was_saved(database: Store, record: ImportRecord) -> None:
    ledger = Ledger(database)
    ledger.save(record)
    found = ledger.members(KEY) if record.member else ledger.records()
    assert found == {record.member or KEY: record}
    assert record_from_document(record_to_document(record)) == record


def test_times_are_kept_to_the_millisecond_and_odd_texts_made_storable(database: Store) -> None:
    saved = replace(FULL, member="", started=datetime(2026, 2, 3, 4, 5, 6, 789999, tzinfo=UTC), error="at \udcff")
    Ledger(database).save(saved)
    assert Ledger(database).records()[KEY] == replace(saved, started=FULL.started, error="at \\udcff")


def test_saving_again_replaces_and_says_where(database: Store) -> None:
    ledger = Ledger(database)
    ledger.save(FULL)
    ledger.save(replace(FULL, state=ImportState.LOADED, error=""))
    assert list(database.database["imports"].find({}, {"state": 1, "host": 1, "error": 1})) == [
        {"_id": f"{KEY}//{FULL.member}", "state": "loaded", "error": "", "host": socket.gethostname()}
    ]


def test_expected_is_recorded_where_nothing_is_known(database: Store) -> None:
    ledger = Ledger(database)
    ledger.save(FULL)
    ledger.expect([replace(FULL, state=ImportState.PENDING), ImportRecord("new.zip", ImportState.PENDING)])
    assert ledger.members(KEY)[FULL.member] == FULL
    found = ledger.record("new.zip")
    assert found is not None
    assert found.state is ImportState.PENDING
    assert ledger.record("unknown.zip") is None


def test_objects_and_members_are_told_apart(database: Store) -> None:
    ledger = Ledger(database)
    keys = [KEY, KEY + "/", KEY + "0", "another.zip"]
    for key in keys:
        ledger.save(ImportRecord(key, ImportState.LOADED))
        ledger.save(ImportRecord(key, ImportState.LOADED, member="a/b.sql"))
    assert set(ledger.records()) == set(keys)
    for key in keys:
        assert [(record.key, record.member) for record in ledger.members(key).values()] == [(key, "a/b.sql")]
    assert ledger.members("no.zip") == {}


def test_member_has_a_key_of_its_own() -> None:
    assert member_key(KEY, "a/b.sql") == f"{KEY}//a/b.sql"
    assert member_key(KEY, "") == KEY


def test_record_of_an_older_tool_has_defaults_for_what_it_lacks() -> None:
    assert record_from_document({"_id": KEY, "key": KEY, "state": "loaded", "more": 1}) == ImportRecord(KEY, ImportState.LOADED)
