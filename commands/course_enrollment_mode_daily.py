"""Learners enrolled in each course, day by day and by mode.

From enrolment events. One row for each course, day (UTC) and mode that any learner of the course is in on that day. Learners count in the mode
that they are in on the day: `cumulative_count` of a mode falls when they change. `--since` and `--until` choose the days shown; what was before is
counted all the same. `docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Chart, ChartKind, Column, Context, Report, enrollment

COLUMNS = (
    Column("date", date, "day (UTC)"),
    Column("course_id", str, "course key"),
    Column("mode", str, "audit, honor, verified, ...: that of the learner's last event"),
    Column("count", int, "in that mode and enrolled at the end of the day", "learners"),
    Column("cumulative_count", int, "in that mode at the end of the day, those who left included", "learners"),
)


def run(context: Context) -> Report:
    one_course = len(context.courses) == 1
    chart = Chart(ChartKind.LINE, "date", "count", "mode") if one_course else None
    return Report.of(COLUMNS, enrollment.daily(context, "mode"), "Enrolled learners by day and mode", chart)
