"""The events of courses with what the course says of their blocks on each, as McGill's course databases have them."""

from __future__ import annotations

from collections.abc import Iterator

from edx_import.reports.activity.days import Row, bounds
from edx_import.reports.activity.structure import blocks_of, short, with_parents
from edx_import.reports.context import Context

#: Fields of an event that are given as they are.
FIELDS = (
    "time",
    "event_type",
    "name",
    "event_source",
    "user_id",
    "username",
    "module_id",
    "event",
    "page",
    "session",
    "ip",
    "agent",
    "host",
    "context",
)


def course_events(context: Context) -> Iterator[Row]:
    """The events of the days asked for, by course and time; `parent_data` and `metadata` are those of the event's block, if the course has it."""
    for course in context.courses:
        course_id = course["course_id"]
        blocks: dict[str, Row] | None = None
        wanted: Row = {"site": context.site, "course_id": course_id}
        if days := bounds(context.since, context.until):
            wanted["time"] = days
        for event in context.aggregate("events", [{"$match": wanted}, {"$sort": {"time": 1}}]):
            if blocks is None:
                blocks = with_parents(blocks_of(context, course_id))
            yield _row(course_id, event, blocks)


def _row(course_id: str, event: Row, blocks: dict[str, Row]) -> Row:
    block = event.get("module_id")
    found = blocks.get(block, {}) if isinstance(block, str) else {}
    name = event.get("event_type")
    return {
        "event_id": str(event["_id"]),
        "course_id": course_id,
        **{name: event.get(name) for name in FIELDS},
        "action": name if isinstance(name, str) and not name.startswith("/") else None,
        "block": short(block) if isinstance(block, str) else None,
        "parent_data": found.get("parent_data"),
        "metadata": found.get("metadata"),
    }
