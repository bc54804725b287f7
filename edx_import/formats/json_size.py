"""How much room a JSON value would take at least, known before it is parsed.

A line of 16 MB may hold five million empty lists: parsed, they would take many times its memory, only to be found too large for a document.
"""

from __future__ import annotations

from collections.abc import Iterator

#: What a document may take, less room for what is added when it is written.
DOCUMENT_LIMIT = 16 * 2**20 - 64 * 2**10

#: A text up to this length is parsed unseen.
SURELY_FITS = 2**20

_BLANKS = b" \t\r\n"
_PIECE = 2**20


class TooLargeError(Exception):
    """The value would make a document larger than MongoDB's limit. Private to the readers, which reject the row."""


def check_size(raw: bytes) -> None:
    """Raises TooLargeError when no document can hold the value of this JSON, whatever its strings say."""
    if len(raw) <= SURELY_FITS or 13 * _containers(raw) + 8 * raw.count(b",") <= DOCUMENT_LIMIT:
        return
    if _least(b"".join(_outside_strings(raw.translate(None, _BLANKS)))) > DOCUMENT_LIMIT:
        raise TooLargeError


def _least(marks: bytes) -> int:
    """Bytes of BSON: 3 for the type and the key or index of each value, and 5 for an object, array or string, 4 for a number."""
    containers, empty = _containers(marks), marks.count(b"{}") + marks.count(b"[]")
    values = max(marks.count(b",") + containers - empty, containers - 1)
    strings = marks.count(b'"') - marks.count(b":")
    words = marks.count(b"null") + marks.count(b"true") + marks.count(b"false")
    numbers = values - (containers - 1) - strings - words
    return 3 * values + 5 * (containers + strings) + 4 * numbers


def _containers(marks: bytes) -> int:
    return marks.count(b"{") + marks.count(b"[")


def _outside_strings(text: bytes) -> Iterator[bytes]:
    """What stands between the strings, with one quote for each of them. (But for one at the border of two pieces, which does not matter.)"""
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    within = False
    for start in range(0, len(unescaped), _PIECE):
        parts = unescaped[start : start + _PIECE].split(b'"')
        yield b'"'.join(parts[within::2])
        within ^= len(parts) % 2 == 0
