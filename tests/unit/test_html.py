"""The html page as text: every value escaped, nothing loaded, a table that is bounded and says so, a chart where one is declared."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from awkward import COLUMNS, GOLDEN, ROWS, rendered
from hypothesis import given
from hypothesis import strategies as st

from edx_import.reports.outputs.base import Page
from edx_import.reports.outputs.html import ROWS_SHOWN
from edx_import.reports.render import render
from edx_import.reports.report import Chart, ChartKind, Column, Report

TEXT = (Column("a"),)
DAILY = (Column("date", date), Column("count", int, "", "learners"), Column("course_id"))
LINES = Chart(ChartKind.LINE, "date", "count", "course_id")


class Told(HTMLParser):
    """Tags with their attributes, and the texts of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "td":
            self._in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


def page_of(rows: Any, columns: tuple[Column, ...] = COLUMNS, title: str = "", chart: Chart | None = None, **options: Any) -> str:
    stream = io.BytesIO()
    render(Report(columns, rows, title, chart), "html", stream, Page(**options))
    return stream.getvalue().decode()


def without_assets(page: str) -> str:
    """The page but for its style sheet and script, which are files of their own, and their hashes."""
    return re.sub(r"(?s)<style>.*?</style>|<script>.*?</script>|sha256-[^']*", "", page)


@pytest.mark.parametrize(("name", "rows"), [("awkward", ROWS), ("empty", [])])
def test_a_page_is_as_its_golden_file_has_it(name: str, rows: list[list[Any]]) -> None:
    page = without_assets(rendered(rows, "html", about=(("what", "Every <awkward> value."), ("command", "awkward"), ("site", "prod"))).decode())
    assert page == (GOLDEN / f"{name}.html").read_text(encoding="utf-8")


def daily(days: int, courses: int) -> list[list[Any]]:
    return [
        [date(2020, 1, 1) + timedelta(day), 10 * day + course, f"course-v1:DemoX+D{course}+1T2020"]
        for day in range(days)
        for course in range(courses)
    ]


def test_a_chart_is_as_its_golden_file_has_it() -> None:
    assert without_assets(page_of(daily(20, 3), DAILY, "Daily", LINES)) == (GOLDEN / "daily.html").read_text(encoding="utf-8")


def everywhere(text: str) -> list[str]:
    """The tags of a page that has the text in every place that a text may come to."""
    columns = (Column("a" + text, str, "m" + text, "u" + text), Column("b"))
    about = (("what", "w" + text), ("c" + text, "d" + text))
    return [tag for tag, _ in Told(page_of([["x" + text, {"k" + text: text}]], columns, "t" + text, about=about)).tags]


@given(st.text() | st.text(st.sampled_from("<>&\"'/ =abcx!-")))
def test_no_text_is_markup(text: str) -> None:
    assert everywhere(text) == everywhere("")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td></table>", "a & b", '" onclick="x', "'", "&lt;"])
def test_a_cell_reads_as_it_was_written(text: str) -> None:
    assert Told(page_of([[text]], TEXT)).cells == [text]


def test_control_characters_show_as_escapes_and_lines_stay_lines() -> None:
    assert Told(page_of([["a\x1b[31m\u202eb\x00"], ["one\r\ntwo\tthree\nfour"]], TEXT)).cells == ["a\\x1b[31m\\u202eb\\x00", "one\ntwo\tthree\nfour"]


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("https://example.org/a?b=1&c=2", True),
        ("http://example.org/", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        (" https://example.org/", False),
        ("https://example.org/ and more", False),
        ('https://example.org/"onclick="x', False),
        ("https://", False),
        ("HTTPS://EXAMPLE.ORG", False),
    ],
)
def test_only_a_whole_https_address_is_a_link(text: str, linked: bool) -> None:
    told = Told(page_of([[text]], TEXT))
    links = [attributes for tag, attributes in told.tags if tag == "a"]
    expected = {"href": text, "rel": "noopener noreferrer nofollow", "target": "_blank"}
    assert links == ([expected] if linked else [])
    assert told.cells == [text]


def test_the_page_loads_nothing_and_runs_its_own_script_alone() -> None:
    page = page_of(ROWS, COLUMNS, "x")
    tags = Told(page).tags
    (policy,) = (attributes["content"] or "" for tag, attributes in tags if attributes.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.pop("default-src") == "'none'"
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        (content,) = re.findall(rf"(?s)<{tag}>(.*?)</{tag}>", page)
        assert rules.pop(kind) == f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
    assert rules == {"base-uri": "'none'", "form-action": "'none'"}
    names = {name for _, attributes in tags for name in attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"style", "src", "srcset", "action", "data", "background", "poster"})
    assert not {tag for tag, _ in tags} & {"link", "img", "iframe", "object", "embed", "form", "base", "audio", "video", "image", "use"}
    assert page.index("<meta charset") < page.index("Content-Security-Policy") < page.index("<style>")


def test_a_page_shows_rows_that_a_browser_can_bear_and_counts_all() -> None:
    page = page_of(([number] for number in range(ROWS_SHOWN + 5)), (Column("n", int),))
    assert len(Told(page).cells) == ROWS_SHOWN == 10_000
    assert "The first 10,000 of 10,005 rows are shown; csv, parquet and xlsx have them all." in page
    assert "<output>10,005 rows</output>" in page


@pytest.mark.parametrize(("limit", "shown"), [(3, 3), (0, 20), (None, 20)])
def test_a_limit_says_how_many(limit: int | None, shown: int) -> None:
    page = page_of(([number] for number in range(20)), (Column("n", int),), limit=limit)
    assert len(Told(page).cells) == shown
    assert ("of 20 rows are shown" in page) == (shown < 20)


def test_rows_of_great_length_are_fewer() -> None:
    page = page_of((["x" * 4_000_000] for _ in range(20)), TEXT)
    assert "The first 8 of 20 rows are shown" in page


@pytest.mark.parametrize(("rows", "said"), [(0, "no rows"), (1, "1 row"), (2, "2 rows")])
def test_the_number_of_rows_is_said(rows: int, said: str) -> None:
    assert f"<output>{said}</output>" in page_of([["x"]] * rows, TEXT)


def test_long_texts_scroll_in_their_cell() -> None:
    assert '<div class="long">' in page_of([["x" * 500]], TEXT)
    assert '<div class="long">' not in page_of([["x" * 300]], TEXT)


def test_a_report_without_a_chart_has_none() -> None:
    assert "<figure>" not in page_of(daily(5, 2), DAILY)
    assert "<figure>" not in page_of([], DAILY, chart=LINES)


def test_a_chart_is_well_formed_in_both_widths() -> None:
    page = page_of(daily(20, 2), DAILY, chart=LINES)
    charts = [ElementTree.fromstring(svg) for svg in re.findall(r'(?s)<svg class="chart.*?</svg>', page)]
    assert [chart.get("class") for chart in charts] == ["chart wide", "chart narrow"]
    assert all(chart.get("role") == "img" and chart.get("aria-label") == "count (learners) by date" for chart in charts)
    assert re.findall(r"<li>.*?</svg>(.*?)</li>", page)[-2:] == ["course-v1:DemoX+D0+1T2020", "course-v1:DemoX+D1+1T2020"]
