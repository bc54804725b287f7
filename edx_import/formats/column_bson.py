"""The cells of one column of many rows to BSON. A column that is all of the usual kind goes through a few loops of the interpreter's own;
of any other, each different cell is encoded once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import repeat
from struct import Struct

import bson

from edx_import.formats.cell_bson import (
    MAX_INT32,
    EncodeCell,
    EncodedCell,
    by_document,
    int32,
    int64,
    json_object,
    lengths,
    null,
    number,
    start_of,
    start_of_text,
    text,
)
from edx_import.formats.table_rows import OURS, Column, Rows
from edx_import.tables import ColumnType

#: How many rows are encoded together at most.
ROWS_TOGETHER = 1000


class Pieces:
    """What the documents of some rows are put together from: for each piece of a document, that of every row.

    `originals` are the elements of the field `original`. `odd` are the positions of rows that have to be read one by one; their pieces mean nothing.
    """

    def __init__(self) -> None:
        self.originals: list[Iterable[bytes]] = []
        self.odd: set[int] = set()
        self._pieces: list[Iterable[bytes]] = []
        self._constant = b""

    def constant(self, piece: bytes) -> None:
        """Adds the same to every row."""
        self._constant += piece

    def each(self, pieces: Iterable[bytes]) -> None:
        """Adds to each row its own."""
        if self._constant:
            self._pieces.append(repeat(self._constant))
            self._constant = b""
        self._pieces.append(pieces)

    def together(self) -> Iterator[bytes]:
        """The bytes of each row."""
        return map(b"".join, zip(*self._pieces, repeat(self._constant), strict=False))


#: Adds the pieces of a column.
EncodeColumn = Callable[[list[bytes], Pieces], None]


def column_encoder(column: Column, rows: Rows) -> EncodeColumn:
    """How the cells of a column are encoded."""
    exactly = by_document(rows, column)
    if column.ordinary:
        return _texts(column)
    if column.field == "course_id":
        return _course_ids(rows, exactly)
    if column.field in OURS:
        return _each_once(exactly)
    if column.type is ColumnType.DATE:
        return _dates(column, exactly)
    if column.type is ColumnType.INT:
        return _integers(column, number(column, rows.dialect, exactly))
    return _each_once(json_object(column, exactly) if column.type is ColumnType.JSON else number(column, rows.dialect, exactly))


def _each_once(encode_cell: EncodeCell) -> EncodeColumn:
    """Columns of any kind."""

    def encode(cells: list[bytes], pieces: Pieces) -> None:
        _place({cell: encode_cell(cell) for cell in set(cells)}, cells, pieces)

    return encode


def _place(known: Mapping[bytes, EncodedCell | None], cells: list[bytes], pieces: Pieces) -> None:
    """Puts what was made of the different cells where they stand."""
    originals = {cell: found[1] for cell, found in known.items() if found and found[1]}
    odd = {cell for cell, found in known.items() if found is None}
    pieces.each(map({cell: found[0] if found else b"" for cell, found in known.items()}.__getitem__, cells))
    if originals:
        pieces.originals.append([originals.get(cell, b"") for cell in cells])
    if odd:
        pieces.odd.update(position for position, cell in enumerate(cells) if cell in odd)


# --- text


def _texts(column: Column) -> EncodeColumn:
    start, nothing = start_of_text(column.field), null(column.field)

    def encode(cells: list[bytes], pieces: Pieces) -> None:
        if column.required or b"NULL" not in cells:
            pieces.constant(start)
            pieces.each(lengths(cells))
            pieces.each(cells)
            pieces.constant(b"\0")
        else:
            known = {cell: text(start, cell) for cell in set(cells)}
            known[b"NULL"] = nothing
            pieces.each(map(known.__getitem__, cells))

    return encode


def _course_ids(rows: Rows, exactly: EncodeCell) -> EncodeColumn:
    """The column that mostly says what the document says already."""
    course_id, otherwise = rows.course_id.encode(), _each_once(exactly)

    def encode(cells: list[bytes], pieces: Pieces) -> None:
        if rows.always_keep_course_id or cells.count(course_id) != len(cells):
            otherwise(cells, pieces)

    return encode


# --- integers

_INTEGERS = re.compile(rb"(?:(?:0|[1-9][0-9]{0,17})\t)*+")


def _integers(column: Column, encode_cell: EncodeCell) -> EncodeColumn:
    short, long, otherwise = start_of(b"\x10", column.field), start_of(b"\x12", column.field), _each_once(encode_cell)

    def encode(cells: list[bytes], pieces: Pieces) -> None:
        values = _as_integers(cells)
        if values and max(values) <= MAX_INT32:
            pieces.constant(short)
            pieces.each(map(int32, values))
        elif values and min(values) > MAX_INT32:
            pieces.constant(long)
            pieces.each(map(int64, values))
        else:
            otherwise(cells, pieces)

    return encode


def _as_integers(cells: list[bytes]) -> list[int]:
    """The values, when all cells are integers from 0 as the producers write them."""
    joined = b"\t".join(cells) + b"\t"
    return list(map(int, cells)) if _INTEGERS.fullmatch(joined) and joined.count(b"\t") == len(cells) else []


# --- dates

_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_SECONDS = b"0000-00-00 00:00:00"
_MICROSECONDS = b"0000-00-00 00:00:00.000000"
_DATES = frozenset({_SECONDS, _MICROSECONDS})


def _dates(column: Column, exactly: EncodeCell) -> EncodeColumn:
    start, kept = start_of(b"\x09", column.field), start_of_text(column.field) + int32(27)

    def originals(cells: list[bytes]) -> list[bytes]:
        """The cells whose text the milliseconds do not give back."""
        return [kept + cell + b"\0" if len(cell) == 26 and (cell[23:] != b"000" or cell[20:23] == b"000") else b"" for cell in cells]

    def encode_mixed(cells: list[bytes], pieces: Pieces) -> None:
        different = set(cells)
        dates = [cell for cell in different if cell.translate(_DIGITS_ALIKE) in _DATES]
        values = _milliseconds(dates)
        if values is None:
            dates = [cell for cell in dates if _milliseconds([cell])]
            values = _milliseconds(dates) or []
        known: dict[bytes, EncodedCell | None] = {cell: exactly(cell) for cell in different.difference(dates)}
        known |= {cell: (start + value, original) for cell, value, original in zip(dates, values, originals(dates), strict=True)}
        _place(known, cells, pieces)

    def encode(cells: list[bytes], pieces: Pieces) -> None:
        shapes = b"\t".join(cells).translate(_DIGITS_ALIKE).split(b"\t")
        values = _milliseconds(cells) if _DATES.issuperset(shapes) else None
        if values is None:
            encode_mixed(cells, pieces)
            return
        pieces.constant(start)
        pieces.each(values)
        if _MICROSECONDS in shapes:
            pieces.originals.append(originals(cells))

    return encode


# The driver's encoder, written in C, is the fastest way from a moment to its milliseconds. All names are of one length, so all elements are.
_NAMES = tuple(f"{number:03}" for number in range(ROWS_TOGETHER))
_ELEMENT = Struct("5x8s")


def _milliseconds(dates: list[bytes]) -> list[bytes] | None:
    """The bytes of each date in BSON; None when one of the days or times does not exist."""
    if not dates:
        return []
    try:
        moments = list(map(datetime.fromisoformat, b"\n".join(dates).decode().split("\n")))
    except ValueError:
        return None
    data = bson.encode(dict(zip(_NAMES, moments, strict=False)))
    return [value for (value,) in _ELEMENT.iter_unpack(memoryview(data)[4:-1])]
