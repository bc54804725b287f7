"""Enrolment events by what their payloads say, which is whose enrolment it is in which course: the envelope tells who acted, and where.

All is read from the index that was made for it, in its order, one event at a time: nothing is sorted, and memory does not grow. In a database
without that index the server sorts, on disk if it must.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from heapq import merge
from operator import itemgetter
from typing import Any

from pymongo.collection import Collection as Documents

from edx_import.model import ACTIVATED, DEACTIVATED, MODE_CHANGED, EnrollmentEvent, Site
from edx_import.store.mongo_errors import mongo_errors

#: A learner's number and what happened to the enrolment.
Change = tuple[int, EnrollmentEvent]

_OF_ENROLMENT = {"event_type": {"$in": [ACTIVATED, DEACTIVATED, MODE_CHANGED]}}
_PROJECTION = {"_id": 0, "event.course_id": 1, "event.user_id": 1, "time": 1, "time_microseconds": 1, "event_type": 1, "event.mode": 1}
_ORDER = {"event.user_id": 1, "time": 1, "time_microseconds": 1, "event_type": 1, "event.mode": 1}
_WHAT = "reading enrolment events"
_AT_ONCE = 4000


def payload_course_ids(events: Documents[dict[str, Any]], site: Site) -> Iterator[str]:
    """Every text that payloads of enrolment events have for a course, in order; not all need be course keys. Raises StoreError.

    The index is stepped through from course to course: one key is read for each.
    """
    beyond = ""
    while True:
        wanted = {"site": site, "event.course_id": {"$gt": beyond}, **_OF_ENROLMENT}
        with mongo_errors(_WHAT):
            found = events.find_one(wanted, {"_id": 0, "event.course_id": 1}, sort={"site": 1, "event.course_id": 1})
        if found is None:
            return
        beyond = min(text for text in _course_ids(found["event"]) if text > beyond)
        yield beyond


def _course_ids(payload: Any) -> Iterator[str]:
    """The texts that the server has compared: of lists, which no payload should have, it means every element."""
    for one in payload if isinstance(payload, list) else [payload]:
        found = one.get("course_id") if isinstance(one, dict) else None
        yield from (text for text in (found if isinstance(found, list) else [found]) if isinstance(text, str))


def enrollment_changes(events: Documents[dict[str, Any]], site: Site, course_ids: Collection[str]) -> Iterator[Change]:
    """The enrolment events whose payloads have one of these texts for the course, by learner, each learner's in their order.

    Left out are those whose payload names no learner (a whole number, or the text of one) or no mode. Raises StoreError.
    """
    wanted = {"site": site, "event.course_id": {"$in": sorted(course_ids)}, **_OF_ENROLMENT, "event.mode": {"$ne": None}}
    as_numbers = _changes(events, {**wanted, "event.user_id": {"$type": "number"}})
    with mongo_errors(_WHAT):
        texts = events.find_one({**wanted, "event.user_id": {"$type": "string"}}, {"_id": 0, "event.user_id": 1})
    return merge(as_numbers, _changes_of_texts(events, wanted), key=itemgetter(0)) if texts else as_numbers


def _changes(events: Documents[dict[str, Any]], wanted: dict[str, Any]) -> Iterator[Change]:
    with mongo_errors(_WHAT), events.find(wanted, _PROJECTION, allow_disk_use=True).sort(_ORDER).batch_size(_AT_ONCE) as cursor:
        for row in cursor:
            payload = row["event"]
            learner = _number(payload.get("user_id")) if _names_a_course(payload) else None
            if learner is not None:
                yield learner, _event(row, payload)


def _names_a_course(payload: Any) -> bool:
    """Of a list, the server has compared the elements: a list of payloads is none, and a list of courses is no course."""
    return isinstance(payload, dict) and isinstance(payload.get("course_id"), str)


def _number(value: Any) -> int | None:
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return int(value) if isinstance(value, int) else None


def _event(row: dict[str, Any], payload: dict[str, Any]) -> EnrollmentEvent:
    micros, mode = row.get("time_microseconds"), payload["mode"]
    moment = row["time"] + timedelta(microseconds=micros) if micros else row["time"]
    return EnrollmentEvent(moment, row["event_type"], mode if isinstance(mode, str) else str(mode))


def _changes_of_texts(events: Documents[dict[str, Any]], wanted: dict[str, Any]) -> Iterator[Change]:
    """The few events whose learner is a number in a text: the server sorts them by that number."""
    number = {"$convert": {"input": {"$trim": {"input": "$event.user_id"}}, "to": "long", "onError": None}}
    pipeline: list[dict[str, Any]] = [
        {"$match": {**wanted, "event.user_id": {"$type": "string"}, "event": {"$not": {"$type": "array"}}}},
        {"$match": {"$expr": {"$eq": [{"$type": "$event.user_id"}, "string"]}}},
        {"$set": {"event.user_id": number}},
        {"$match": {"event.user_id": {"$ne": None}}},
        {"$project": _PROJECTION},
        {"$sort": _ORDER},
    ]
    with mongo_errors(_WHAT), events.aggregate(pipeline, allowDiskUse=True, batchSize=_AT_ONCE) as cursor:
        for row in cursor:
            if _names_a_course(row["event"]):
                yield row["event"]["user_id"], _event(row, row["event"])
