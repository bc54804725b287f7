"""How much room a JSON value would take at least, known before it is parsed.

A line of 16 MB may hold five million empty lists: parsed, they would take many times its memory, only to be found too large for a document.
"""

from __future__ import annotations

import re

#: What a document may take, less room for what is added when it is written.
DOCUMENT_LIMIT = 16 * 2**20 - 64 * 2**10

#: A text up to this length is parsed unseen.
SURELY_FITS = 2**20

_BLANKS = b" \t\r\n"
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class TooLargeError(Exception):
    """The value would make a document larger than MongoDB's limit. Private to the readers, which reject the row."""


def check_size(raw: bytes) -> None:
    """Raises TooLargeError when no document can hold the value of this JSON, whatever its strings say."""
    if len(raw) <= SURELY_FITS:
        return
    marks = raw.translate(None, _BLANKS)
    containers, commas = _containers_and_commas(marks, 0, len(marks))
    if _least(marks, containers, commas) <= DOCUMENT_LIMIT:
        return
    for found in _STRING.finditer(marks):
        if found.end() - found.start() > 2:
            within = _containers_and_commas(marks, *found.span())
            containers, commas = containers - within[0], commas - within[1]
    if _least(marks, containers, commas) > DOCUMENT_LIMIT:
        raise TooLargeError


def _containers_and_commas(marks: bytes, start: int, end: int) -> tuple[int, int]:
    return marks.count(b"{", start, end) + marks.count(b"[", start, end), marks.count(b",", start, end)


def _least(marks: bytes, containers: int, commas: int) -> int:
    """Bytes of BSON: 3 for the type and the key or index of each value, and 5 for an object, array or string, 4 for a number.

    What strings hold makes it smaller than it is, never larger, once their brackets and commas are not counted.
    """
    empty = marks.count(b"{}") + marks.count(b"[]")
    values = max(commas + containers - empty, containers - 1, 0)
    strings = max(marks.count(b'"') // 2 - marks.count(b"\\") - marks.count(b":"), 0)
    words = marks.count(b"null") + marks.count(b"true") + marks.count(b"false")
    numbers = max(values - (containers - 1) - strings - words, 0)
    return 3 * values + 5 * (containers + strings) + 4 * numbers
