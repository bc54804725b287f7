"""How long work tells what it does. Silent by default; the front decides what a person sees."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of every step by a job. Sizes are sealed bytes."""

    def begin(self, objects: int, size: int) -> None:
        """The work is known: so many objects, so many bytes."""

    def start(self, key: str, size: int) -> None:
        """An object is being taken up."""

    def advance(self, key: str, size: int) -> None:
        """So many more bytes of it have been loaded."""

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

    def finish(self, key: str, outcome: str) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self) -> None: ...
