"""Progress where there is no terminal: one line an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edx_import.cli.terminal import Terminal


class ProgressLines:
    """Counts the objects and says what came of each."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._objects = 0
        self._done = 0

    def begin(self, objects: int, size: int) -> None:
        self._objects = objects

    def start(self, key: str, size: int) -> None:
        self._terminal.detail(f"started {key}")

    def advance(self, key: str, size: int) -> None: ...

    def finish(self, key: str, outcome: str) -> None:
        self._done += 1
        self._terminal.say(f"[{self._done}/{self._objects}] {key}: {outcome}")

    def note(self, text: str) -> None:
        self._terminal.warn(text)

    def end(self) -> None: ...
