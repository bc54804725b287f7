"""Watches a command line while it runs, every few milliseconds: what other processes could learn from it, and what it writes to disk.

with Watch(process.pid, needles, learners, folders) as watch:
    ... it runs ...
assert watch.found == set()
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from edx_import.decryption.home import places
from edx_import.guardian import KEYRING_PREFIX

_PAUSE = 0.002
#: The files are looked at every so many times.
_FILES = 8

#: MongoDB's own files: learners' data belong there, and no secret does.
_DATABASE = "/mongodb/data/"


@dataclass
class Watch:
    """`needles`: what no process may see, by name. `learners`: what may be in MongoDB's own files only. `folders`: where it writes.

    `found` tells where a needle was seen, `commands` are the command lines of all processes that began meanwhile, `files` the files and folders
    that there were, `open` those that others than their owner could open.
    """

    process: int
    needles: Mapping[str, Collection[bytes]]
    learners: Collection[bytes]
    folders: Collection[Path]
    found: set[tuple[str, str]] = field(default_factory=set)
    commands: dict[int, bytes] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._others = {entry for entry in os.listdir("/proc") if entry.isdigit()} - {str(self.process)}
        self._first = b""
        deadline = time.monotonic() + 10
        while not self._first and time.monotonic() < deadline:  # it has none for a moment while it becomes another program
            self._first = _read(f"/proc/{self.process}/cmdline")
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self.look_at_files()

    def saw(self, *words: str) -> list[str]:
        """Which of these were on a command line."""
        lines = b"\n".join(self.commands.values())
        return [word for word in words if word.encode() in lines]

    def names_in(self, data: bytes) -> list[str]:
        """Which secrets are in there."""
        return [name for name, needles in self.needles.items() if any(needle in data for needle in needles)]

    def look_at_files(self) -> None:
        """All that there is now."""
        keyrings = [home for place in places() for home in place.glob(f"{KEYRING_PREFIX}{self.process}-*")]
        for path in _below([*self.folders, *keyrings]):
            with suppress(OSError):  # they come and go
                self._look_at(path)

    def _watch(self) -> None:
        number = 0
        while not self._ended.wait(_PAUSE):
            for entry in os.listdir("/proc"):
                if entry.isdigit() and entry not in self._others:
                    self._look_into(int(entry))
            if number % _FILES == 0:
                self.look_at_files()
            number += 1

    def _look_into(self, process: int) -> None:
        line = _read(f"/proc/{process}/cmdline")
        if not line or self.commands.get(process) == line:
            return
        self.commands[process] = line
        self._note(line, f"cmdline of {line[:200]!r}")
        # The first process has the environment that it was started with; so does a child that has not yet become another program.
        if line != self._first:
            self._note(_read(f"/proc/{process}/environ"), f"environ of {line[:200]!r}")

    def _look_at(self, path: Path) -> None:
        status = path.lstat()
        self.files.add(str(path))
        if stat.S_IMODE(status.st_mode) & 0o077:
            self.open.add(str(path))
        if not stat.S_ISREG(status.st_mode):
            return
        if _DATABASE in str(path) or self._seen.get(path) == (status.st_mtime_ns, status.st_size):
            return
        self._seen[path] = status.st_mtime_ns, status.st_size
        data = path.read_bytes()
        self._note(data, str(path))
        if any(learner in data for learner in self.learners):
            self.found.add((str(path), "a learner"))

    def _note(self, data: bytes, where: str) -> None:
        self.found.update((where, name) for name in self.names_in(data))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def _below(tops: Iterable[Path]) -> Iterator[Path]:
    for top in tops:
        for folder, _, files in os.walk(top):
            yield Path(folder)
            yield from (Path(folder) / name for name in files)
