"""Enrolments of each course day by day, or on the last day, by mode or by what learners say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from edx_import.reports.context import Context
from edx_import.reports.enrollment.history import CourseHistory, histories
from edx_import.reports.enrollment.profiles import BIRTH_YEAR, EDUCATION_LEVEL, GENDER, Attribute, with_attribute
from edx_import.reports.enrollment.state import DayState, day_states, every_day
from edx_import.reports.enrollment.tally import Group, Numbers, Tally

Row = dict[str, Any]

_ATTRIBUTES: Mapping[str, Attribute] = {"gender": GENDER, "birth_year": BIRTH_YEAR, "education_level": EDUCATION_LEVEL}


def daily(context: Context, by: str | None = None) -> Iterator[Row]:
    """course_id, date, count, cumulative_count and, where `by` names one, the group: mode, gender, birth_year or education_level.

    By course, by day from the first event of each course to the last day of events of the site, by group. `since` and `until` choose days.
    """
    if context.event_days is None:
        return
    for course in histories(context):
        tally = tally_of(context, course, by)
        for day, groups in tally.days(context.event_days[1]):
            if is_shown(context, day):
                yield from rows(course.course_id, day, groups, by)


def on_last_day(context: Context, by: str) -> Iterator[Row]:
    """The rows that `daily` has for the last day of events."""
    if context.event_days is None:
        return
    last_day = context.event_days[1]
    for course in histories(context):
        yield from rows(course.course_id, last_day, tally_of(context, course, by).on(last_day), by)


def by_learner(context: Context) -> Iterator[Row]:
    """date, course_id, user_id, at_end, change, mode: each learner on each day from the first event of the enrolment on; by course and learner."""
    if context.event_days is None:
        return
    for course in histories(context):
        for learner in course.learners:
            for state in every_day(day_states(learner.events), context.event_days[1]):
                if is_shown(context, state.day):
                    yield _learner_row(course.course_id, learner.user_id, state)


def tally_of(context: Context, course: CourseHistory, by: str | None) -> Tally:
    """The learners of a course, counted."""
    tally = Tally()
    if attribute := _ATTRIBUTES.get(by or ""):
        for learner, group in with_attribute(context, course, attribute):
            tally.add((state.day, state.at_end, group) for state in day_states(learner.events))
    else:
        for learner in course.learners:
            tally.add((state.day, state.at_end, state.mode if by == "mode" else None) for state in day_states(learner.events))
    return tally


def is_shown(context: Context, day: date) -> bool:
    """Whether the person wants to see that day."""
    return (context.since is None or context.since <= day) and (context.until is None or day <= context.until)


def rows(course_id: str, day: date, groups: Mapping[Group, Numbers], by: str | None) -> Iterator[Row]:
    """One for each group of a course on a day."""
    for group, numbers in groups.items():
        named = {by: group} if by else {}
        yield {"course_id": course_id, "date": day, **named, "count": numbers.enrolled, "cumulative_count": numbers.ever}


def _learner_row(course_id: str, user_id: int, state: DayState) -> Row:
    named = {"date": state.day, "course_id": course_id, "user_id": user_id}
    return {**named, "at_end": int(state.at_end), "change": state.change, "mode": state.mode}
