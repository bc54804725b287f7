"""Learners enrolled in each course, day by day and by gender.

From enrolment events and the profiles of the newest snapshot. One row for each course, day (UTC) and gender; learners without a profile, and those
who do not say, are in the row without one. `--since` and `--until` choose the days shown; what was before is counted all the same.
`docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Chart, ChartKind, Column, Context, Report, enrollment

COLUMNS = (
    Column("date", date, "day (UTC)"),
    Column("course_id", str, "course key"),
    Column("gender", str, "f, m or o, as the profile says; null: no profile, or not said"),
    Column("count", int, "enrolled at the end of the day", "learners"),
    Column("cumulative_count", int, "ever enrolled up to then, those who left included", "learners"),
)


def run(context: Context) -> Report:
    one_course = len(context.courses) == 1
    chart = Chart(ChartKind.LINE, "date", "count", "gender") if one_course else None
    return Report.of(COLUMNS, enrollment.daily(context, "gender"), "Enrolled learners by day and gender", chart)
