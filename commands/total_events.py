"""Events of each day, the newest day first.

All events in the database, of whatever type, those of no course included unless courses are chosen. The day is that of the event's own time
(UTC), not of the file it came in. Days without events have no row.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Chart, ChartKind, Column, Context, Report

COLUMNS = (
    Column("date", date, "day (UTC)"),
    Column("event_count", int, "events", "events"),
)


def run(context: Context) -> Report:
    rows = context.queries.events_per_day(context.site, context.course_ids, context.since, context.until)
    return Report.of(COLUMNS, rows, "Events by day", Chart(ChartKind.LINE, "date", "event_count"))
