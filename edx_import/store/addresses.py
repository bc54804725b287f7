"""The IP addresses that learners' events came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import Any

from pymongo.collection import Collection

from edx_import.model import Site
from edx_import.store.mongo_errors import mongo_errors

Row = dict[str, Any]

_WHAT = "reading events"
_FIELDS = {"_id": 1, "user_id": 1, "time": 1, "time_microseconds": 1, "ip": 1}
_WITH_ADDRESS = {"ip": {"$nin": ["", None]}}

#: Learners of one question. A question for single moments names each of them, and many are slow to plan.
_LEARNERS = 1000
_MOMENTS = 100


def last_addresses(events: Collection[Row], site: Site, learners: Iterable[int]) -> dict[int, str]:
    """The IP address of each learner's last event that has one, in whatever course; learners without such an event are left out.

    Of several events of one microsecond the one with the least `_id` counts. Raises StoreError.

    The index on learners and times gives the last moment of each without looking at anything else; only the events of that moment are read.
    """
    found: dict[int, str] = {}
    for some in _in_parts(learners, _LEARNERS):
        moments = _last_moments(events, site, some)
        for part in _in_parts(moments.items(), _MOMENTS):
            found |= _last(_at(events, site, part))
        for learner in moments.keys() - found.keys():
            found |= _last(_earlier(events, site, learner))
    return found


def _in_parts(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(things)
    while part := list(islice(left, size)):
        yield part


def _last_moments(events: Collection[Row], site: Site, learners: list[int]) -> dict[int, Any]:
    pipeline: list[Mapping[str, Any]] = [
        {"$match": {"site": site, "user_id": {"$in": learners}}},
        {"$sort": {"site": -1, "user_id": -1, "time": -1}},
        {"$group": {"_id": "$user_id", "time": {"$first": "$time"}}},
    ]
    with mongo_errors(_WHAT), events.aggregate(pipeline, allowDiskUse=True) as cursor:
        return {row["_id"]: row["time"] for row in cursor}


def _at(events: Collection[Row], site: Site, moments: list[tuple[int, Any]]) -> Iterator[Row]:
    """The events of these learners in these milliseconds that have an address."""
    alternatives = [{"site": site, "user_id": learner, "time": time} for learner, time in moments]
    with mongo_errors(_WHAT), events.find({"$or": alternatives}, _FIELDS) as cursor:
        yield from (row for row in cursor if row.get("ip"))


def _earlier(events: Collection[Row], site: Site, learner: int) -> Iterator[Row]:
    """A learner's last events with an address: those of the last millisecond that has any."""
    order = {"site": -1, "user_id": -1, "time": -1}
    with mongo_errors(_WHAT), events.find({"site": site, "user_id": learner, **_WITH_ADDRESS}, _FIELDS).sort(order).batch_size(5) as cursor:
        for _, of_moment in groupby(cursor, key=lambda row: row["time"]):
            yield from of_moment
            return


def _last(rows: Iterable[Row]) -> dict[int, str]:
    """The address by learner, of events of one millisecond for each."""
    best: dict[int, Row] = {}
    for row in rows:
        known = best.setdefault(row["user_id"], row)
        if (row.get("time_microseconds") or 0, known["_id"]) > (known.get("time_microseconds") or 0, row["_id"]):
            best[row["user_id"]] = row
    return {learner: str(row["ip"]) for learner, row in best.items()}
