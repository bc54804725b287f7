"""The database's part of the roll-ups: which days have to be made anew, and the putting of a day's rows in the place of its old ones.

A (course, day) is noted in `rollup_todo` before an event of it is written, and struck off when its rows are made: whatever is cut off in between, the
next sync finds the note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pymongo import UpdateOne, WriteConcern

from edx_import.ids import row_id
from edx_import.model import Site
from edx_import.store.collections import EVENTS, META, MODULE_COURSE_DAY, PERSON_COURSE_DAY, ROLLUP_TODO
from edx_import.store.connection import Store

ROLLUPS = (PERSON_COURSE_DAY, MODULE_COURSE_DAY)

#: In `meta`: by which rules the roll-ups are made. Absent where they never were.
ROLLUPS_ID = "rollups"

#: So many notes are remembered, and so many short stretches of time.
_MOST_REMEMBERED = 100_000
_EPOCH = date(1970, 1, 1)
_DAY_SECONDS = 86_400

CourseDay = tuple[str, date]


@dataclass(slots=True)
class NotedDays:
    """The (site, course, day)s that a process has noted during a sync: each is noted once. Threads may share it."""

    known: set[tuple[Site, str, date]] = field(default_factory=set)


class DayNotes:
    """Takes note of the days that the events of one piece of a file are of.

    `stretches` are the (course, first three bytes of an event's id) of which all is noted: 256 seconds that lie within a day. Who has many events
    looks there first. `replacing`: events may have been of another course before, so that the day of every course is to be made anew.
    """

    def __init__(self, site: Site, noted: NotedDays, replacing: bool = False) -> None:
        self.stretches: set[tuple[str | None, bytes]] = set()
        self._site = site
        self._noted = noted
        self._replacing = replacing
        self._new: set[CourseDay] = set()

    def add(self, course_id: str | None, event_id: bytes) -> None:
        """Takes note of an event. One of no course is in no roll-up."""
        second = int.from_bytes(event_id[:4], "big")
        first = second & ~0xFF
        if first // _DAY_SECONDS == (first | 0xFF) // _DAY_SECONDS:
            if len(self.stretches) >= _MOST_REMEMBERED:
                self.stretches.clear()
            self.stretches.add((course_id, event_id[:3]))
        day = _EPOCH + timedelta(days=second // _DAY_SECONDS)
        if course_id is not None and (self._site, course_id, day) not in self._noted.known:
            self._new.add((course_id, day))

    def save(self, store: Store) -> None:
        """Writes what is new, before the events are. Raises StoreError.

        It is not waited for until it is on disk: whatever is written after it gets there after it.
        """
        if not self._new:
            return
        new = sorted(self._new)
        notes = [_note(self._site, course_id, day, self._replacing) for course_id, day in new]
        collection = store.database[ROLLUP_TODO].with_options(write_concern=WriteConcern(w=1))
        store.ride_out(f"writing to {ROLLUP_TODO}", lambda: collection.bulk_write(notes, ordered=False))
        if len(self._noted.known) > _MOST_REMEMBERED:
            self._noted.known.clear()
        self._noted.known.update((self._site, course_id, day) for course_id, day in new)
        self._new.clear()


def _note(site: Site, course_id: str, day: date, replacing: bool) -> UpdateOne:
    fields = {"site": site, "course_id": course_id, "day": _midnight(day)} | ({"replacing": True} if replacing else {})
    return UpdateOne({"_id": row_id(site, course_id, day.isoformat())}, {"$set": fields}, upsert=True)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def days_to_do(store: Store) -> list[tuple[Site, str, date]]:
    """The days that have been noted. Where events were replaced, also those of every course that has rows of that day. Raises StoreError."""
    notes = store.ride_out(f"reading {ROLLUP_TODO}", lambda: [_noted(note) for note in store.database[ROLLUP_TODO].find()])
    found = {(site, course_id, day) for site, course_id, day, _ in notes}
    for site, day in {(site, day) for site, _, day, replacing in notes if replacing}:
        found |= {(site, course_id, day) for course_id in _courses_of_day(store, site, _midnight(day))}
    return sorted(found)


def _noted(note: Mapping[str, Any]) -> tuple[Site, str, date, bool]:
    return note["site"], note["course_id"], note["day"].date(), bool(note.get("replacing"))


def _courses_of_day(store: Store, site: Site, day: datetime) -> set[str]:
    found: set[str] = set()
    for collection in ROLLUPS:
        grouped: list[Mapping[str, Any]] = [{"$match": {"site": site, "day": day}}, {"$group": {"_id": "$course_id"}}]
        found |= {row["_id"] for row in _aggregated(store, collection, grouped)}
    return found


def _aggregated(store: Store, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return store.ride_out(f"reading {collection}", lambda: list(store.database[collection].aggregate(list(pipeline), allowDiskUse=True)))


def strike_off(store: Store, site: Site, course_id: str, first: date, last: date) -> None:
    """The days of a course are done. Raises StoreError."""
    wanted = {"_id": {"$gte": row_id(site, course_id, first.isoformat()), "$lte": row_id(site, course_id, last.isoformat())}}
    store.ride_out(f"writing to {ROLLUP_TODO}", lambda: store.database[ROLLUP_TODO].delete_many(wanted))


def put(store: Store, collection: str, pipeline: Sequence[Mapping[str, Any]], ids: tuple[str, str], made: datetime) -> None:
    """Makes the rows of a range of ids from the events: each takes the place of the one with its id, then those go that were not made now.

    Whoever reads meanwhile sees each row as it was or as it is, and never a day of which some are missing, but where it is made for the first time.
    Where there are no rows yet they are inserted, which takes a fraction of the time. Raises StoreError.
    """
    first, beyond = ids
    of_range = {"_id": {"$gte": first, "$lt": beyond}}
    documents = store.database[collection]

    def merge() -> None:
        matched = "replace" if documents.find_one(of_range, {"_id": 1}) else "fail"
        merged = {"$merge": {"into": collection, "on": "_id", "whenMatched": matched, "whenNotMatched": "insert"}}
        store.database[EVENTS].aggregate([*pipeline, {"$set": {"rolled_up": made}}, merged], allowDiskUse=True).close()
        if matched == "replace":
            documents.delete_many({**of_range, "rolled_up": {"$ne": made}})

    store.ride_out(f"writing to {collection}", merge)


def remove_others(store: Store, made: datetime) -> None:
    """Removes the rows that were not made now, and all notes: after everything was made anew. Raises StoreError."""
    for collection in ROLLUPS:
        documents = store.database[collection]
        store.ride_out(f"removing from {collection}", lambda documents=documents: documents.delete_many({"rolled_up": {"$ne": made}}))  # type: ignore[misc]
    store.ride_out(f"writing to {ROLLUP_TODO}", lambda: store.database[ROLLUP_TODO].delete_many({}))


def rules_version(store: Store) -> int | None:
    """By which version of the rules the roll-ups are made; None when there are none, or not of all events. Raises StoreError."""
    found = store.ride_out("reading the version of the roll-ups", lambda: store.database[META].find_one({"_id": ROLLUPS_ID}))
    return found.get("version") if found else None


def set_rules_version(store: Store, version: int | None) -> None:
    """Says that all roll-ups are made by a version; None: that they are not. Raises StoreError."""
    meta = store.database[META]
    store.ride_out("writing the version of the roll-ups", lambda: meta.replace_one({"_id": ROLLUPS_ID}, {"version": version}, upsert=True))


def stretches_of_events(store: Store, days: int) -> Iterator[tuple[Site, str, date, date]]:
    """All events there are of courses, in stretches of up to so many days that begin with a day of events: site, course, first day, last day.

    The index is stepped through: one key is read for each stretch, and one for each course. Raises StoreError.
    """
    beyond: dict[str, Any] = {}
    while found := _first_event(store, beyond):
        site, course_id, first = found["site"], found.get("course_id"), found["time"].date()
        if course_id is None:
            beyond = {"$or": [{"site": site, "course_id": {"$gte": ""}}, {"site": {"$gt": site}}]}
            continue
        last = min(first, date.max - timedelta(days=days)) + timedelta(days=days - 1)
        yield site, course_id, first, last
        same = {"site": site, "course_id": course_id, "time": {"$gte": _midnight(last + timedelta(days=1))}}
        beyond = {"$or": [same, {"site": site, "course_id": {"$gt": course_id}}, {"site": {"$gt": site}}]}


def _first_event(store: Store, query: Mapping[str, Any]) -> dict[str, Any] | None:
    order, fields = [("site", 1), ("course_id", 1), ("time", 1)], {"site": 1, "course_id": 1, "time": 1, "_id": 0}
    return store.ride_out(f"reading {EVENTS}", lambda: store.database[EVENTS].find_one(query, fields, sort=order))
