"""What SIGINT (Ctrl-C) and SIGTERM (`docker stop`) do: end the process with a KeyboardInterrupt, or first ask the work to end by itself."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from edx_import.errors import ExitCode


@dataclass(slots=True)
class Signals:
    """The signals of this process. `received` is the first that came."""

    received: int = 0
    _ask: Callable[[], None] | None = None

    def install(self) -> None:
        """From now on they come here. Only in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    @contextmanager
    def asking(self, ask: Callable[[], None]) -> Iterator[None]:
        """Meanwhile the first signal only calls `ask`, which must not wait for anything; the second is as any other."""
        self._ask = ask
        try:
            yield
        finally:
            self._ask = None

    @property
    def exit_code(self) -> ExitCode:
        """What a process that was stopped by them says: 128 and the number of the signal."""
        return ExitCode.TERMINATED if self.received == signal.SIGTERM else ExitCode.INTERRUPTED

    def _take(self, number: int, frame: FrameType | None) -> None:
        first, self.received = not self.received, self.received or number
        if first and self._ask is not None:
            self._ask()
        else:
            raise KeyboardInterrupt
