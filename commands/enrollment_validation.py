"""Enrolment events that must have happened and are not there.

Each learner's events are gone through backwards from what the table of enrolments says in the newest snapshot. Where two that follow each other
contradict each other (enrolled twice, left without having enrolled, ...), the event that is missing between them is a row: one microsecond after
the earlier one. Days without delivered events show here. `--since` and `--until` choose by the time of the missing event (UTC).
`docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import datetime

from edx_import.api import Column, Context, Personal, Report, enrollment

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("user_id", int, "learner (auth_user.id)", personal=Personal.LEARNER),
    Column("time", datetime, "when it happened at the earliest (UTC)"),
    Column("event_type", str, "edx.course.enrollment.activated, .deactivated or .mode_changed"),
    Column("mode", str, "mode after it"),
    Column("reason", str, "what it is missing between: start (nothing known before), an event, or validated (the table of enrolments)"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, enrollment.missing_events(context))
