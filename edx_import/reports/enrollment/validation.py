"""What must have happened to enrolments although no event tells of it: events made up where two that follow each other contradict each other, or
where the last ones contradict the table of enrolments.

Each learner's events are gone through backwards. An event needs a state before it: a deactivation and what the table says of somebody enrolled need
an enrolment, an activation needs none; a deactivation and the table know the mode that was there. Where the event before leaves another state, what
lies between is made up, one microsecond after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from edx_import.model import ACTIVATED, DEACTIVATED, MODE_CHANGED, EnrollmentEvent
from edx_import.reports.context import Context
from edx_import.reports.enrollment.by_day import is_shown
from edx_import.reports.enrollment.history import learners_of, payload_ids_by_course
from edx_import.reports.enrollment.joining import with_rows

_ENROLMENTS = "student_courseenrollment"
_FIELDS = ("is_active", "mode", "created")

_ACTIVE, _INACTIVE = "validated(active)", "validated(inactive)"
_MICROSECOND = timedelta(microseconds=1)

#: How long after the beginning of its date (the exporter's, whose zone nobody tells) the export of a snapshot may read a table.
_EXPORT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the table says of an enrolment. `created` is when the learner first enrolled (UTC)."""

    is_active: bool
    mode: str | None
    created: datetime | None


@dataclass(frozen=True, slots=True)
class Missing:
    """An event that is not there; `reason` names what it lies between: `activated => activated`."""

    event: EnrollmentEvent
    reason: str


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that is known of an enrolment: an event, or the table. None: it says nothing of that.

    It `needs` to be enrolled or not just before, and `leaves` the one or the other. A mode that it knows was there before (`needs_mode`) and is
    there after (`mode`).
    """

    time: datetime
    name: str
    needs: bool | None
    leaves: bool | None
    needs_mode: str | None
    mode: str | None


@dataclass(frozen=True, slots=True)
class _Need:
    """What has to be so when the next step comes."""

    step: _Step
    is_active: bool | None
    mode: str | None


def missing_events(context: Context) -> Iterator[dict[str, Any]]:
    """course_id, user_id, time, event_type, mode, reason: by course, learner and time; on the days that were asked for."""
    dates = context.queries.snapshot_dates(_ENROLMENTS, context.site)
    payload_ids = payload_ids_by_course(context)
    for course_id in sorted({*payload_ids, *(course["course_id"] for course in context.courses)}):
        snapshot = date.fromisoformat(dates[course_id]) if dates.get(course_id) else None
        learners = learners_of(context, payload_ids.get(course_id, []))
        rows = context.queries.rows_by_learner(_ENROLMENTS, context.site, course_id, _FIELDS)
        for user_id, learner, of_learner in with_rows(learners, rows):
            enrolled = _enrolled(of_learner[-1]) if of_learner else None
            for one in missing(learner.events if learner else [], enrolled, snapshot):
                if is_shown(context, one.event.time.date()):
                    named = {"course_id": course_id, "user_id": user_id}
                    yield {**named, "time": one.event.time, "event_type": one.event.type, "mode": one.event.mode, "reason": one.reason}


def _enrolled(row: Mapping[str, Any]) -> Enrolled | None:
    created = row.get("created")
    if row.get("is_active") is None:
        return None
    return Enrolled(bool(row["is_active"]), row.get("mode"), created if isinstance(created, datetime) else None)


def missing(events: Sequence[EnrollmentEvent], enrolled: Enrolled | None = None, snapshot: date | None = None) -> list[Missing]:
    """The events that are missing among those of one enrolment, in their order, and what the table says of it.

    The table was read at some time from the date of its snapshot on. It stands among the events of that time where the fewest are missing. Without
    a date, nothing is held against it.
    """
    steps = [_step(event) for event in events]
    created = enrolled.created if enrolled else None
    if enrolled is None or snapshot is None:
        return _missing(steps, created)
    begun = datetime.combine(snapshot, time(), UTC)
    first = sum(step.time < begun for step in steps)
    last = sum(step.time < begun + _EXPORT for step in steps)
    ways = (_missing([*steps[:place], _table_step(enrolled, steps[first:place], begun), *steps[place:]], created) for place in range(first, last + 1))
    return min(ways, key=len)


def _step(event: EnrollmentEvent) -> _Step:
    name = event.type.rpartition(".")[2]
    if event.type == ACTIVATED:
        return _Step(event.time, name, False, True, None, event.mode)
    if event.type == DEACTIVATED:
        return _Step(event.time, name, True, False, event.mode, event.mode)
    return _Step(event.time, name, None, None, None, event.mode)


def _table_step(enrolled: Enrolled, before: Sequence[_Step], begun: datetime) -> _Step:
    moment = before[-1].time + 2 * _MICROSECOND if before else begun
    return _Step(moment, _ACTIVE if enrolled.is_active else _INACTIVE, enrolled.is_active, enrolled.is_active, enrolled.mode, enrolled.mode)


def _missing(steps: Sequence[_Step], created: datetime | None) -> list[Missing]:
    found: list[Missing] = []
    need: _Need | None = None
    for step in reversed(steps):
        if need is not None:
            found += reversed(list(_between(step, need)))
        passed_on = need.is_active if need is not None and step.leaves is None else None
        need = _Need(step, step.needs if step.needs is not None else passed_on, step.needs_mode)
    if need is not None:
        found += reversed(list(_at_start(need, steps, created)))
    return found[::-1]


def _between(step: _Step, need: _Need) -> Iterator[Missing]:
    """What happened after a step, so that what the next one needs could be so."""
    reason = f"{step.name} => {need.step.name}"
    other_mode = None not in (step.mode, need.mode) and step.mode != need.mode
    mode = step.mode if need.mode is None else need.mode
    if step.leaves is False and need.is_active is True:
        types = [ACTIVATED]
    else:
        types = [MODE_CHANGED] * other_mode + [DEACTIVATED] * (step.leaves is True and need.is_active is False)
    for number, event_type in enumerate(types, 1):
        yield Missing(EnrollmentEvent(step.time + number * _MICROSECOND, event_type, mode or ""), reason)


def _at_start(need: _Need, steps: Sequence[_Step], created: datetime | None) -> Iterator[Missing]:
    """What happened before anything that is known. Somebody who is in the table has enrolled once, also when they left and no event tells of it."""
    reason = f"start => {need.step.name}"
    mode = need.step.mode or ""
    if need.is_active:
        known = created is not None and created < need.step.time
        yield Missing(EnrollmentEvent(created if created and known else need.step.time - _MICROSECOND, ACTIVATED, mode), reason)
    elif created is not None and len(steps) == 1 and need.step.name == _INACTIVE:
        yield Missing(EnrollmentEvent(created, ACTIVATED, mode), reason)
        yield Missing(EnrollmentEvent(created + _MICROSECOND, DEACTIVATED, mode), reason)
