"""Progress where there is no terminal: one line an object."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from edx_import.progress import SilentProgress, Step


class WarningsOnly(SilentProgress):
    """Says only what a person must know."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn

    def note(self, text: str) -> None:
        self._warn(text)


class ProgressLines:
    """Counts the objects and says what came of each. `say`, `detail` and `warn` write a line."""

    def __init__(self, say: Callable[[str], None], detail: Callable[[str], None], warn: Callable[[str], None]) -> None:
        self._say = say
        self._detail = detail
        self._warn = warn
        self._objects = 0
        self._done = 0
        self._lock = Lock()

    def begin(self, objects: int, size: int) -> None:
        self._objects = objects

    def start(self, key: str, size: int) -> None:
        self._detail(f"started {key}")

    def advance(self, key: str, size: int) -> None: ...

    def step(self, key: str, step: Step) -> None: ...

    def finish(self, key: str, outcome: str) -> None:
        with self._lock:
            self._done += 1
        self._say(f"[{self._done}/{self._objects}] {key}: {outcome}")

    def note(self, text: str) -> None:
        self._warn(text)

    def end(self) -> None: ...
