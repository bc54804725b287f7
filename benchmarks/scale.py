"""How much is measured: from the environment, so that `EVENTS=1000000 make bench` says it all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of what is measured.

    `events` is the number of lines in the day of events, `learners` sets the rows of the weekly package (about 48 for each, in 4
    courses), `files` and `file_events` are the number of small event files and the lines in each, `memory_mb` the two sizes (clear, in MB) of
    the event files whose loading is watched for memory. `rounds`: how often the limit and the sync are measured; the best of each counts.
    `enrolled` is the number of learners whose enrolments reports are made of, `activity_events` that of the events roll-ups are made of.
    """

    events: int = 100_000
    learners: int = 4000
    files: int = 400
    file_events: int = 250
    memory_mb: tuple[int, int] = (10, 60)
    rounds: int = 2
    enrolled: int = 20_000
    activity_events: int = 1_000_000

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """What EVENTS, LEARNERS, FILES, FILE_EVENTS, MEMORY_MB (`SMALL,LARGE`), ROUNDS, ENROLLED and ACTIVITY_EVENTS ask for; FULL=1 sets other
        defaults for all of them.
        """
        base = cls(1_000_000, 20_000, 400, 500, (100, 1000), 2, 200_000) if env.get("FULL") else cls()
        small, _, large = env.get("MEMORY_MB", "").partition(",")
        return cls(
            events=int(env.get("EVENTS") or base.events),
            learners=int(env.get("LEARNERS") or base.learners),
            files=int(env.get("FILES") or base.files),
            file_events=int(env.get("FILE_EVENTS") or base.file_events),
            memory_mb=(int(small), int(large)) if small and large else base.memory_mb,
            rounds=int(env.get("ROUNDS") or base.rounds),
            enrolled=int(env.get("ENROLLED") or base.enrolled),
            activity_events=int(env.get("ACTIVITY_EVENTS") or base.activity_events),
        )

    def as_dict(self) -> dict[str, object]:
        """Plain values for the JSON file."""
        return asdict(self)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def cache_folder(env: Mapping[str, str]) -> Path | None:
    """Where packages are kept for the next run (BENCH_CACHE); None: they are made anew each time."""
    said = env.get("BENCH_CACHE")
    return Path(said).absolute() if said else None
