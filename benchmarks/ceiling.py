"""The honest ceiling: client and server share the cores, so that what a sync must at least compute takes from what the server can do.

cores / (CPU seconds for each document of the limit, client and server, + CPU seconds of parsing its line and encoding the result)
"""

from __future__ import annotations

import time
from typing import Final

import bson
import orjson

from benchmarks.measured import Measured
from benchmarks.packages import lines
from benchmarks.place import Place
from benchmarks.scale import cores

_LINES: Final = 20_000
_ROUNDS: Final = 3


def measure(place: Place) -> None:
    """`parse and encode`, and from it the ceiling for `sync`. The parts `sync` and `limit` come before."""
    parsed = min((_parsed_and_encoded() for _ in range(_ROUNDS)), key=lambda one: one.client_cpu)
    place.results.add(parsed)
    limit, sync = place.results.measured["limit"], place.results.measured["sync"]
    ceiling = cores() / (limit.cpu_each + parsed.cpu_each) * 1e6
    place.results.ratios["the ceiling, events/s"] = ceiling
    place.results.ratios["sync / ceiling"] = sync.rate / ceiling


def _parsed_and_encoded() -> Measured:
    """The least that is done with a line: its JSON parsed, the result encoded as BSON, by the fastest libraries there are."""
    some = [line.rstrip() for line in lines(_LINES)]
    begun, cpu_begun = time.perf_counter(), time.process_time()
    for line in some:
        bson.encode(orjson.loads(line))
    seconds, used = time.perf_counter() - begun, time.process_time() - cpu_begun
    return Measured("parse and encode", "JSON of a line parsed, the result encoded as BSON, one process", _LINES, "events", seconds, used)
