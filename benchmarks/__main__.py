"""How fast a sync is, against what the database takes in: `make bench`. See README.md beside this file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import again, ceiling, enrollment, events, limit, memory, report, rollups, simeon, small_files, tables
from benchmarks.machine import described, release
from benchmarks.place import Place, opened
from benchmarks.scale import Scale

#: The parts by name, in their order, and the parts that each needs before it.
PARTS: dict[str, tuple[Callable[[Place], None], tuple[str, ...]]] = {
    "sync": (events.measure, ()),
    "limit": (limit.measure, ("sync",)),
    "ceiling": (ceiling.measure, ("sync", "limit")),
    "tables": (tables.measure, ()),
    "again": (again.measure, ("tables",)),
    "memory": (memory.measure, ()),
    "files": (small_files.measure, ()),
    "enrollment": (enrollment.measure, ()),
    "rollups": (rollups.measure, ("sync",)),
    "simeon": (simeon.measure, ("sync",)),
}

_LAST = Path(__file__).with_name("last.json")


def main() -> int:
    """Measures what is asked for, prints it, and keeps it."""
    options = _options()
    if sys.platform != "linux":
        print("The benchmarks read /proc, and run on Linux only.", file=sys.stderr)
        return 2
    scale = Scale.from_env(os.environ)
    with opened(scale) as place:
        for name in chosen(options.parts):
            print(f"measuring: {name}", file=sys.stderr)
            PARTS[name][0](place)
        found = report.as_found(place.results, release(), described(place.server), scale.as_dict())
        report.show(found, place.results)
    report.save(found, options.json)
    if options.record:
        report.record(found)
    return 0


def chosen(asked: Iterable[str]) -> list[str]:
    """The parts asked for (all, if none) and those they need, in their order."""
    wanted = set(asked or PARTS)
    for name in list(wanted):
        wanted.update(PARTS[name][1])
    return [name for name in PARTS if name in wanted]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures edx-import on this machine.")
    # no `choices`: argparse would hold the default against them, too
    parser.add_argument("parts", nargs="*", metavar="PART", default=os.environ.get("BENCH", "").split(), help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--json", type=Path, default=_LAST, metavar="FILE", help="where the numbers go (benchmarks/last.json)")
    parser.add_argument("--record", action="store_true", help="add the run to the history in benchmarks/README.md")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - PARTS.keys())
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
