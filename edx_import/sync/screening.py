"""Rows on their way into the database: personal details go, and whom it has forgotten, where that was asked for."""

from __future__ import annotations

from edx_import.model import Counts, Document, FastItems, Rejected
from edx_import.privacy.screen import Screen
from edx_import.store.writer import decoded


def screened(rows: FastItems, screen: Screen | None, counts: Counts) -> FastItems:
    """The rows that may be written, as they may be written; the others are counted as filtered. Without a screen all of them, as they are."""
    return rows if screen is None else _screened(rows, screen, counts)


def _screened(rows: FastItems, screen: Screen, counts: Counts) -> FastItems:
    for row in rows:
        if isinstance(row, Rejected):
            yield row
            continue
        document = row if isinstance(row, Document) else decoded(row)
        fields = screen.passed(document.collection, document.fields)
        if fields is None:
            counts.filtered += 1
        else:
            yield row if fields is document.fields else Document(document.collection, fields, document.line, document.raw)
