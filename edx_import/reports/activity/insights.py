"""Activity as edX Insights counts it: events by learner and day, and distinct learners by week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from edx_import.errors import UsageError
from edx_import.reports.activity.days import Row, by_day, course_ids
from edx_import.reports.context import Context

#: What Insights calls an activity, and the field of a day that counts its events.
CATEGORIES = {"ACTIVE": "active", "ATTEMPTED_PROBLEM": "attempted_problem", "PLAYED_VIDEO": "played_video", "POSTED_FORUM": "posted_forum"}

_WEEK = timedelta(days=7)


def by_user(context: Context) -> Iterator[Row]:
    """user_id, course_id, date, category, count: by course, day, learner and category."""
    for course_id in course_ids(context):
        for day in by_day(context, course_id, [{"$match": {"active": {"$gt": 0}}}]):
            for category, field in CATEGORIES.items():
                if day[field]:
                    yield {"user_id": day["user_id"], "course_id": course_id, "date": day["day"].date(), "category": category, "count": day[field]}


def weekly(context: Context, weeks: int) -> Iterator[Row]:
    """course_id, interval_start, interval_end, label, count (distinct learners): by course, week and label.

    The weeks are whole ones, Monday to Sunday, up to the last day asked for, or of events: so many of them (0: all), or those from the week of
    `since` on. Raises UsageError.
    """
    if weeks < 0:
        raise UsageError(f"--weeks {weeks}: there is no such number of weeks", "Give 1 or more, or 0 for all.")
    if context.event_days is None:
        return
    end = _monday((context.until or context.event_days[1]) + timedelta(days=1))
    start = end - weeks * _WEEK if weeks else _monday(context.event_days[0])
    start = _monday(context.since) if context.since else start
    for course_id in course_ids(context):
        for week in by_day(context, course_id, _stages(start, end), whole=True):
            yield from _labels(course_id, week)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _stages(start: date, end: date) -> list[Mapping[str, Any]]:
    week = {"$dateTrunc": {"date": "$day", "unit": "week", "startOfWeek": "monday"}}
    flags = {label: {"$max": {"$cond": [{"$gt": [f"${field}", 0]}, 1, 0]}} for label, field in CATEGORIES.items()}
    return [
        {"$match": {"day": {"$gte": _midnight(start), "$lt": _midnight(end)}, "active": {"$gt": 0}}},
        {"$group": {"_id": {"week": week, "user_id": "$user_id"}, **flags}},
        {"$group": {"_id": "$_id.week", **{label: {"$sum": f"${label}"} for label in CATEGORIES}}},
        {"$sort": {"_id": 1}},
    ]


def _labels(course_id: str, week: Row) -> Iterator[Row]:
    for label in CATEGORIES:
        if week[label]:
            yield {"course_id": course_id, "interval_start": week["_id"], "interval_end": week["_id"] + _WEEK, "label": label, "count": week[label]}
