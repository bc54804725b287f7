"""Each enrolment in one row: first, last and present mode, and when they changed.

From enrolment events. One row for each course and learner whose enrolment is known to have begun. The rules are stricter than those of the daily
numbers: an activation counts only while not enrolled, a change of mode only while enrolled, and the mode of a deactivation never.
`docs/reports.md` tells them.
"""

from __future__ import annotations

from datetime import datetime

from edx_import.api import Column, Context, Personal, Report, enrollment

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("user_id", int, "learner (auth_user.id)", personal=Personal.LEARNER),
    Column("current_enrollment_mode", str, "mode now, or when the learner left"),
    Column("current_enrollment_is_active", bool, "false: the learner left the course"),
    Column("first_enrollment_mode", str, "mode of the first activation"),
    Column("first_enrollment_time", datetime, "time of the first activation (UTC)"),
    Column("last_unenrollment_time", datetime, "when the learner last left (UTC); null: never"),
    Column("first_verified_enrollment_time", datetime, "when the mode was first verified (UTC); null: never"),
    Column("first_credit_enrollment_time", datetime, "when the mode was first credit (UTC); null: never"),
    Column("end_time", datetime, "up to when all is told: midnight (UTC) after the last day of events"),
)


def run(context: Context) -> Report:
    context.refuse_days("a summary is made from all events")
    return Report.of(COLUMNS, enrollment.summaries(context))
