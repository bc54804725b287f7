"""What all commands of the family have in common, and how they read: in what order, from which index, in how much memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from enrolments import COURSE, OTHER, Enrolments, days, line, moment, other_event
from mmdb import write_mmdb

from edx_import.api import Personal
from edx_import.errors import UsageError
from edx_import.reports.discovery import bundled_folder, load_command
from edx_import.store.collections import EVENTS
from edx_import.store.connection import Store

BY_DAY = ("course_enrollment", "course_enrollment_daily", "course_enrollment_mode_daily", "course_enrollment_gender_daily", "enrollment_validation")
ON_LAST_DAY = ("course_enrollment_birth_year_daily", "course_enrollment_education_level_daily", "course_meta_summary_enrollment")
WITHOUT_DAYS = (*ON_LAST_DAY, "course_enrollment_summary", "course_grade_by_mode", "course_enrollment_location_current")
MONITORING = ("total_events", "event_types", "active_users")

#: The columns that programs which read these tables expect, in their order.
FIELDS_OF_THE_FIELD = {
    "course_enrollment_daily": "course_id date count cumulative_count",
    "course_enrollment_mode_daily": "date course_id mode count cumulative_count",
    "course_enrollment_gender_daily": "date course_id gender count cumulative_count",
    "course_enrollment_birth_year_daily": "date course_id birth_year count cumulative_count",
    "course_enrollment_education_level_daily": "date course_id education_level count cumulative_count",
    "course_enrollment_location_current": "date course_id country_code count cumulative_count",
    "course_meta_summary_enrollment": "course_id catalog_course_title catalog_course start_time end_time pacing_type availability enrollment_mode "
    "count count_change_7_days cumulative_count passing_users",
    "course_grade_by_mode": "course_id mode passing_users",
    "course_enrollment_summary": "course_id user_id current_enrollment_mode current_enrollment_is_active first_enrollment_mode first_enrollment_time "
    "last_unenrollment_time first_verified_enrollment_time first_credit_enrollment_time end_time",
    "course_enrollment": "date course_id user_id at_end change mode",
    "total_events": "date event_count",
}


@pytest.fixture
def made(database: Store) -> Enrolments:
    return Enrolments(database)


@pytest.mark.parametrize("name", [*BY_DAY, *WITHOUT_DAYS, *MONITORING])
def test_every_column_says_what_it_means_and_who_is_in_it(name: str) -> None:
    command = load_command(name, [bundled_folder()])
    assert command.summary.endswith(".")
    assert len(command.help) > len(command.summary)
    for column in command.columns:
        assert column.meaning
        assert (column.personal is Personal.LEARNER) is (column.name == "user_id")
        assert column.unit or column.type is not int or column.name in ("at_end", "change", "user_id")


@pytest.mark.parametrize(("name", "columns"), FIELDS_OF_THE_FIELD.items())
def test_columns_have_the_names_and_the_order_that_are_known(name: str, columns: str) -> None:
    assert [column.name for column in load_command(name, [bundled_folder()]).columns] == columns.split()


@pytest.mark.parametrize("name", [*BY_DAY, *WITHOUT_DAYS, *MONITORING])
def test_an_empty_database_and_an_unknown_course_have_no_rows(made: Enrolments, name: str, tmp_path: Path) -> None:
    own: dict[str, Any] = {"geoip": write_mmdb(tmp_path / "x.mmdb", {"193.0.0.0/16": "NL"})} if "location" in name else {}
    assert made.answer(name, **own) == []
    made.course()
    made.enrolled(1, created="2020-01-01")
    made.log(line("activated", 1, "2020-01-01"))
    assert len(made.answer(name, **own)) == (0 if name == "enrollment_validation" else 1)
    assert made.answer(name, **own, course=("course-v1:no+such+course",)) == made.answer(name, **own, orgs=("other",)) == []


@pytest.mark.parametrize("name", WITHOUT_DAYS)
def test_commands_to_which_days_mean_nothing_refuse_them(made: Enrolments, name: str) -> None:
    own: dict[str, Any] = {"geoip": Path("unused")} if "location" in name else {}
    with pytest.raises(UsageError, match="--since and --until cannot be used here"):
        made.answer(name, **own, until=date(2020, 1, 1))


def test_rows_come_by_course_then_day_then_group(made: Enrolments) -> None:
    for user, mode in enumerate(["verified", "", "audit"]):
        made.log(*(line("activated", user, f"2020-01-0{day}", mode, course) for day in (2, 1) for course in (OTHER, COURSE)))
    made.profile(1, gender="m")
    modes = days(made.answer("course_enrollment_mode_daily", "course_id", "date", "mode"))
    assert modes == [(course, day, mode) for course in (COURSE, OTHER) for day in ("01", "02") for mode in ("", "audit", "verified")]
    assert made.answer("course_enrollment_gender_daily", "gender", until=date(2020, 1, 1), course=(COURSE,)) == [(None,), ("m",)]


def test_a_chart_of_groups_is_drawn_where_one_course_is_chosen(made: Enrolments) -> None:
    made.course(COURSE)
    made.course(OTHER)
    for name, series in (("course_enrollment_mode_daily", "mode"), ("course_enrollment_gender_daily", "gender")):
        run = load_command(name, [bundled_folder()]).run
        chart = run(made.context(course=(COURSE,))).chart
        assert chart is not None
        assert chart.series == series
        assert run(made.context()).chart is None


def test_what_is_missing_is_told_by_course_learner_and_time(made: Enrolments) -> None:
    made.course(COURSE)
    made.course(OTHER)
    made.snapshot("2020-01-12")
    made.enrolled(1, True, "honor", created="2019-12-01T10:00:00")
    made.enrolled(2, False, "audit", created="2020-01-01T11:59:59")
    made.enrolled(9, None)
    made.log(line("activated", 2, "2020-01-01"), line("deactivated", 3, "2020-01-05", course=OTHER), line("activated", 4, "2020-01-05"))
    activated, deactivated = ("edx.course.enrollment." + kind for kind in ("activated", "deactivated"))
    rows = [
        (COURSE, 1, moment("2019-12-01T10:00:00"), activated, "honor", "start => validated(active)"),
        (COURSE, 2, moment("2020-01-01T12:00:00.000001"), deactivated, "audit", "activated => validated(inactive)"),
        (OTHER, 3, moment("2020-01-05T11:59:59.999999"), activated, "audit", "start => deactivated"),
    ]
    assert made.answer("enrollment_validation") == rows
    assert made.answer("enrollment_validation", course=(OTHER,)) == rows[2:]
    assert made.answer("enrollment_validation", since=date(2020, 1, 1), until=date(2020, 1, 1)) == rows[1:2]
    assert made.answer("enrollment_validation", site="edge") == []


@contextmanager
def profiled(made: Enrolments) -> Iterator[list[dict[str, Any]]]:
    """What the server did inside, as its profiler tells."""
    told: list[dict[str, Any]] = []
    database = made.store.database
    database.command("profile", 2)
    try:
        yield told
    finally:
        database.command("profile", 0)
    told += database["system.profile"].find({"ns": f"{database.name}.{EVENTS}"})


@pytest.mark.parametrize("name", ["course_enrollment_daily", "course_enrollment_summary"])
def test_enrolment_events_are_read_from_their_index_without_sorting(made: Enrolments, name: str) -> None:
    made.course(COURSE, listed=True)
    made.log(*(line("activated", user, "2020-01-01", course=course) for user in range(50) for course in (COURSE, "DemoX/D101/1T2020", OTHER)))
    made.log(*(other_event("2020-01-02") for _ in range(300)))
    with profiled(made) as told:
        assert made.answer(name)
    reading = [done for done in told if "site_enrollment" in str(done.get("execStats")) or "event.user_id" in str(done["command"])]
    assert {done["docsExamined"] for done in reading} == {0}
    assert not any(done.get("hasSortStage") for done in told)
    assert max(done["keysExamined"] for done in reading) <= 110


def test_the_days_are_counted_from_an_index_alone(made: Enrolments) -> None:
    made.log(*(other_event("2020-01-02") for _ in range(300)))
    with profiled(made) as told:
        assert made.answer("total_events", "event_count") == [(300,)]
    assert sum(done["docsExamined"] for done in told) == 0


def test_without_its_index_the_same_is_answered(made: Enrolments) -> None:
    made.log(*(line(kind, user, f"2020-01-0{day}") for user in (3, 1, 2) for day, kind in ((2, "deactivated"), (1, "activated"))))
    answers = [made.answer(name) for name in (*BY_DAY, "course_enrollment_summary")]
    made.store.database[EVENTS].drop_indexes()
    assert [made.answer(name) for name in (*BY_DAY, "course_enrollment_summary")] == answers


def _peak(made: Enrolments, course: str, rows: int) -> int:
    tracemalloc.start()
    assert made.answer("course_enrollment_gender_daily", "cumulative_count", course=(course,))[-1] == (rows,)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def test_memory_does_not_grow_with_the_learners(made: Enrolments) -> None:
    for course, learners in ((COURSE, 9_000), (OTHER, 27_000)):
        made.log(*(line("activated", user, "2020-01-01", course=course) for user in range(learners)))
        made.store.database.auth_userprofile.insert_many({"_id": f"prod|{course}|{n}", "user_id": n, "gender": "f"} for n in range(0, learners, 2))
    few, many = _peak(made, COURSE, 4_500), _peak(made, OTHER, 13_500)
    assert many < 1.3 * few
