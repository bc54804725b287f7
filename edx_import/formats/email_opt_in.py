"""The e-mail opt-in CSV: who of which course wants mail from the institution. Rows to documents, and back.

Comma-separated, in double quotes where needed, CR LF; a cell in quotes may hold line ends. One file has all courses of the org, and its header again
and again. A document holds the cells under their column names:

    user_id                   integer; older files have neither it nor `username`
    is_opted_in_for_email     true, false, null: never chose (which counts as opted in)
    preference_set_datetime   date, UTC, null: never set
    course_id                 the course's one id
    any other column          text, as it stands

An empty cell of the first three is null. Whatever the value alone would not give back exactly is kept under `original`: the text of such a cell, or
of the row's own `course_id`; the cell of a column named like a field of ours; the bytes of a row (`line`) that is not UTF-8.

A quote that is never closed takes only its own line along: reading goes on with the next one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.column_fields import ColumnFields, check_columns
from edx_import.formats.event_time import parse_time
from edx_import.formats.json_mapping import unescape_key
from edx_import.formats.lines import LINE_LIMIT, Line, split_lines
from edx_import.formats.table_cells import READ, Read
from edx_import.ids import row_id
from edx_import.model import Document, FastItems, Item, Items, Rejected
from edx_import.tables import ColumnType, Dialect

COLLECTION = "email_opt_in"

WRONG_FIELDS = "wrong number of fields"
UNUSABLE_KEY = "unusable key"
ROW_TOO_LONG = "row over 16 MB"
OPEN_QUOTE = "quote never closed"
TEXT_AFTER_QUOTE = "text after a closing quote"

NOTE_OTHER_TYPE = "cell of another type"
NOTE_NOT_UTF8 = "not UTF-8"

#: How many lines a row may have. Only names can hold line ends, and no name is longer than 255 characters: beyond that, a quote is missing.
MAX_ROW_LINES = 300

#: How many lines of one file are looked at again because of a quote that was not closed where it should be. (A file could be made so that all are,
#: hundreds of times.)
MAX_PUT_BACK = 100_000

#: Fields that no column of a file may claim.
OURS = frozenset({"_id", "site", "course", "import", "original"})


class EmailOptInReader:
    """Reads an e-mail opt-in file (a `FormatReader`). Headers and blank lines are not read.

    An empty file and one that has only a header hold no rows. Raises PackageError when the header itself cannot be read or has too many columns, or
    the quotes of hundreds of rows do not match.
    """

    version = 1

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """The rows in the order of the file, one at a time; each names its course."""
        lines = _Lines(chunks)
        header = _next_row(lines)
        if header is None:
            return
        if header.trouble:
            raise PackageError(f"the header of the CSV cannot be read: {header.trouble}", "The file is damaged; have it delivered again.")
        check_columns(len(header.cells))
        rows = _Rows(header.cells, context)
        while row := _next_row(lines):
            if misshapen := _misshapen(row, len(header.cells)):
                lines.put_back(row.lines[1:])
                yield misshapen
            elif row.cells != header.cells:
                yield rows.read(row)

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext) -> FastItems:
        """The same: there is one such file a week."""
        return self.read(chunks, context)


def restore(fields: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the cells from which a document was made, by column: the inverse of the reader, also for what comes back from the database."""
    original: Mapping[str, Any] = fields.get("original") or {}
    cells: dict[str, str] = {}
    for name, value in fields.items():
        if name not in OURS:
            cells[unescape_key(name)] = str(original[name]) if name in _KEPT and name in original else _text(value)
    return cells | {name: original[name] for name in sorted(OURS & original.keys())}


# --- rows


class _Lines:
    """The lines of the file; those that did not belong to a row after all can be put back. Raises PackageError when there are too many of them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._source = split_lines(chunks)
        self._back: deque[Line] = deque()
        self._put_back = 0

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        return self._back.popleft() if self._back else next(self._source)

    def put_back(self, lines: Sequence[Line]) -> None:
        self._put_back += len(lines)
        if self._put_back > MAX_PUT_BACK:
            raise PackageError("the quotes of the CSV do not match, time and again", "The file is damaged; have it delivered again.")
        self._back.extendleft(reversed(lines))


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: its lines, its cells, and what is wrong with it (then its first line is rejected, and the others may be rows)."""

    lines: Sequence[Line]
    cells: list[str]
    trouble: str = ""

    @property
    def number(self) -> int:
        return self.lines[0][0]

    @property
    def raw(self) -> bytes:
        return b"\n".join(raw for _, raw, _ in self.lines)


def _next_row(lines: _Lines) -> _Row | None:
    taken: list[Line] = []
    size, split = 0, _Split()
    for line in lines:
        _, raw, whole = line
        if not taken and raw in (b"", b"\r"):
            continue
        taken.append(line)
        size += len(raw)
        if not whole or size > LINE_LIMIT or len(taken) > MAX_ROW_LINES:
            return _Row(taken, [], ROW_TOO_LONG if size > LINE_LIMIT or len(taken) == 1 else OPEN_QUOTE)
        if split.add(raw.decode("utf-8", "replace")):
            return _Row(taken, split.cells, TEXT_AFTER_QUOTE if split.is_odd else "")
    return _Row(taken, [], OPEN_QUOTE) if taken else None


def _misshapen(row: _Row, width: int) -> Rejected | None:
    """The rejection of the first line of what is no row."""
    number, raw, _ = row.lines[0]
    if row.trouble:
        return Rejected(number, row.trouble, raw)
    return None if len(row.cells) == width else Rejected(number, WRONG_FIELDS, raw, f"{len(row.cells)} instead of {width}")


# Up to the closing quote, if there is one; doubled quotes are part of the cell.
_QUOTED = re.compile(r'([^"]*+(?:""[^"]*+)*+)("?)')


class _Split:
    """The cells of one row, line by line. `is_odd`: there is text after a closing quote."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.is_odd = False
        self._open: list[str] | None = None

    def add(self, line: str) -> bool:
        """Goes on with the row; gives whether it ends with this line."""
        if self._open is None and '"' not in line:
            self.cells = line.removesuffix("\r").split(",")
            return True
        position: int | None = 0
        while position is not None:
            if self._open is None and not line.startswith('"', position):
                position = self._plain(line, position)
                continue
            position = self._quoted(line, position)
            if self._open is not None:
                return False
        return True

    def _plain(self, line: str, start: int) -> int | None:
        """Takes a cell without quotes; gives where the next one begins."""
        end = line.find(",", start)
        self.cells.append(line[start:end] if end >= 0 else line[start:].removesuffix("\r"))
        return end + 1 if end >= 0 else None

    def _quoted(self, line: str, start: int) -> int | None:
        """Takes a cell in quotes, or the part of it on this line; gives where the next one begins."""
        pieces, self._open = self._open, None
        found = _QUOTED.match(line, start if pieces is not None else start + 1)
        assert found is not None  # it also matches nothing at all
        pieces = [*(pieces or ()), found[1]]
        if not found[2]:
            self._open = [*pieces, "\n"]
            return None
        self.cells.append("".join(pieces).replace('""', '"'))
        if line.startswith(",", found.end()):
            return found.end() + 1
        self.is_odd = line[found.end() :] not in ("", "\r")
        return None


# --- cells


def _read_bool(cell: str) -> Read:
    known = {"true": True, "false": False}.get(cell.lower())
    return known, None if known is None else str(known)


def _read_date(cell: str) -> Read:
    time = parse_time(cell)
    return (None, None) if time is None else (time.date, _text(time.date))


def _read_int(cell: str) -> Read:
    return READ[ColumnType.INT](cell, Dialect.STANDARD)


_TYPED: Mapping[str, Callable[[str], Read]] = {
    "user_id": _read_int,
    "is_opted_in_for_email": _read_bool,
    "preference_set_datetime": _read_date,
}

#: Columns whose own text may stand in `original`.
_KEPT = frozenset({*_TYPED, "course_id"})


def _text(value: Any) -> str:
    """What the platform writes for a value."""
    if value is None:
        return ""
    return str(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else str(value)


def _columns(names: Sequence[str]) -> list[str]:
    """The fields that columns go to: their names, escaped. A second column of one name gets a number, one without name its position."""
    fields = ColumnFields(names)
    return [fields.field_for(name or f"column_{position}") for position, name in enumerate(names, 1)]


class _Rows:
    """Turns rows of one file into documents."""

    def __init__(self, header: Sequence[str], context: ReadContext) -> None:
        self._columns = _columns(header)
        self._context = context

    def read(self, row: _Row) -> Item:
        """The document of a row with as many cells as there are columns; Rejected when it does not say whose it is."""
        cells = dict(zip(self._columns, row.cells, strict=True))
        course_id = self._context.resolve(cells["course_id"]) if cells.get("course_id") else ""
        fields: dict[str, Any] = {"_id": "", "site": self._context.site}
        original: dict[str, Any] = {}
        notes: list[str] = []
        for name, cell in cells.items():
            _put(name, cell, course_id, fields, original, notes)
        user = _text(fields.get("user_id")) or cells.get("email")
        if not course_id or not user:
            return Rejected(row.number, UNUSABLE_KEY, row.raw, "no user_id or email" if course_id else "no course_id")
        fields["_id"] = row_id(self._context.site, course_id, user)
        if not _is_utf8(row.raw):
            original["line"] = row.raw
            notes.append(NOTE_NOT_UTF8)
        if original:
            fields["original"] = original
        for note in notes:
            self._context.note(note)
        return Document(COLLECTION, fields, row.number, row.raw)


def _put(name: str, cell: str, course_id: str, fields: dict[str, Any], original: dict[str, Any], notes: list[str]) -> None:
    if name in OURS:
        original[name] = cell
    elif name == "course_id":
        fields[name] = course_id
        if cell != course_id:
            original[name] = cell
    elif name not in _TYPED:
        fields[name] = cell
    elif not cell:
        fields[name] = None
    else:
        fields[name], usual = _TYPED[name](cell)
        if usual != cell:
            original[name] = cell
        if fields[name] is None:
            notes.append(f"{NOTE_OTHER_TYPE}: {COLLECTION}.{name}")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
