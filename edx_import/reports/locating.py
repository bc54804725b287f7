"""Finds the country of learners who say none, from whence their events came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from edx_import.geography import Countries
from edx_import.reports.context import Context

_AT_ONCE = 1000


@dataclass(slots=True)
class Located:
    """How many learners have a profile; of them, how many say no country; of these, how many have events with an address, and could be located."""

    total: int = 0
    unsaid: int = 0
    with_events: int = 0
    located: int = 0


def locate(context: Context, countries: Countries) -> Located:
    """Finds the learners' countries, keeps them, and puts them on the profiles of the selected courses that say none. Raises StoreError.

    The last address that has a country decides: of one learner, whatever the course.
    """
    from edx_import.store.located import put_located, save_located

    writer, counts = context.writer, Located(total=_number_of_learners(context))
    learners = _learners_without_country(context)
    while some := list(islice(learners, _AT_ONCE)):
        with_events, found = _countries_of(context, countries, some)
        writer.check_lock()
        save_located(writer.store, context.site, found)
        counts.unsaid += len(some)
        counts.with_events += with_events
        counts.located += len(found)
    for course in context.courses:
        writer.check_lock()
        put_located(writer.store, context.site, course["course_id"])
    return counts


def _of_courses(context: Context) -> dict[str, Any]:
    courses = context.course_ids
    return {"site": context.site, "user_id": {"$type": "number"}, **({} if courses is None else {"course_id": {"$in": list(courses)}})}


def _number_of_learners(context: Context) -> int:
    grouped: list[Mapping[str, Any]] = [{"$match": _of_courses(context)}, {"$group": {"_id": "$user_id"}}, {"$count": "learners"}]
    return sum(int(row["learners"]) for row in context.aggregate("auth_userprofile", grouped))


def _learners_without_country(context: Context) -> Iterator[int]:
    unsaid: list[Mapping[str, Any]] = [{"$match": {**_of_courses(context), "country": {"$in": ["", None]}}}]
    unsaid += [{"$group": {"_id": "$user_id"}}, {"$sort": {"_id": 1}}]
    return (int(row["_id"]) for row in context.aggregate("auth_userprofile", unsaid))


def _countries_of(context: Context, countries: Countries, learners: Collection[int]) -> tuple[int, dict[int, str]]:
    """How many of the learners have an event with an address, and the countries that were found.

    The last address is quickly found; only where it tells no country (it is private, or unknown to the database) are the others looked at.
    """
    last = context.queries.last_addresses(context.site, learners)
    found = {learner: country for learner, ip in last.items() if (country := countries.country_of(ip))}
    for learner, addresses in _earlier_addresses(context, last.keys() - found.keys()).items():
        country = next(filter(None, map(countries.country_of, addresses)), None)
        if country:
            found[learner] = country
    return len(last), found


def _earlier_addresses(context: Context, learners: Collection[int]) -> dict[int, list[str]]:
    """All addresses of each learner's events, the last one first."""
    if not learners:
        return {}
    moment = {"time": "$time", "microseconds": "$time_microseconds"}
    grouped: list[Mapping[str, Any]] = [
        {"$match": {"site": context.site, "user_id": {"$in": sorted(learners)}, "ip": {"$nin": ["", None]}}},
        {"$group": {"_id": {"learner": "$user_id", "ip": "$ip"}, "last": {"$max": moment}}},
        {"$sort": {"last": -1, "_id": 1}},
    ]
    found: dict[int, list[str]] = defaultdict(list)
    for row in context.aggregate("events", grouped):
        found[row["_id"]["learner"]].append(row["_id"]["ip"])
    return found
