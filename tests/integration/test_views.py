"""The views in the form that courses had collections of their own in: what they show, and that nothing of somebody else is touched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from edx_import.errors import UsageError
from edx_import.ids import row_id
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.store.queries import Queries
from edx_import.store.views import TABLE_OF, Outcome, View, drop_views, make_views, our_views, short_name, views_of

D101 = "course-v1:DemoX+D101+1T2020"
OLD = "DemoX/D101/2019_Pilot"
LONG = "course-v1:DemoX+D101+1T2020_2"  # begins as D101 does
CREATED = datetime(2020, 1, 15, 12, tzinfo=UTC)


def _row(site: str, course_id: str, key: str, **columns: Any) -> dict[str, Any]:
    added = {"site": site, "course_id": course_id, "course": {"name": "Demonstrations"}, "import": {"object": "zip", "line": 2}}
    return {"_id": row_id(site, course_id, key), **added, **columns}


@pytest.fixture
def rows(database: Store) -> Store:
    """A learner in each of three courses, and in one of them again at the other site."""
    for number, (site, course_id) in enumerate([("prod", D101), ("prod", OLD), ("prod", LONG), ("edge", D101)], 1):
        learner = str(number)
        profile = {"user_id": number, "gender": "f", "original": {"name": "NULL"}, "phone_number": ""}
        of_course: dict[str, dict[str, Any]] = {
            "auth_user": {"id": number, "username": learner},
            "auth_userprofile": profile,
            "certificates_generatedcertificate": {"user_id": number, "grade": "0.7"},
            "courseware_studentmodule": {"student_id": number},
            "student_courseenrollment": {"id": 10, "user_id": number, "created": CREATED, "is_active": True, "mode": "audit"},
            "user_id_map": {"id": number, "hash_id": "f" * 32},
        }
        for collection, columns in of_course.items():
            database.database[collection].insert_one(_row(site, course_id, learner, **columns))
    return database


def _outcomes(store: Store, views: tuple[View, ...]) -> dict[str, Outcome]:
    return {view.name: outcome for view, outcome in make_views(store, views)}


def _shown(store: Store, name: str) -> list[Mapping[str, Any]]:
    return list(store.database[name].find(projection={"_id": 0}))


def test_each_course_has_six_views_with_the_columns_of_its_tables(rows: Store) -> None:
    made = _outcomes(rows, views_of("prod", [D101, OLD, LONG]))
    assert len(made) == 18
    assert set(made.values()) == {Outcome.CREATED}
    assert _shown(rows, "DemoX-D101-1T2020.users") == [{"id": 1, "username": "1"}]
    assert _shown(rows, "DemoX-D101-1T2020.certificates") == [{"user_id": 1, "course_id": D101, "grade": "0.7"}]
    assert _shown(rows, "DemoX-D101-1T2020.courseware") == [{"course_id": D101, "student_id": 1}]
    assert _shown(rows, "DemoX-D101-2019_Pilot.enrollments") == [
        {"course_id": OLD, "id": 10, "user_id": 2, "created": CREATED, "is_active": True, "mode": "audit"}
    ]
    assert _shown(rows, "DemoX-D101-1T2020_2.userIDs") == [{"id": 3, "hash_id": "f" * 32}]


def test_a_column_that_no_declaration_knows_is_shown(rows: Store) -> None:
    _outcomes(rows, views_of("prod", [D101]))
    assert _shown(rows, "DemoX-D101-1T2020.demographics") == [{"user_id": 1, "gender": "f", "phone_number": ""}]


def test_a_view_shows_what_its_collection_holds_now(rows: Store) -> None:
    _outcomes(rows, views_of("prod", [D101]))
    rows.database["auth_user"].update_one({"_id": row_id("prod", D101, "1")}, {"$set": {"username": "removed"}})
    rows.database["auth_user"].insert_one(_row("prod", D101, "9", id=9, username="new"))
    assert [row["username"] for row in _shown(rows, "DemoX-D101-1T2020.users")] == ["removed", "new"]


def test_questions_to_a_view_use_the_indexes(rows: Store) -> None:
    ensure_collections(rows)
    view = next(view for view in views_of("prod", [D101]) if view.name.endswith(".enrollments"))
    _outcomes(rows, (view,))
    for question in ({}, {"user_id": 1}):
        plan = str(rows.database.command("explain", {"find": view.name, "filter": question}))
        assert "IXSCAN" in plan
        assert "COLLSCAN" not in plan


def test_made_again_nothing_changes(rows: Store) -> None:
    views = views_of("prod", [D101])
    _outcomes(rows, views)
    assert set(_outcomes(rows, views).values()) == {Outcome.UNCHANGED}
    assert our_views(rows) == sorted(views, key=lambda view: view.name)


def test_a_view_of_an_older_form_is_renewed(rows: Store) -> None:
    [view, *_] = views_of("prod", [D101])
    older = View(view.name, view.site, view.course_id, "user_id_map", (view.pipeline[0], {"$unset": ["site"]}))
    _outcomes(rows, (older,))
    assert _outcomes(rows, (view,)) == {view.name: Outcome.RENEWED}
    assert _shown(rows, view.name) == [{"id": 1, "username": "1"}]


@pytest.mark.parametrize("kind", ["collection", "view", "copied view"])
def test_what_is_not_ours_is_neither_replaced_nor_removed(rows: Store, kind: str) -> None:
    view, other, *_ = views_of("prod", [D101])
    if kind == "collection":
        rows.database[view.name].insert_one({"_id": 1, "from": "the original"})
    else:
        pipeline = other.pipeline if kind == "copied view" else [{"$match": {}}]
        rows.database.create_collection(view.name, viewOn="user_id_map", pipeline=list(pipeline))
    before = _shown(rows, view.name)
    made = _outcomes(rows, views_of("prod", [D101]))
    assert [name for name, outcome in made.items() if outcome is Outcome.TAKEN] == [view.name]
    dropped = [view.name for view, _ in drop_views(rows, lambda site, course_id: True)]
    assert len(dropped) == len(TABLE_OF) - 1
    assert view.name not in dropped
    assert _shown(rows, view.name) == before


def test_the_other_site_needs_names_of_its_own(rows: Store) -> None:
    _outcomes(rows, views_of("prod", [D101]))
    assert set(_outcomes(rows, views_of("edge", [D101])).values()) == {Outcome.TAKEN}
    assert _shown(rows, "DemoX-D101-1T2020.users") == [{"id": 1, "username": "1"}]
    assert set(_outcomes(rows, views_of("edge", [D101], "edge {run}")).values()) == {Outcome.CREATED}
    assert _shown(rows, "edge 1T2020.users") == [{"id": 4, "username": "4"}]


def test_dropping_takes_the_wanted_views_whatever_their_names(rows: Store) -> None:
    _outcomes(rows, views_of("prod", [D101, OLD]))
    _outcomes(rows, views_of("prod", [D101], "mine"))
    removed = {view.name for view, outcome in drop_views(rows, lambda site, course_id: (site, course_id) == ("prod", D101))}
    assert removed == {f"{short}.{end}" for short in ("DemoX-D101-1T2020", "mine") for end in TABLE_OF}
    assert {view.course_id for view in our_views(rows)} == {OLD}
    assert rows.database["auth_user"].count_documents({}) == 4


def test_views_are_no_data_of_the_database(rows: Store) -> None:
    """Neither of its fingerprint, by which two databases are compared, nor of the counts of documents."""
    counts, fingerprint = Queries(rows.database).collection_counts("prod"), database_hash(rows)
    _outcomes(rows, views_of("prod", [D101]))
    assert Queries(rows.database).collection_counts("prod") == counts
    assert database_hash(rows) == fingerprint


def test_two_courses_of_one_name_are_refused_before_anything_is_made() -> None:
    with pytest.raises(UsageError, match="same names"):
        views_of("prod", [D101, "DemoX/D101/1T2020"])
    with pytest.raises(UsageError, match="same names"):
        views_of("prod", [D101, OLD], "{org}.{course}")


@pytest.mark.parametrize(
    ("course_id", "form", "name"),
    [
        (D101, "{org}-{course}-{run}", "DemoX-D101-1T2020"),
        (OLD, "{org}/{course}/{run}", "DemoX/D101/2019_Pilot"),
        (D101, "{course}_{run}", "D101_1T2020"),
        ("ccx-v1:DemoX+D101+1T2020+ccx@3", "{org}-{course}-{run}", "DemoX-D101-1T2020-ccx-3"),
        ("course-v1:DemoX+Física+1T2020", "{course}", "Física"),
        ("nothing known", "{course}", "nothing known"),
    ],
)
def test_names(course_id: str, form: str, name: str) -> None:
    assert short_name(course_id, form) == name


@pytest.mark.parametrize("form", ["", "{org.__class__}", "{title}", "a$b", "system", "system.x", ".x", "x.", "x..y", "x" * 191, "{", "\0"])
def test_names_that_no_view_can_have_are_refused(form: str) -> None:
    with pytest.raises(UsageError, match="can be called"):
        short_name(D101, form)
