"""Active learners of each course and week, as edX Insights counts them.

One row for each course, week and label that has learners; a learner counts once a week. The labels are the categories of user_activity_by_user.
Weeks are those of ISO 8601, Monday to Sunday (UTC), and only whole ones: the last one ends on or before the last day of events in the database, or on
or before `--until`. The first one is `--weeks` before that, or the week of `--since`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from edx_import.api import Chart, ChartKind, Column, Context, Option, Report, activity

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("interval_start", datetime, "the Monday with which the week begins, 0:00 UTC"),
    Column("interval_end", datetime, "the Monday after it, 0:00 UTC, not included"),
    Column("label", str, "ACTIVE, ATTEMPTED_PROBLEM, PLAYED_VIDEO or POSTED_FORUM"),
    Column("count", int, "distinct learners", "learners"),
)


def run(context: Context, *, weeks: Annotated[int, Option("how many weeks; 0: all")] = 24) -> Report:
    chart = Chart(ChartKind.LINE, "interval_start", "count", "label")
    return Report.of(COLUMNS, activity.weekly(context, weeks), "Active learners by week", chart)
