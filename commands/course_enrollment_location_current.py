"""Learners of each course by the country of their last IP address.

From the enrolments of the newest snapshot and the addresses of all events, of whatever course. The country is that of the learner's last event
with an address: `UNKNOWN` where no country is known for that address, null where no event has one. `docs/reports.md` tells the rules.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from edx_import.api import Chart, ChartKind, Column, Context, Option, Report, enrollment

COLUMNS = (
    Column("date", date, "of the snapshot that the course's enrolments are of; null: not known"),
    Column("course_id", str, "course key"),
    Column("country_code", str, "ISO 3166-1 alpha-2; UNKNOWN: the address is in no known country; null: no address"),
    Column("count", int, "enrolled", "learners"),
    Column("cumulative_count", int, "ever enrolled, those who left included", "learners"),
)


def run(
    context: Context, *, geoip: Annotated[Path | None, Option("countries by this MaxMind database (.mmdb); default: GEOIP_DATABASE")] = None
) -> Report:
    context.refuse_days("enrolments are those of the newest snapshot")
    chart = Chart(ChartKind.BAR, "country_code", "count", "course_id")
    countries = context.countries(geoip)
    context.say(f"countries of {countries.description}")
    return Report.of(COLUMNS, enrollment.by_country(context, countries.country_of), "Enrolled learners by country", chart)
