"""The workbook around the rows, made by XlsxWriter: sheets, formats, frozen headings, filters and widths.

A last sheet tells what the report is and what its columns mean.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zipfile import ZipFile

from edx_import.reports.outputs.base import Page, unicode_text
from edx_import.reports.outputs.xlsx_cells import Styles
from edx_import.reports.report import Report, type_word

_FORMATS: tuple[dict[str, Any], ...] = (
    {"bold": True, "bottom": 1, "valign": "top"},
    {"num_format": "yyyy-mm-dd"},
    {"num_format": "yyyy-mm-dd hh:mm:ss"},
)
_DATA = re.compile(r"<sheetData>(.*)</sheetData>", re.DOTALL)
_ABOUT_WIDTHS = (24, 12, 12, 90)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The XML of a sheet around its rows."""

    before: str
    after: str
    styles: Styles

    def opening(self, number: int) -> str:
        """What comes before the rows of the sheet of that number. Only the first is the one that is seen."""
        return self.before if number == 1 else self.before.replace(' tabSelected="1"', "")

    def ending(self, rows: int) -> str:
        """What comes after them, `rows` with the heading."""
        return re.sub(r'(<autoFilter ref="A1:[A-Z]+)\d+', rf"\g<1>{rows}", self.after)


def sheet_path(number: int) -> str:
    """Where in a workbook the sheet of a number is, from 1 on."""
    return f"xl/worksheets/sheet{number}.xml"


def empty_sheet(report: Report, widths: Sequence[int]) -> Sheet:
    """A sheet of the report without its rows."""
    text = dict(_parts(_workbook(report, widths, [1], Page())))[sheet_path(1)].decode("utf-8")
    found = _DATA.search(text)
    if found is None:
        raise RuntimeError("XlsxWriter has written a sheet without data")
    before = re.sub(r"<dimension [^>]*/>", "", text[: found.start()])
    styles = Styles(*map(int, re.findall(r' s="(\d+)"', found.group(1))))
    return Sheet(before + "<sheetData>", "</sheetData>" + text[found.end() :], styles)


def parts_around(report: Report, widths: Sequence[int], sheet_rows: Sequence[int], page: Page) -> Iterator[tuple[str, bytes]]:
    """All parts of the workbook, by their paths, but for the sheets of rows: one for each number of `sheet_rows`."""
    rows = {sheet_path(number) for number in range(1, len(sheet_rows) + 1)}
    return ((path, part) for path, part in _parts(_workbook(report, widths, sheet_rows, page)) if path not in rows)


def _parts(workbook: io.BytesIO) -> Iterator[tuple[str, bytes]]:
    with ZipFile(workbook) as archive:
        for path in archive.namelist():
            yield path, archive.read(path)


def _workbook(report: Report, widths: Sequence[int], sheet_rows: Sequence[int], page: Page) -> io.BytesIO:
    from xlsxwriter import Workbook

    file = io.BytesIO()
    workbook = Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    workbook.set_properties({"title": unicode_text(report.title), "created": datetime.now(UTC).replace(tzinfo=None)})
    formats = [workbook.add_format(properties) for properties in _FORMATS]
    for number, rows in enumerate(sheet_rows, 1):
        _add_sheet(workbook.add_worksheet("Report" if number == 1 else f"Report {number}"), formats, widths, rows)
    _add_about(workbook.add_worksheet("About"), formats[0], report, page)
    workbook.close()
    file.seek(0)
    return file


def _add_sheet(sheet: Any, formats: Sequence[Any], widths: Sequence[int], rows: int) -> None:
    """Its cells only tell the numbers of the formats."""
    for index, style in enumerate(formats):
        sheet.write_blank(0, index, None, style)
    sheet.freeze_panes(1, 0)
    for index, width in enumerate(widths):
        sheet.set_column(index, index, width)
    if widths:
        sheet.autofilter(0, 0, max(rows - 1, 1), len(widths) - 1)


def _add_about(sheet: Any, bold: Any, report: Report, page: Page) -> None:
    facts = [(name, text) for name, text in (("report", report.title), *page.about) if text]
    for row, fact in enumerate(facts):
        _write_line(sheet, row, fact)
    start = len(facts) + 1 if facts else 0
    _write_line(sheet, start, ("column", "type", "unit", "meaning"), bold)
    for row, column in enumerate(report.columns, start + 1):
        _write_line(sheet, row, (column.name, type_word(column), column.unit, column.meaning))
    for index, width in enumerate(_ABOUT_WIDTHS):
        sheet.set_column(index, index, width)


def _write_line(sheet: Any, row: int, texts: Sequence[str], style: Any = None) -> None:
    for index, text in enumerate(texts):
        sheet.write_string(row, index, unicode_text(text), style)
