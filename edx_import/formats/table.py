"""Table files: tab-separated text with a header, in two dialects. Rows to documents by the table's declaration, and back.

A document holds the cells under their column names, typed. Whatever the typed value alone would not give back exactly is kept under `original`:

    original.<column>        the cell's text, when its value is null for want of a better one, or is written in another way than the producers'
    original.<column>_form   `compact`, when the JSON of the cell has no blanks (else it is as Python's json.dumps writes it)
    original.course_id       the row's own course id, when it is not the one the document bears; null when the file has no such column
    original.<ours>          the cell of a column that has the name of a field of ours (`site`, `course`, ...)
    original.line            the row's bytes, when they are not UTF-8 or not in the usual notation

Null without an `original` is the cell NULL. Columns that no declaration knows are strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.column_fields import ColumnFields
from edx_import.formats.json_mapping import (
    NestedTooDeepError,
    parse_text,
    rebuild_text,
    restore_value,
    store_value,
    unescape_key,
)
from edx_import.formats.json_size import TooLargeError
from edx_import.formats.lines import Line
from edx_import.formats.table_cells import READ, cell_text
from edx_import.formats.table_lines import SPLIT, Header, cells_of_bytes_literals, lines_with_content, parse_header, split_student_module
from edx_import.ids import row_id
from edx_import.model import Document, Item, Items, Rejected
from edx_import.tables import ColumnSpec, ColumnType, Dialect, Table

WRONG_FIELDS = "wrong number of fields"
UNUSABLE_KEY = "unusable key"
ROW_TOO_LONG = "row over 16 MB"

NOTE_OTHER_TYPE = "cell of another type"
NOTE_NOT_UTF8 = "not UTF-8"
NOTE_BYTES_LITERALS = "cells written as bytes literals"
NOTE_NOT_REMEMBERED = "rows of an undeclared table after its first million; equal ones count as duplicates"

#: Fields that no column of a file may claim.
OURS = frozenset({"_id", "site", "course", "import", "original"})

_COLLECTION_NAME = re.compile("[a-z][a-z0-9_]{0,60}")

#: Of so many different rows of an undeclared table it is remembered that they occurred (some 100 bytes each).
ROWS_REMEMBERED = 1_000_000

#: A row of more bytes is looked at before it is taken apart.
_LONG_ROW = 2**20

#: So many columns tell which table a file is of.
_TELLING_COLUMNS = 4

#: How many rows `first_course_id` looks at.
_ROWS_TO_LOOK_AT = 1000


class TableReader:
    """Reads the file of one declared table. A row that cannot be loaded is Rejected: wrong number of fields, unusable key, over 16 MB.

    An empty file and one that has only a header hold no rows. Raises PackageError when the header itself is over the limit of a line, or of columns.
    """

    version = 1

    def __init__(self, table: Table) -> None:
        self.table = table

    def check(self, chunks: Iterable[bytes]) -> None:
        """Is it a file of this table at all? Tables gain and lose columns over the years, but most stay. Raises PackageError."""
        header = next(lines_with_content(chunks), None)
        names = parse_header(header).names if header is not None else []
        known = {name for column in self.table.columns for name in (column.name, *column.aliases)}
        strange = sum(name not in known for name in names)
        if strange and (strange == len(names) or (len(names) >= _TELLING_COLUMNS and strange * 2 > len(names))):
            what = f"{strange} of its {len(names)} columns are not those of {self.table.name}"
            raise PackageError(what, "Another file bears its name: fetch the package again.")

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """The rows in the order of the file, one at a time."""
        lines = lines_with_content(chunks)
        header = next(lines, None)
        if header is None:
            return
        rows = _Rows(self.table, parse_header(header), context)
        for number, raw, whole in lines:
            yield rows.read(number, raw) if whole else Rejected(number, ROW_TOO_LONG, raw)


class UndeclaredTableReader:
    """Reads a table file that no declaration knows by its header alone: every column is a string, NULL is null.

    Documents go to `collection`, their `original` is as in other tables (`restore(fields, reader.table)`). The id is made from what the row says,
    and ends with its number among equal rows, all of which are kept. `task` is the table's name in member names. Raises PackageError for one
    that no collection can have.
    """

    version = 1

    def __init__(self, task: str) -> None:
        collection = undeclared_collection(task)
        if collection is None:
            raise PackageError(f"{task!r} cannot be the name of a collection", "No table of the platform is called so: ask who made the file.")
        self.collection = collection
        self.table = Table(collection, "a table that nobody declared", columns=(), key=())

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """The rows in the order of the file, one at a time. Raises PackageError when the header is over the limit of a line."""
        ids = _ContentIds(context)
        for item in TableReader(self.table).read(chunks, context):
            if isinstance(item, Document):
                item.fields["_id"] = ids.next_id(item.raw)
            yield item


def undeclared_collection(task: str) -> str | None:
    """The collection for a table that nobody declared; None where the name cannot be part of one. No package can name a collection of ours."""
    return f"other_{task}" if _COLLECTION_NAME.fullmatch(task) else None


def restore(fields: Mapping[str, Any], table: Table) -> dict[str, str]:
    """The texts of the cells from which a document was made, by column: the inverse of the reader, also for what comes back from the database."""
    original: Mapping[str, Any] = fields.get("original") or {}
    types = {column.name: column for column in table.columns}
    cells: dict[str, str] = {}
    for name, value in fields.items():
        if name == "course_id":
            cells |= _own_course_id(value, original, declared=name in types)
        elif name not in OURS:
            cells[unescape_key(name)] = _cell(value, types.get(name), table.dialect, original)
    return cells | {name: original[name] for name in sorted(OURS & original.keys())}


def first_course_id(chunks: Iterable[bytes]) -> str | None:
    """The course id that the first row with one bears (column `course_id` or `course_key`), whichever dialect the file is in."""
    lines = lines_with_content(chunks)
    header = next(lines, None)
    names = _names_in(header)
    column = next((names.index(name) for name in ("course_id", "course_key") if name in names), None)
    if column is None:
        return None
    for _, (_, raw, whole) in zip(range(_ROWS_TO_LOOK_AT), lines, strict=False):
        # Where an odd number of backslashes stands before a TAB, it is escaped; the standard dialect never writes that.
        cells = split_student_module(raw.removesuffix(b"\r").decode("utf-8", "replace")) if whole else []
        if len(cells) == len(names) and cells[column] not in ("", "NULL"):
            return cells[column]
    return None


def _names_in(header: Line | None) -> list[str]:
    try:
        return parse_header(header).names if header else []
    except PackageError:
        return []  # told of when the file is read


# --- rows


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a file: the field it goes to, and what its cells mean. `ordinary`: text that no rule is about (half of all cells)."""

    field: str
    type: ColumnType = ColumnType.STRING
    required: bool = False
    ordinary: bool = False


def _columns(table: Table, names: Sequence[str]) -> list[_Column]:
    """What the names in a header stand for. A second column of one name gets a number, one without name its position."""
    declared = {column.name: column for column in table.columns}
    aliases = {alias: column for column in table.columns if column.name not in names for alias in column.aliases}
    fields = ColumnFields(names, taken=declared)
    columns: dict[str, _Column] = {}
    for position, name in enumerate(names, 1):
        spec = declared.get(name) or aliases.get(name)
        if spec is not None and spec.name not in columns:
            columns[spec.name] = _column(spec.name, spec.type, spec.required)
        else:
            field = fields.field_for(name or f"column_{position}")
            columns[field] = _column(field)
    return list(columns.values())


def _column(field: str, type: ColumnType = ColumnType.STRING, required: bool = False) -> _Column:
    return _Column(field, type, required, ordinary=type is ColumnType.STRING and field != "course_id" and field not in OURS)


class _Rows:
    """Turns rows of one file into documents."""

    def __init__(self, table: Table, header: Header, context: ReadContext) -> None:
        self._table = table
        self._context = context
        self._crlf = header.crlf
        self._columns = _columns(table, header.names)
        self._split = SPLIT[table.dialect]
        self._course = dict(context.course) if context.course is not None else None
        fields = [column.field for column in self._columns]
        self._key = {name: fields.index(name) for name in table.key if name in fields}
        self._needed = [name for name in table.key if name not in table.optional_key]
        self._missing_key = next((name for name in self._needed if name not in fields), None)
        declared = any(column.name == "course_id" for column in table.columns)
        self._always_keep_course_id = not declared and "course_id" in fields
        self._no_course_id = declared and "course_id" not in fields

    def read(self, number: int, raw: bytes) -> Item:
        original: dict[str, Any] = {"course_id": None} if self._no_course_id else {}
        notes: list[str] = []
        if len(raw) > _LONG_ROW and (surely := self._surely_cells(raw)) > len(self._columns):
            return Rejected(number, WRONG_FIELDS, raw, f"{surely} or more instead of {len(self._columns)}")
        cells = self._cells(raw.removesuffix(b"\r") if self._crlf else raw, original, notes)
        if len(cells) != len(self._columns):
            return Rejected(number, WRONG_FIELDS, raw, f"{len(cells)} instead of {len(self._columns)}")
        fields: dict[str, Any] = {"_id": "", "site": self._context.site, "course_id": self._context.course_id}
        for column, cell in zip(self._columns, cells, strict=True):
            if column.ordinary:
                fields[column.field] = None if cell == "NULL" and not column.required else cell
            else:
                self._put(column, cell, fields, original, notes)
        if unusable := self._unusable_key(fields):
            return Rejected(number, UNUSABLE_KEY, raw, unusable)
        fields["_id"] = row_id(self._context.site, self._context.course_id, *self._key_parts(cells))
        if self._table.annotated:
            fields["course"] = self._course
        if original:
            fields["original"] = original
        for note in notes:
            self._context.note(note)
        return Document(self._table.name, fields, number, raw)

    def _surely_cells(self, raw: bytes) -> int:
        """The least number of cells that a row can have: one of millions is not taken apart."""
        return raw.count(b"\t") + 1 - (raw.count(b"\\\t") if self._table.dialect is Dialect.STUDENT_MODULE else 0)

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

    def _put(self, column: _Column, cell: str, fields: dict[str, Any], original: dict[str, Any], notes: list[str]) -> None:
        name = column.field
        if name == "course_id":
            if cell != self._context.course_id or self._always_keep_course_id:
                original[name] = cell
        elif name in OURS:
            original[name] = cell
        elif cell == "NULL":
            fields[name] = None
        elif column.type is ColumnType.JSON:
            fields[name] = _read_json(name, cell, original)
        else:
            value, rendered = READ[column.type](cell, self._table.dialect)
            fields[name] = value
            if rendered != cell:
                original[name] = cell
                if value is None and cell:
                    notes.append(f"{NOTE_OTHER_TYPE}: {self._table.name}.{name}")

    def _unusable_key(self, fields: Mapping[str, Any]) -> str:
        if self._missing_key:
            return f"there is no column {self._missing_key}"
        return next((f"column {name}" for name in self._needed if fields[name] in (None, "")), "")

    def _key_parts(self, cells: Sequence[str]) -> list[str]:
        """The cells of the key; an empty text for one that the row lacks and may lack."""
        if not self._table.optional_key:
            return [cells[position] for position in self._key.values()]
        found = {name: cells[position] for name, position in self._key.items()}
        found |= {name: "" for name in self._table.optional_key if found.get(name, "NULL") == "NULL"}
        return [found[name] for name in self._table.key]


class _ContentIds:
    """Makes the ids of the rows of a file from their bytes."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._seen: set[int] = set()
        self._repeats: dict[int, int] = {}

    def next_id(self, raw: bytes) -> str:
        """The id of the next row."""
        digest = blake2b(raw, digest_size=16)
        number = self._number(int.from_bytes(digest.digest()))
        return row_id(self._context.site, self._context.course_id, digest.hexdigest(), str(number))

    def _number(self, row: int) -> int:
        """1 for the first of equal rows, 2 for the second, ..."""
        if row in self._seen:
            self._repeats[row] = self._repeats.get(row, 1) + 1
            return self._repeats[row]
        if len(self._seen) < ROWS_REMEMBERED:
            self._seen.add(row)
        else:
            self._context.note(NOTE_NOT_REMEMBERED)
        return 1


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


def _own_course_id(course_id: str, original: Mapping[str, Any], *, declared: bool) -> dict[str, str]:
    text = original.get("course_id", course_id if declared else None)
    return {} if text is None else {"course_id": text}


def _cell(value: Any, column: ColumnSpec | None, dialect: Dialect, original: Mapping[str, Any]) -> str:
    if column is None or column.type is ColumnType.STRING:
        return "NULL" if value is None else str(value)
    kept = original.get(column.name)
    if kept is not None:
        return str(kept)
    if isinstance(value, dict | list):
        return rebuild_text(restore_value(value), original.get(f"{column.name}_form", "spaced"))
    return cell_text(value, dialect)
