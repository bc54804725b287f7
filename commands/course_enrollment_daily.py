"""Learners enrolled in each course, day by day.

From enrolment events. One row for each course and day (UTC), from the first enrolment event of the course to the last day of events in the
database. `--since` and `--until` choose the days shown; what was before is counted all the same. `docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Chart, ChartKind, Column, Context, Report, enrollment

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("date", date, "day (UTC)"),
    Column("count", int, "enrolled at the end of the day", "learners"),
    Column("cumulative_count", int, "ever enrolled up to then, those who left included", "learners"),
)


def run(context: Context) -> Report:
    chart = Chart(ChartKind.LINE, "date", "count", "course_id")
    return Report.of(COLUMNS, enrollment.daily(context), "Enrolled learners by day", chart)
