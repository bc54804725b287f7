"""What a person sees of a run, and what is kept of it: a table, a JSON file, a row in the README."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measured import Measured, Results

_README = Path(__file__).with_name("README.md")


def show(found: Mapping[str, Any], results: Results) -> None:
    """Prints the measurements, the ratios and the machine."""
    # a line that is cut is no use in a log: as wide as needed where there is no terminal
    console = Console() if Console().is_terminal else Console(width=170)
    table = Table("measured", "what", "number", "seconds", "per second", "cores used", "client µs", "server µs", "peak MB")
    for one in results.measured.values():
        table.add_row(*_cells(one))
    for column in table.columns[2:]:
        column.justify = "right"
    console.print(table)
    ratios = Table("ratio", "value")
    for name, value in results.ratios.items():
        ratios.add_row(name, _number(value))
    ratios.columns[1].justify = "right"
    console.print(ratios)
    console.print(", ".join(f"{name} {value}" for name, value in (found["release"] | found["machine"]).items()), highlight=False)


def _cells(one: Measured) -> list[str]:
    memory = ", ".join(f"{role} {size:.0f}" for role, size in sorted(one.memory.items()) if size >= 1)
    each = [f"{used / one.number * 1e6:,.1f}" if used else "" for used in (one.client_cpu, one.server_cpu)]
    cores = f"{one.cores:.2f}" if one.cores else ""
    return [one.name, one.what, f"{one.number:,} {one.unit}", f"{one.seconds:.2f}", f"{one.rate:,.0f}", cores, *each, memory]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_found(results: Results, release: Mapping[str, str], machine: Mapping[str, str | int], scale: Mapping[str, object]) -> dict[str, Any]:
    """The run as plain values."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "release": dict(release),
        "machine": dict(machine),
        "scale": dict(scale),
        "measured": {name: one.as_dict() for name, one in results.measured.items()},
        "ratios": results.ratios,
    }


def save(found: Mapping[str, Any], path: Path) -> None:
    """Writes the run as JSON."""
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


#: The columns of the history, as the README has them: what was measured (its rate), then ratios.
_RATES = ("limit", "limit, no indexes", "sync", "sync, indexes later", "tables, limit", "tables")
_RATIOS = (
    "sync / limit",
    "sync / limit, by CPU time of client and server",
    "sync / ceiling",
    "tables / limit",
    "unchanged / tables, in time",
    "sealed anew / tables, in time",
    "replaced / tables, in time",
    "peak memory of main, large / small",
    "small files / one file, in time",
    "sync / simeon",
)


def record(found: Mapping[str, Any]) -> None:
    """Adds the run to the table at the end of the README."""
    measured, ratios = found["measured"], found["ratios"]
    said = [found["date"][:10], found["release"]["version"], found["release"]["commit"], found["machine"]["cores"], f"{found['scale']['events']:,}"]
    said += [f"{measured[name]['rate']:,.0f}" if name in measured else "" for name in _RATES]
    said += [_number(ratios[name]) if name in ratios else "" for name in _RATIOS]
    with _README.open("a", encoding="utf-8") as file:
        file.write(f"| {' | '.join(map(str, said))} |\n")
