"""Who came to each course and how far they got, day by day.

Learners by what was new with them on a day (UTC), and in all up to the end of that day.

The measures are registered (by the day of the enrolment), viewed (first block opened), explored (half of the chapters opened), certified (certificate
made), and of those registered the mode, gender, age (in the year of the enrolment) and country that the newest snapshot says; `value` is empty where
nobody said. A day without news has no row. `--since` and `--until` choose the days shown; what was before is counted all the same.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Chart, ChartKind, Column, Context, Report, activity

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("date", date, "day (UTC)"),
    Column("measure", str, "registered, viewed, explored, certified, mode, gender, age or country"),
    Column("value", str, "of mode, gender, age and country: which one"),
    Column("count", int, "on that day", "learners"),
    Column("cumulative_count", int, "up to the end of that day", "learners"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, activity.daily_counts(context), "New learners by day", Chart(ChartKind.LINE, "date", "cumulative_count", "measure"))
