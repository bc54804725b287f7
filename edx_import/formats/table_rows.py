"""One row of a table file, as its declaration has it: the columns of a file, and the document of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edx_import.formats.base import ReadContext
from edx_import.formats.column_fields import ColumnFields
from edx_import.formats.json_mapping import NestedTooDeepError, parse_text, store_value
from edx_import.formats.json_size import TooLargeError
from edx_import.formats.table_cells import READ
from edx_import.formats.table_lines import SPLIT, Header, cells_of_bytes_literals
from edx_import.ids import row_id
from edx_import.model import Document, Item, Rejected
from edx_import.tables import ColumnType, Dialect, Table

WRONG_FIELDS = "wrong number of fields"
UNUSABLE_KEY = "unusable key"
ROW_TOO_LONG = "row over 16 MB"

NOTE_OTHER_TYPE = "cell of another type"
NOTE_NOT_UTF8 = "not UTF-8"
NOTE_BYTES_LITERALS = "cells written as bytes literals"

#: Fields that no column of a file may claim.
OURS = frozenset({"_id", "site", "course", "import", "original"})

#: A row of more bytes is looked at before it is taken apart.
LONG_ROW = 2**20


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: the field it goes to, and what its cells mean. `ordinary`: text that no rule is about (half of all cells)."""

    field: str
    type: ColumnType = ColumnType.STRING
    required: bool = False
    ordinary: bool = False


def columns_of(table: Table, names: Sequence[str]) -> list[Column]:
    """What the names in a header stand for. A second column of one name gets a number, one without name its position."""
    declared = {column.name: column for column in table.columns}
    aliases = {alias: column for column in table.columns if column.name not in names for alias in column.aliases}
    fields = ColumnFields(names, taken=declared)
    columns: dict[str, Column] = {}
    for position, name in enumerate(names, 1):
        spec = declared.get(name) or aliases.get(name)
        if spec is not None and spec.name not in columns:
            columns[spec.name] = _column(spec.name, spec.type, spec.required)
        else:
            field = fields.field_for(name or f"column_{position}")
            columns[field] = _column(field)
    return list(columns.values())


def _column(field: str, type: ColumnType = ColumnType.STRING, required: bool = False) -> Column:
    return Column(field, type, required, ordinary=type is ColumnType.STRING and field != "course_id" and field not in OURS)


class Rows:
    """Turns rows of one file into documents, one by one. What is public says what every row of the file has in common."""

    def __init__(self, table: Table, header: Header, context: ReadContext) -> None:
        self._table = table
        self._note = context.note
        self.site = context.site
        self.course_id = context.course_id
        self.dialect = table.dialect
        self._crlf = header.crlf
        self.columns = columns_of(table, header.names)
        self._split = SPLIT[table.dialect]
        self.course = dict(context.course) if context.course is not None else None
        fields = [column.field for column in self.columns]
        self.key = {name: fields.index(name) for name in table.key if name in fields}
        self._needed = [name for name in table.key if name not in table.optional_key]
        self.missing_key = next((name for name in self._needed if name not in fields), None)
        declared = any(column.name == "course_id" for column in table.columns)
        self.always_keep_course_id = not declared and "course_id" in fields
        self.no_course_id = declared and "course_id" not in fields

    def read(self, number: int, raw: bytes) -> Item:
        """The document of a row, by the number of its line; Rejected when it has another number of cells, or no usable key."""
        original: dict[str, Any] = {"course_id": None} if self.no_course_id else {}
        notes: list[str] = []
        if len(raw) > LONG_ROW and (surely := self._surely_cells(raw)) > len(self.columns):
            return Rejected(number, WRONG_FIELDS, raw, f"{surely} or more instead of {len(self.columns)}")
        cells = self._cells(raw.removesuffix(b"\r") if self._crlf else raw, original, notes)
        if len(cells) != len(self.columns):
            return Rejected(number, WRONG_FIELDS, raw, f"{len(cells)} instead of {len(self.columns)}")
        fields: dict[str, Any] = {"_id": "", "site": self.site, "course_id": self.course_id}
        for column, cell in zip(self.columns, cells, strict=True):
            if column.ordinary:
                fields[column.field] = None if cell == "NULL" and not column.required else cell
            else:
                self._put(column, cell, fields, original, notes)
        if unusable := self._unusable_key(fields):
            return Rejected(number, UNUSABLE_KEY, raw, unusable)
        fields["_id"] = row_id(self.site, self.course_id, *self._key_parts(cells))
        if self._table.annotated:
            fields["course"] = self.course
        if original:
            fields["original"] = original
        for note in notes:
            self._note(note)
        return Document(self._table.name, fields, number, raw)

    def read_cell(self, column: Column, cell: str) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
        """The fields that a cell of a column that is not ordinary gives a document, those that it gives `original`, and what is noted of it."""
        fields: dict[str, Any] = {}
        original: dict[str, Any] = {}
        notes: list[str] = []
        self._put(column, cell, fields, original, notes)
        return fields, original, notes

    def _surely_cells(self, raw: bytes) -> int:
        """The least number of cells that a row can have: one of millions is not taken apart."""
        return raw.count(b"\t") + 1 - (raw.count(b"\\\t") if self.dialect is Dialect.STUDENT_MODULE else 0)

    def _cells(self, raw: bytes, original: dict[str, Any], notes: list[str]) -> list[str]:
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = raw.decode("utf-8", "replace")
            original["line"] = raw
            notes.append(NOTE_NOT_UTF8)
        literals = cells_of_bytes_literals(line) if line.startswith(("b'", 'b"')) else None
        if literals is None:
            return self._split(line)
        original["line"] = raw
        notes.append(NOTE_BYTES_LITERALS)
        return literals

    def _put(self, column: Column, cell: str, fields: dict[str, Any], original: dict[str, Any], notes: list[str]) -> None:
        name = column.field
        if name == "course_id":
            if cell != self.course_id or self.always_keep_course_id:
                original[name] = cell
        elif name in OURS:
            original[name] = cell
        elif cell == "NULL":
            fields[name] = None
        elif column.type is ColumnType.JSON:
            fields[name] = _read_json(name, cell, original)
        else:
            value, rendered = READ[column.type](cell, self.dialect)
            fields[name] = value
            if rendered != cell:
                original[name] = cell
                if value is None and cell:
                    notes.append(f"{NOTE_OTHER_TYPE}: {self._table.name}.{name}")

    def _unusable_key(self, fields: Mapping[str, Any]) -> str:
        if self.missing_key:
            return f"there is no column {self.missing_key}"
        return next((f"column {name}" for name in self._needed if fields[name] in (None, "")), "")

    def _key_parts(self, cells: Sequence[str]) -> list[str]:
        """The cells of the key; an empty text for one that the row lacks and may lack."""
        if not self._table.optional_key:
            return [cells[position] for position in self.key.values()]
        found = {name: cells[position] for name, position in self.key.items()}
        found |= {name: "" for name in self._table.optional_key if found.get(name, "NULL") == "NULL"}
        return [found[name] for name in self._table.key]


def _read_json(name: str, cell: str, original: dict[str, Any]) -> Any:
    """The object or array in the cell; any other text, and what BSON cannot hold, stays text."""
    parsed = parse_text(cell)
    if parsed is None:
        return cell
    value, form = parsed
    try:
        stored, replaced = store_value(value)
    except (NestedTooDeepError, TooLargeError):
        return cell
    if form is None or replaced:
        original[name] = cell
    elif form == "compact" and cell not in ("{}", "[]"):
        original[f"{name}_form"] = form
    return stored
