"""Counts of events by day and week. Days and weeks are UTC; weeks are those of ISO 8601, from Monday on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pymongo.collection import Collection as Documents

from edx_import.model import Site
from edx_import.store.mongo_errors import mongo_errors

Row = dict[str, Any]

_AT_ONCE = 2000

#: Every event is looked at, in the order in which they lie there: by an index each would be fetched on its own.
_ALL_IN_ORDER = {"$natural": 1}


def chosen_events(site: Site, course_ids: Collection[str] | None, since: date | None, until: date | None) -> Row:
    """The filter for a site's events, of these courses (None: all), on these days, both included."""
    wanted: Row = {"site": site}
    if course_ids is not None:
        wanted["course_id"] = {"$in": list(course_ids)}
    bounds = {}
    if since:
        bounds["$gte"] = datetime.combine(since, time(), UTC)
    if until and until < date.max:
        bounds["$lt"] = datetime.combine(until + timedelta(days=1), time(), UTC)
    return {**wanted, "time": bounds} if bounds else wanted


def events_per_day(events: Documents[Row], wanted: Mapping[str, Any]) -> Iterator[Row]:
    """date, event_count, newest day first; days without events are left out. Raises StoreError."""
    day = {"$dateTrunc": {"date": "$time", "unit": "day"}}
    pipeline: list[Row] = [{"$match": wanted}, {"$group": {"_id": day, "event_count": {"$sum": 1}}}, {"$sort": {"_id": -1}}]
    for row in _aggregated(events, pipeline):
        yield {"date": row["_id"].date(), "event_count": row["event_count"]}


def events_per_type(events: Documents[Row], wanted: Mapping[str, Any]) -> Iterator[Row]:
    """date, event_type, event_source, event_count, in that order; without implicit events, whose type is a path. Raises StoreError."""
    key = {"date": {"$dateTrunc": {"date": "$time", "unit": "day"}}, "event_type": _text_of("event_type"), "event_source": _text_of("event_source")}
    pipeline: list[Row] = [
        {"$match": {**wanted, "event_type": {"$not": {"$regex": "^/"}}}},
        {"$group": {"_id": key, "event_count": {"$sum": 1}}},
        {"$sort": {"_id.date": 1, "_id.event_type": 1, "_id.event_source": 1}},
    ]
    for row in _aggregated(events, pipeline):
        yield {**row["_id"], "date": row["_id"]["date"].date(), "event_count": row["event_count"]}


def users_per_week(events: Documents[Row], wanted: Mapping[str, Any]) -> Iterator[Row]:
    """interval_start (a Monday), active_users (distinct usernames, without blanks at their ends), oldest week first. Raises StoreError."""
    week = {"$dateTrunc": {"date": "$time", "unit": "week", "startOfWeek": "monday"}}
    pipeline: list[Row] = [
        {"$match": {**wanted, "username": {"$type": "string", "$ne": ""}}},
        {"$group": {"_id": {"week": week, "username": {"$trim": {"input": "$username"}}}}},
        {"$match": {"_id.username": {"$ne": ""}}},
        {"$group": {"_id": "$_id.week", "active_users": {"$sum": 1}}},
        {"$sort": {"_id": 1}},
    ]
    for row in _aggregated(events, pipeline):
        yield {"interval_start": row["_id"].date(), "active_users": row["active_users"]}


def _text_of(field: str) -> Row:
    """The field where it is text; else null."""
    return {"$cond": [{"$eq": [{"$type": f"${field}"}, "string"]}, f"${field}", None]}


def _aggregated(events: Documents[Row], pipeline: list[Row]) -> Iterator[Row]:
    # a question for nothing but the site and the time is answered by an index alone
    reads_all = pipeline[0]["$match"].keys() - {"site"} and not pipeline[0]["$match"].keys() & {"course_id", "time"}
    hint: dict[str, Any] = {"hint": _ALL_IN_ORDER} if reads_all else {}
    with mongo_errors("reading events"), events.aggregate(pipeline, allowDiskUse=True, batchSize=_AT_ONCE, **hint) as cursor:
        yield from cursor
