"""The roll-ups: what they cost beside loading, and what reports gain by them.

The day that `sync` has loaded is copied to as many days before it as make up the number of events asked for. Reports run in this process, to their
last row; `from events` is the same numbers computed without roll-ups.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from benchmarks import events
from benchmarks.measured import Measured
from benchmarks.place import Place
from benchmarks.scale import cores
from edx_import.ids import row_id
from edx_import.reports import activity
from edx_import.reports.context import Context
from edx_import.rollups.person_day import person_day
from edx_import.rollups.run import rebuild
from edx_import.rollups.spans import Span
from edx_import.store.collections import EVENTS, PERSON_COURSE_DAY, ensure_collections, ensure_indexes
from edx_import.store.connection import Store
from edx_import.store.queries import Queries

DATABASE: Final = "bench_rollups"
_DAY: Final = 86_400_000
_ALL: Final = date(1990, 1, 1), date(2030, 1, 1)


def measure(place: Place) -> None:
    """`rollups` (all days made anew), `course_activity` and `person_course`, each also from events; and the ratios that follow."""
    with Store.connect(place.server.uri, DATABASE) as store:
        store.drop()
        number = _fill(store, place)
        place.server.calm()
        place.results.add(_timed(place, "rollups", "all days rolled up", number, lambda: rebuild(store, cores())))
        context, of_events = Context(Queries(store.database)), Context(_OfEvents(store.database))
        for name, report, raw in (
            ("course_activity", lambda: _count(activity.weekly(context, 0)), lambda: _activity_of_events(store, context)),
            ("person_course", lambda: _count(activity.person_courses(context)), lambda: _count(activity.person_courses(of_events))),
        ):
            place.results.add(_timed(place, name, "the report, from roll-ups", number, report))
            place.results.add(_timed(place, f"{name}, from events", "the same numbers without roll-ups", number, raw))
            place.results.compare(f"{name}: from events / from roll-ups, in time", name, f"{name}, from events")
        store.drop()
    _ratios(place)


def _ratios(place: Place) -> None:
    measured = place.results.measured
    place.results.ratios["rollups / loading, in time for each event"] = measured["sync, inside"].rate / measured["rollups"].rate
    by_cpu = measured["rollups"].server_cpu / measured["rollups"].number * 1e6 / measured["sync"].cpu_each
    place.results.ratios["rollups / sync, by CPU time for each event"] = by_cpu


def _fill(store: Store, place: Place) -> int:
    """The courses, events and learners; gives the number of events."""
    source = store.database.client[events.DATABASE]
    ensure_collections(store, without_indexes={EVENTS})
    copies = max(1, place.scale.activity_events // place.scale.events)
    into = {"$merge": {"into": {"db": DATABASE, "coll": EVENTS}}}
    for copy in range(copies):
        shifted = {"$set": {"time": {"$subtract": ["$time", copy * _DAY]}}}
        source[EVENTS].aggregate([shifted, {"$unset": "_id"}, into])
    ensure_indexes(store, EVENTS)
    source["courses"].aggregate([{"$merge": {"into": {"db": DATABASE, "coll": "courses"}}}])
    for course in store.database["courses"].find():
        learners = (user for user in source[EVENTS].distinct("user_id", {"course_id": course["course_id"]}) if user)
        rows = [{"_id": row_id("prod", course["course_id"], str(user)), "id": user, "username": f"u{user}"} for user in learners]
        if rows:
            store.database["auth_user"].insert_many(rows)
    return int(store.database[EVENTS].estimated_document_count())


def _timed(place: Place, name: str, what: str, number: int, work: Callable[[], object]) -> Measured:
    before, client, begun = place.server.cpu(), time.process_time(), time.perf_counter()
    work()
    seconds = time.perf_counter() - begun
    return Measured(name, what, number, "events", seconds, time.process_time() - client, place.server.cpu() - before)


def _count(rows: Iterable[object]) -> None:
    deque(rows, maxlen=0)


def _activity_of_events(store: Store, context: Context) -> None:
    """What `course_activity` shows."""
    week = {"$dateTrunc": {"date": "$time", "unit": "week", "startOfWeek": "monday"}}
    is_enrollment = {"$regexMatch": {"input": {"$toString": "$event_type"}, "regex": r"^edx\.course\.enrollment\."}}
    labels: dict[str, Any] = {
        "ACTIVE": {"$not": [{"$or": [{"$eq": ["$event_source", "task"]}, is_enrollment]}]},
        "ATTEMPTED_PROBLEM": {"$and": [{"$eq": ["$event_type", "problem_check"]}, {"$eq": ["$event_source", "server"]}]},
        "PLAYED_VIDEO": {"$and": [{"$eq": ["$event_type", "play_video"]}, {"$in": ["$event_source", ["browser", "mobile"]]}]},
        "POSTED_FORUM": {"$regexMatch": {"input": {"$toString": "$event_type"}, "regex": r"^edx\.forum\..*\.created$"}},
    }
    flags = {label: {"$max": {"$cond": [condition, 1, 0]}} for label, condition in labels.items()}
    for course in context.courses:
        stages = [
            {"$match": {"site": "prod", "course_id": course["course_id"], "user_id": {"$gt": 0}}},
            {"$group": {"_id": {"week": week, "user": "$user_id"}, **flags}},
            {"$group": {"_id": "$_id.week", **{label: {"$sum": f"${label}"} for label in labels}}},
        ]
        _count(store.database[EVENTS].aggregate(stages, allowDiskUse=True))


class _OfEvents(Queries):
    """Makes the days of learners on the way."""

    def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        if collection != PERSON_COURSE_DAY:
            return super().aggregate(collection, pipeline)
        span = Span("prod", pipeline[0]["$match"]["course_id"], *_ALL)
        return super().aggregate(EVENTS, [*person_day(span), *pipeline])
