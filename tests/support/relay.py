"""A relay in front of a MongoDB that loses connections when it is told to: before the server has seen a command, or after it has done it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_MESSAGE = 2013  # OP_MSG: flags (4 bytes), a section's kind (1 byte), then a BSON document whose first key is the command's name


@dataclass
class Relay:
    """Passes on what comes, to and fro. `lost` counts the connections that were lost on purpose."""

    target: int
    lost: int = 0
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _orders: list[tuple[str, bool]] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self._listener.getsockname()[1]}/?directConnection=true&serverMonitoringMode=poll"

    def lose(self, command: str, done: Sequence[bool]) -> None:
        """Loses the connection of the next commands of that name, each before the server sees it or when it has `done` it."""
        self._orders = [(command, each) for each in done]

    def relent(self) -> None:
        """Loses no more."""
        self._orders = []

    def serve(self) -> None:
        """Until it is closed."""
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                self._open += [near, far]
                threading.Thread(target=_Link(self, near, far).run, daemon=True).start()

    def close(self) -> None:
        # a shutdown wakes the thread that waits in it; closing alone does not
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def is_ordered(self, message: bytes) -> bool | None:
        """Whether the connection is to be lost at this message: None for no, else whether the server gets it before."""
        if self._orders and _command(message) == self._orders[0][0]:
            self.lost += 1
            return self._orders.pop(0)[1]
        return None


@dataclass
class _Link:
    """One connection: a thread for each direction."""

    relay: Relay
    near: socket.socket
    far: socket.socket
    doomed: bool = False

    def run(self) -> None:
        back = threading.Thread(target=self._answer, daemon=True)
        back.start()
        with suppress(OSError):
            for message in _messages(self.near):
                order = self.relay.is_ordered(message)
                if order is False:
                    break
                self.doomed = bool(order)
                self.far.sendall(message)
        self._end()
        back.join()

    def _answer(self) -> None:
        with suppress(OSError):
            for message in _messages(self.far):
                if self.doomed:
                    break
                self.near.sendall(message)
        self._end()

    def _end(self) -> None:
        for each in (self.near, self.far):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """A relay to a server of this machine."""
    relay = Relay(port)
    threading.Thread(target=relay.serve, daemon=True).start()
    try:
        yield relay
    finally:
        relay.close()


def _messages(source: socket.socket) -> Iterator[bytes]:
    while head := _exactly(source, 4):
        yield head + _exactly(source, struct.unpack("<i", head)[0] - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    """So many bytes; none at the end of the stream."""
    parts = bytearray()
    while len(parts) < size:
        part = source.recv(min(size - len(parts), 2**20))
        if not part:
            return b""
        parts += part
    return bytes(parts)


def _command(message: bytes) -> str:
    if struct.unpack_from("<i", message, 12)[0] != _MESSAGE or message[20]:
        return ""
    return message[26 : message.index(b"\0", 26)].decode()
