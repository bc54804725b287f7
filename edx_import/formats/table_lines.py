"""Lines of table files: the header's names, and the cells of a row as text, in both dialects."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from edx_import.errors import PackageError
from edx_import.formats.column_fields import check_columns
from edx_import.formats.lines import Line, split_lines
from edx_import.tables import Dialect


def lines_with_content(chunks: Iterable[bytes]) -> Iterator[Line]:
    """The header and the rows of a file: all lines but the blank ones."""
    return (line for line in split_lines(chunks) if line[1] not in (b"", b"\r"))


@dataclass(frozen=True, slots=True)
class Header:
    """The names in the first line. `crlf`: the file was saved with CR LF, so that the CR at the end of a row is none of its last cell."""

    names: list[str]
    crlf: bool


def parse_header(line: Line) -> Header:
    """Raises PackageError when the line is over the limit, or has more columns than a table."""
    _, raw, whole = line
    if not whole:
        raise PackageError("the header of a table is over 16 MB", "The file is no table; have it delivered again.")
    check_columns(raw.count(b"\t") + 1)
    return Header(raw.removesuffix(b"\r").decode("utf-8", "replace").split("\t"), raw.endswith(b"\r"))


_PAIR = re.compile(r"\\(.)", re.DOTALL)
_PAIR_OR_TAB = re.compile(r"\\.|\t", re.DOTALL)
_MEANINGS = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def _split_standard(line: str) -> list[str]:
    cells = line.split("\t")
    return [_unescape(cell) for cell in cells] if "\\" in line else cells


def _unescape(cell: str) -> str:
    return _PAIR.sub(lambda pair: _MEANINGS.get(pair[1], pair[0]), cell) if "\\" in cell else cell


def split_student_module(line: str) -> list[str]:
    """The cells of a row in the dialect of the student modules."""
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


#: How a row is split into its cells.
SPLIT: dict[Dialect, Callable[[str], list[str]]] = {Dialect.STANDARD: _split_standard, Dialect.STUDENT_MODULE: split_student_module}


# The same for cells in bytes: a backslash is never part of another character of UTF-8.

_PAIR_OF_BYTES = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED_TAB = re.compile(rb"(?<!\\)((?:\\\\)*+)\\\t")


def without_escaped_tabs(line: bytes) -> bytes:
    """A row in the dialect of the student modules with an escaped LF, which it cannot have, for each escaped TAB: every TAB left divides cells."""
    return _ESCAPED_TAB.sub(rb"\1\\\n", line) if b"\\\t" in line else line


def _unescape_bytes(cell: bytes) -> bytes:
    if _is_only_doubled(cell):
        return cell.replace(b"\\\\", b"\\")
    # Backslashes pair up from the left, so what is left of a run of them after its pairs stands before the letter that it goes with.
    return b"\\".join([between.replace(b"\\n", b"\n").replace(b"\\r", b"\r").replace(b"\\t", b"\t") for between in cell.split(b"\\\\")])


def _undouble_bytes(cell: bytes) -> bytes:
    if _is_only_doubled(cell):
        return cell.replace(b"\\\\", b"\\")
    return _PAIR_OF_BYTES.sub(rb"\1", cell).replace(b"\n", b"\t")


def _is_only_doubled(cell: bytes) -> bool:
    return cell.count(b"\\") == 2 * cell.count(b"\\\\")


#: What a cell in UTF-8 says; in the dialect of the student modules, one of a row `without_escaped_tabs`.
UNESCAPE: dict[Dialect, Callable[[bytes], bytes]] = {Dialect.STANDARD: _unescape_bytes, Dialect.STUDENT_MODULE: _undouble_bytes}

# Possessive, so that a cell of megabytes does not leave a way back for each of its characters.
_ESCAPES = r"""\\(?:[\\'"nrt]|x[0-9a-f]{2})"""
_BYTES_LITERAL = re.compile(rf"""b(?:'[^'\\]*+(?:{_ESCAPES}[^'\\]*+)*+'|"[^"\\]*+(?:{_ESCAPES}[^"\\]*+)*+")""")


def cells_of_bytes_literals(line: str) -> list[str] | None:
    """The cells of a row whose every cell is a bytes literal of Python, as one release of the exporter wrote them (November 2022)."""
    literals = line.split("\t")
    if not all(_BYTES_LITERAL.fullmatch(literal) for literal in literals):
        return None
    try:
        return [_unescape(ast.literal_eval(literal).decode("utf-8", "replace")) for literal in literals]
    except (ValueError, SyntaxError):
        return None
