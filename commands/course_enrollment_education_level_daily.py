"""Learners enrolled in each course by level of education, on the last day of events.

From enrolment events and the profiles of the newest snapshot. Learners without a profile, and those who do not say, are in the row without a level.
`docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Chart, ChartKind, Column, Context, Report, enrollment

COLUMNS = (
    Column("date", date, "day (UTC): the last one with events, the same for all courses"),
    Column("course_id", str, "course key"),
    Column(
        "education_level",
        str,
        "primary, junior_secondary, secondary, associates, bachelors, masters, doctorate, none or other, as the profile says; null: anything else",
    ),
    Column("count", int, "enrolled at the end of the day", "learners"),
    Column("cumulative_count", int, "ever enrolled up to then, those who left included", "learners"),
)


def run(context: Context) -> Report:
    context.refuse_days("the numbers are those of the last day of events")
    chart = Chart(ChartKind.BAR, "education_level", "count", "course_id")
    return Report.of(COLUMNS, enrollment.on_last_day(context, "education_level"), "Enrolled learners by level of education", chart)
