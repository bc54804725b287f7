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

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.json_mapping import (
    NestedTooDeepError,
    TooManyReplacedError,
    escape_key,
    parse_text,
    rebuild_text,
    restore_value,
    store_value,
    unescape_key,
)
from edx_import.formats.lines import Line, split_lines
from edx_import.formats.table_cells import READ, cell_text
from edx_import.ids import row_id
from edx_import.model import Document, Item, Items, Rejected
from edx_import.tables import ColumnSpec, ColumnType, Dialect, Table

WRONG_FIELDS = "wrong number of fields"
UNUSABLE_KEY = "unusable key"
ROW_TOO_LONG = "row over 16 MB"

NOTE_OTHER_TYPE = "cell of another type"
NOTE_NOT_UTF8 = "not UTF-8"
NOTE_BYTES_LITERALS = "cells written as bytes literals"

#: Fields that no column of a file may claim.
OURS = frozenset({"_id", "site", "course", "import", "original"})

#: How many rows `first_course_id` looks at.
_ROWS_TO_LOOK_AT = 1000


class TableReader:
    """Reads the file of one declared table. A row that cannot be loaded is Rejected: wrong number of fields, unusable key, over 16 MB.

    An empty file and one that has only a header hold no rows. Raises PackageError when the header itself is over the limit of a line.
    """

    version = 1

    def __init__(self, table: Table) -> None:
        self.table = table

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """The rows in the order of the file, one at a time."""
        lines = _not_blank(chunks)
        header = next(lines, None)
        if header is None:
            return
        rows = _Rows(self.table, _header(header), context)
        for number, raw, whole in lines:
            yield rows.read(number, raw) if whole else Rejected(number, ROW_TOO_LONG, raw)


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
    lines = _not_blank(chunks)
    header = next(lines, None)
    names = _header(header).names if header and header[2] else []
    column = next((names.index(name) for name in ("course_id", "course_key") if name in names), None)
    if column is None:
        return None
    for _, (_, raw, whole) in zip(range(_ROWS_TO_LOOK_AT), lines, strict=False):
        # Where an odd number of backslashes stands before a TAB, it is escaped; the standard dialect never writes that.
        cells = _split_student_module(raw.removesuffix(b"\r").decode("utf-8", "replace")) if whole else []
        if len(cells) == len(names) and cells[column] not in ("", "NULL"):
            return cells[column]
    return None


# --- lines and cells


def _not_blank(chunks: Iterable[bytes]) -> Iterator[Line]:
    return (line for line in split_lines(chunks) if line[1] not in (b"", b"\r"))


@dataclass(frozen=True, slots=True)
class _Header:
    """The names in the first line. `crlf`: the file was saved with CR LF, so that the CR at the end of a row is none of its last cell."""

    names: list[str]
    crlf: bool


def _header(line: Line) -> _Header:
    _, raw, whole = line
    if not whole:
        raise PackageError("the header of a table is over 16 MB", "The file is no table; have it delivered again.")
    return _Header(raw.removesuffix(b"\r").decode("utf-8", "replace").split("\t"), raw.endswith(b"\r"))


_PAIR = re.compile(r"\\(.)", re.DOTALL)
_PAIR_OR_TAB = re.compile(r"\\.|\t", re.DOTALL)
_MEANINGS = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def _split_standard(line: str) -> list[str]:
    cells = line.split("\t")
    return [_unescape(cell) for cell in cells] if "\\" in line else cells


def _unescape(cell: str) -> str:
    return _PAIR.sub(lambda pair: _MEANINGS.get(pair[1], pair[0]), cell) if "\\" in cell else cell


def _split_student_module(line: str) -> list[str]:
    if "\\" not in line:
        return line.split("\t")
    cells = _split_at_bare_tabs(line) if "\\\t" in line else line.split("\t")
    return [_undouble(cell) if "\\" in cell else cell for cell in cells]


def _split_at_bare_tabs(line: str) -> list[str]:
    cells, start = [], 0
    for found in _PAIR_OR_TAB.finditer(line):
        if found[0] == "\t":
            cells.append(line[start : found.start()])
            start = found.end()
    return [*cells, line[start:]]


def _undouble(cell: str) -> str:
    if cell.count("\\") == 2 * cell.count("\\\\"):
        return cell.replace("\\\\", "\\")  # only doubled ones: the usual case, and many times faster
    return _PAIR.sub(r"\1", cell)


_SPLIT: dict[Dialect, Callable[[str], list[str]]] = {Dialect.STANDARD: _split_standard, Dialect.STUDENT_MODULE: _split_student_module}

_BYTES_LITERAL = re.compile(r"""b(?:'(?:[^'\\]|\\(?:[\\'"nrt]|x[0-9a-f]{2}))*'|"(?:[^"\\]|\\(?:[\\'"nrt]|x[0-9a-f]{2}))*")""")


def _from_bytes_literals(line: str) -> list[str] | None:
    """The cells of a row whose every cell is a bytes literal of Python, as one release of the exporter wrote them (November 2022)."""
    literals = line.split("\t")
    if not all(_BYTES_LITERAL.fullmatch(literal) for literal in literals):
        return None
    try:
        return [_unescape(ast.literal_eval(literal).decode("utf-8", "replace")) for literal in literals]
    except (ValueError, SyntaxError):
        return None


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
    columns: dict[str, _Column] = {}
    for position, name in enumerate(names, 1):
        spec = declared.get(name) or aliases.get(name)
        if spec is not None and spec.name not in columns:
            columns[spec.name] = _column(spec.name, spec.type, spec.required)
        else:
            field = _free_field(name or f"column_{position}", {*columns, *declared}, names)
            columns[field] = _column(field)
    return list(columns.values())


def _column(field: str, type: ColumnType = ColumnType.STRING, required: bool = False) -> _Column:
    return _Column(field, type, required, ordinary=type is ColumnType.STRING and field != "course_id" and field not in OURS)


def _free_field(name: str, taken: set[str], names: Sequence[str]) -> str:
    """The field of an undeclared column: its name, or, where that is taken, the name and the first number that makes it unlike all others."""
    if escape_key(name) not in taken:
        return escape_key(name)
    numbered = (f"{name}_{number}" for number in count(2))
    return next(escape_key(free) for free in numbered if free not in names and escape_key(free) not in taken)


class _Rows:
    """Turns rows of one file into documents."""

    def __init__(self, table: Table, header: _Header, context: ReadContext) -> None:
        self._table = table
        self._context = context
        self._crlf = header.crlf
        self._columns = _columns(table, header.names)
        self._split = _SPLIT[table.dialect]
        self._course = dict(context.course) if context.course is not None else None
        fields = [column.field for column in self._columns]
        self._key = [fields.index(name) for name in table.key if name in fields]
        self._missing_key = next((name for name in table.key if name not in fields), None)
        declared = any(column.name == "course_id" for column in table.columns)
        self._always_keep_course_id = not declared and "course_id" in fields
        self._no_course_id = declared and "course_id" not in fields

    def read(self, number: int, raw: bytes) -> Item:
        original: dict[str, Any] = {"course_id": None} if self._no_course_id else {}
        notes: list[str] = []
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
        fields["_id"] = row_id(self._context.site, self._context.course_id, *(cells[position] for position in self._key))
        if self._table.annotated:
            fields["course"] = self._course
        if original:
            fields["original"] = original
        for note in notes:
            self._context.note(note)
        return Document(self._table.name, fields, number, raw)

    def _cells(self, raw: bytes, original: dict[str, Any], notes: list[str]) -> list[str]:
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = raw.decode("utf-8", "replace")
            original["line"] = raw
            notes.append(NOTE_NOT_UTF8)
        literals = _from_bytes_literals(line) if line.startswith(("b'", 'b"')) else None
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
                    notes.append(NOTE_OTHER_TYPE)

    def _unusable_key(self, fields: Mapping[str, Any]) -> str:
        if self._missing_key:
            return f"there is no column {self._missing_key}"
        return next((f"column {name}" for name in self._table.key if fields[name] in (None, "")), "")


def _read_json(name: str, cell: str, original: dict[str, Any]) -> Any:
    """The object or array in the cell; any other text, and what BSON cannot hold, stays text."""
    parsed = parse_text(cell)
    if parsed is None:
        return cell
    value, form = parsed
    try:
        stored, replaced = store_value(value)
    except (NestedTooDeepError, TooManyReplacedError):
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
