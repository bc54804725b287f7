"""How much a plan will take: scratch, database, time. Rough on purpose, and said to be.

A sealed file expands about 20 times; MongoDB stores that at about a quarter of its size, indexes included.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from edx_import.model import ObjectKind
from edx_import.sync.plan import Plan

_STORED_PER_SEALED = 6
_SEALED_BYTES_PER_SECOND = 1_500_000
_SECONDS_PER_OBJECT = 0.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes and seconds that a plan needs, and the bytes that are free (`database_free` is None where the server does not say)."""

    scratch: int
    scratch_free: int
    database: int
    database_free: int | None
    seconds: float

    @property
    def shortages(self) -> list[tuple[str, int, int]]:
        """What does not suffice: its name, the bytes needed, the bytes free."""
        rooms = (("scratch", self.scratch, self.scratch_free), ("the database", self.database, self.database_free))
        return [(name, needed, free) for name, needed, free in rooms if free is not None and free < needed]


def estimate(plan: Plan, scratch: Path, jobs: int, database_free: int | None = None) -> Estimate:
    """At most one ZIP and `jobs` + 1 event files wait in scratch at a time."""
    zips = [task.delivered.size for task in plan.tasks if task.delivered.name.kind is not ObjectKind.EVENTS]
    events = sorted((task.delivered.size for task in plan.tasks if task.delivered.name.kind is ObjectKind.EVENTS), reverse=True)
    needed = max(zips, default=0) + sum(events[: jobs + 1])
    seconds = plan.size / _SEALED_BYTES_PER_SECOND + len(plan.tasks) * _SECONDS_PER_OBJECT
    return Estimate(needed, free_space(scratch), plan.size * _STORED_PER_SEALED, database_free, seconds)


def free_space(folder: Path) -> int:
    """Bytes free on the disk that the folder is, or will be, on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
