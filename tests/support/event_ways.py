"""Lines of a tracking log read both ways, straight to bytes and by way of documents: the two have to say the same, byte by byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

import bson

from edx_import.formats.base import ReadContext
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.model import Document, Encoded, FastItem, Item


def read_both_ways(data: bytes | Iterable[bytes], **context: Any) -> list[Item]:
    """What `read` gives; `read_fast` has been found to give the same, and the same notes."""
    chunks = [data] if isinstance(data, bytes) else list(data)
    note = context.pop("note", lambda name: None)
    items, notes = _read(chunks, context)
    encoded, encoded_notes = read_fast(chunks, **context)
    assert encoded_notes == notes
    assert_same(encoded, items)
    for name in notes.elements():
        note(name)
    return items


def read_fast(chunks: Iterable[bytes], first_line: int = 1, **context: Any) -> tuple[list[FastItem], Counter[str]]:
    """What the fast way gives, and what it has noted."""
    notes: Counter[str] = Counter()
    return list(TrackingLogReader().read_fast(chunks, _context(context, notes), first_line)), notes


def assert_same(found: Iterable[FastItem], expected: Iterable[Item]) -> None:
    """Each item says what the other says; an encoded one is known by its bytes."""
    for one, other in zip_longest(found, expected):
        assert said(one) == said(other)


def said(item: FastItem | None) -> tuple[Any, ...]:
    """All that an item says. Documents are compared as bytes, for the order of their fields, the types of their values, and NaN."""
    if isinstance(item, Encoded):
        return item.collection, item.id, item.elements, item.line, item.raw, item.course_id
    if isinstance(item, Document):
        return item.collection, item.fields["_id"], bson.encode(item.fields)[4:-1], item.line, item.raw, item.fields["course_id"]
    return (item,)


def _read(chunks: Iterable[bytes], context: dict[str, Any]) -> tuple[list[Item], Counter[str]]:
    notes: Counter[str] = Counter()
    return list(TrackingLogReader().read(chunks, _context(context, notes))), notes


def _context(given: dict[str, Any], notes: Counter[str]) -> ReadContext:
    return ReadContext(**({"site": "prod"} | given), note=lambda name: notes.update([name]))
