"""One page that needs nothing else: what the report is, its chart, and a table to sort and filter. It loads nothing, and runs no script but its own.

It shows the first 10,000 rows (or 32 MB of them), which a browser can bear, and says how many there are; the chart is drawn from all.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

from edx_import.reports.outputs.base import Page, text_of, write_lines
from edx_import.reports.outputs.chart import Collector, Drawing
from edx_import.reports.outputs.chart_svg import svg
from edx_import.reports.outputs.table import visible
from edx_import.reports.report import Column, Report

ROWS_SHOWN = 10_000
_LENGTH_SHOWN = 32_000_000
_LONG = 400
_WIDE_TEXT = 48  # characters; what is longer is wrapped
_WIDE, _NARROW = (1000, 340), (420, 300)

_is_link = re.compile(r"https://[^\s<>\"'`\\]+").fullmatch


class HtmlOutput:
    """A page; what it holds in memory are the rows that it shows."""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes the page."""
        collector = Collector(report, report.chart) if report.chart else None
        bound = ROWS_SHOWN if page.limit is None else page.limit
        shown: list[str] = []
        total = length = 0
        for total, row in enumerate(report.checked_rows(), 1):
            if collector:
                collector.add(row)
            if len(shown) == total - 1 and (not bound or (total <= bound and length < _LENGTH_SHOWN)):
                shown.append(_row(report.columns, row))
                length += len(shown[-1])
        write_lines(_page(report, page, shown, total, collector.drawing() if collector else None), stream)
        return total


def _page(report: Report, page: Page, rows: Sequence[str], total: int, drawing: Drawing | None) -> Iterator[str]:
    about = dict(page.about)
    title = _text(report.title or about.get("command", "") or "Report")
    yield f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{_policy()}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
    yield f"<title>{title}</title>\n<style>{_asset('page.css')}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    yield from _about(about)
    yield "</header>\n"
    if drawing:
        yield from _figure(drawing)
    yield from _table(report.columns, rows, total)
    yield from _meanings(report.columns)
    yield f"<script>{_asset('page.js')}</script>\n</body>\n</html>\n"


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _policy() -> str:
    """Nothing is loaded from anywhere; the style and the script of this page are known by their hashes."""
    style, script = (base64.b64encode(hashlib.sha256(_asset(name).encode()).digest()).decode() for name in ("page.css", "page.js"))
    return f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"


def _text(text: str) -> str:
    """As HTML: nothing in it is markup, and what would not be seen, or would turn the rest of the line around, is an escape."""
    return escape("\n".join("\t".join(map(visible, line.split("\t"))) for line in text.replace("\r\n", "\n").split("\n")))


def _about(about: dict[str, str]) -> Iterator[str]:
    what = about.get("what")
    if what:
        yield f'<p class="what">{_text(what)}</p>\n'
    facts = [f"<li>{_text(name)} <b>{_text(value)}</b></li>" for name, value in about.items() if name != "what"]
    if facts:
        yield f'<ul class="about">{"".join(facts)}</ul>\n'


def _figure(drawing: Drawing) -> Iterator[str]:
    yield f"<figure>\n<figcaption>{_text(drawing.y)} by {_text(drawing.x)}</figcaption>\n"
    if any(series.name for series in drawing.series):
        yield '<ul class="legend">' + "".join(_key(number, series.name, drawing) for number, series in enumerate(drawing.series)) + "</ul>\n"
    for (width, height), css_class in ((_WIDE, "wide"), (_NARROW, "narrow")):
        yield svg(drawing, width, height, css_class) + "\n"
    if drawing.notes:
        yield f'<p class="note">{_text(" ".join(drawing.notes))}</p>\n'
    yield "</figure>\n"


def _key(number: int, name: str, drawing: Drawing) -> str:
    sign = f'<path class="line s{number}" d="M1 6H25"/>' if drawing.kind == "line" else f'<rect class="bar s{number}" x="7" width="12" height="12"/>'
    return f'<li><svg viewBox="0 0 26 12" aria-hidden="true">{sign}</svg>{_text(name)}</li>'


def _table(columns: Sequence[Column], rows: Sequence[str], total: int) -> Iterator[str]:
    number = "no rows" if not total else "1 row" if total == 1 else f"{total:,} rows"
    search = '<input type="search" placeholder="Filter rows" aria-label="Filter rows" autocomplete="off">'
    yield f'<div class="tools">{search}<output>{number}</output></div>\n'
    if len(rows) < total:
        yield f'<p class="note">The first {len(rows):,} of {total:,} rows are shown; csv, parquet and xlsx have them all.</p>\n'
    yield f'<div class="rows" tabindex="0">\n<table>\n<thead><tr>{"".join(map(_heading, columns))}</tr></thead>\n<tbody>\n'
    yield from rows
    yield "</tbody>\n</table>\n</div>\n"


def _heading(column: Column) -> str:
    unit = f" <small>{_text(column.unit)}</small>" if column.unit else ""
    meaning = f' title="{_text(column.meaning)}"' if column.meaning else ""
    return f'<th scope="col"{_css_class(column)}{meaning}><button type="button">{_text(column.name)}{unit}</button></th>'


def _css_class(column: Column) -> str:
    if issubclass(column.type, (int, float)) and not issubclass(column.type, bool):
        return ' class="n"'
    return ' class="t"' if issubclass(column.type, date) else ""


def _row(columns: Sequence[Column], row: Sequence[Any]) -> str:
    return f"<tr>{''.join(map(_cell, columns, row))}</tr>\n"


def _cell(column: Column, value: Any) -> str:
    text = text_of(value)
    shown = _text(text)
    if isinstance(value, str) and _is_link(text):
        shown = f'<a href="{shown}" rel="noopener noreferrer nofollow" target="_blank">{shown}</a>'
    if len(text) > _LONG:
        shown = f'<div class="long">{shown}</div>'
    if _css_class(column):
        return f"<td{_css_class(column)}>{shown}</td>"
    return f"<td{' dir=auto' if text else ''}{' class=w' if len(text) > _WIDE_TEXT else ''}>{shown}</td>"


def _meanings(columns: Sequence[Column]) -> Iterator[str]:
    meant = [f"<dt>{_text(column.name)}</dt><dd>{_text(column.meaning)}</dd>" for column in columns if column.meaning]
    if meant:
        yield f'<details class="columns"><summary>What the columns mean</summary><dl>{"".join(meant)}</dl></details>\n'
