"""One row for each enrolment that ever began: first, last and present.

By rules of its own, which are stricter than those of the daily numbers: an activation counts only for who is not enrolled, a change of mode only
for who is, and the mode of a deactivation never.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from edx_import.model import ACTIVATED, DEACTIVATED, EnrollmentEvent
from edx_import.reports.context import Context
from edx_import.reports.enrollment.history import histories, interval_end


@dataclass(slots=True)
class Summary:
    """An enrolment that began once. Times are UTC."""

    current_enrollment_mode: str
    current_enrollment_is_active: bool
    first_enrollment_mode: str
    first_enrollment_time: datetime
    last_unenrollment_time: datetime | None = None
    first_verified_enrollment_time: datetime | None = None
    first_credit_enrollment_time: datetime | None = None

    def take_mode(self, event: EnrollmentEvent) -> None:
        """The enrolment is in this mode from now on."""
        self.current_enrollment_mode = event.mode
        if event.mode == "verified":
            self.first_verified_enrollment_time = self.first_verified_enrollment_time or event.time
        elif event.mode == "credit":
            self.first_credit_enrollment_time = self.first_credit_enrollment_time or event.time


_FIELDS = tuple(field.name for field in fields(Summary))


def summarized(events: Iterable[EnrollmentEvent]) -> Summary | None:
    """The events of one enrolment, in their order, in one; None where none of them enrols."""
    summary: Summary | None = None
    for event in events:
        is_active = summary is not None and summary.current_enrollment_is_active
        if event.type == ACTIVATED and not is_active:
            summary = summary or Summary(event.mode, True, event.mode, event.time)
            summary.current_enrollment_is_active = True
            summary.take_mode(event)
        elif summary is not None and is_active and event.type == DEACTIVATED:
            summary.current_enrollment_is_active = False
            summary.last_unenrollment_time = event.time
        elif summary is not None and is_active and event.type != ACTIVATED:
            summary.take_mode(event)
    return summary


def summaries(context: Context) -> Iterator[dict[str, Any]]:
    """course_id, user_id, the fields of `Summary`, and end_time (UTC), up to which all is told; by course and learner."""
    if context.event_days is None:
        return
    end_time = interval_end(context.event_days[1])
    for course in histories(context):
        for learner in course.learners:
            summary = summarized(learner.events)
            if summary is not None:
                told = {name: getattr(summary, name) for name in _FIELDS}
                yield {"course_id": course.course_id, "user_id": learner.user_id, **told, "end_time": end_time}
