"""One cell to the BSON elements that a document would have for it. The usual ones are made here, the others by way of the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

import bson
from bson.errors import BSONError

from edx_import.formats.plain_json import NotPlainError, open_plain
from edx_import.formats.table_cells import READ
from edx_import.formats.table_rows import Column, Rows
from edx_import.tables import Dialect

#: The element of a cell's field (none for a column of ours), and the elements that it adds to `original`.
EncodedCell = tuple[bytes, bytes]

#: None for a cell that makes its row one that has to be read by itself.
EncodeCell = Callable[[bytes], EncodedCell | None]

#: What `bson.encode` raises for what it cannot hold.
NOT_STORABLE = (BSONError, OverflowError, ValueError, RecursionError)

int32 = Struct("<i").pack
int64 = Struct("<q").pack
_double = Struct("<d").pack

MAX_INT32 = 2**31 - 1
_INT32 = range(-(2**31), 2**31)

_LENGTHS = [int32(length + 1) for length in range(1024)]


def elements(fields: dict[str, Any]) -> bytes:
    """The elements of a document, as `bson.encode` makes them. Raises NOT_STORABLE."""
    return bson.encode(fields)[4:-1]


def start_of(type: bytes, field: str) -> bytes:
    """What an element begins with."""
    return type + field.encode() + b"\0"


def start_of_text(field: str) -> bytes:
    """What an element of text begins with; its length follows."""
    return start_of(b"\x02", field)


def null(field: str) -> bytes:
    """The whole element of a null."""
    return start_of(b"\x0a", field)


def text(start: bytes, cell: bytes) -> bytes:
    """An element of text, by what it begins with."""
    return b"%b%b%b\0" % (start, int32(len(cell) + 1), cell)


def lengths(cells: Sequence[bytes]) -> list[bytes]:
    """What stands before each text: its length."""
    try:
        return [_LENGTHS[len(cell)] for cell in cells]
    except IndexError:
        return [int32(len(cell) + 1) for cell in cells]


# --- by way of the document

# NULL and the like come again and again.
_REMEMBERED = 16
_REMEMBERED_LENGTH = 32


def by_document(rows: Rows, column: Column) -> EncodeCell:
    """What the document of the row would have for the cell, whatever it is."""
    remembered: dict[bytes, EncodedCell | None] = {}

    def encode(cell: bytes) -> EncodedCell | None:
        if cell in remembered:
            return remembered[cell]
        made = encode_new(cell)
        if len(cell) <= _REMEMBERED_LENGTH and len(remembered) < _REMEMBERED:
            remembered[cell] = made
        return made

    def encode_new(cell: bytes) -> EncodedCell | None:
        fields, original, notes = rows.read_cell(column, cell.decode())
        if notes:
            return None
        try:
            return elements(fields), elements(original)
        except NOT_STORABLE:
            return None

    return encode


# --- numbers


def number(column: Column, dialect: Dialect, otherwise: EncodeCell) -> EncodeCell:
    """Integers, floats and booleans."""
    read, kept = READ[column.type], start_of_text(column.field)

    def encode(cell: bytes) -> EncodedCell | None:
        said = cell.decode()
        value, rendered = read(said, dialect)
        if value is None:
            return otherwise(cell)
        return _number(column.field, value), b"" if rendered == said else text(kept, cell)

    return encode


def _number(field: str, value: Any) -> bytes:
    if isinstance(value, bool):
        return start_of(b"\x08", field) + (b"\1" if value else b"\0")
    if isinstance(value, float):
        return start_of(b"\x01", field) + _double(value)
    return start_of(b"\x10", field) + int32(value) if value in _INT32 else start_of(b"\x12", field) + int64(value)


# --- JSON


def json_object(column: Column, otherwise: EncodeCell) -> EncodeCell:
    """Objects and arrays that hold nothing unusual."""
    field, kept = column.field, start_of_text(column.field)
    compact = elements({f"{field}_form": "compact"})

    def encode(cell: bytes) -> EncodedCell | None:
        if cell[:1] not in (b"{", b"["):
            return otherwise(cell)
        try:
            opened = open_plain(cell.decode())
            if opened is None:
                return otherwise(cell)
            element = elements({field: opened[0]})
        except (NotPlainError, *NOT_STORABLE):
            return otherwise(cell)
        if opened[1] is None:
            return element, text(kept, cell)
        return element, compact if opened[1] == "compact" and cell not in (b"{}", b"[]") else b""

    return encode
