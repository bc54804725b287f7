"""What a sync costs that has nothing new, or everything again: the part `tables` comes before it, and leaves its database."""

from __future__ import annotations

from dataclasses import replace

from benchmarks import tables
from benchmarks.measured import Measured
from benchmarks.packages import weekly
from benchmarks.place import Place


def measure(place: Place) -> None:
    """`unchanged` (the same files), `sealed anew` (a new week with the same content), `replaced` (every row written again)."""
    first, again = weekly(place.cabinet, place.scale.learners)
    rows = place.results.measured["tables"].number
    for name, what, package, options in (
        ("unchanged", "second sync of the same ZIP", first, ()),
        ("sealed anew", "a new week's ZIP with the same content", again, ()),
        ("replaced", "the same once more with --force, every row replaced", again, ("--force",)),
    ):
        found = place.sync(name, what, package, tables.DATABASE, *tables.ONLY, *options, unit="rows")
        place.results.add(_of_all(found, rows))
        place.results.ratios[f"{name} / tables, in time"] = found.seconds / place.results.measured["tables"].seconds


def _of_all(found: Measured, rows: int) -> Measured:
    """By the rows there are, not by those that had to be read again."""
    return replace(found, number=rows, notes={**found.notes, "read": found.number})
