"""A weekly package: all tables of four courses, from the sealed ZIP to documents; and the limit for the same rows."""

from __future__ import annotations

from typing import Final

from benchmarks import limit
from benchmarks.packages import weekly
from benchmarks.place import Place
from edx_import.store.collections import COURSES, IMPORTS, META, REJECTS

#: The database that the sync leaves for the part `again`.
DATABASE: Final = "bench_tables"

ONLY: Final = ("--only", "database")

_NOT_ROWS: Final = {COURSES, IMPORTS, META, REJECTS}


def measure(place: Place) -> None:
    """`tables` and `tables, limit`."""
    package, _ = weekly(place.cabinet, place.scale.learners)
    place.server.drop(DATABASE)
    place.results.add(place.sync("tables", "sync of a sealed weekly ZIP", package, DATABASE, *ONLY, unit="rows"))
    names = sorted(set(place.server.client[DATABASE].list_collection_names()) - _NOT_ROWS)
    dump = limit.dumped(place, DATABASE, names)
    place.results.add(limit.best(place, "tables, limit", "the same rows, encoded beforehand, inserted", dump, unit="rows"))
    place.results.compare("tables / limit", "tables", "tables, limit")
