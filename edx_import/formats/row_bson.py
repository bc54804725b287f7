"""Rows of a table file straight to the bytes of their documents, many rows at a time and column by column.

Every row says what it says in `table_rows`, byte by byte. Only what is usual is encoded here; a row with anything else in it is read there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, repeat

from edx_import.formats.base import ReadContext
from edx_import.formats.cell_bson import NOT_STORABLE, elements, int32, lengths, null, start_of, start_of_text
from edx_import.formats.column_bson import ROWS_TOGETHER, Pieces, column_encoder
from edx_import.formats.line_blocks import LineBlock
from edx_import.formats.table_lines import UNESCAPE, Header, without_escaped_tabs
from edx_import.formats.table_rows import LONG_ROW, ROW_TOO_LONG, Rows
from edx_import.ids import escape_part, row_id
from edx_import.model import Encoded, FastItems, Rejected
from edx_import.tables import ColumnType, Dialect, Table

# Stands between rows while their cells are told apart: no row has an LF, so that a cell that is one can be nothing else.
_BETWEEN = b"\t\n\t"

_BYTES_LITERAL = (b"b'", b'b"')

#: Cells by column.
_Cells = list[list[bytes]]


class FastRows:
    """Turns blocks of lines of one file into the bytes of their documents."""

    def __init__(self, table: Table, header: Header, context: ReadContext) -> None:
        self._exactly = Rows(table, header, context)
        self._splitter = _Splitter(table.dialect, header)
        self._documents = _documents(table, self._exactly)
        self._name = table.name

    def read(self, blocks: Iterable[LineBlock]) -> FastItems:
        """The rows in the order of their lines."""
        for block in blocks:
            if not block.whole:
                yield Rejected(block.first, ROW_TOO_LONG, block.data)
                continue
            numbers, lines = block.with_content()
            for start in range(0, len(lines), ROWS_TOGETHER):
                end = start + ROWS_TOGETHER
                yield from self._items(numbers[start:end], lines[start:end], len(block.data) > LONG_ROW)

    def _items(self, numbers: Sequence[int], lines: list[bytes], may_be_long: bool) -> FastItems:
        if self._documents is None:
            yield from map(self._exactly.read, numbers, lines)
        elif not may_be_long and (cells := self._splitter.cells(lines)) is not None:
            yield from self._encoded(self._documents, numbers, lines, cells)
        else:
            yield from self._without_unusual(self._documents, numbers, lines)

    def _without_unusual(self, documents: _Documents, numbers: Sequence[int], lines: list[bytes]) -> FastItems:
        """Where some lines are unusual: those one by one, the others together."""
        usual = [self._splitter.is_usual(line) for line in lines]
        chosen = list(compress(lines, usual))
        together = self._encoded(documents, list(compress(numbers, usual)), chosen, self._splitter.split(chosen)) if chosen else iter(())
        for number, line, is_usual in zip(numbers, lines, usual, strict=True):
            yield next(together) if is_usual else self._exactly.read(number, line)

    def _encoded(self, documents: _Documents, numbers: Sequence[int], lines: list[bytes], cells: _Cells) -> FastItems:
        ids, made, odd = documents.of(cells)
        rows = map(Encoded, repeat(self._name), ids, made, numbers, lines, repeat(self._exactly.course_id))
        if not odd:
            yield from rows
            return
        for position, row in enumerate(rows):
            yield self._exactly.read(row.line, row.raw) if position in odd else row


class _Splitter:
    """Takes lines apart, all at once."""

    def __init__(self, dialect: Dialect, header: Header) -> None:
        self._width = len(header.names)
        self._crlf = header.crlf
        self._unescape = UNESCAPE[dialect]
        self._tabs_may_be_escaped = dialect is Dialect.STUDENT_MODULE

    def cells(self, lines: list[bytes]) -> _Cells | None:
        """The cells of lines of which none is long; None when one of them is unusual."""
        joined = self._joined(lines)
        if joined.count(b"\t") != len(lines) * (self._width + 1) - 2:
            return None
        if joined.startswith(_BYTES_LITERAL) or b"\n\tb'" in joined or b'\n\tb"' in joined or not _is_utf8(joined):
            return None
        cells = joined.split(b"\t")
        if cells[self._width :: self._width + 1].count(b"\n") != len(lines) - 1:
            return None
        return self._by_column(cells)

    def is_usual(self, line: bytes) -> bool:
        """Whether a line is one of so many cells, in UTF-8 and the usual notation, and not long."""
        if len(line) > LONG_ROW or line.startswith(_BYTES_LITERAL):
            return False
        return self._joined([line]).count(b"\t") == self._width - 1 and _is_utf8(line)

    def split(self, lines: list[bytes]) -> _Cells:
        """The cells of usual lines."""
        return self._by_column(self._joined(lines).split(b"\t"))

    def _joined(self, lines: list[bytes]) -> bytes:
        joined = _BETWEEN.join([line.removesuffix(b"\r") for line in lines] if self._crlf else lines)
        if self._tabs_may_be_escaped and b"\\\t" in joined:
            return _BETWEEN.join([without_escaped_tabs(line.removesuffix(b"\r") if self._crlf else line) for line in lines])
        return joined

    def _by_column(self, cells: list[bytes]) -> _Cells:
        return [self._unescaped(cells[position :: self._width + 1]) for position in range(self._width)]

    def _unescaped(self, column: list[bytes]) -> list[bytes]:
        return [self._unescape(cell) if b"\\" in cell else cell for cell in column] if b"\\" in b"".join(column) else column


def _is_utf8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _documents(table: Table, rows: Rows) -> _Documents | None:
    """None for a file without the columns of the key, and for what BSON cannot hold of the course: all of its rows are read one by one."""
    try:
        return None if rows.missing_key else _Documents(table, rows)
    except NOT_STORABLE:
        return None


class _Documents:
    """Puts the documents of many rows together. Raises NOT_STORABLE when what they all say is no BSON."""

    def __init__(self, table: Table, rows: Rows) -> None:
        self._columns = [column_encoder(column, rows) for column in rows.columns]
        self._keys = [_Key(name, table, rows) for name in table.key]
        self._prefix = row_id(rows.site, rows.course_id).encode()
        self._after_id = b"\0" + elements({"site": rows.site, "course_id": rows.course_id})
        self._course = elements({"course": rows.course}) if table.annotated else b""
        self._no_course_id = null("course_id") if rows.no_course_id else b""

    def of(self, cells: _Cells) -> tuple[list[str], Iterator[bytes], set[int]]:
        """The ids and the elements of the rows, and the positions of those rows that have to be read one by one."""
        pieces = Pieces()
        ids = list(map(b"|".join, zip(repeat(self._prefix), *(key.parts(cells, pieces.odd) for key in self._keys), strict=False)))
        pieces.constant(start_of_text("_id"))
        pieces.each(lengths(ids))
        pieces.each(ids)
        pieces.constant(self._after_id)
        for encode, column in zip(self._columns, cells, strict=True):
            encode(column, pieces)
        pieces.constant(self._course)
        self._add_originals(pieces, len(ids))
        return b"\0".join(ids).decode().split("\0"), pieces.together(), pieces.odd

    def _add_originals(self, pieces: Pieces, rows: int) -> None:
        if self._no_course_id:
            pieces.originals.insert(0, [self._no_course_id] * rows)
        if pieces.originals:
            pieces.each([_original(kept) for kept in map(b"".join, zip(*pieces.originals, strict=True))])


_ORIGINAL = start_of(b"\x03", "original")


def _original(kept: bytes) -> bytes:
    return b"%b%b%b\0" % (_ORIGINAL, int32(len(kept) + 5), kept) if kept else b""


class _Key:
    """One part of the key: what it adds to an id."""

    def __init__(self, name: str, table: Table, rows: Rows) -> None:
        self._position = rows.key.get(name)
        self._optional = name in table.optional_key
        column = rows.columns[self._position] if self._position is not None else None
        null_is_text = column is not None and column.type is ColumnType.STRING and column.required
        self._unusable = frozenset({b""} if null_is_text else {b"", b"NULL"})

    def parts(self, cells: _Cells, odd: set[int]) -> list[bytes]:
        """That part of the id of each row. Adds the positions of rows whose key cannot be used."""
        if self._position is None:
            return [b""] * len(cells[0])
        column = cells[self._position]
        if self._optional:
            column = [b"" if cell == b"NULL" else cell for cell in column]
        elif not self._unusable.isdisjoint(column):
            odd.update(position for position, cell in enumerate(column) if cell in self._unusable)
        return _escaped(column)


def _escaped(column: list[bytes]) -> list[bytes]:
    joined = b"".join(column)
    if b"%" in joined or b"|" in joined or b"\0" in joined:
        return [escape_part(cell.decode()).encode() for cell in column]
    return column
