"""The roll-ups as reports read them: the rows of a course by day, or by learner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from edx_import.errors import ConfigurationError
from edx_import.ids import row_id
from edx_import.reports.context import Context

Row = dict[str, Any]
Stage = Mapping[str, Any]

PERSON_COURSE_DAY = "person_course_day"
MODULE_COURSE_DAY = "module_course_day"


def course_ids(context: Context) -> Iterator[str]:
    """The ids of the courses asked for, in their order. Raises ConfigurationError where there are events, and they were never rolled up."""
    _check(context)
    for course in context.courses:
        yield course["course_id"]


def _check(context: Context) -> None:
    if not any(found.get("version") is not None for found in context.aggregate("meta", [{"$match": {"_id": "rollups"}}])) and context.event_days:
        raise ConfigurationError("the days of this database have not been rolled up yet", "Run `edx-import cmd rebuild_rollups`, or the next sync.")
    waiting = next(iter(context.aggregate("rollup_todo", [{"$match": {"site": context.site}}, {"$count": "days"}])), None)
    if waiting:
        context.dialogue.say(f"{waiting['days']:,} days of courses have new events that are not in here; the next sync rolls them up")


def by_day(
    context: Context, course_id: str, stages: Sequence[Stage] = (), collection: str = PERSON_COURSE_DAY, *, whole: bool = False
) -> Iterator[Row]:
    """The rows of the days asked for (`whole`: of all days) by day, then in the order of the ids; what `stages` make of them, if given."""
    since, until = (None, None) if whole else (context.since, context.until)
    first = row_id(context.site, course_id) + "|" if since is None else row_id(context.site, course_id, since.isoformat())
    beyond = row_id(context.site, course_id) + "}" if until is None else row_id(context.site, course_id, until.isoformat()) + "}"
    pipeline: list[Stage] = [{"$match": {"_id": {"$gte": first, "$lt": beyond}}}, {"$sort": {"_id": 1}}, *stages]
    return context.aggregate(collection, pipeline)


def by_learner(context: Context, course_id: str, *, whole: bool = False) -> Iterator[Row]:
    """The rows of the days asked for (`whole`: of all days) by learner (those with a number first), then by day."""
    wanted: Row = {"site": context.site, "course_id": course_id}
    if days := {} if whole else bounds(context.since, context.until):
        wanted["day"] = days
    return context.aggregate(PERSON_COURSE_DAY, [{"$match": wanted}, {"$sort": {"learner": 1, "day": 1}}])


def bounds(since: date | None, until: date | None) -> Row:
    """What times of the days from `since` to `until` are held against."""
    found: Row = {}
    if since:
        found["$gte"] = datetime.combine(since, time(), UTC)
    if until and until < date.max:
        found["$lt"] = datetime.combine(until + timedelta(days=1), time(), UTC)
    return found


def shows(context: Context, day: date) -> bool:
    """Whether a day is among those asked for."""
    return (context.since is None or context.since <= day) and (context.until is None or day <= context.until)


def seconds(milliseconds: int | None) -> float | None:
    """A duration as reports give it."""
    return None if milliseconds is None else milliseconds / 1000


def average(number: int, total: int) -> float | None:
    """In seconds, of milliseconds."""
    return total / number / 1000 if number else None


def deviation(number: int, total: int, squares: int) -> float | None:
    """The standard deviation of a sample, in seconds, of sums in milliseconds; None of less than two."""
    if number < 2:
        return None
    variance = max(0, squares * number - total * total) / (number * (number - 1))
    return float(variance**0.5 / 1000)
