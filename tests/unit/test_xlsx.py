"""xlsx, read back by openpyxl and as the XML that it is: text stays text, days are days, long reports go on in further sheets."""

from __future__ import annotations

import gc
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from awkward import COLUMNS, GOLDEN, ROWS, rendered
from hypothesis import given
from hypothesis import strategies as st

from edx_import.reports.anonymity import anonymized
from edx_import.reports.outputs import xlsx as xlsx_module
from edx_import.reports.outputs.base import Page
from edx_import.reports.outputs.xlsx_cells import column_letters
from edx_import.reports.render import render
from edx_import.reports.report import Column, Personal, Report
from edx_import.settings import Secret

TEXT = (Column("a"),)
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def workbook_of(rows: Any, columns: tuple[Column, ...] = COLUMNS, **options: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(rendered(rows, "xlsx", columns, **options)))


def told(workbook: Any) -> str:
    """Every sheet: its name, what is frozen and filtered, and its cells with their types."""
    lines = []
    for sheet in workbook:
        lines.append(f"== {sheet.title} {sheet.dimensions} frozen {sheet.freeze_panes} filter {sheet.auto_filter.ref}")
        for row in sheet.iter_rows():
            cells = [[cell.data_type, cell.value, cell.number_format] for cell in row]
            lines.append(json.dumps(cells, default=str, ensure_ascii=True))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("name", "rows"), [("awkward", ROWS), ("empty", [])])
def test_what_is_read_back_is_as_the_golden_file_has_it(name: str, rows: list[list[Any]]) -> None:
    workbook = workbook_of(rows, about=(("command", "awkward"),))
    assert told(workbook) == (GOLDEN / f"{name}.xlsx.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "http://example.org/", "mailto:a@example.org", "internal:Sheet1!A1", "00123", "1e5", "TRUE",
     "<r><t>rich</t></r>", "<b>", "&amp;", "]]>", " blanks ", "", "'quoted"],
)  # fmt: skip
def test_text_is_never_a_formula_a_link_a_number_or_markup(text: str) -> None:
    raw = rendered([[text]], "xlsx", TEXT)
    cell = openpyxl.load_workbook(io.BytesIO(raw))["Report"]["A2"]
    assert (cell.value or "", cell.data_type, cell.hyperlink) == (text, "s", None)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        assert not [name for name in archive.namelist() if "sheet1.xml.rels" in name or "calcChain" in name]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


@given(st.text())
def test_every_text_comes_back_by_the_rules_of_the_format(text: str) -> None:
    with zipfile.ZipFile(io.BytesIO(rendered([[text]], "xlsx", TEXT))) as archive:
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    found = sheet.findall(f".//{MAIN}c/{MAIN}is/{MAIN}t")[-1].text or ""
    assert unescaped(found) == text.encode("utf-8", "backslashreplace").decode()


def unescaped(text: str) -> str:
    """ECMA-376 part 1, 22.9.2.19."""
    parts = []
    while text:
        if text[:2] == "_x" and text[6:7] == "_" and all(char in "0123456789abcdefABCDEF" for char in text[2:6]):
            parts.append(chr(int(text[2:6], 16)))
            text = text[7:]
        else:
            parts.append(text[0])
            text = text[1:]
    return "".join(parts)


@pytest.mark.parametrize(
    ("value", "read", "shown"),
    [
        (date(2020, 2, 29), datetime(2020, 2, 29), "yyyy-mm-dd"),
        (date(1900, 3, 1), datetime(1900, 3, 1), "yyyy-mm-dd"),
        (date(1900, 2, 28), "1900-02-28", "General"),
        (date(9999, 12, 31), datetime(9999, 12, 31), "yyyy-mm-dd"),
        (datetime(2020, 1, 1, 23, 59, 59, tzinfo=UTC), datetime(2020, 1, 1, 23, 59, 59), "yyyy-mm-dd hh:mm:ss"),
        (datetime(2020, 1, 1, 12), datetime(2020, 1, 1, 12), "yyyy-mm-dd hh:mm:ss"),
        (datetime(1899, 1, 1, tzinfo=UTC), "1899-01-01T00:00:00Z", "General"),
        (2**53, 2**53, "General"),
        (2**53 + 1, "9007199254740993", "General"),
        (-(2**53) - 1, "-9007199254740993", "General"),
        (float("nan"), "nan", "General"),
        (0.1 + 0.2, 0.1 + 0.2, "General"),
        (True, True, "General"),
        (["a", 1], '["a", 1]', "General"),
    ],
)
def test_days_are_days_and_numbers_that_a_spreadsheet_would_round_are_text(value: Any, read: Any, shown: str) -> None:
    cell = workbook_of([[value]], TEXT)["Report"]["A2"]
    assert (cell.value, cell.number_format) == (read, shown)


@pytest.mark.parametrize(
    ("text", "left"),
    [("x" * 32_767, "x" * 32_767), ("x" * 32_768, "x" * 32_766 + "…"), ("😀" * 16_383, "😀" * 16_383), ("😀" * 16_384, "😀" * 16_383 + "…")],
    ids=["just fits", "one too many", "just fits, two units each", "one too many, two units each"],
)
def test_a_text_too_long_for_a_cell_is_cut_and_told(text: str, left: str) -> None:
    notes: list[str] = []
    assert workbook_of([[text], ["x"]], TEXT, note=notes.append)["Report"]["A2"].value == left
    assert notes == ([] if left == text else ["1 texts of more than 32,767 characters, which is all that a cell of xlsx holds, were cut"])


@pytest.mark.parametrize(("rows", "sheets"), [(0, [0]), (1, [1]), (19, [19]), (20, [19, 1]), (38, [19, 19]), (39, [19, 19, 1])])
def test_rows_beyond_a_sheet_are_in_further_ones_each_with_the_heading(monkeypatch: pytest.MonkeyPatch, rows: int, sheets: list[int]) -> None:
    monkeypatch.setattr(xlsx_module, "SHEET_ROWS", 20)
    workbook = workbook_of(([number] for number in range(rows)), (Column("n", int),))
    assert workbook.sheetnames == ["Report", *(f"Report {number}" for number in range(2, len(sheets) + 1)), "About"]
    found = [[cell.value for cell in sheet["A"]] for sheet in workbook.worksheets[:-1]]
    assert [column[0] for column in found] == ["n"] * len(sheets)
    assert [number for column in found for number in column[1:]] == list(range(rows))
    assert [sheet.auto_filter.ref for sheet in workbook.worksheets[:-1]] == [f"A1:A{number + 1}" for number in sheets]
    assert {sheet.freeze_panes for sheet in workbook.worksheets[:-1]} == {"A2"}
    assert workbook.active.title == "Report"


def test_a_sheet_has_the_rows_that_spreadsheets_have() -> None:
    assert xlsx_module.SHEET_ROWS == 2**20


def test_a_sheet_that_would_be_too_large_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_module, "_SHEET_BYTES", 90_000)
    workbook = workbook_of(([f"{number:0100}"] for number in range(1500)), TEXT)
    assert workbook.sheetnames == ["Report", "Report 2", "Report 3", "About"]
    assert sum(sheet.max_row - 1 for sheet in workbook.worksheets[:-1]) == 1500


def test_columns_are_as_wide_as_their_first_rows_within_bounds() -> None:
    sheet = workbook_of([["short", "x" * 30, "y" * 500]], (Column("a"), Column("b"), Column("a long name of a column")))["Report"]
    assert [round(sheet.column_dimensions[letter].width) for letter in "ABC"] == [9, 32, 61]


@pytest.mark.parametrize(("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")])
def test_columns_are_called_as_spreadsheets_call_them(index: int, letters: str) -> None:
    assert column_letters(index) == letters


def test_a_report_without_columns_is_a_workbook() -> None:
    assert workbook_of([], ()).sheetnames == ["Report", "About"]


def test_hashed_learners_are_text() -> None:
    report = Report((Column("user_id", int, personal=Personal.LEARNER),), [[501]])
    stream = io.BytesIO()
    render(anonymized(report, "prod", Secret("sixteen letters!")), "xlsx", stream)
    assert openpyxl.load_workbook(stream)["Report"]["A2"].data_type == "s"


def test_nothing_is_put_on_disk_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a temporary file")

    for name in ("mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"):
        monkeypatch.setattr(tempfile, name, refuse)
    assert render(Report(TEXT, ([str(number)] for number in range(5000))), "xlsx", io.BytesIO()) == 5000


def failing() -> Iterator[list[Any]]:
    for number in range(50_000):
        yield [str(number)]
    raise RuntimeError("the database went away")


def test_a_report_that_fails_leaves_no_file_that_looks_whole() -> None:
    stream = io.BytesIO()
    with pytest.raises(RuntimeError, match="went away"):
        render(Report(TEXT, failing()), "xlsx", stream)
    gc.collect()
    assert len(stream.getvalue()) > 1000
    assert not zipfile.is_zipfile(stream)


def test_it_goes_through_a_pipe() -> None:
    reader, writer = os.pipe()
    with open(writer, "wb") as sink:
        assert render(Report(TEXT, [["x"]]), "xlsx", sink, Page()) == 1
    with open(reader, "rb") as source:
        assert openpyxl.load_workbook(io.BytesIO(source.read()))["Report"]["A2"].value == "x"
