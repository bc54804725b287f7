"""csv for spreadsheets: opened by a double click in any country, and nothing that a learner wrote becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import Any

import pytest
from awkward import COLUMNS, GOLDEN, ROWS
from hypothesis import given
from hypothesis import strategies as st

from edx_import.errors import UsageError
from edx_import.reports.outputs.delimited import harmless_text
from edx_import.reports.render import output_for, render
from edx_import.reports.report import Column, Report


def written(rows: Any, columns: tuple[Column, ...] = COLUMNS, **options: Any) -> bytes:
    stream = io.BytesIO()
    render(Report(columns, rows), output_for("csv", **options), stream)
    return stream.getvalue()


def test_it_is_as_the_golden_file_has_it() -> None:
    assert written(ROWS, excel=True, delimiter=";") == (GOLDEN / "awkward.excel.csv").read_bytes()
    assert written([], excel=True) == b"\xef\xbb\xbfname,points,share,passed,moment,day,more\r\n"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        (" =1", "' =1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ("a,-1", "a,'-1"),
        ('a\t"@x', "a\t'\"@x"),
        ("a\n=1", "a\n'=1"),
        ("a|+1", "a|'+1"),
        ("a = 1", "a = 1"),
        ("well-known", "well-known"),
        ("a, -1", "a, -1"),
        ("ann@example.org", "ann@example.org"),
        ("", ""),
    ],
)
def test_text_that_a_spreadsheet_would_take_for_a_formula_is_marked_as_text(text: str, safe: str) -> None:
    assert harmless_text(text) == safe
    assert list(csv.reader(io.StringIO(written([[text, 1]], (Column("a"), Column("b")), excel=True).decode("utf-8-sig"), newline="")))[1] == [
        safe,
        "1",
    ]
    assert list(csv.reader(io.StringIO(written([[text, 1]], (Column("a"), Column("b"))).decode(), newline="")))[1] == [text, "1"]


@given(st.text(st.sampled_from("=+-@,;|\t\r\n\"' a1")), st.sampled_from([",", ";", "\t", "|", "\n", "\r"]))
def test_no_part_begins_a_formula_in_whatever_way_the_line_is_split(text: str, split: str) -> None:
    assert [part for part in harmless_text(text).split(split) if re.match(r'"*[=+\-@]', part)] == []


@pytest.mark.parametrize(("value", "text"), [(-5, "-5"), (-0.5, "-0.5"), (date(2020, 1, 1), "2020-01-01"), (None, ""), (True, "true")])
def test_what_is_no_text_stays_what_it_is(value: Any, text: str) -> None:
    assert harmless_text(value) == text


@pytest.mark.parametrize(("delimiter", "line"), [(";", '"a;b";"c""d,"'), ("|", 'a;b|"c""d,"'), (r"\t", 'a;b\t"c""d,"'), ("\t", 'a;b\t"c""d,"')])
def test_another_separator_is_what_is_quoted(delimiter: str, line: str) -> None:
    assert written([["a;b", 'c"d,']], (Column("a"), Column("b")), delimiter=delimiter).decode().split("\n")[1] == line


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "\r", "\0", "→"])
def test_what_cannot_separate_is_refused(delimiter: str) -> None:
    with pytest.raises(UsageError, match="a separator is one character"):
        output_for("csv", delimiter=delimiter)


@pytest.mark.parametrize("format", ["table", "tsv", "json", "jsonl", "parquet", "xlsx"])
@pytest.mark.parametrize(("options", "named"), [({"excel": True}, "--excel"), ({"delimiter": ";"}, "--delimiter")])
def test_they_are_ways_to_write_csv_alone(format: str, options: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"{named} says how csv is written, not {format}"):
        output_for(format, **options)
