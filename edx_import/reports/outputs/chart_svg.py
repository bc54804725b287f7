"""A chart as SVG: lines, bars, or bars that lie on their side where their names are long. The style sheet colours the classes s0, s1, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from edx_import.reports.outputs.axes import Tick, number_ticks, text_ticks, time_ticks
from edx_import.reports.outputs.chart import Axis, Drawing, Series
from edx_import.reports.report import ChartKind

_LETTER = 8.0  # the width of a letter of the axes: that of the widest of the usual fonts
_LINE = 18.0
_MARGIN = 14.0
_LONG_NAME = 10
_UPRIGHT_BARS = 24
_WIDEST_BAR = 80.0
_NAMES_SHARE = 0.42  # of the width, for names at the left
_LYING_BAR, _GAP = 14.0, 8.0
_MARKED_POINTS = 40  # a line of no more points shows each


@dataclass(frozen=True, slots=True)
class _Plot:
    """The room of the data, in pixels, and what they span."""

    left: float
    right: float
    top: float
    bottom: float
    x_from: float
    x_to: float
    y_from: float
    y_to: float

    def x(self, value: float) -> float:
        return self.left + (value - self.x_from) / (self.x_to - self.x_from) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.y_from) / (self.y_to - self.y_from) * (self.bottom - self.top)


def svg(drawing: Drawing, width: int, height: int, css_class: str) -> str:
    """The chart in a box of that size; `css_class` tells it from one of another size."""
    parts, high = _lying_bars(drawing, width) if _lies_down(drawing) else (_upright(drawing, width, height), float(height))
    label = escape(f"{drawing.y} by {drawing.x}")
    return (
        f'<svg class="chart {css_class}" viewBox="0 0 {width} {high:.0f}" role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def _lies_down(drawing: Drawing) -> bool:
    long = max(map(len, drawing.labels), default=0) > _LONG_NAME
    return drawing.kind is ChartKind.BAR and drawing.axis is Axis.TEXT and (long or len(drawing.labels) > _UPRIGHT_BARS)


def _y_ticks(drawing: Drawing, most: int) -> list[Tick]:
    values = [y for series in drawing.series for _, y in series.points]
    return number_ticks(min(0.0, *values), max(0.0, *values), most)


def _upright(drawing: Drawing, width: int, height: int) -> list[str]:
    y_ticks = _y_ticks(drawing, height // 60)
    left = _MARGIN + max(len(tick.text) for tick in y_ticks) * _LETTER
    plot = _plot(drawing, (left, width - _MARGIN), (_MARGIN, height - 30), y_ticks)
    draw = _lines if drawing.kind is ChartKind.LINE else _bars
    return [*_grid(plot, y_ticks), *_x_labels(drawing, plot), *draw(drawing, plot)]


def _plot(drawing: Drawing, x_room: tuple[float, float], y_room: tuple[float, float], y_ticks: Sequence[Tick]) -> _Plot:
    xs = [x for series in drawing.series for x, _ in series.points]
    low, high = min(xs), max(xs)
    if drawing.kind is ChartKind.BAR:
        room = _bar_step(drawing) / 2
        low, high = low - room, high + room
    elif low == high:
        low, high = low - 1, high + 1
    return _Plot(*x_room, *y_room, low, high, y_ticks[0].at, y_ticks[-1].at)


def _bar_step(drawing: Drawing) -> float:
    """The least distance of two values of x: so much room each set of bars has."""
    xs = sorted({x for series in drawing.series for x, _ in series.points})
    return min((after - before for before, after in pairwise(xs)), default=1.0)


def _grid(plot: _Plot, ticks: Sequence[Tick]) -> Iterator[str]:
    for tick in ticks:
        y = plot.y(tick.at)
        line = "axis" if tick.at == 0 else "grid"
        yield f'<path class="{line}" d="M{plot.left:.1f} {y:.1f}H{plot.right:.1f}"/>'
        yield f'<text class="tick" x="{plot.left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(tick.text)}</text>'


def _x_labels(drawing: Drawing, plot: _Plot) -> Iterator[str]:
    for tick in _x_ticks(drawing, plot):
        x = plot.x(tick.at)
        if plot.left <= x <= plot.right:
            half = len(tick.text) * _LETTER / 2
            x_text = min(max(x, plot.left + half - _MARGIN), plot.right - half + _MARGIN)
            yield f'<path class="axis" d="M{x:.1f} {plot.bottom:.1f}v5"/>'
            yield f'<text class="tick" x="{x_text:.1f}" y="{plot.bottom + 20:.1f}" text-anchor="middle">{escape(tick.text)}</text>'


def _x_ticks(drawing: Drawing, plot: _Plot) -> list[Tick]:
    room = plot.right - plot.left
    if drawing.axis is Axis.TIME:
        return time_ticks(plot.x_from, plot.x_to, int(room / 92))
    if drawing.axis is Axis.TEXT:
        return text_ticks(drawing.labels, int(room / (_LETTER * (max(map(len, drawing.labels)) + 2))))
    longest = max(len(f"{x:,.0f}") for x in (plot.x_from, plot.x_to)) + 2
    ticks = number_ticks(plot.x_from, plot.x_to, int(room / (_LETTER * longest)))
    return [Tick(tick.at, tick.text.replace(",", "")) for tick in ticks]  # years are numbers, too


def _lines(drawing: Drawing, plot: _Plot) -> Iterator[str]:
    for number, series in enumerate(drawing.series):
        path = "L".join(f"{plot.x(x):.1f} {plot.y(y):.1f}" for x, y in series.points)
        yield f'<path class="line s{number}" d="M{path}"/>'
        if len(series.points) <= _MARKED_POINTS:
            yield from (f'<circle class="dot s{number}" cx="{plot.x(x):.1f}" cy="{plot.y(y):.1f}" r="3"/>' for x, y in series.points)


def _bars(drawing: Drawing, plot: _Plot) -> Iterator[str]:
    room = min((plot.x(_bar_step(drawing)) - plot.x(0)) * 0.8, _WIDEST_BAR * len(drawing.series))
    each = max(room / len(drawing.series), 0.5)
    with_values = each > _LETTER * 5
    for number, series in enumerate(drawing.series):
        for x, y in series.points:
            left = plot.x(x) - room / 2 + number * each
            top, bottom = plot.y(max(y, 0)), plot.y(min(y, 0))
            yield f'<rect class="bar s{number}" x="{left:.1f}" y="{top:.1f}" width="{each * 0.94:.2f}" height="{bottom - top:.1f}"/>'
            if with_values:
                yield f'<text class="value" x="{left + each * 0.47:.1f}" y="{top - 4:.1f}" text-anchor="middle">{_number(y)}</text>'


def _lying_bars(drawing: Drawing, width: int) -> tuple[list[str], float]:
    """One row of bars for each text, its name at the left; as high as there are rows."""
    names = [_shortened(label, width) for label in drawing.labels]
    left = _MARGIN + 6 + max(map(len, names)) * _LETTER
    row = max(_LINE, _LYING_BAR * len(drawing.series)) + _GAP
    right = width - _MARGIN - 8 * _LETTER
    ticks = _y_ticks(drawing, 4)
    low, span = min(ticks[0].at, 0.0), ticks[-1].at - min(ticks[0].at, 0.0)

    def place(value: float) -> float:
        return left + (value - low) / span * (right - left)

    parts = [f'<path class="axis" d="M{place(0):.1f} 0v{row * len(names):.1f}"/>']
    for index, (name, label) in enumerate(zip(names, drawing.labels, strict=True)):
        middle = row * (index + 0.5)
        text = f'<text class="tick" x="{left - 6:.1f}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}'
        parts.append(text + (f"<title>{escape(label)}</title></text>" if name != label else "</text>"))
    for number, series in enumerate(drawing.series):
        parts += _lying(series, number, len(drawing.series), row, place)
    return parts, row * len(names) + 4


def _lying(series: Series, number: int, of: int, row: float, place: Callable[[float], float]) -> Iterator[str]:
    each = (row - _GAP) / of
    for index, value in series.points:
        start, end = sorted((place(0), place(value)))
        top = row * index + _GAP / 2 + number * each
        yield f'<rect class="bar s{number}" x="{start:.1f}" y="{top:.1f}" width="{end - start:.1f}" height="{each * 0.92:.1f}"/>'
        yield f'<text class="value" x="{end + 4:.1f}" y="{top + each / 2 + 4:.1f}">{_number(value)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _shortened(label: str, width: int) -> str:
    """Without its middle, where it is too long: what tells course ids apart stands at their ends."""
    most = int(width * _NAMES_SHARE / _LETTER)
    return label if len(label) <= most else f"{label[: most // 3]}…{label[len(label) - most + most // 3 + 1 :]}"
