"""Who passed, by the mode that the enrolment had on the day of the grade; and each course on the last day, in one row for each mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from edx_import.reports.context import Context
from edx_import.reports.enrollment.history import CourseHistory, histories
from edx_import.reports.enrollment.joining import with_rows
from edx_import.reports.enrollment.state import DayState, day_states
from edx_import.reports.enrollment.tally import Group, Tally

Row = dict[str, Any]

_GRADES = "grades_persistentcoursegrade"
_FIELDS = ("letter_grade", "passed_timestamp", "modified")
_WEEK = timedelta(days=7)
_CATALOG = ("catalog_course_title", "catalog_course", "start_time", "end_time", "pacing_type", "availability")


@dataclass(frozen=True, slots=True)
class _Modes:
    """A course by mode: the learners of each day, and who passed. `passing` has no entry where nobody did."""

    course_id: str
    tally: Tally
    passing: Mapping[Group, int]


def by_mode(context: Context) -> Iterator[Row]:
    """course_id, mode, passing_users: by course and mode, one for each mode that any learner has had at the end of any day."""
    for course in _courses(context):
        for mode in course.tally.groups:
            yield {"course_id": course.course_id, "mode": mode, "passing_users": course.passing.get(mode, 0)}


def meta_summary(context: Context) -> Iterator[Row]:
    """The last day's numbers by course and mode: count, the change of it in seven days, cumulative_count, and passing_users.

    What only the platform's catalogue knows is null.
    """
    if context.event_days is None:
        return
    last_day = context.event_days[1]
    for course in _courses(context):
        week_ago = course.tally.on(last_day - _WEEK)
        for mode, numbers in course.tally.on(last_day).items():
            before = week_ago[mode].enrolled if mode in week_ago else 0
            yield {
                "course_id": course.course_id,
                **dict.fromkeys(_CATALOG),
                "enrollment_mode": mode,
                "count": numbers.enrolled,
                "count_change_7_days": numbers.enrolled - before,
                "cumulative_count": numbers.ever,
                "passing_users": course.passing.get(mode, 0),
            }


def _courses(context: Context) -> Iterator[_Modes]:
    for course in histories(context):
        yield _by_mode(context, course)


def _by_mode(context: Context, course: CourseHistory) -> _Modes:
    tally, passing = Tally(), Counter[Group]()
    grades = context.queries.rows_by_learner(_GRADES, context.site, course.course_id, _FIELDS)
    for _, learner, rows in with_rows(course.learners, grades):
        if learner is None:
            continue
        states = list(day_states(learner.events))
        tally.add((state.day, state.at_end, state.mode) for state in states)
        for modified in filter(None, map(passed_on, rows)):
            mode = mode_on(states, modified)
            if mode is not None:
                passing[mode] += 1
    return _Modes(course.course_id, tally, passing)


def passed_on(grade: Mapping[str, Any]) -> date | None:
    """The day (UTC) on which a grade that is passing was last computed; None for one that is not: never passed, or no longer."""
    modified = grade.get("modified")
    is_passing = grade.get("passed_timestamp") is not None and bool(grade.get("letter_grade"))
    return modified.date() if is_passing and isinstance(modified, datetime) else None


def mode_on(states: Iterable[DayState], day: date) -> str | None:
    """The mode of an enrolment at the end of a day; None before its first event."""
    return next((state.mode for state in reversed(list(states)) if state.day <= day), None)
