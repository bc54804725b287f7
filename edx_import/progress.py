"""How long work tells what it does. Silent by default; the front decides what a person sees."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Step(StrEnum):
    """The steps of a delivery, in their order. A process may be killed at each of them; docs/reliability.md says what becomes of it then."""

    LOCKED = "lock taken"
    PLANNED = "planned"
    STARTED = "started"
    FETCHING = "fetching"  # again after each piece
    FETCHED = "fetched"
    VERIFIED = "verified"  # known to be whole, nothing written yet
    READING = "reading"  # again after each thousand rows, a part of which is written
    WRITTEN = "written"  # all rows are in the database
    REMOVED = "removed"  # what is gone is removed
    RECORDING = "recording"  # before the ledger says what came of it
    RECORDED = "recorded"


class Progress(Protocol):
    """Told of every step by a job. Sizes are sealed bytes."""

    def begin(self, objects: int, size: int) -> None:
        """The work is known: so many objects, so many bytes."""

    def start(self, key: str, size: int) -> None:
        """An object is being taken up."""

    def advance(self, key: str, size: int) -> None:
        """So many more bytes of it have been loaded."""

    def step(self, key: str, step: Step) -> None:
        """An object, or a member of one, has come to a step."""

    def finish(self, key: str, outcome: str) -> None:
        """It is done; `outcome` is one line for a person."""

    def note(self, text: str) -> None:
        """Something a person should know (a warning, a skip)."""

    def end(self) -> None:
        """All is done."""


class SilentProgress:
    """Says nothing."""

    def begin(self, objects: int, size: int) -> None: ...

    def start(self, key: str, size: int) -> None: ...

    def advance(self, key: str, size: int) -> None: ...

    def step(self, key: str, step: Step) -> None: ...

    def finish(self, key: str, outcome: str) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self) -> None: ...
