"""What a chart shows of the rows, where its ticks are, and that it holds no more however many rows there are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edx_import.reports.outputs.axes import number_ticks, text_ticks, time_ticks
from edx_import.reports.outputs.chart import BARS_DRAWN, SERIES_DRAWN, X_HELD, Axis, Collector, Drawing
from edx_import.reports.outputs.chart_svg import svg
from edx_import.reports.report import Chart, ChartKind, Column, Report

SVG = "{http://www.w3.org/2000/svg}"
DAY = date(2020, 1, 1)


def drawn(rows: Any, x_type: type = date, series: bool = False, kind: ChartKind = ChartKind.LINE) -> Drawing | None:
    columns = (Column("x", x_type), Column("y", float, "", "units"), Column("s"))
    collector = Collector(Report(columns, []), Chart(kind, "x", "y", "s" if series else None))
    for row in rows:
        collector.add((*row, None)[:3])
    return collector.drawing()


def known(drawing: Drawing | None) -> Drawing:
    assert drawing is not None
    return drawing


def test_a_series_is_in_the_order_of_x() -> None:
    drawing = known(drawn([[DAY + timedelta(2), 3], [DAY, 1], [DAY + timedelta(1), 2]]))
    first = DAY.toordinal()
    assert [(series.name, list(series.points)) for series in drawing.series] == [("", [(first, 1.0), (first + 1, 2.0), (first + 2, 3.0)])]
    assert (drawing.axis, drawing.x, drawing.y, drawing.notes) == (Axis.TIME, "x", "y (units)", [])


def test_moments_and_days_share_an_axis() -> None:
    (series,) = known(drawn([[datetime(2020, 1, 1, 12, tzinfo=UTC), 1], [DAY, 2]], datetime)).series
    assert [x - DAY.toordinal() for x, _ in series.points] == [0, 0.5]


@pytest.mark.parametrize("row", [[None, 1], [DAY, None], [DAY, "5"], [DAY, float("nan")], [DAY, float("inf")], [DAY, True], [DAY, 10**400], ["x", 1]])
def test_what_has_no_place_or_no_number_is_not_drawn(row: list[Any]) -> None:
    assert drawn([row]) is None
    notes = known(drawn([row, [DAY, 1]])).notes
    assert notes == (["Rows without x are not drawn."] if row in ([None, 1], ["x", 1]) else [])
    assert [list(series.points) for series in known(drawn([row, [DAY, 1]])).series] == [[(DAY.toordinal(), 1.0)]]


def test_texts_are_in_the_order_of_the_rows_and_what_is_empty_is_called_so() -> None:
    drawing = known(drawn([["m", 1], [None, 2], ["f", 3], ["", 4]], str, kind=ChartKind.BAR))
    assert drawing.labels == ("m", "(empty)", "f")
    assert [list(series.points) for series in drawing.series] == [[(0, 1.0), (1, 6.0), (2, 3.0)]]


def test_rows_of_one_x_and_series_are_added_up_and_it_is_said() -> None:
    drawing = known(drawn([[DAY, 1, "a"], [DAY, 2, "a"], [DAY, 5, "b"]], series=True))
    assert {series.name: [y for _, y in series.points] for series in drawing.series} == {"a": [3.0], "b": [5.0]}
    assert drawing.notes == ["Several rows of one x and s are added up."]


def test_the_greatest_series_are_drawn_in_the_order_of_the_rows() -> None:
    drawing = known(drawn([[DAY, number, f"s{number}"] for number in range(20)], series=True))
    assert [series.name for series in drawing.series] == [f"s{number}" for number in range(20 - SERIES_DRAWN, 20)]
    assert drawing.notes == ["The 8 of 20 s with the greatest values are drawn."]


def test_of_many_names_the_first_have_bars() -> None:
    drawing = known(drawn([[f"name {number}", number] for number in range(100)], str, kind=ChartKind.BAR))
    assert len(drawing.labels) == len(drawing.series[0].points) == BARS_DRAWN
    assert drawing.notes == ["The first 40 of 100 x are drawn."]


def test_of_many_days_every_second_is_drawn_with_its_exact_sum() -> None:
    days = [DAY + timedelta(number) for number in range(X_HELD + 500)]
    drawing = known(drawn([[day, 1, series] for series, day in product("ab", days)], series=True))
    assert drawing.notes == ["One in 2 values of x is drawn."]
    assert [len(series.points) for series in drawing.series] == [1250, 1250]
    assert {y for series in drawing.series for _, y in series.points} == {1.0}


def test_what_is_held_is_bounded() -> None:
    collector = Collector(Report((Column("x", datetime), Column("y", int), Column("s")), []), Chart(ChartKind.LINE, "x", "y", "s"))
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(30_000):
        collector.add([start + timedelta(seconds=37 * number), 1, f"s{number % 7}"])
    assert len(collector._xs) <= X_HELD
    assert sum(map(len, collector._sums.values())) <= 7 * X_HELD


def test_series_that_are_held_are_bounded() -> None:
    collector = Collector(Report((Column("x", date), Column("y", int), Column("s")), []), Chart(ChartKind.LINE, "x", "y", "s"))
    for number in range(2000):
        collector.add([DAY, 1, f"s{number}"])
    assert len(collector._sums) <= 200
    assert known(collector.drawing()).notes == ["The 8 of 400 or more s with the greatest values are drawn."]


@pytest.mark.parametrize(
    ("low", "high", "most", "texts"),
    [
        (0, 10, 5, ["0", "2", "4", "6", "8", "10"]),
        (0, 19_432, 5, ["0", "5,000", "10,000", "15,000", "20,000"]),
        (0, 0, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 0.03, 3, ["0.00", "0.01", "0.02", "0.03"]),
        (-5, 7, 3, ["-5", "0", "5", "10"]),
        (0, 1e12, 2, ["0", "500,000,000,000", "1,000,000,000,000"]),
    ],
)
def test_ticks_of_numbers_are_round(low: float, high: float, most: int, texts: list[str]) -> None:
    assert [tick.text for tick in number_ticks(low, high, most)] == texts


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.integers(1, 12))
def test_ticks_of_numbers_span_the_values_and_are_few(one: int, other: int, most: int) -> None:
    low, high = min(one, other), max(one, other)
    ticks = number_ticks(low, high, most)
    step = ticks[1].at - ticks[0].at
    assert ticks[0].at <= low + step * 1e-6
    assert ticks[-1].at >= high - step * 1e-6
    assert len(ticks) <= most + 2


@pytest.mark.parametrize(
    ("first", "last", "most", "texts"),
    [
        ("2020-01-01", "2020-01-05", 10, ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04", "2020-01-05"]),
        ("2020-01-01", "2020-01-31", 5, ["2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"]),
        ("2020-01-15", "2020-06-20", 6, ["2020-02", "2020-03", "2020-04", "2020-05", "2020-06"]),
        ("2019-11-20", "2021-02-01", 5, ["2020-01", "2020-04", "2020-07", "2020-10", "2021-01"]),
        ("2012-09-05", "2020-01-12", 8, ["2013", "2014", "2015", "2016", "2017", "2018", "2019", "2020"]),
        ("0001-01-01", "9999-12-31", 10, ["1000", "2000", "3000", "4000", "5000", "6000", "7000", "8000", "9000"]),
        ("2020-03-07", "2020-03-07", 5, ["2020-03-07"]),
    ],
)
def test_ticks_of_time_are_where_days_weeks_months_and_years_begin(first: str, last: str, most: int, texts: list[str]) -> None:
    ticks = time_ticks(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal(), most)
    assert [tick.text for tick in ticks] == texts


def test_ticks_within_a_day_are_hours() -> None:
    start = DAY.toordinal()
    assert [tick.text for tick in time_ticks(start + 0.1, start + 0.9, 5)] == ["01-01 06:00", "01-01 12:00", "01-01 18:00"]


def test_ticks_of_texts_leave_out_what_there_is_no_room_for() -> None:
    assert [tick.text for tick in text_ticks(list("abcdefg"), 4)] == ["a", "c", "e", "g"]
    assert [tick.text for tick in text_ticks(list("ab"), 4)] == ["a", "b"]


def picture(drawing: Drawing | None, width: int = 1000) -> ElementTree.Element:
    return ElementTree.fromstring(svg(known(drawing), width, 340, "wide"))


def inside(chart: ElementTree.Element) -> bool:
    """Whether all bars and dots lie within the picture."""
    _, _, width, height = map(float, (chart.get("viewBox") or "").split())
    rects = [[float(rect.get(name, "")) for name in ("x", "y", "width", "height")] for rect in chart.iter(f"{SVG}rect")]
    dots = [[float(dot.get("cx", "")), float(dot.get("cy", "")), 0, 0] for dot in chart.iter(f"{SVG}circle")]
    return all(0 <= x <= x + w <= width and 0 <= y <= y + h <= height and min(w, h) >= 0 for x, y, w, h in rects + dots)


@pytest.mark.parametrize("width", [420, 1000])
@pytest.mark.parametrize("kind", list(ChartKind))
@pytest.mark.parametrize(
    ("x_type", "rows"),
    [
        (date, [[DAY, 5]]),
        (date, [[DAY + timedelta(number), number - 3, "ab"[number % 2]] for number in range(400)]),
        (int, [[1990 + number, 0] for number in range(3)]),
        (float, [[0.5, 1e-9], [0.25, -1e-9]]),
        (str, [["f", 3], ["m", 4], [None, 0]]),
        (str, [[f"course-v1:DemoX+<{number}>+1T2020", number, "ab"[number % 2]] for number in range(60)]),
        (str, [["x", -5], ["y", 7]]),
    ],
    ids=["one point", "days", "years without", "small numbers", "few names", "many long names", "below zero"],
)
def test_every_chart_is_well_formed_and_inside_its_picture(kind: ChartKind, x_type: type, rows: list[list[Any]], width: int) -> None:
    chart = picture(drawn(rows, x_type, len(rows[0]) > 2, kind), width)
    assert inside(chart)
    assert list(chart.iter(f"{SVG}path"))


def test_bars_stand_for_their_numbers() -> None:
    chart = picture(drawn([["a", 10], ["b", 5], ["c", 0]], str, kind=ChartKind.BAR))
    heights = [float(rect.get("height", "")) for rect in chart.iter(f"{SVG}rect")]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    assert heights[2] == 0
    assert [text.text for text in chart.iter(f"{SVG}text") if text.get("class") == "value"] == ["10", "5", "0"]


def test_bars_of_long_names_lie_on_their_side_with_the_whole_name_at_hand() -> None:
    names = ["course-v1:DemoX+A+1T2020", "a name that is far too long for the room that is there for names, even at the widest"]
    chart = picture(drawn([[name, 10 - 5 * number] for number, name in enumerate(names)], str, kind=ChartKind.BAR))
    widths = [float(rect.get("width", "")) for rect in chart.iter(f"{SVG}rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert [title.text for title in chart.iter(f"{SVG}title")] == [names[1]]
    assert any((text.text or "").endswith("at the widest") for text in chart.iter(f"{SVG}text"))
