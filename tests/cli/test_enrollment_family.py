"""The enrolment family on a sample package, from sealed files to answers: the numbers are those that the sample's maker has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import naive_enrollment as naive
import pytest
from desk import Desk, Package
from enrolments import Enrolments

from edx_import.model import PROD, EnrollmentEvent
from edx_import.reports.enrollment.state import day_states
from edx_import.sample.catalogue import iter_rows
from edx_import.sample.enrollment import enrollments_of
from edx_import.sample.package import make_package
from edx_import.sample.recipe import Recipe, courses_of, sample_courses_yaml
from edx_import.sample.sealing import InstitutionKey, Sealer

TABLES = frozenset(("auth_user", "auth_userprofile", "student_courseenrollment", "grades_persistentcoursegrade"))
RECIPE = Recipe(seed=3, learners=120, days=9, events_per_day=60, blocks_per_learner=2, tables=TABLES)
FIRST, LAST = RECIPE.event_days[0], RECIPE.event_days[-1]


@pytest.fixture(scope="module")
def delivery(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("enrolments")
    with Sealer(institution) as sealer:
        return Package(RECIPE, folder, make_package(RECIPE, folder, sealer), institution)


@pytest.fixture(scope="module")
def desk(make_desk: Any, delivery: Package) -> Iterator[Desk]:
    courses = delivery.folder / "courses.yaml"
    courses.write_text(sample_courses_yaml(RECIPE), encoding="utf-8")
    with make_desk(EDX_IMPORT_SOURCE=str(delivery.folder), COURSES_FILE=str(courses)) as made:
        made.sync()
        yield made


@pytest.fixture(scope="module")
def loaded(desk: Desk) -> Iterator[Enrolments]:
    with desk.store() as store:
        yield Enrolments(store)


def delivered() -> list[naive.Event]:
    """What happened to enrolments on the days that have event files, as the maker knows it."""
    return [
        (course.id, enrollment.learner.id, change.time, change.what, change.mode)
        for course in courses_of(RECIPE)
        for enrollment in enrollments_of(RECIPE, PROD, course)
        for change in enrollment.changes
        if FIRST <= change.time.date() <= LAST
    ]


CELLS = naive.cells(delivered(), LAST)


def rows_of(table: str) -> list[dict[str, Any]]:
    """The maker's rows of all courses, each with its course."""
    return [{**row, "course_id": course.id} for course in courses_of(RECIPE) for row in iter_rows(RECIPE, course, table)]


def said(field: str) -> dict[tuple[str, int], Any]:
    """What the maker's profiles say, by course and learner."""
    return {(row["course_id"], row["user_id"]): row[field] for row in rows_of("auth_userprofile")}


def test_the_sample_has_what_the_reports_are_about() -> None:
    events = delivered()
    assert len(events) > 60
    assert {kind for _, _, _, kind, _ in events} == {"activated", "deactivated", "mode_changed"}
    assert any(mode == "verified" for *_, mode in events)


def test_daily_numbers_are_the_makers(loaded: Enrolments) -> None:
    assert loaded.answer("course_enrollment_daily") == [(*row[:2], *row[3:]) for row in naive.counted(CELLS, lambda row: None)]
    modes = loaded.answer("course_enrollment_mode_daily", "course_id", "date", "mode", "count", "cumulative_count")
    assert modes == naive.counted(CELLS, lambda row: row[5])


def test_numbers_by_what_learners_say_are_the_makers(loaded: Enrolments) -> None:
    genders = said("gender")
    by_gender = loaded.answer("course_enrollment_gender_daily", "course_id", "date", "gender", "count", "cumulative_count")
    assert by_gender == naive.counted(CELLS, lambda row: genders.get((row[1], row[2])) or None)
    years = said("year_of_birth")
    by_year = loaded.answer("course_enrollment_birth_year_daily", "course_id", "date", "birth_year", "count", "cumulative_count")
    assert by_year == naive.counted((row for row in CELLS if row[0] == LAST), lambda row: years.get((row[1], row[2])))


def test_summary_and_grades_are_the_makers(loaded: Enrolments) -> None:
    assert [row[:-1] for row in loaded.answer("course_enrollment_summary")] == naive.summaries(delivered())
    passed = [row for row in rows_of("grades_persistentcoursegrade") if row["letter_grade"] and row["passed_timestamp"]]
    grades = {(row["course_id"], row["user_id"]): row["modified"].date() for row in passed}
    assert loaded.answer("course_grade_by_mode") == naive.passing(CELLS, grades)
    meta = ("course_id", "enrollment_mode", "count", "count_change_7_days", "cumulative_count", "passing_users")
    assert loaded.answer("course_meta_summary_enrollment", *meta) == naive.on_last_day(CELLS, grades, LAST)


def test_with_the_missing_events_every_enrolment_is_what_the_table_says(loaded: Enrolments, delivery: Package) -> None:
    events: dict[tuple[str, int], list[EnrollmentEvent]] = {}
    for course, user, time, kind, mode in delivered():
        events.setdefault((course, user), []).append(EnrollmentEvent(time, f"edx.course.enrollment.{kind}", mode))
    missing = loaded.answer("enrollment_validation")
    for course, user, made_up, kind, mode, _ in missing:
        events.setdefault((course, user), []).append(EnrollmentEvent(made_up, kind, mode))
    assert 0 < len(missing) < len(delivery.totals.enrollments) * 2
    states = {key: list(day_states(sorted(of_learner)))[-1] for key, of_learner in events.items()}
    told = {(row["course_id"], row["user_id"]): (bool(row["is_active"]), row["mode"]) for row in rows_of("student_courseenrollment")}
    assert {key: (state.at_end, state.mode) for key, state in states.items()} == told


def test_every_enrolment_is_somewhere_and_of_the_snapshot(loaded: Enrolments, delivery: Package) -> None:
    located = loaded.answer("course_enrollment_location_current")
    assert {row[0] for row in located} == {RECIPE.snapshots[-1]}
    assert sum(row[4] for row in located) == len(delivery.totals.enrollments)
    assert sum(row[3] for row in located) == sum(row.is_active for row in delivery.totals.enrollments)
    assert {row[2] for row in located} == {"UNKNOWN", None}  # the addresses of a sample are nobody's


def test_all_events_are_counted(loaded: Enrolments, delivery: Package) -> None:
    assert sum(number for _, number in loaded.answer("total_events")) == delivery.totals.documents["events"]
    documents = list(loaded.store.database.events.find())
    explicit = Counter((event["time"].date(), event["event_type"], event["event_source"]) for event in documents if event["event_type"][0] != "/")
    assert {row[:3]: row[3] for row in loaded.answer("event_types")} == explicit
    users = {(event["time"].date().isocalendar()[:2], event["username"].strip()) for event in documents if event["username"].strip()}
    weeks = Counter(week for week, _ in users)
    assert loaded.answer("active_users", "iso_week", "active_users") == [(f"{year}W{week:02}", weeks[year, week]) for year, week in sorted(weeks)]


def test_the_command_line_answers_the_same(desk: Desk, loaded: Enrolments) -> None:
    told = desk.run("cmd", "course_enrollment_summary", "--format", "json", "--course", "*D10*", check=True).json
    rows = loaded.answer("course_enrollment_summary", course=("*D10*",))
    assert [row["user_id"] for row in told] == [row[1] for row in rows]
    first = datetime.fromisoformat(told[0]["first_enrollment_time"])
    assert first == rows[0][5]
    day = LAST.isoformat()
    daily = desk.run("cmd", "course_enrollment_daily", "--since", day, "--format", "csv", check=True).out.splitlines()
    assert daily[0] == "course_id,date,count,cumulative_count"
    assert daily[1:] == [
        f"{course},{day},{count},{ever}" for course, _, count, ever in loaded.answer("course_enrollment_daily", since=date.fromisoformat(day))
    ]
    refused = desk.run("cmd", "course_grade_by_mode", "--since", day)
    assert refused.code == 2
    hashed = desk.run("cmd", "course_enrollment_summary", "--anonymize", "--format", "json", check=True, ANONYMIZE_KEY="k" * 16).json
    assert all(isinstance(row["user_id"], str) and len(row["user_id"]) == 16 for row in hashed)
