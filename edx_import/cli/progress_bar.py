"""Progress on a terminal: a bar over all bytes, and a line for each object that is done."""

from __future__ import annotations

from threading import Lock

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from edx_import.cli.text import printable
from edx_import.progress import Step

#: The steps that take time, as a person sees them: what is done after each.
_SHOWN = {Step.FETCHED: "verifying", Step.READING: "loading"}


class ProgressBar:
    """One bar for the whole sync; the current object stands beside it."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task("nothing to do", total=0)
        self._objects = 0
        self._done = 0
        self._lock = Lock()

    def begin(self, objects: int, size: int) -> None:
        self._objects = objects
        if objects:
            self._bar.update(self._task, total=size, description="starting")
            self._bar.start()

    def start(self, key: str, size: int) -> None:
        self._bar.update(self._task, description=escape(printable(key.rsplit("/", 1)[-1])))

    def advance(self, key: str, size: int) -> None:
        self._bar.advance(self._task, size)

    def step(self, key: str, step: Step) -> None:
        if step in _SHOWN:
            self._bar.update(self._task, description=f"{escape(printable(key.rsplit('/', 1)[-1]))}: {_SHOWN[step]}")

    def finish(self, key: str, outcome: str) -> None:
        with self._lock:
            self._done += 1
        self._console.print(f"[{self._done}/{self._objects}] {printable(key)}: {printable(outcome)}", markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self._console.print(f"warning: {printable(text)}", markup=False, soft_wrap=True)

    def end(self) -> None:
        self._bar.stop()
