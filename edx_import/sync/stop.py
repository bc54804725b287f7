"""The wish of a user, or of the system, that a sync ends: asked for once, heard by all who work on it."""

from __future__ import annotations

import multiprocessing
from typing import Final

from edx_import.errors import Interrupted


class Stop:
    """Is asked for by a signal handler, and looked at by the work wherever it can be left: between pieces, between batches of rows.

    A bare byte of shared memory: setting it takes no lock, which a signal handler must not wait for. It may be handed to a new process.
    """

    def __init__(self) -> None:
        self._flag: Final = multiprocessing.get_context("spawn").RawValue("b", 0)

    def ask(self) -> None:
        """From now on the work ends where it can be taken up again."""
        self._flag.value = 1

    @property
    def asked(self) -> bool:
        """Whether the work is to end."""
        return bool(self._flag.value)

    def check(self) -> None:
        """Raises Interrupted once it is asked for."""
        if self.asked:
            raise Interrupted("stopped before its end", "What was loaded is kept; the next sync goes on from there.")
