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
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.json_mapping import rebuild_text, restore_value, unescape_key
from edx_import.formats.line_blocks import first_with_content, line_blocks
from edx_import.formats.lines import Line
from edx_import.formats.row_bson import FastRows
from edx_import.formats.table_cells import cell_text
from edx_import.formats.table_lines import Header, lines_with_content, parse_header, split_student_module
from edx_import.formats.table_rows import (
    NOTE_BYTES_LITERALS,
    NOTE_NOT_UTF8,
    NOTE_OTHER_TYPE,
    OURS,
    ROW_TOO_LONG,
    UNUSABLE_KEY,
    WRONG_FIELDS,
    Rows,
)
from edx_import.ids import row_id
from edx_import.model import Document, FastItems, Items, Rejected
from edx_import.tables import ColumnSpec, ColumnType, Dialect, Table

__all__ = [
    "NOTE_BYTES_LITERALS",
    "NOTE_NOT_REMEMBERED",
    "NOTE_NOT_UTF8",
    "NOTE_OTHER_TYPE",
    "OURS",
    "ROWS_REMEMBERED",
    "ROW_TOO_LONG",
    "UNUSABLE_KEY",
    "WRONG_FIELDS",
    "TableReader",
    "UndeclaredTableReader",
    "first_course_id",
    "restore",
    "undeclared_collection",
]

NOTE_NOT_REMEMBERED = "rows of an undeclared table after its first million; equal ones count as duplicates"

_COLLECTION_NAME = re.compile("[a-z][a-z0-9_]{0,60}")

#: Of so many different rows of an undeclared table it is remembered that they occurred (some 100 bytes each).
ROWS_REMEMBERED = 1_000_000

#: So many columns tell which table a file is of.
_TELLING_COLUMNS = 4

#: How many rows `first_course_id` looks at.
_ROWS_TO_LOOK_AT = 1000


class TableReader:
    """Reads the file of one declared table. A row that cannot be loaded is Rejected: wrong number of fields, unusable key, over 16 MB.

    An empty file and one that has only a header hold no rows. Raises PackageError when the header itself is over the limit of a line, or of columns.
    """

    version = 1

    #: Whether several processes can read one file, each some of its lines (`read_rows`).
    reads_blocks = True

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
        rows = Rows(self.table, parse_header(header), context)
        for number, raw, whole in lines:
            yield rows.read(number, raw) if whole else Rejected(number, ROW_TOO_LONG, raw)

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext) -> FastItems:
        """The same rows, most of them as the bytes of their documents."""
        found = first_with_content(line_blocks(chunks))
        if found is not None:
            header, rest = found
            yield from FastRows(self.table, parse_header(header), context).read(rest)

    def header_of(self, start: bytes) -> Header | None:
        """The header of a file that begins with these bytes, its first line or more; None while there are only blank lines. Raises PackageError."""
        found = first_with_content(line_blocks([start]))
        return parse_header(found[0]) if found is not None else None

    def read_rows(self, header: Header, chunks: Iterable[bytes], context: ReadContext, first_line: int) -> FastItems:
        """The rows in a later part of a file, as `read_fast` gives them: whole lines, with the number of the first.

        No row depends on another, in neither dialect: whoever has the header (picklable) can read any part.
        """
        return FastRows(self.table, header, context).read(line_blocks(chunks, first=first_line))


class UndeclaredTableReader:
    """Reads a table file that no declaration knows by its header alone: every column is a string, NULL is null.

    Documents go to `collection`, their `original` is as in other tables (`restore(fields, reader.table)`). The id is made from what the row says,
    and ends with its number among equal rows, all of which are kept. `task` is the table's name in member names. Raises PackageError for one
    that no collection can have.
    """

    version = 1

    #: The id of a row depends on how many equal ones come before it.
    reads_blocks = False

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

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext) -> FastItems:
        """The same: such tables are few and small."""
        return self.read(chunks, context)


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
