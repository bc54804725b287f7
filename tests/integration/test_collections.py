"""Collections and schema: made once, found again, and refused when another version made them."""

from __future__ import annotations

from typing import Any

import pytest

from edx_import.errors import ConfigurationError, ExitCode
from edx_import.store import schema
from edx_import.store.collections import EVENTS, INDEXES, course_filter, ensure_collections, ensure_indexes
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.store.schema import check_schema
from edx_import.tables import TABLES

ENROLMENT = [f"edx.course.enrollment.{what}" for what in ("activated", "deactivated", "mode_changed")]


def _index_names(store: Store) -> dict[str, set[str]]:
    return {name: set(store.database[name].index_information()) - {"_id_"} for name in store.database.list_collection_names()}


def test_all_collections_get_their_named_indexes_once(database: Store) -> None:
    ensure_collections(database)
    made = _index_names(database)
    assert made == {name: {spec.name for spec in specs} for name, specs in INDEXES.items()}
    assert set(made) >= {table.name for table in TABLES if table.indexes} | {EVENTS, "forum", "course_structure"}
    ensure_collections(database)
    assert _index_names(database) == made


def test_indexes_of_a_large_load_can_come_after_it(database: Store) -> None:
    ensure_collections(database, without_indexes={EVENTS})
    assert _index_names(database)[EVENTS] == set()
    ensure_indexes(database, EVENTS)
    assert _index_names(database)[EVENTS] == {"site_course_time", "site_user_time", "site_enrollment"}


def test_index_that_somebody_made_under_another_name_is_enough(database: Store) -> None:
    database.database[EVENTS].create_index([("site", 1), ("user_id", 1), ("time", 1)], name="mine")
    ensure_collections(database)
    assert _index_names(database)[EVENTS] == {"mine", "site_course_time", "site_enrollment"}


def test_events_are_compressed_with_zstd(database: Store) -> None:
    ensure_collections(database)
    engine = database.database.command("collStats", EVENTS)["wiredTiger"]
    assert "block_compressor=zstd" in engine["creationString"]


@pytest.mark.parametrize("course", [{}, {"event.course_id": "c1"}, {"event.course_id": {"$in": ["c1", "c2"]}}], ids=["all", "one", "some"])
@pytest.mark.parametrize("types", [{"$in": ENROLMENT}, ENROLMENT[0]], ids=["all types", "one type"])
def test_questions_for_enrolment_events_use_their_index(database: Store, course: dict[str, Any], types: Any) -> None:
    ensure_collections(database)
    kinds = [ENROLMENT[0], *["play_video"] * 19] * 10
    database.database[EVENTS].insert_many(
        {"site": "prod", "event": {"course_id": f"c{n % 3}"}, "time": n, "event_type": kind} for n, kind in enumerate(kinds)
    )
    question = {"site": "prod", **course, "event_type": types}
    plan = database.database[EVENTS].find(question).explain()["queryPlanner"]["winningPlan"]
    assert "site_enrollment" in str(plan)


def test_filter_of_a_course_takes_no_other_course() -> None:
    ids = course_filter("auth_user", "prod", "course-v1:DemoX+D101+1T2020")["_id"]
    assert ids["$gte"] <= "prod|course-v1:DemoX+D101+1T2020|1" < ids["$lt"]
    for other in ("prod|course-v1:DemoX+D101+1T2020b|1", "prod|course-v1:DemoX+D101+1T20200|1", "edge|course-v1:DemoX+D101+1T2020|1"):
        assert not ids["$gte"] <= other < ids["$lt"]


def test_new_database_is_marked_and_known_again(database: Store) -> None:
    check_schema(database)
    before = database_hash(database)
    check_schema(database)
    assert database_hash(database) == before
    assert set(before) == {"meta"}


@pytest.mark.parametrize(("version", "maker"), [(schema.SCHEMA_VERSION + 1, "newer"), (schema.SCHEMA_VERSION - 1, "older")])
def test_database_of_another_schema_is_refused(database: Store, version: int, maker: str) -> None:
    database.database["meta"].insert_one({"_id": "schema", "version": version, "tool_version": "9.9.9"})
    with pytest.raises(ConfigurationError, match=f"made by an? {maker} edx-import") as caught:
        check_schema(database)
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    assert "STORAGE_DB" in caught.value.hint
