"""Where the enrolled are: by the country of each learner's last IP address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any

from edx_import.reports.context import Context
from edx_import.reports.enrollment.tally import Group, Numbers, in_order

_ENROLMENTS = "student_courseenrollment"

#: The country of an address of which no country is known. A learner without any address has none at all (null).
UNKNOWN = "UNKNOWN"

_AT_ONCE = 5000

CountryOf = Callable[[str], str | None]


def by_country(context: Context, country_of: CountryOf) -> Iterator[dict[str, Any]]:
    """date, course_id, country_code, count, cumulative_count: by course and country, from the newest snapshot of each course.

    `date` is that of the snapshot; null where the ledger does not know it.
    """
    dates = context.queries.snapshot_dates(_ENROLMENTS, context.site)
    for course in context.courses:
        course_id = course["course_id"]
        made = date.fromisoformat(dates[course_id]) if dates.get(course_id) else None
        countries = _counted(context, course_id, country_of)
        for country in in_order(countries):
            numbers = countries[country]
            named = {"date": made, "course_id": course_id, "country_code": country}
            yield {**named, "count": numbers.enrolled, "cumulative_count": numbers.ever}


def _counted(context: Context, course_id: str, country_of: CountryOf) -> Mapping[Group, Numbers]:
    counted: dict[Group, Numbers] = {}
    enrolments = context.queries.rows_by_learner(_ENROLMENTS, context.site, course_id, ["is_active"])
    while part := list(islice(enrolments, _AT_ONCE)):
        addresses = context.queries.last_addresses(context.site, {row["user_id"] for row in part})
        for row in part:
            address = addresses.get(row["user_id"])
            country = None if address is None else country_of(address) or UNKNOWN
            before = counted.get(country, Numbers(0, 0))
            counted[country] = Numbers(before.enrolled + bool(row.get("is_active")), before.ever + 1)
    return counted
