"""What happened to every enrolment: the enrolment events of each course, by learner, as the payloads name both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from edx_import.courses import Course, CourseCatalog
from edx_import.formats.event_course import is_course_key
from edx_import.model import EnrollmentEvent
from edx_import.reports.context import Context


class Learner(NamedTuple):
    """A learner (auth_user.id) in a course: what happened to the enrolment, in its order, and at least one event."""

    user_id: int
    events: list[EnrollmentEvent]


@dataclass(frozen=True, slots=True)
class CourseHistory:
    """A course and its learners, by their numbers; they are read as they are gone through."""

    course_id: str
    learners: Iterator[Learner]


def histories(context: Context) -> Iterator[CourseHistory]:
    """The chosen courses that have enrolment events, in the order of their ids, whatever days were asked for."""
    payload_ids = payload_ids_by_course(context)
    for course_id in sorted(payload_ids):
        yield CourseHistory(course_id, learners_of(context, payload_ids[course_id]))


def payload_ids_by_course(context: Context) -> Mapping[str, list[str]]:
    """The chosen courses that enrolment events are of, each with the texts that payloads have for it: its id, an alias, an older form."""
    catalog = CourseCatalog(_listed(context))
    found: dict[str, list[str]] = {}
    for payload_id in filter(is_course_key, context.queries.enrollment_course_ids(context.site)):
        course_id = catalog.resolve(payload_id)
        if context.takes(course_id):
            found.setdefault(course_id, []).append(payload_id)
    return found


def _listed(context: Context) -> Iterator[Course]:
    for course in context.queries.courses(context.site):
        if course.get("listed"):
            yield Course(course["course_id"], aliases=tuple(course.get("aliases") or ()))


def learners_of(context: Context, payload_ids: list[str]) -> Iterator[Learner]:
    """The learners of one course. An event after the last event day counts no more than it would in a report made on that day."""
    if context.event_days is None or not payload_ids:
        return
    end = interval_end(context.event_days[1])
    events = context.queries.enrollment_events(context.site, payload_ids)
    for user_id, changes in groupby(events, key=itemgetter(0)):
        of_learner = sorted(event for _, event in changes if event.time < end)
        if of_learner:
            yield Learner(user_id, of_learner)


def interval_end(last_day: date) -> datetime:
    """The first moment (UTC) after the days that a report is about."""
    return datetime.combine(last_day + timedelta(days=1), time(), UTC)
