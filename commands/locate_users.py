"""Find the country of learners who say none, by their IP addresses.

The last address that a GeoIP database has a country for decides, in whatever course the learner was. The country goes into the field
`located_country` of the learner's profiles (auth_userprofile) that say none; what a learner says is never changed, and `country` stays as it
is. Later syncs keep it. Private and reserved addresses have no country. The database is --geoip, else that of GEOIP_DATABASE (MaxMind
`.mmdb` files of countries or cities), else the one of June 2024 that came along.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from edx_import.api import Column, Context, Option, Report, locating

WRITES = True
COLUMNS = (
    Column("total", int, "learners with a profile", "learners"),
    Column("without_country", int, "of them, those whose profile says no country", "learners"),
    Column("with_events", int, "of these, those who have an event with an IP address", "learners"),
    Column("located", int, "of these, those whose country was found", "learners"),
)


def run(context: Context, *, geoip: Annotated[Path | None, Option("countries by this MaxMind database (.mmdb)")] = None) -> Report:
    context.refuse_days("the last of all events decides")
    countries = context.countries(geoip)
    context.say(f"countries of {countries.description}")
    counts = locating.locate(context, countries)
    return Report(COLUMNS, [(counts.total, counts.unsaid, counts.with_events, counts.located)])
