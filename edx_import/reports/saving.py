"""What becomes of the rows of a report in the database: documents in the order of their `_id`, a field for each column.

As in parquet, types are kept: days are midnight (UTC), for BSON knows no days; times have milliseconds. What BSON has no room for (an integer of
more than 64 bits) is text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from edx_import.model import Site
from edx_import.reports.outputs.base import text_of, unicode_text
from edx_import.reports.report import Column, Report, type_word

_ROWS_AT_ONCE = 1000
_CHARACTERS_AT_ONCE = 4_000_000

Document = dict[str, Any]


def kept_rows(report: Report, site: Site, add: Callable[[Sequence[Document]], None]) -> Iterator[Sequence[Any]]:
    """The rows as they come; on the way, `add` gets them as documents, some at a time. Their `_id` is that of the report where it has such a
    column, else the number of the row, from 1 on.
    """
    names = [_key(column.name) for column in report.columns]
    waiting: list[Document] = []
    characters = 0
    for number, row in enumerate(report.checked_rows(), 1):
        waiting.append({"_id": number, "site": site, **{name: storable(value) for name, value in zip(names, row, strict=True)}})
        characters += sum(len(cell) for cell in row if isinstance(cell, str))
        if len(waiting) == _ROWS_AT_ONCE or characters > _CHARACTERS_AT_ONCE:
            add(waiting)
            waiting, characters = [], 0
        yield row
    add(waiting)


def columns_told(columns: Sequence[Column]) -> list[Document]:
    """What the record of a saved report says of its columns."""
    return [
        {"name": column.name, "type": type_word(column), "unit": column.unit, "meaning": column.meaning, "personal": column.personal}
        for column in columns
    ]


def storable(value: Any) -> Any:
    """A value as BSON has it."""
    if isinstance(value, str):
        return unicode_text(value)
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**63 else text_of(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if isinstance(value, Mapping):
        return {_key(text_of(name)): storable(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(part) for part in value]
    return text_of(value)


def _key(name: str) -> str:
    """BSON names end at a NUL."""
    return unicode_text(name).replace("\0", "\\x00")
