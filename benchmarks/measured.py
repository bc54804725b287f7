"""The values that the parts of the benchmark give: what was measured, and the ratios that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement. `number` counts what was worked on, `unit` says what; `seconds` is wall time, the CPU times are seconds too.

    `client_cpu` is that of all processes but the server. `memory` has the peak of the largest process of each role in MB, `together` the peak
    of all but the server. `notes` are further numbers of the part.
    """

    name: str
    what: str
    number: int
    unit: str
    seconds: float
    client_cpu: float = 0.0
    server_cpu: float = 0.0
    memory: Mapping[str, float] = field(default_factory=dict)
    together: float = 0.0
    notes: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Per second of wall time."""
        return self.number / self.seconds

    @property
    def cores(self) -> float:
        """How many cores were busy, client and server together."""
        return (self.client_cpu + self.server_cpu) / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of CPU for each, client and server together."""
        return (self.client_cpu + self.server_cpu) / self.number * 1e6

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the JSON file."""
        return asdict(self) | {"rate": self.rate, "cores": self.cores, "cpu_microseconds_each": self.cpu_each}


@dataclass(slots=True)
class Results:
    """All that was measured so far, by name, and the ratios, by their text."""

    measured: dict[str, Measured] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)

    def add(self, *found: Measured) -> None:
        """Takes down measurements; a better one of the same name takes the place of the first."""
        for one in found:
            known = self.measured.get(one.name)
            if known is None or one.rate > known.rate:
                self.measured[one.name] = one

    def compare(self, name: str, one: str, other: str) -> None:
        """Takes down the ratio of two rates, if both were measured."""
        if one in self.measured and other in self.measured:
            self.ratios[name] = self.measured[one].rate / self.measured[other].rate

    def best(self, names: Sequence[str]) -> Measured:
        """The measurement with the highest rate."""
        return max((self.measured[name] for name in names if name in self.measured), key=lambda one: one.rate)
