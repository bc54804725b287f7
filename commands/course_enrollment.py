"""Every learner on every day: enrolled or not, and in which mode.

From enrolment events: the long table behind the daily numbers. One row for each course, learner and day (UTC), from the learner's first event in
the course to the last day of events in the database, also after the learner has left: choose a course and days, or be ready for very many rows.
`--since` and `--until` choose the days shown. `docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Column, Context, Personal, Report, enrollment

COLUMNS = (
    Column("date", date, "day (UTC)"),
    Column("course_id", str, "course key"),
    Column("user_id", int, "learner (auth_user.id)", personal=Personal.LEARNER),
    Column("at_end", int, "1: enrolled at the end of the day; 0: not"),
    Column("change", int, "against the end of the day before: 1 enrolled, -1 left, 0 neither"),
    Column("mode", str, "mode at the end of the day: that of the last event"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, enrollment.by_learner(context))
