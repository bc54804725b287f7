"""Cuts a stream of bytes into lines: at LF and nowhere else, in memory bounded by the longest line that is allowed.

What other readers of text take for a line end (CR, vertical tab, form feed, U+2028, ...) is part of the data here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO

#: The longest line that is read, in bytes without its LF.
LINE_LIMIT = 16 * 2**20

#: How much of a longer line is shown.
HEAD_SIZE = 64 * 2**10

#: Its 1-based number, its bytes without the LF, and whether they are all of it (False: over the limit, and only the head is here).
#: A plain tuple, for there are hundreds of millions.
Line = tuple[int, bytes, bool]

_BOM = b"\xef\xbb\xbf"
_LF = 10


def split_lines(chunks: Iterable[bytes], limit: int = LINE_LIMIT, first: int = 1) -> Iterator[Line]:
    """The lines of a file, blank ones too. The last one needs no LF; a UTF-8 byte order mark at the start of the file is no part of the first.

    A line over `limit` is passed over while it streams by, and comes out as its first HEAD_SIZE bytes, marked as not whole. `first` is the number of
    the first line, where the chunks are a later part of a file.
    """
    number = first - 1
    begun = Begun(limit)
    for chunk in without_bom(chunks) if first == 1 else chunks:
        lines = BytesIO(chunk)
        if begun.size:
            end = lines.readline()
            begun.add(end.removesuffix(b"\n"))
            if end.endswith(b"\n"):
                number += 1
                yield number, *begun.take()
        for line in lines:
            if line[-1] != _LF:
                begun.add(line)
            elif len(line) <= limit + 1:
                number += 1
                yield number, line[:-1], True
            else:
                number += 1
                yield number, line[:-1][:HEAD_SIZE], False
    if begun.size:
        yield number + 1, *begun.take()


class Begun:
    """The line whose end has not been seen yet; `size` is its length so far, of which no more than the limit is held."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._bytes = bytearray()

    def add(self, piece: bytes) -> None:
        """Goes on with the line."""
        self.size += len(piece)
        if self.size <= self._limit:
            self._bytes += piece
        elif len(self._bytes) < HEAD_SIZE:
            self._bytes += piece[: HEAD_SIZE - len(self._bytes)]
        else:
            del self._bytes[HEAD_SIZE:]

    def take(self) -> tuple[bytes, bool]:
        """Ends the line: its bytes (or head), and whether it is whole."""
        whole = self.size <= self._limit
        taken = bytes(self._bytes) if whole else bytes(self._bytes[:HEAD_SIZE])
        self.size = 0
        self._bytes.clear()
        return taken, whole


def without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, less a byte order mark at their start (which may come in pieces)."""
    rest = iter(chunks)
    start = b""
    for chunk in rest:
        start += chunk
        if len(start) >= len(_BOM):
            break
    yield start.removeprefix(_BOM)
    yield from rest
