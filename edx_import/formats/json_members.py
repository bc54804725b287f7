"""The members of one large JSON object, one at a time, as the bytes they are.

A streaming parser would give values instead: the usual ones lose halves of emoji and refuse long numbers, and a rejected member needs its bytes.
Here only strings and brackets are followed; what stands between them is the parser's business, member by member.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from edx_import.errors import PackageError
from edx_import.formats.lines import HEAD_SIZE, LINE_LIMIT

#: The bytes of `"key": value`, and whether they are all of it (False: over the limit, and only the head is here).
Member = tuple[bytes, bool]

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_IN_STRING = re.compile(rb'["\\]')
_OUTSIDE = re.compile(rb'["{}\[\],]')


def split_members(chunks: Iterable[bytes], limit: int = LINE_LIMIT) -> Iterator[Member]:
    """The members of the object that the stream holds, in memory bounded by the longest that is allowed.

    Raises PackageError when it holds no object, or one that is cut, or something after it.
    """
    rest = iter(chunks)
    scanner = _Scanner(limit)
    for chunk in chain([_after_brace(rest)], rest):
        yield from scanner.feed(chunk)
    if not scanner.ended:
        raise PackageError("the JSON of the file is cut", "The file is damaged; have it delivered again.")


def not_an_object() -> PackageError:
    """The error for a file that is anything else than one JSON object."""
    return PackageError("the file does not hold one JSON object", "The file is damaged; have it delivered again.")


def _after_brace(chunks: Iterator[bytes]) -> bytes:
    """What follows the opening brace in the chunk that has it."""
    start = b""
    for chunk in chunks:
        start = (start + chunk).lstrip(_BLANKS)
        found = start.removeprefix(_BOM).lstrip(_BLANKS)
        if found.startswith(b"{"):
            return found[1:]
        if found and not _BOM.startswith(start):
            break
    raise not_an_object()


class _Scanner:
    """Where the stream is: how deep, whether in a string, and what has been seen of the member that is being read."""

    def __init__(self, limit: int) -> None:
        self.ended = False
        self._limit = limit
        self._depth = 1
        self._in_string = False
        self._skip = 0  # how many bytes of the next chunk a backslash has taken
        self._any = False
        self._size = 0
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Member]:
        """The members that end in this chunk."""
        start, position = 0, self._skip
        while not self.ended and (found := (_IN_STRING if self._in_string else _OUTSIDE).search(chunk, position)):
            position = found.end() + (found[0] == b"\\")
            if self._ends_member(found[0]):
                yield from self._member(chunk[start : found.start()])
                start = position
        self._skip = max(0, position - len(chunk))
        if not self.ended:
            self._grow(chunk[start:])
        elif chunk[start:].strip(_BLANKS):
            raise not_an_object()

    def _ends_member(self, mark: bytes) -> bool:
        if mark == b'"':
            self._in_string = not self._in_string
        elif mark in b"{[":
            self._depth += 1
        elif mark in b"}]":
            self._depth -= 1
            self.ended = self._depth == 0
            if self.ended and mark == b"]":
                raise not_an_object()
        return self.ended or (mark == b"," and self._depth == 1)

    def _member(self, piece: bytes) -> Iterator[Member]:
        self._grow(piece)
        taken, whole = bytes(self._bytes), self._size <= self._limit
        self._size = 0
        self._bytes.clear()
        if taken.strip(_BLANKS):
            self._any = True
            yield taken, whole
        elif self._any or not self.ended:
            raise not_an_object()  # a comma with nothing before or after it

    def _grow(self, piece: bytes) -> None:
        self._size += len(piece)
        self._bytes += piece if self._size <= self._limit else piece[:HEAD_SIZE]
        if self._size > self._limit:
            del self._bytes[HEAD_SIZE:]
