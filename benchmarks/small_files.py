"""Many small event files against one file with the same lines: what each further object costs."""

from __future__ import annotations

from typing import Final

from benchmarks.packages import day_of_events, many_days
from benchmarks.place import Place

_DATABASE: Final = "bench_files"


def measure(place: Place) -> None:
    """`one file` and `small files`."""
    files, each = place.scale.files, place.scale.file_events
    found = []
    for name, what, package in (
        ("one file", "sync of one event file", day_of_events(place.cabinet, files * each)),
        ("small files", f"sync of the same lines in {files} files", many_days(place.cabinet, files, each)),
    ):
        place.server.drop(_DATABASE)
        found.append(place.sync(name, what, package, _DATABASE))
    place.server.drop(_DATABASE)
    place.results.add(*found)
    one, many = found
    place.results.ratios["small files / one file, in time"] = many.seconds / one.seconds
    place.results.ratios["milliseconds for each further file"] = (many.seconds - one.seconds) / (files - 1) * 1000
