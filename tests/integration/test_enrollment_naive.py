"""The enrolment family held to a second, naive making of the same numbers, over random lists of events in a real MongoDB.

`ENROLMENT_LISTS=1000` tries more of them.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import naive_enrollment as naive
import pytest
from enrolments import COURSE, OTHER, Enrolments, line, other_event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edx_import.store.connection import Store

_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_DAYS = 12
_KINDS = ["activated", "activated", "deactivated", "mode_changed"]
_MODES = ["audit", "verified", "credit", ""]

#: Few learners and few moments, so that much meets: events of one microsecond, of one day, of one learner in two courses.
_MOMENTS = st.builds(
    lambda day, hour, micros: _FIRST + timedelta(days=day, hours=hour, microseconds=micros),
    st.integers(0, _DAYS - 1),
    st.sampled_from([0, 0, 12, 23]),
    st.sampled_from([0, 1, 999, 1000]),
)
_EVENTS = st.lists(
    st.tuples(st.sampled_from([COURSE, OTHER]), st.integers(1, 6), _MOMENTS, st.sampled_from(_KINDS), st.sampled_from(_MODES)), max_size=40
)
_PROFILES = st.dictionaries(
    st.integers(1, 8),
    st.tuples(st.sampled_from(["f", "m", "", None]), st.sampled_from([None, 1980, 2001]), st.sampled_from(["m", "p", "p_se", "", None])),
)
_LETTERS = st.sampled_from(["A", "Pass", "", None])
_GRADES = st.dictionaries(
    st.tuples(st.sampled_from([COURSE, OTHER]), st.integers(1, 8)), st.tuples(st.integers(-2, _DAYS + 2), _LETTERS, st.booleans())
)
_LISTS = int(os.environ.get("ENROLMENT_LISTS", "40"))


@pytest.fixture
def made(database: Store) -> Enrolments:
    return Enrolments(database)


def _empty(made: Enrolments) -> None:
    for name in ("events", "auth_userprofile", "grades_persistentcoursegrade"):
        made.store.database[name].delete_many({})


def _put(made: Enrolments, events: list[naive.Event], profiles: dict[int, Any], grades: dict[tuple[str, int], Any]) -> dict[tuple[str, int], date]:
    """Puts all in; gives the days of the passing grades."""
    _empty(made)
    made.log(*(line(kind, user, moment.replace(tzinfo=None).isoformat(), mode, course) for course, user, moment, kind, mode in events))
    for user, (gender, year, level) in profiles.items():
        made.profile(user, COURSE if user % 2 else OTHER, gender=gender, year_of_birth=year, level_of_education=level)
    passing = {}
    for (course, user), (day, letter, passed) in grades.items():
        modified = (_FIRST + timedelta(days=day)).date()
        made.grade(user, modified.isoformat(), letter, "2020-01-01" if passed else None, course)
        if letter and passed:
            passing[course, user] = modified
    return passing


@settings(max_examples=_LISTS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_EVENTS, _PROFILES, _GRADES, st.integers(0, 9))
def test_all_numbers_are_those_of_looking_at_every_learner_on_every_day(
    made: Enrolments, events: list[naive.Event], profiles: dict[int, Any], grades: dict[tuple[str, int], Any], more_days: int
) -> None:
    passing = _put(made, events, profiles, grades)
    last_day = (_FIRST + timedelta(days=_DAYS - 1 + more_days)).date()
    made.log(other_event(last_day.isoformat()))
    rows = naive.cells(events, last_day)
    assert sorted(made.answer("course_enrollment")) == sorted(rows)
    assert made.answer("course_enrollment_daily") == [(*row[:2], *row[3:]) for row in naive.counted(rows, lambda row: None)]
    order = ("course_id", "date")
    numbers = ("count", "cumulative_count")
    assert made.answer("course_enrollment_mode_daily", *order, "mode", *numbers) == naive.counted(rows, lambda row: row[5])
    genders = {user: profile[0] or None for user, profile in profiles.items()}
    assert made.answer("course_enrollment_gender_daily", *order, "gender", *numbers) == naive.counted(rows, lambda row: genders.get(row[2]))
    last = [row for row in rows if row[0] == last_day]
    years = {user: profile[1] for user, profile in profiles.items()}
    assert made.answer("course_enrollment_birth_year_daily", *order, "birth_year", *numbers) == naive.counted(last, lambda row: years.get(row[2]))
    levels = {user: {"m": "masters", "p": "doctorate", "p_se": "doctorate"}.get(profile[2]) for user, profile in profiles.items()}
    by_level = naive.counted(last, lambda row: levels.get(row[2]))
    assert made.answer("course_enrollment_education_level_daily", *order, "education_level", *numbers) == by_level
    assert [row[:-1] for row in made.answer("course_enrollment_summary")] == naive.summaries(events)
    assert made.answer("course_grade_by_mode") == naive.passing(rows, passing)
    meta = ("course_id", "enrollment_mode", "count", "count_change_7_days", "cumulative_count", "passing_users")
    assert made.answer("course_meta_summary_enrollment", *meta) == naive.on_last_day(rows, passing, last_day)
