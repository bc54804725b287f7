"""Workbooks for spreadsheets (the extra `xlsx`): XlsxWriter makes the workbook, the rows go straight into it (docs/decisions/021).

XlsxWriter's own way for long reports would put every row, in the clear, into a file of its own on disk, twice; nothing of learners is to be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from edx_import.reports.outputs.base import Page, text_of
from edx_import.reports.outputs.sink import Sink
from edx_import.reports.outputs.xlsx_cells import LONGEST_TEXT, RowWriter
from edx_import.reports.outputs.xlsx_frame import Sheet, empty_sheet, parts_around, sheet_path
from edx_import.reports.report import Report

#: What a sheet of a spreadsheet holds, its heading included.
SHEET_ROWS = 1_048_576
#: Beyond 2 GB a part of the archive takes a form that not every spreadsheet reads.
_SHEET_BYTES = 1_500_000_000

_ROWS_AT_ONCE = 500
_ROWS_MEASURED = 1000
_WIDTHS = range(8, 61)
_ROOM_OF_FILTER = 3
_QUICK = 3  # deflate's level: twice as fast as the usual 6, for files that are a tenth larger


class XlsxOutput:
    """One workbook; a sheet for each 1,048,575 rows, and one that tells what the columns mean."""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes the workbook, in flat memory and with nothing on disk. Texts that are too long for a cell are cut, and told of."""
        rows = report.checked_rows()
        measured = list(islice(rows, _ROWS_MEASURED))
        widths = _widths(report, measured)
        sheet = empty_sheet(report, widths)
        writer = RowWriter(len(report.columns), sheet.styles)
        with Sink(stream) as sink:
            archive = ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=_QUICK)
            sheet_rows = _write_sheets(archive, report, sheet, writer, chain(measured, rows))
            for path, part in parts_around(report, widths, sheet_rows, page):
                with archive.open(path, "w") as entry:
                    entry.write(part)
            archive.close()  # not by `with`, which would close it, and so make it a whole file, after an error as well
        if writer.cut:
            page.note(f"{writer.cut:,} texts of more than {LONGEST_TEXT:,} characters, which is all that a cell of xlsx holds, were cut")
        return sum(sheet_rows) - len(sheet_rows)


def _widths(report: Report, rows: Sequence[Sequence[Any]]) -> list[int]:
    """Characters that the columns take in their first rows, within bounds."""
    widths = []
    for index, column in enumerate(report.columns):
        longest = max((len(text_of(row[index]).partition("\n")[0]) for row in rows), default=0)
        widths.append(min(max(longest + 1, len(column.name) + _ROOM_OF_FILTER, _WIDTHS[0]), _WIDTHS[-1]))
    return widths


def _write_sheets(archive: ZipFile, report: Report, sheet: Sheet, writer: RowWriter, rows: Iterator[Sequence[Any]]) -> list[int]:
    """Writes as many sheets as the rows need, one at least; gives the number of rows of each, its heading included."""
    sheet_rows: list[int] = []
    waiting = next(rows, None)
    while waiting is not None or not sheet_rows:
        of_sheet = chain(() if waiting is None else (waiting,), rows)
        sheet_rows.append(_write_sheet(archive, len(sheet_rows) + 1, report, sheet, writer, of_sheet))
        waiting = next(rows, None)
    return sheet_rows


def _write_sheet(archive: ZipFile, number: int, report: Report, sheet: Sheet, writer: RowWriter, rows: Iterator[Sequence[Any]]) -> int:
    written = 1
    with archive.open(sheet_path(number), "w") as part:
        size = part.write((sheet.opening(number) + writer.heading([column.name for column in report.columns])).encode("utf-8", "backslashreplace"))
        while size < _SHEET_BYTES and (batch := list(islice(rows, min(_ROWS_AT_ONCE, SHEET_ROWS - written)))):
            lines = [writer.row(row_number, row) for row_number, row in enumerate(batch, written + 1)]
            size += part.write("".join(lines).encode("utf-8", "backslashreplace"))
            written += len(batch)
        part.write(sheet.ending(written).encode("utf-8"))
    return written
