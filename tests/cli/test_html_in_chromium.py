"""The html page in a real browser: table and chart are there, it sorts and filters, and nothing leaves the page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser, running_chromium

from edx_import.reports.outputs.base import Page
from edx_import.reports.render import render
from edx_import.reports.report import Chart, ChartKind, Column, Report

COLUMNS = (Column("course_id", str, "course key"), Column("date", date, "day"), Column("count", int, "how many", "learners"), Column("text"))
CHART = Chart(ChartKind.LINE, "date", "count", "course_id")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def lure() -> Iterator[tuple[str, list[str]]]:
    """A server that no page may ask anything of: its address, and what it was asked."""
    asked: list[str] = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Noting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def hostile(address: str) -> list[str]:
    """What a learner may write to make a page tell on its reader."""
    return [
        f"<img src={address}/img>",
        f"<script src={address}/script></script>",
        f"<link rel=stylesheet href={address}/link>",
        f'"><iframe src={address}/frame></iframe>',
        f"<style>@import '{address}/style'</style>",
        f"<meta http-equiv=refresh content=0;url={address}/meta>",
        f"<svg><image href={address}/image /></svg>",
        f"<body background={address}/background onload=fetch('{address}/fetch')>",
        "<base href=https://example.org/>",
        "<script>document.title='run'</script>",
        "</script><script>document.title='run'</script>",
        "javascript:document.title='run'",
        f"{address}/plain",
    ]


def rows_with(texts: list[str]) -> list[list[Any]]:
    days = [date(2020, 1, 1) + timedelta(number) for number in range(30)]
    rows: list[list[Any]] = [
        [f"course {course}", day, (7 * number * (course + 1)) % 101, None] for course in range(3) for number, day in enumerate(days)
    ]
    return rows + [[text, None, None, text] for text in texts]


def page_at(folder: Path, texts: list[str]) -> Path:
    path = folder / "report.html"
    with path.open("wb") as file:
        about = [("what", texts[0]), ("command", "daily")] if texts else [("command", "daily")]
        render(Report(COLUMNS, rows_with(texts), texts[1] if texts else "Daily", CHART), "html", file, Page(about=about))
    return path


def test_table_and_chart_are_there_and_nothing_leaves_the_page(browser: Browser, lure: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = lure
    page = page_at(tmp_path, hostile(address))
    browser.show(page)
    assert browser.value_of("document.querySelectorAll('tbody tr').length") == 90 + len(hostile(address))
    assert browser.value_of("document.querySelector('svg.wide').getBoundingClientRect().height") > 200
    assert browser.value_of("[...document.querySelectorAll('svg.wide path.line')].filter(line => line.getTotalLength() > 300).length") == 3
    assert browser.value_of("document.title") == hostile(address)[1]
    browser.value_of("document.querySelectorAll('th button').forEach(button => button.click())")
    assert {request["request"]["url"] for request in browser.named("Network.requestWillBeSent")} == {page.as_uri()}
    assert asked == []
    assert browser.named("Log.entryAdded") == []
    assert browser.named("Runtime.exceptionThrown") == []


def test_what_a_page_may_not_do_a_browser_keeps_it_from(browser: Browser, lure: tuple[str, list[str]], tmp_path: Path) -> None:
    """Even if something were markup: so the policy is really in force."""
    address, asked = lure
    browser.show(page_at(tmp_path, []))
    browser.value_of(
        f"document.body.insertAdjacentHTML('beforeend', '<img src={address}/a onerror=\"document.title=1\"><p style=\"position:fixed\">x</p>');"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title=2'}))"
    )
    assert browser.value_of("document.title") == "Daily"
    assert browser.value_of("getComputedStyle(document.body.querySelector('p:last-of-type')).position") == "static"
    assert asked == []
    assert browser.named("Log.entryAdded") != []


def column(browser: Browser, index: int) -> list[str]:
    """The texts of a column, of the rows that are seen."""
    found = browser.value_of(f"[...document.querySelectorAll('tbody tr')].filter(row => !row.hidden).map(row => row.cells[{index}].textContent)")
    assert isinstance(found, list)
    return found


def click(browser: Browser, index: int) -> str:
    return str(browser.value_of(f"(head => (head.firstChild.click(), head.ariaSort))(document.querySelectorAll('th')[{index}])"))


def test_a_click_on_a_heading_sorts_numbers_as_numbers_and_leaves_the_empty_last(browser: Browser, tmp_path: Path) -> None:
    browser.show(page_at(tmp_path, ["10 of 9", "9 of 10"]))
    assert click(browser, 2) == "ascending"
    numbers = column(browser, 2)
    assert [int(text) for text in numbers[:-2]] == sorted(int(text) for text in numbers[:-2])
    assert numbers[-2:] == ["", ""]
    assert click(browser, 2) == "descending"
    again = column(browser, 2)
    assert [int(text) for text in again[:-2]] == sorted((int(text) for text in numbers[:-2]), reverse=True)
    assert again[-2:] == ["", ""]
    click(browser, 3)
    assert column(browser, 3)[:2] == ["9 of 10", "10 of 9"]
    assert browser.value_of("document.querySelectorAll('[aria-sort]').length") == 1


def test_the_filter_leaves_rows_with_every_word(browser: Browser, tmp_path: Path) -> None:
    browser.show(page_at(tmp_path, []))
    write = "(field => {{ field.value = '{}'; field.dispatchEvent(new Event('input')) }})(document.querySelector('input'))"
    browser.value_of(write.format("COURSE 2020-01-07"))
    assert column(browser, 1) == ["2020-01-07"] * 3
    assert browser.value_of("document.querySelector('output').textContent") == "3 of 90 rows match"
    browser.value_of(write.format(""))
    assert len(column(browser, 1)) == 90
    assert browser.value_of("document.querySelector('output').textContent") == "90 rows"


@pytest.mark.parametrize(("width", "shown", "hidden"), [(1280, "wide", "narrow"), (420, "narrow", "wide")])
@pytest.mark.parametrize("dark", [False, True])
def test_it_suits_the_screen(browser: Browser, width: int, shown: str, hidden: str, dark: bool, tmp_path: Path) -> None:
    browser.show(page_at(tmp_path, []), width, dark)
    assert browser.value_of(f"getComputedStyle(document.querySelector('svg.{shown}')).display") == "block"
    assert browser.value_of(f"getComputedStyle(document.querySelector('svg.{hidden}')).display") == "none"
    assert browser.value_of("document.documentElement.scrollWidth") <= width
    assert browser.value_of("getComputedStyle(document.body).backgroundColor") == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
