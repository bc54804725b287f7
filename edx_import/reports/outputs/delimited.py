r"""Text tables for programs: csv and tsv, a header and one line a row.

csv quotes as RFC 4180 says, but its lines end in a line feed alone, as Unix tools expect. tsv never quotes: tab, line feed, carriage return
and backslash in a value are written as \t, \n, \r and \\, so that every line is one row. Values are not altered to keep a spreadsheet from
taking them for formulas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from edx_import.reports.outputs.base import Page, text_of, write_lines
from edx_import.reports.report import Report

# The csv module leaves a lone carriage return bare when lines end in a line feed.
_must_be_quoted = re.compile('[,"\r\n]').search
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _must_be_quoted(text) else text


def _tsv_cell(text: str) -> str:
    return text.translate(_ESCAPES)


@dataclass(frozen=True, slots=True)
class Delimited:
    """One row a line, cells with a separator between them."""

    separator: str
    cell: Callable[[str], str]
    blank: str = ""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes a header and the rows, in flat memory."""
        return write_lines(self._lines(report), stream) - 1

    def _lines(self, report: Report) -> Iterator[str]:
        yield self._line([column.name for column in report.columns])
        for row in report.checked_rows():
            yield self._line([text_of(value) for value in row])

    def _line(self, texts: list[str]) -> str:
        # A lone empty cell would be an empty line, which csv readers skip.
        return (self.separator.join([self.cell(text) for text in texts]) or self.blank) + "\n"


CSV = Delimited(",", _csv_cell, blank='""')
TSV = Delimited("\t", _tsv_cell)
