"""One report with every awkward value, which each output has to get right."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from edx_import.reports.outputs.base import Page
from edx_import.reports.render import render
from edx_import.reports.report import Column, Report

GOLDEN = Path(__file__).parent.parent / "golden"
BOGOTA = timezone(timedelta(hours=-5))
COLUMNS = (
    Column("name", str, "what the learner wrote"),
    Column("points", int, "of any size", "pt"),
    Column("share", float),
    Column("passed", bool),
    Column("moment", datetime),
    Column("day", date),
    Column("more", dict),
)
ROWS: list[list[Any]] = [
    ["plain", 1, 0.1, True, datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), date(2020, 1, 2), {"a": 1, "b": [True, None]}],
    ["Zoë Ñandú 学生 العربية 🎓", 2**70, 1e300, False, datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), date(1, 1, 1), {}],
    ['comma, "quotes"', -(2**63), -0.0, None, datetime(2020, 1, 2, 3, 4, 5, 1000), None, ["naïve", datetime(2020, 1, 1, tzinfo=UTC)]],
    ["two\nlines\r\nand\ttabs\rend", 0, float("nan"), None, datetime(2020, 1, 1, 22, 0, tzinfo=BOGOTA), None, None],
    ["[red]markup[/red] \x1b[31mred\x1b[0m :smile:", None, float("inf"), None, None, None, None],
    [None, None, None, None, None, None, None],
    ["", None, None, None, None, None, None],
    ["back\\slash \\t \x00 \x85 \u202edesrever \ud800", None, None, None, None, None, None],
    ["=SUM(A1)", None, None, None, None, None, None],
]


def rendered(rows: Any, format: str, columns: tuple[Column, ...] = COLUMNS, **options: Any) -> bytes:
    """A report in a format; the options are those of `Page`."""
    stream = io.BytesIO()
    render(Report(columns, rows, "Awkward [b]values[/b]"), format, stream, Page(**options))
    return stream.getvalue()
