"""What processes use, by the system's own account (/proc, wait4): CPU seconds, and peak memory of every process of a tree."""

from __future__ import annotations

import ctypes
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

_PR_SET_CHILD_SUBREAPER: Final = 36
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS: Final = 0.1

#: How long processes that outlive the program that started them are waited for, in seconds.
_ORPHAN_PATIENCE: Final = 15.0

_MEMORY: Final = re.compile(r"^(VmHWM|VmRSS):\s+(\d+) kB$", re.MULTILINE)


def adopt_orphans() -> None:
    """Makes this process the parent of those whose own parent ends (gpg-agent, a guardian), so that their CPU time is known."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used so far, that of its ended children included."""
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / _TICKS


def peak_mb(pid: int) -> float:
    """The most memory that a process has had at a time, in MB."""
    return _memory(pid).get("VmHWM", 0.0)


def forget_peak(pid: int) -> None:
    """Begins to count the peak of a process anew, where the system allows it."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


@dataclass(slots=True)
class Peaks:
    """Peak memory in MB: of the largest process of each role, how many processes had the role, and of all processes together."""

    largest: dict[str, float] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)
    together: float = 0.0


class Watch:
    """Watches all that descends from this process, but what was there before, until it is left. A context manager."""

    def __init__(self) -> None:
        self._before = set(_children(os.getpid()))
        self._seen: dict[int, tuple[str, float]] = {}
        self._together = 0.0
        self._ended = Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def peaks(self) -> Peaks:
        """What was seen so far."""
        peaks = Peaks(together=self._together)
        for role, size in self._seen.values():
            role = role or "other"
            peaks.largest[role] = max(size, peaks.largest.get(role, 0.0))
            peaks.processes[role] = peaks.processes.get(role, 0) + 1
        return peaks

    def reap(self) -> float:
        """Waits for the processes that were left behind; gives their CPU seconds."""
        deadline = time.monotonic() + _ORPHAN_PATIENCE
        used = 0.0
        while (left := [pid for pid in _children(os.getpid()) if pid not in self._before]) and time.monotonic() < deadline:
            for pid in left:
                used += _reaped(pid)
            time.sleep(0.01)
        return used + sum(cpu_seconds(pid) for pid in left)

    def _run(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        together = 0.0
        for pid in _descendants(os.getpid(), self._before):
            memory = _memory(pid)
            if memory:
                together += memory["VmRSS"]
                role, size = self._seen.get(pid, ("", 0.0))
                # asked again each time: a process may become another program
                self._seen[pid] = _role(pid) or role, max(size, memory["VmHWM"])
        self._together = max(self._together, together)


def _reaped(pid: int) -> float:
    with suppress(ChildProcessError):
        ended, _, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return usage.ru_utime + usage.ru_stime
    return 0.0


def _children(pid: int) -> list[int]:
    return [child for child, parent in _parents().items() if parent == pid]


def _descendants(pid: int, without: set[int]) -> Iterator[int]:
    """The processes below this one; what descends from one in `without` is left out, too."""
    below: dict[int, list[int]] = {}
    for child, parent in _parents().items():
        below.setdefault(parent, []).append(child)
    found = [pid]
    while found:
        for child in below.get(found.pop(), ()):
            if child not in without:
                yield child
                found.append(child)


def _parents() -> dict[int, int]:
    """The parent of every process."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError):
                parents[int(name)] = int(_stat(int(name))[1])
    return parents


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name (which may hold blanks)."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _memory(pid: int) -> dict[str, float]:
    """VmHWM and VmRSS in MB; empty for a process that has ended."""
    with suppress(OSError):
        found = dict(_MEMORY.findall(Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")))
        return {name: int(size) / 1024 for name, size in found.items()}
    return {}


def _role(pid: int) -> str:
    """What a process is for, by its command line; empty when that cannot be read any more."""
    command = b""
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    words = [os.path.basename(word) for word in command.decode("utf-8", "replace").split("\0") if word]
    if not words:
        return ""
    if not words[0].startswith("python"):
        return words[0]
    text = " ".join(words)
    if "edx_import" in words:
        return "main"
    for mark, role in (("resource_tracker", "tracker"), ("spawn_main", "worker"), ("forkserver", "forkserver")):
        if mark in text:
            return role
    return next((word.removesuffix(".py") for word in words[1:] if not word.startswith("-")), "python")
