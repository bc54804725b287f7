r"""Text tables for programs: csv and tsv, a header and one line a row.

csv quotes as RFC 4180 says, but its lines end in a line feed alone, as Unix tools expect. tsv never quotes: tab, line feed, carriage return
and backslash in a value are written as \t, \n, \r and \\, so that every line is one row. Values are exact, whatever a spreadsheet would take
them for; `excel_csv` is for spreadsheets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from edx_import.errors import UsageError
from edx_import.reports.outputs.base import Page, text_of, write_lines
from edx_import.reports.report import Report

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

# What a spreadsheet would take for the start of a formula: where a text begins, also behind blanks and quotes, and behind what another
# spreadsheet, in another country, takes for the end of a cell.
_FORMULA = r"[=+\-@＝＋－＠]"
_defuse = re.compile(rf"^(?=[\t\r\n]|[\s\"'\u200b\ufeff]*{_FORMULA})|(?<=[,;|\t\r\n])(?=[\"']*{_FORMULA})").sub


def _tsv_cell(text: str) -> str:
    return text.translate(_ESCAPES)


def _csv_cell(separator: str) -> Callable[[str], str]:
    """How a cell of csv is written: in quotes where it has to be."""
    # The csv module leaves a lone carriage return bare when lines end in a line feed.
    must_be_quoted = re.compile(f'[{re.escape(separator)}"\r\n]').search
    return lambda text: '"' + text.replace('"', '""') + '"' if must_be_quoted(text) else text


def harmless_text(value: Any) -> str:
    """A value as text that no spreadsheet takes for a formula. Numbers are what they are."""
    text = text_of(value)
    return text if isinstance(value, (int, float)) else _defuse("'", text)


@dataclass(frozen=True, slots=True)
class Delimited:
    """One row a line, cells with a separator between them. `start` comes before all else."""

    separator: str
    cell: Callable[[str], str]
    blank: str = ""
    end: str = "\n"
    start: str = ""
    text: Callable[[Any], str] = text_of

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes a header and the rows, in flat memory."""
        return write_lines(self._lines(report), stream) - 1

    def _lines(self, report: Report) -> Iterator[str]:
        yield self.start + self._line([column.name for column in report.columns])
        for row in report.checked_rows():
            yield self._line(row)

    def _line(self, values: Sequence[Any]) -> str:
        # A lone empty cell would be an empty line, which csv readers skip.
        return (self.separator.join([self.cell(self.text(value)) for value in values]) or self.blank) + self.end


def csv_with(delimiter: str = ",") -> Delimited:
    """csv with another separator. Raises UsageError for one that cannot separate."""
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or not delimiter.isascii():
        what = f"--delimiter {delimiter!r}: a separator is one character of ASCII, no quote and no line end"
        raise UsageError(what, "For example --delimiter ';', or --delimiter '\\t' for tabs.")
    return Delimited(delimiter, _csv_cell(delimiter), blank='""')


def excel_csv(delimiter: str = ",") -> Delimited:
    """csv as spreadsheets open it by a double click: a byte order mark, lines that end in CR LF, no text that becomes a formula."""
    return replace(csv_with(delimiter), end="\r\n", start="\ufeff", text=harmless_text)


CSV = csv_with()
TSV = Delimited("\t", _tsv_cell)
