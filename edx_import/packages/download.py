"""A download that is taken up again where it broke, and checked as a whole before its last byte is handed out."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from typing import TYPE_CHECKING, Protocol

from edx_import.packages.base import DamagedError, UnavailableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: What is read at once: when a connection is reset, at most so much that has arrived is lost with it.
_PIECE = 1 << 15


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, in seconds, and how often in a row to take up a download of which no further byte comes."""

    connect_timeout: float = 10
    read_timeout: float = 30
    resumes: int = 6
    first_wait: float = 1
    longest_wait: float = 10

    def wait(self, failures: int) -> float:
        """How long to wait after so many failures in a row: up to twice as long each time, at random, so that those who wait do not meet."""
        return random.uniform(0, min(self.longest_wait, self.first_wait * 2 ** (failures - 1)))


#: What a source is given that is not told otherwise.
PATIENCE = Patience()


class Body(Protocol):
    """The bytes of one answer."""

    def read(self, size: int, /) -> bytes:
        """Some bytes, at most so many; none at the end of the answer. Raises UnavailableError when the connection breaks."""

    def close(self) -> None:
        """Ends the connection if it is still needed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sends from some position on. `md5`: that of the whole object, in hex, where it is known."""

    body: Body
    md5: str = ""


class Download(io.RawIOBase):
    """The bytes of one object, exactly as many as it has.

    `ask` opens it at a position; UnavailableError from it is waited for, except at the first byte. `what` begins each message.
    """

    def __init__(self, ask: Callable[[int], Answer], size: int, what: str, patience: Patience) -> None:
        self._ask = ask
        self._size = size
        self._what = what
        self._patience = patience
        self._position = 0
        self._digest = md5(usedforsecurity=False)
        answer = ask(0)
        self._expected = answer.md5
        self._body = answer.body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), _PIECE, self._size - self._position)
        data = self._read(wanted) if wanted else b""
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_body"):
            self._body.close()
        super().close()

    def _read(self, size: int) -> bytes:
        data = self._patiently(size)
        self._position += len(data)
        self._digest.update(data)
        if self._position == self._size and self._expected not in ("", self._digest.hexdigest()):
            raise DamagedError(f"{self._what}: it arrived damaged (its MD5 is not the one that S3 has on record)")
        return data

    def _patiently(self, size: int) -> bytes:
        """At least a byte."""
        failures = 0
        while True:
            try:
                if failures:
                    self._take_up(failures)
                if data := self._body.read(size):
                    return data
                raise UnavailableError(f"{self._what}: the answer ended too early")
            except UnavailableError as error:
                failures += 1
                if failures > self._patience.resumes:
                    raise self._given_up(error) from None

    def _take_up(self, failures: int) -> None:
        self._body.close()
        time.sleep(self._patience.wait(failures))
        self._body = self._ask(self._position).body

    def _given_up(self, error: UnavailableError) -> UnavailableError:
        tries = f"{self._patience.resumes} tries to go on"
        return UnavailableError(f"{error.what}, after {self._position:,} of {self._size:,} bytes and {tries}", error.hint)
