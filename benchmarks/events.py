"""A day of events, from the sealed file to documents that can be queried, as the command line does it."""

from __future__ import annotations

from typing import Final

from benchmarks.measured import Measured
from benchmarks.packages import day_of_events
from benchmarks.place import Place

#: The database that the sync leaves for the parts that come after it.
DATABASE: Final = "bench_events"

#: The variables that make a sync leave the secondary indexes for later; None as long as it has no such way.
LATER_INDEXES: Final[dict[str, str] | None] = None


def measure(place: Place) -> None:
    """`sync`, the part of it without start-up, and `sync, indexes later` where that can be done."""
    package = day_of_events(place.cabinet, place.scale.events)
    for _ in range(place.scale.rounds):
        if LATER_INDEXES is not None:
            what = "sync of the sealed file, indexes afterwards"
            place.results.add(place.sync("sync, indexes later", what, package, f"{DATABASE}_later", **LATER_INDEXES))
            place.server.drop(f"{DATABASE}_later")
        place.server.drop(DATABASE)
        found = place.sync("sync", "sync of the sealed file, from start to end", package, DATABASE)
        place.results.add(found, _inside(found))


def _inside(sync: Measured) -> Measured:
    """The sync by its own clock. What CPU time went into it is not known apart."""
    return Measured("sync, inside", "the same without start-up and report", sync.number, sync.unit, sync.notes["inside"])
