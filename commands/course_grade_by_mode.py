"""Learners of each course who passed, by their mode on the day of the grade.

From enrolment events and the grades of the newest snapshot (`grades_persistentcoursegrade`). One row for each course and mode that any learner has
had at the end of a day, whether anybody passed or not. `docs/reports.md` tells the rules.
"""

from __future__ import annotations

from edx_import.api import Chart, ChartKind, Column, Context, Report, enrollment

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("mode", str, "audit, honor, verified, ...: on the day (UTC) on which the grade was last computed"),
    Column("passing_users", int, "with a letter grade and a time of passing", "learners"),
)


def run(context: Context) -> Report:
    context.refuse_days("grades are those of the newest snapshot")
    chart = Chart(ChartKind.BAR, "course_id", "passing_users", "mode")
    return Report.of(COLUMNS, enrollment.by_mode(context), "Learners who passed, by mode", chart)
