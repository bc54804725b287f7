"""Whether memory stays flat: the peak of every process while a small and a large file of events is loaded."""

from __future__ import annotations

from typing import Final

from benchmarks.packages import clear_size, day_of_events
from benchmarks.place import Place

_DATABASE: Final = "bench_memory"
_MB: Final = 10**6

#: gpg and its agent have a few MB; one that lives for a moment may not be seen at its peak. In MB.
_WORTH_COMPARING: Final = 16


def measure(place: Place) -> None:
    """`memory, small` and `memory, large`."""
    number_per_mb = 100_000 * _MB / clear_size(100_000)
    for name, size in zip(("memory, small", "memory, large"), place.scale.memory_mb, strict=True):
        package = day_of_events(place.cabinet, int(size * number_per_mb))
        place.server.drop(_DATABASE)
        place.results.add(place.sync(name, f"sync of {size} MB of events", package, _DATABASE))
    place.server.drop(_DATABASE)
    small, large = (place.results.measured[name].memory for name in ("memory, small", "memory, large"))
    for role in sorted(small.keys() & large.keys() - {"mongod"}):
        if large[role] > _WORTH_COMPARING:
            place.results.ratios[f"peak memory of {role}, large / small"] = large[role] / small[role]
