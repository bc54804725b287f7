"""The document of a course in `reports`: what it counts, and that odd values are no odd keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from edx_import.ids import row_id
from edx_import.reports.context import Context
from edx_import.reports.course_report import course_report
from edx_import.reports.discovery import bundled_folder, load_command
from edx_import.store.changes import Writer
from edx_import.store.connection import Store
from edx_import.store.lock import sync_lock
from edx_import.store.queries import Queries

COURSE, OTHER = "course-v1:DemoX+D101+1T2020", "course-v1:DemoX+D102+1T2020"


def put(database: Store, collection: str, course_id: str, key: str, **fields: Any) -> None:
    document = {"_id": row_id("prod", course_id, key) if key else row_id("prod", course_id), "site": "prod", "course_id": course_id, **fields}
    database.database[collection].insert_one(document)


def learner(database: Store, number: int, course_id: str = COURSE, **profile: Any) -> None:
    put(database, "student_courseenrollment", course_id, str(number), user_id=number, is_active=True)
    if profile:
        put(database, "auth_userprofile", course_id, str(number + 1000), user_id=number, **profile)


@pytest.fixture
def context(database: Store) -> Iterator[Context]:
    for course_id in (COURSE, OTHER):
        put(
            database,
            "courses",
            course_id,
            "",
            name="Demonstrations",
            sme="Ann",
            start_date=datetime(2020, 1, 1, tzinfo=UTC),
            passing_grade=0.5,
            listed=True,
        )
    with sync_lock(database) as lock:
        yield Context(Queries(database.database), changes=Writer(database, lock))


def document_of(context: Context, course_id: str = COURSE) -> dict[str, Any]:
    (course,) = (course for course in context.courses if course["course_id"] == course_id)
    return course_report(context, course)


def test_learners_are_counted_by_what_their_profiles_say(database: Store, context: Context) -> None:
    learner(database, 1, gender="f", country="CL", level_of_education="b", year_of_birth=1980)
    learner(database, 2, gender="f", country="CL", level_of_education="m", year_of_birth=1980)
    learner(database, 3, gender="m", country="PE", level_of_education="", year_of_birth=None)
    learner(database, 4, gender="", country=None, level_of_education="b", year_of_birth=1990)
    learner(database, 5)
    put(database, "auth_userprofile", COURSE, "9", user_id=9, gender="o", country="AR")  # not enrolled
    found = document_of(context)
    assert found["gender"] == {"f": 2, "unknown": 2, "m": 1}
    assert found["education"] == {"b": 2, "unknown": 2, "m": 1}
    assert found["countries"] == {"CL": 2, "unknown": 2, "PE": 1}
    assert found["by_country"] == {
        "CL": {"gender": {"f": 2}, "education": {"b": 1, "m": 1}, "year_of_birth": {"1980": 2}},
        "PE": {"gender": {"m": 1}, "education": {"unknown": 1}, "year_of_birth": {"unknown": 1}},
        "unknown": {"gender": {"unknown": 2}, "education": {"b": 1, "unknown": 1}, "year_of_birth": {"1990": 1, "unknown": 1}},
    }
    for counts in (found["gender"], found["education"], found["countries"]):
        assert sum(counts.values()) == found["users"]["total"] == 5


def test_users_are_counted_as_report_general_does(database: Store, context: Context) -> None:
    learner(database, 1)
    learner(database, 2)
    put(database, "courseware_studentmodule", COURSE, "1", student_id=1)
    put(database, "courseware_studentmodule", COURSE, "2", student_id=1)
    for number, (status, grade) in enumerate((("downloadable", "0.9"), ("notpassing", "0.5"), ("notpassing", "0.49"), ("notpassing", ""))):
        put(database, "certificates_generatedcertificate", COURSE, str(number), user_id=number, status=status, grade=grade)
    assert document_of(context)["users"] == {"total": 2, "active": 1, "certificates": {"failed": 3, "approved": 2, "certified": 1}}


def test_odd_values_are_no_odd_keys(database: Store, context: Context) -> None:
    learner(database, 1, gender="a.b", country="$where", level_of_education="x\0y", year_of_birth=1980)
    document = document_of(context)
    context.writer.save("reports", document)
    (saved,) = database.database["reports"].find()
    assert saved == document
    assert saved["gender"] == {"a%2Eb": 1}
    assert saved["by_country"] == {"%24where": {"gender": {"a%2Eb": 1}, "education": {"x%00y": 1}, "year_of_birth": {"1980": 1}}}


def test_a_course_nobody_is_in_has_a_document_too(database: Store, context: Context) -> None:
    assert {name: document_of(context)[name] for name in ("_id", "gender", "countries", "by_country", "course")} == {
        "_id": row_id("prod", COURSE),
        **{name: {} for name in ("gender", "countries", "by_country")},
        "course": {
            "name": "Demonstrations",
            "sme": "Ann",
            "start_date": datetime(2020, 1, 1, tzinfo=UTC),
            "end_date": None,
            "passing_grade": 0.5,
            "listed": True,
        },
    }


def test_the_command_replaces_what_was_saved_and_says_so(database: Store, context: Context) -> None:
    learner(database, 1, country="CL")
    learner(database, 2, OTHER, country=None)
    command = load_command("update_reports", [bundled_folder()])
    database.database["reports"].insert_one({"_id": row_id("prod", COURSE), "old": True})
    rows = [dict(zip([column.name for column in command.columns], row, strict=True)) for row in command.run(context).rows]
    saved = list(database.database["reports"].find().sort("_id", 1))
    assert [(row["id"], row["total_users"], row["countries"]) for row in rows] == [(COURSE, 1, 1), (OTHER, 1, 0)]
    assert [document["course_id"] for document in saved] == [COURSE, OTHER]
    assert "old" not in saved[0]
    assert rows[0]["created"] == saved[0]["created"]
