"""Active users of each week: distinct usernames of any event.

Weeks are those of ISO 8601, Monday to Sunday (UTC), the oldest first; a week without events has no row. Usernames count without blanks at their
ends, those that are blank not at all. `--since` and `--until` choose the weeks that these days are in: a week that is shown is counted whole. Users
of several courses count once; choose a course to count its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from edx_import.api import Chart, ChartKind, Column, Context, Report

COLUMNS = (
    Column("iso_week", str, "the week: 2020W05 for the fifth of 2020"),
    Column("interval_start", date, "its Monday (UTC)"),
    Column("interval_end", date, "the Monday after it (UTC), not included"),
    Column("active_users", int, "distinct usernames", "users"),
)

_MONDAY_TO_SUNDAY = timedelta(days=6)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, _weeks(context), "Active users by week", Chart(ChartKind.LINE, "interval_start", "active_users"))


def _weeks(context: Context) -> Iterator[dict[str, Any]]:
    since = context.since and _monday(context.since)
    until = context.until and _sunday(context.until)
    for week in context.queries.users_per_week(context.site, context.course_ids, since, until):
        monday = week["interval_start"]
        year, number, _ = monday.isocalendar()
        yield {**week, "iso_week": f"{year}W{number:02}", "interval_end": monday + timedelta(days=7)}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _sunday(day: date) -> date:
    return min(date.max - _MONDAY_TO_SUNDAY, _monday(day)) + _MONDAY_TO_SUNDAY
