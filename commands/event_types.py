"""Events of each day by type and source.

Without implicit events, whose type is the path of a request. The day is that of the event's own time (UTC). By day, type and source.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Column, Context, Report

COLUMNS = (
    Column("date", date, "day (UTC)"),
    Column("event_type", str, "what happened; null: the event does not say it in text"),
    Column("event_source", str, "server, browser, mobile or task; null: not said"),
    Column("event_count", int, "events", "events"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, context.queries.events_per_type(context.site, context.course_ids, context.since, context.until))
