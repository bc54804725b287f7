"""What a chart is drawn from, taken from the rows as they go by. What it holds is bounded, however many rows there are."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from edx_import.reports.outputs.base import text_of
from edx_import.reports.report import Chart, ChartKind, Column, Report

#: How many values of x, and how many series, are held; and how many are drawn, so that they can be told apart.
X_HELD = 2000
SERIES_HELD = 200
SERIES_DRAWN = 8
BARS_DRAWN = 40

_EMPTY = "(empty)"


class Axis(StrEnum):
    """What the values of x are."""

    TIME = "time"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one bar of each set: (x, y) in the order of x. Times are days since the year 1, texts the numbers of their places."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn. `labels` are the texts of x, where it is text; `notes` what the chart does not show."""

    kind: ChartKind
    axis: Axis
    x: str
    y: str
    series: Sequence[Series]
    labels: Sequence[str] = ()
    notes: Sequence[str] = ()


class Collector:
    """Takes what the chart of a report needs from each of its rows."""

    def __init__(self, report: Report, chart: Chart) -> None:
        names = [column.name for column in report.columns]
        self._chart = chart
        self._x, self._y = names.index(chart.x), names.index(chart.y)
        self._series = names.index(chart.series) if chart.series else None
        self._y_column = report.columns[self._y]
        self._axis = _axis(report.columns[self._x])
        self._sums: dict[str, dict[Any, float]] = {}
        self._xs: dict[Any, None] = {}  # in the order of the rows
        self._stride = 1
        self._added_up = False
        self._without_x = False
        self._left_out: set[str] = set()

    def add(self, row: Sequence[Any]) -> None:
        """Takes one row. One without a number in y says nothing; of several with one x and series the sum is drawn."""
        x, y = _place(row[self._x], self._axis), _number(row[self._y])
        self._without_x |= x is None and y is not None
        if x is None or y is None or not self._holds(x):
            return
        series = self._sums_of("" if self._series is None else text_of(row[self._series]) or _EMPTY)
        if series is not None:
            self._added_up |= x in series
            series[x] = series.get(x, 0.0) + y

    def _sums_of(self, name: str) -> dict[Any, float] | None:
        if name not in self._sums and len(self._sums) >= SERIES_HELD:
            if len(self._left_out) < SERIES_HELD:
                self._left_out.add(name)
            return None
        return self._sums.setdefault(name, {})

    def _holds(self, x: Any) -> bool:
        """Whether this x is among those that are held. When they grow too many every second one is let go; of texts the first ones stay."""
        if x not in self._xs:
            if len(self._xs) >= X_HELD:
                self._thin_out()
            if not self._is_kept(x) or len(self._xs) >= X_HELD:
                return False
            self._xs[x] = None
        return True

    def _thin_out(self) -> None:
        if self._axis is Axis.TEXT:
            return
        self._stride *= 2
        self._xs = {x: None for x in self._xs if self._is_kept(x)}
        for name, sums in self._sums.items():
            self._sums[name] = {x: y for x, y in sums.items() if x in self._xs}

    def _is_kept(self, x: Any) -> bool:
        return self._stride == 1 or (int(x) if x == int(x) else zlib.crc32(repr(x).encode())) % self._stride == 0

    def drawing(self) -> Drawing | None:
        """What the rows so far amount to; None when there is nothing to draw."""
        named = sorted(((name, sums) for name, sums in self._sums.items() if sums), key=lambda item: -max(item[1].values()))
        if not named:
            return None
        drawn = [(name, sums) for name, sums in self._sums.items() if name in dict(named[:SERIES_DRAWN])]
        xs = self._ordered({x for _, sums in drawn for x in sums})
        shown = xs[:BARS_DRAWN] if self._axis is Axis.TEXT and self._chart.kind is ChartKind.BAR else xs
        places = {x: float(place if self._axis is Axis.TEXT else x) for place, x in enumerate(shown)}
        series = [Series(name, [(places[x], sums[x]) for x in shown if x in sums]) for name, sums in drawn]
        labels = tuple(shown) if self._axis is Axis.TEXT else ()
        return Drawing(self._chart.kind, self._axis, self._chart.x, self._y_name(), series, labels, [*self._notes(len(named), len(xs), len(shown))])

    def _ordered(self, xs: Iterable[Any]) -> list[Any]:
        """Times and numbers in their order, texts in that of the rows."""
        wanted = set(xs)
        return [x for x in self._xs if x in wanted] if self._axis is Axis.TEXT else sorted(wanted)

    def _y_name(self) -> str:
        column = self._y_column
        return f"{column.name} ({column.unit})" if column.unit else column.name

    def _notes(self, series: int, xs: int, shown: int) -> Iterable[str]:
        chart, found = self._chart, series + len(self._left_out)
        if found > SERIES_DRAWN:
            more = " or more" * (len(self._left_out) >= SERIES_HELD)
            yield f"The {SERIES_DRAWN} of {found}{more} {chart.series} with the greatest values are drawn."
        if shown < xs:
            yield f"The first {shown} of {xs} {chart.x} are drawn."
        if self._stride > 1:
            yield f"One in {self._stride} values of {chart.x} is drawn."
        if self._without_x:
            yield f"Rows without {chart.x} are not drawn."
        if self._added_up:
            yield f"Several rows of one {chart.x}{f' and {chart.series}' if chart.series else ''} are added up."


def _axis(column: Column) -> Axis:
    if issubclass(column.type, (date, datetime)):
        return Axis.TIME
    return Axis.NUMBER if issubclass(column.type, (int, float)) and not issubclass(column.type, bool) else Axis.TEXT


def _place(value: Any, axis: Axis) -> Any:
    """Where a value is on the axis; None when it is nowhere."""
    if axis is Axis.TEXT:
        return text_of(value) or _EMPTY
    if axis is Axis.NUMBER:
        return _number(value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value
        return utc.toordinal() + (utc.hour * 3600 + utc.minute * 60 + utc.second) / 86400
    return float(value.toordinal()) if isinstance(value, date) else None


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None
