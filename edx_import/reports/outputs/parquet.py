"""Parquet for data tools, made by pyarrow (the extra `parquet`), in row groups, so that a long report needs no more memory than a short one.

Types are those that the columns declare: int is int64, float double, bool boolean, datetime timestamp (microseconds, UTC), date date32; all else
is text as in every other output, lists and mappings as JSON. A column whose first row group holds a value that its type has no room for (an
integer of more than 64 bits) is text as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import chain
from typing import Any, BinaryIO

from edx_import.errors import UsageError
from edx_import.reports.outputs.base import Page, text_of, unicode_text
from edx_import.reports.outputs.sink import Sink
from edx_import.reports.report import Column, Report

_GROUP_ROWS = 50_000
_GROUP_CHARACTERS = 32_000_000

_Group = list[Sequence[Any]]


class _NoRoomError(ValueError):
    """A value that a type cannot hold."""


@dataclass(frozen=True, slots=True)
class _Carrier:
    """How a column is stored: the name of its arrow type, and what makes a value of it. None is null in all of them."""

    arrow_type: str
    value_of: Callable[[Any], Any]

    def values_of(self, cells: Sequence[Any]) -> list[Any]:
        """Raises _NoRoomError."""
        return [None if cell is None else self.value_of(cell) for cell in cells]


class ParquetOutput:
    """One file, in row groups of at most 50,000 rows."""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes the file. Raises UsageError for a value that its column has no room for, when it comes too late to make the column text."""
        from pyarrow import PythonFile, parquet

        groups = _groups(report)
        first = next(groups, [])
        carriers = [_carrier(column, [row[index] for row in first]) for index, column in enumerate(report.columns)]
        schema = _schema(report, carriers, page)
        rows = 0
        with Sink(stream) as sink:
            writer = parquet.ParquetWriter(PythonFile(sink, mode="w"), schema)
            for group in chain([first] if first else [], groups):
                writer.write_table(_table(report.columns, carriers, schema, group, rows))
                rows += len(group)
                group.clear()  # before the next is gathered
            writer.close()
        return rows


def _groups(report: Report) -> Iterator[_Group]:
    """The rows, as many at a time as fit the bounds: by their number, and by the length of their texts."""
    group: _Group = []
    length = 0
    for row in report.checked_rows():
        group.append(row)
        length += sum(len(cell) for cell in row if isinstance(cell, str))
        if len(group) == _GROUP_ROWS or length > _GROUP_CHARACTERS:
            yield group
            group, length = [], 0
    if group:
        yield group


def _schema(report: Report, carriers: Sequence[_Carrier], page: Page) -> Any:
    """With what the columns mean, and what the report is, for who finds the file later."""
    import pyarrow as pa

    types = {"timestamp": pa.timestamp("us", tz="UTC")}
    told = [{"meaning": column.meaning, "unit": column.unit} for column in report.columns]
    return pa.schema(
        [
            pa.field(unicode_text(column.name), types.get(carrier.arrow_type) or carrier.arrow_type, metadata=_texts(notes))
            for column, carrier, notes in zip(report.columns, carriers, told, strict=True)
        ],
        metadata=_texts({"title": report.title, **dict(page.about)}),
    )


def _texts(notes: dict[str, str]) -> dict[str, str] | None:
    return {name: unicode_text(text) for name, text in notes.items() if text} or None


def _table(columns: Sequence[Column], carriers: Sequence[_Carrier], schema: Any, group: _Group, before: int) -> Any:
    import pyarrow as pa

    arrays = []
    for index, (column, carrier) in enumerate(zip(columns, carriers, strict=True)):
        try:
            values = carrier.values_of([row[index] for row in group])
        except _NoRoomError as error:
            what = f"the column {column.name} has a value after row {before:,} that is no {carrier.arrow_type}: {error}"
            raise UsageError(what, "Choose csv or jsonl: they have room for every value.") from None
        arrays.append(pa.array(values, schema.field(index).type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _carrier(column: Column, first: Sequence[Any]) -> _Carrier:
    """What the column declares, if the first values agree with it; else text."""
    carrier = next((carrier for known, carrier in _CARRIERS if issubclass(column.type, known)), _TEXT)
    try:
        carrier.values_of(first)
    except _NoRoomError:
        return _TEXT
    return carrier


def _text(value: Any) -> str:
    return unicode_text(text_of(value))


def _integer(value: Any) -> int:
    if isinstance(value, (int, float)) and -(2**63) <= value < 2**63 and value == int(value):
        return int(value)
    raise _NoRoomError(type(value).__name__)


def _double(value: Any) -> float:
    try:
        if isinstance(value, (int, float)):
            return float(value)
    except OverflowError:
        pass
    raise _NoRoomError(type(value).__name__)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _NoRoomError(type(value).__name__)


def _timestamp(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise _NoRoomError(type(value).__name__)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        if moment.time() == time():
            return moment.date()
    elif isinstance(value, date):
        return value
    raise _NoRoomError(type(value).__name__)


_TEXT = _Carrier("string", _text)

#: The most particular type first: a bool is an int as well, a datetime a date.
_CARRIERS: tuple[tuple[type[Any], _Carrier], ...] = (
    (bool, _Carrier("bool", _boolean)),
    (int, _Carrier("int64", _integer)),
    (float, _Carrier("double", _double)),
    (datetime, _Carrier("timestamp", _timestamp)),
    (date, _Carrier("date32", _day)),
)
