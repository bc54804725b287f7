"""Courses: courses.yaml and the package in one document, and its metadata on the documents of the course."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from edx_import.courses import Course
from edx_import.ids import row_id
from edx_import.store.connection import Store
from edx_import.store.course_metadata import document_metadata, known_courses, refresh_course, save_course

ID = "course-v1:DemoX+D101+1T2020"
START = datetime(2020, 1, 6, tzinfo=UTC)
END = datetime(2020, 6, 30, tzinfo=UTC)
LISTED = Course(ID, "Demonstrations", "Ann", START, END, 0.7, ("D101",))


@dataclass(frozen=True)
class Summary:
    display_name: str | None = "Demo of the package"
    start: datetime | None = datetime(2030, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    end: datetime | None = None


SAID = {"display_name": "Demo of the package", "start": datetime(2030, 1, 1, 0, 0, 0, 123000, tzinfo=UTC), "end": None}


def test_listed_course_has_what_courses_yaml_says(database: Store) -> None:
    assert save_course(database, "prod", ID, LISTED, Summary())
    assert database.database["courses"].find_one() == {
        "_id": f"prod|{ID}",
        "site": "prod",
        "course_id": ID,
        "name": "Demonstrations",
        "sme": "Ann",
        "start_date": START,
        "end_date": END,
        "passing_grade": 0.7,
        "aliases": ["D101"],
        "listed": True,
        "package": SAID,
    }


def test_course_that_is_not_listed_has_name_and_dates_of_the_package(database: Store) -> None:
    assert save_course(database, "prod", ID, None, Summary())
    found = database.database["courses"].find_one() or {}
    assert (found["name"], found["start_date"], found["end_date"], found["listed"]) == (SAID["display_name"], SAID["start"], None, False)
    assert document_metadata(database, "prod", ID) == {"name": SAID["display_name"], "sme": None, "start_date": SAID["start"], "end_date": None}


@pytest.mark.parametrize("listed", [LISTED, None], ids=["listed", "not listed"])
def test_saying_the_same_again_changes_nothing(database: Store, listed: Course | None) -> None:
    assert save_course(database, "prod", ID, listed, Summary())
    assert not save_course(database, "prod", ID, listed, Summary())
    assert not save_course(database, "prod", ID, listed, None), "what the package said is kept"
    assert (database.database["courses"].find_one() or {})["package"] == SAID


def test_course_that_is_listed_later_changes(database: Store) -> None:
    save_course(database, "prod", ID, None, Summary())
    assert save_course(database, "prod", ID, LISTED, None)
    assert document_metadata(database, "prod", ID)["name"] == "Demonstrations"
    assert save_course(database, "prod", ID, None, None)
    assert document_metadata(database, "prod", ID)["name"] == SAID["display_name"]


def test_course_of_another_site_is_another_course(database: Store) -> None:
    save_course(database, "prod", ID, LISTED, None)
    save_course(database, "edge", ID, None, None)
    assert known_courses(database) == {("prod", ID), ("edge", ID)}
    assert document_metadata(database, "edge", ID)["name"] is None
    assert document_metadata(database, "edge", "unknown") == dict.fromkeys(("name", "sme", "start_date", "end_date"))


def test_metadata_reaches_the_documents_of_the_course_and_no_others(database: Store) -> None:
    save_course(database, "prod", ID, LISTED, None)
    metadata = document_metadata(database, "prod", ID)
    stale = {"name": "Old", "sme": None, "start_date": None, "end_date": None}
    base = {"site": "prod", "course_id": ID}
    database.database["auth_user"].insert_many(
        [
            {"_id": row_id("prod", ID, "1"), **base, "course": stale},
            {"_id": row_id("prod", ID, "2"), **base},
            {"_id": row_id("prod", ID, "3"), **base, "course": metadata},
            {"_id": row_id("prod", ID + "b", "1"), "site": "prod", "course": stale},
            {"_id": row_id("edge", ID, "1"), "site": "edge", "course": stale},
        ]
    )
    database.database["forum"].insert_many([{"_id": "prod|a", **base, "course": stale}, {"_id": "prod|b", "site": "prod", "course": stale}])
    others: list[dict[str, Any]] = [{"_id": row_id("prod", ID, "a"), **base, "course": stale}, {"_id": row_id("prod", ID, "b"), **base}]
    database.database["other_things"].insert_many(others)
    database.database["courseware_studentmodule"].insert_one({"_id": row_id("prod", ID, "1"), **base})
    assert refresh_course(database, "prod", ID, metadata) == 4
    assert refresh_course(database, "prod", ID, metadata) == 0
    fresh = {name: database.database[name].count_documents({"course": metadata}) for name in ("auth_user", "forum", "other_things")}
    assert fresh == {"auth_user": 3, "forum": 1, "other_things": 1}
    assert database.database["courseware_studentmodule"].count_documents({"course": {"$exists": True}}) == 0
