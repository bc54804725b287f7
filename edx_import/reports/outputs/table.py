"""A table for the eye. Holds the rows that it shows in memory, and no others.

What learners wrote is never markup, and its control characters are shown as escapes. When the columns do not fit the width, each row becomes
a block of `column value` lines.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from edx_import.reports.outputs.base import Page, text_of, write_lines
from edx_import.reports.report import Column, Report

if TYPE_CHECKING:
    from rich.table import Table

#: How many rows a terminal is shown unless it asks for another number.
TERMINAL_ROWS = 200

_FOLDED_WIDTH = 16  # a column of text may be folded down to this
_GAP = 3
_UNBOUNDED = 100_000
# Controls, lone surrogates, line and paragraph separators; of the format characters only those that reorder text.
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REORDERING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class TableOutput:
    """Aligned columns that fit the width."""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes the table; below it `40 of 512 rows` when it was cut."""
        terminal = _terminal_width(stream)
        on_terminal = terminal is not None or page.width is not None
        limit = page.limit if page.limit is not None else TERMINAL_ROWS * on_terminal
        rows = report.checked_rows()
        shown = [[visible(text_of(value)) for value in row] for row in islice(rows, limit or None)]
        total = len(shown) + sum(1 for _ in rows)
        parts = [visible(report.title), _drawn(report.columns, shown, page.width or terminal or _UNBOUNDED), _footer(len(shown), total)]
        write_lines((part + "\n" for part in parts if part), stream)
        return total


def visible(text: str) -> str:
    """The text with every character that would not be seen, or would change the rest of the line, as an escape."""
    if text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _UNSEEN or char in _REORDERING else char for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def _footer(shown: int, total: int) -> str:
    if not total:
        return "no rows"
    return f"{shown} of {total} rows" if shown < total else ""


def _terminal_width(stream: BinaryIO) -> int | None:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, AttributeError, ValueError):
        return None


def _heading(column: Column) -> str:
    return visible(f"{column.name} ({column.unit})" if column.unit else column.name)


def _drawn(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> str:
    table = _aligned(columns, rows) if _needed_width(columns, rows) <= width else _blocks(columns, rows)
    return _text_of_table(table, width)


def _needed_width(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """How many characters the columns take when text is folded as far as it may be."""
    from rich.cells import cell_len

    total = _GAP * (len(columns) - 1)
    for index, column in enumerate(columns):
        widest = max((cell_len(row[index]) for row in rows), default=0)
        total += max(cell_len(_heading(column)), min(widest, _FOLDED_WIDTH) if _foldable(column) else widest)
    return total


def _foldable(column: Column) -> bool:
    return not _is_number(column) and not issubclass(column.type, (bool, date))


def _is_number(column: Column) -> bool:
    return issubclass(column.type, (int, float)) and not issubclass(column.type, bool)


def _aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    from rich.cells import cell_len
    from rich.text import Text

    table = _empty_table(show_header=True)
    for column in columns:
        table.add_column(
            Text(_heading(column)),
            justify="right" if _is_number(column) else "left",
            no_wrap=not _foldable(column),
            min_width=cell_len(_heading(column)),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _blocks(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    from rich.text import Text

    table = _empty_table(show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for row in rows:
        for column, text in zip(columns, row, strict=True):
            table.add_row(Text(_heading(column)), Text(text), end_section=column is columns[-1])
    return table


def _empty_table(**options: Any) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, **options)


def _text_of_table(table: Table, width: int) -> str:
    """Drawn without colour, so that it is the same in every place; without the blanks at the ends of lines."""
    import io

    from rich.console import Console

    sink = io.StringIO()
    Console(file=sink, width=width, color_system=None, force_terminal=False, legacy_windows=False, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in sink.getvalue().rstrip("\n").split("\n"))
