"""Each course and mode on the last day of events: enrolled, change in a week, passed.

From enrolment events and the grades of the newest snapshot. The six columns of the platform's catalogue are there because programs that read this
table expect them; a data package does not have the catalogue, so they are empty. `docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import datetime

from edx_import.api import Chart, ChartKind, Column, Context, Report, enrollment

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("catalog_course_title", str, "null: only the platform's catalogue has it"),
    Column("catalog_course", str, "null: only the platform's catalogue has it"),
    Column("start_time", datetime, "null: only the platform's catalogue has it"),
    Column("end_time", datetime, "null: only the platform's catalogue has it"),
    Column("pacing_type", str, "null: only the platform's catalogue has it"),
    Column("availability", str, "null: only the platform's catalogue has it"),
    Column("enrollment_mode", str, "audit, honor, verified, ...: that of the learner's last event"),
    Column("count", int, "in that mode and enrolled at the end of the last day of events", "learners"),
    Column("count_change_7_days", int, "count less that of the day seven days before", "learners"),
    Column("cumulative_count", int, "in that mode at the end of the day, those who left included", "learners"),
    Column("passing_users", int, "passed, while in that mode", "learners"),
)


def run(context: Context) -> Report:
    context.refuse_days("the numbers are those of the last day of events")
    chart = Chart(ChartKind.BAR, "course_id", "count", "enrollment_mode")
    return Report.of(COLUMNS, enrollment.meta_summary(context), "Enrolled learners by mode", chart)
