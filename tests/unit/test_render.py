"""Every format of text shows one awkward report as its golden file does, in flat memory, and passes on what its stream says."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import repeat
from typing import Any

import pytest
from awkward import BOGOTA, COLUMNS, GOLDEN, ROWS, rendered
from hypothesis import given
from hypothesis import strategies as st

from edx_import.errors import ConfigurationError, UsageError
from edx_import.reports.outputs.base import text_of
from edx_import.reports.outputs.table import TERMINAL_ROWS, visible
from edx_import.reports.render import FORMATS, check_format, render
from edx_import.reports.report import Column, Report

TEXT_FORMATS = ("table", "csv", "tsv", "json", "jsonl")


@pytest.mark.parametrize("format", TEXT_FORMATS)
@pytest.mark.parametrize(("name", "rows"), [("awkward", ROWS), ("empty", [])])
def test_every_format_of_text_writes_its_golden_file(name: str, rows: list[list[Any]], format: str) -> None:
    assert rendered(rows, format) == (GOLDEN / f"{name}.{format}").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_the_number_of_rows_is_returned(format: str) -> None:
    assert render(Report(COLUMNS, iter(ROWS)), format, io.BytesIO()) == len(ROWS)
    assert render(Report(COLUMNS, []), format, io.BytesIO()) == 0


def test_a_narrow_table_has_a_block_for_each_row() -> None:
    assert rendered(ROWS[:2], "table", width=60) == (GOLDEN / "narrow.table").read_bytes()


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_csv_is_read_back_by_the_csv_module(rows: list[list[str]]) -> None:
    text = rendered(rows, "csv", (Column("a"), Column("b"))).decode()
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["a", "b"], *rows]


def test_csv_keeps_a_lone_empty_cell() -> None:
    text = rendered([[""], ["x"]], "csv", (Column("a"),)).decode()
    assert list(csv.reader(io.StringIO(text))) == [["a"], [""], ["x"]]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_tsv_has_one_line_for_each_row_and_can_be_undone(rows: list[list[str]]) -> None:
    lines = rendered(rows, "tsv", (Column("a"), Column("b"))).decode().split("\n")
    assert [[undone(cell) for cell in line.split("\t")] for line in lines[1:-1]] == rows


def undone(cell: str) -> str:
    letters = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    characters = iter(cell)
    return "".join(letters[next(characters)] if char == "\\" else char for char in characters)


def test_json_and_jsonl_hold_the_same_objects() -> None:
    array = json.loads(rendered(ROWS, "json"))
    assert array == [json.loads(line) for line in rendered(ROWS, "jsonl").decode().split("\n")[:-1]]
    assert array[1]["points"] == 2**70
    assert list(array[0]) == [column.name for column in COLUMNS]


def test_csv_tsv_and_json_tell_the_same_times() -> None:
    rows = [[datetime(2020, 6, 1, 12, 30, tzinfo=BOGOTA), date(2020, 6, 1)]]
    columns = (Column("moment", datetime), Column("day", date))
    expected = ["2020-06-01T17:30:00Z", "2020-06-01"]
    assert rendered(rows, "csv", columns).decode().splitlines()[1].split(",") == expected
    assert rendered(rows, "tsv", columns).decode().splitlines()[1].split("\t") == expected
    assert list(json.loads(rendered(rows, "jsonl", columns)).values()) == expected


class Mode(StrEnum):
    AUDIT = "audit"


class DatabaseInt(int):
    def __repr__(self) -> str:
        return f"DatabaseInt({int(self)})"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Mode.AUDIT, "audit"),
        (DatabaseInt(7), "7"),
        (1234567, "1234567"),
        (0.1 + 0.2, "0.30000000000000004"),
        (time(1, 2), "01:02:00"),
        (("a", 1), '["a", 1]'),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_a_value_has_one_text(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_an_unknown_format_names_those_that_exist() -> None:
    with pytest.raises(UsageError, match="no format 'xml'") as raised:
        render(Report(COLUMNS, []), "xml", io.BytesIO())
    assert all(format in raised.value.hint for format in FORMATS)


@pytest.mark.parametrize(("format", "package"), [("parquet", "pyarrow"), ("xlsx", "xlsxwriter")])
def test_a_format_whose_package_is_missing_says_how_to_install_it(format: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_format(format)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigurationError, match=f"--format {format} needs the package {package}") as raised:
        check_format(format)
    assert f"pip install 'edx-import[{format}]'" in raised.value.hint


@pytest.mark.parametrize("format", FORMATS)
def test_only_text_is_for_a_terminal(format: str) -> None:
    if format in TEXT_FORMATS:
        check_format(format, to_terminal=True)
        return
    with pytest.raises(UsageError, match=f"{format} is no text for a terminal") as raised:
        check_format(format, to_terminal=True)
    assert f"--output report.{format}" in raised.value.hint


def test_a_text_stream_gets_the_same_as_a_binary_one() -> None:
    text, binary = io.StringIO(newline=""), io.BytesIO()
    wrapper = io.TextIOWrapper(binary, encoding="latin-1")
    wrapper.write("before\n")
    render(Report(COLUMNS, ROWS), "csv", text)
    render(Report(COLUMNS, ROWS), "csv", wrapper)
    assert binary.getvalue() == b"before\n" + text.getvalue().encode() == b"before\n" + rendered(ROWS, "csv")


@pytest.mark.parametrize("format", FORMATS)
def test_a_closed_pipe_is_told_before_render_returns(format: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    raw = open(writer, "wb", buffering=0)  # noqa: SIM115 (closed before the buffer above it, which could not be flushed)
    buffered = io.BufferedWriter(raw)
    with pytest.raises(BrokenPipeError):
        render(Report((Column("a"),), [["one small row"]]), format, buffered)
    raw.close()
    assert buffered.closed


@pytest.mark.parametrize("format", ["csv", "tsv", "json", "jsonl", "parquet", "xlsx"])
def test_a_closed_pipe_ends_an_endless_report(format: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb", buffering=0) as raw, pytest.raises(BrokenPipeError):
        render(Report((Column("a"),), repeat(["x"])), format, raw)


def test_a_table_is_cut_to_its_limit_and_says_so() -> None:
    rows = [[f"row {number}"] for number in range(512)]
    lines = rendered(rows, "table", (Column("a"),), limit=40).decode().splitlines()
    assert lines[-1] == "40 of 512 rows"
    assert [line for line in lines if line.startswith("row")] == [f"row {number}" for number in range(40)]
    assert len(rendered(rows, "table", (Column("a"),)).decode().splitlines()) == 512 + 3
    assert f"{TERMINAL_ROWS} of 512 rows" in rendered(rows, "table", (Column("a"),), width=80).decode()
    assert "of 512" not in rendered(rows, "table", (Column("a"),), width=80, limit=0).decode()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_table_fits_the_width(width: int) -> None:
    lines = rendered([["word " * 50, 12345], ["学" * 90, 1]], "table", (Column("text"), Column("n", int)), width=width).decode().splitlines()
    assert max(sum(2 if char == "学" else 1 for char in line) for line in lines[1:]) <= width


@given(st.text())
def test_what_a_table_shows_cannot_steer_a_terminal(text: str) -> None:
    shown = visible(text)
    assert not set(shown) & {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u202e", "\u2066"}


def test_a_row_of_the_wrong_length_is_a_mistake_of_the_command() -> None:
    with pytest.raises(ValueError, match="row 2 of the report has 1 values for 2 columns"):
        rendered([[1, 2], [3]], "csv", (Column("a"), Column("b")))


def test_two_columns_of_one_name_are_a_mistake_of_the_command() -> None:
    with pytest.raises(ValueError, match="two columns named a"):
        Report((Column("a"), Column("a")), [])


def test_a_report_of_documents_takes_the_fields_that_its_columns_name() -> None:
    report = Report.of((Column("b"), Column("a")), [{"a": 1, "b": 2, "c": 3}])
    assert list(report.checked_rows()) == [[2, 1]]
    with pytest.raises(KeyError):
        list(Report.of((Column("d"),), [{"a": 1}]).rows)
