"""Where the ticks of an axis are, and what is written at them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_STEPS = (1, 2, 5, 10)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6)
_YEARS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_HOURS = (1, 3, 6, 12)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in the units of its values, and the text at it."""

    at: float
    text: str


def number_ticks(low: float, high: float, most: int) -> list[Tick]:
    """Round numbers that span the values, at most `most` steps: 1, 2 or 5 times a power of ten apart."""
    if high <= low:
        high = low + 1
    step = _round_step((high - low) / max(most, 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [Tick(number * step, f"{number * step:,.{digits}f}") for number in range(first, last + 1)]


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))


def time_ticks(low: float, high: float, most: int) -> list[Tick]:
    """Days, months or years that begin within a span of days since the year 1, at most `most`: as fine as there is room for."""
    for ticks in (_hour_ticks(low, high, most), _day_ticks(low, high, most), _month_ticks(low, high, most)):
        if ticks:
            return ticks
    return _year_ticks(low, high, most)


def _hour_ticks(low: float, high: float, most: int) -> list[Tick]:
    if low == int(low) and high == int(high):
        return []
    for step in _HOURS:
        hours = range(math.ceil(low * 24 / step), math.floor(high * 24 / step) + 1)
        if 2 <= len(hours) <= most:
            moments = [(hour * step / 24, datetime.min + timedelta(days=-1, hours=hour * step)) for hour in hours]
            return [Tick(at, f"{moment:%m-%d %H:%M}") for at, moment in moments]
    return []


def _day_ticks(low: float, high: float, most: int) -> list[Tick]:
    for step in _DAYS:
        if (high - low) / step <= most + 1:
            days = [day for day in range(math.ceil(low), math.floor(high) + 1) if (day - 1) % step == 0]  # day 1 was a Monday
            if 1 <= len(days) <= most:
                return [Tick(day, date.fromordinal(day).isoformat()) for day in days]
    return []


def _month_ticks(low: float, high: float, most: int) -> list[Tick]:
    for step in _MONTHS:
        if (high - low) / 28 / step <= most + 1:
            months = [day for day in _months(low, high) if (day.month - 1) % step == 0]
            if 2 <= len(months) <= most:
                return [Tick(day.toordinal(), f"{day.year:04}-{day.month:02}") for day in months]
    return []


def _months(low: float, high: float) -> Iterator[date]:
    """The first days of the months within the span."""
    first = date.fromordinal(math.floor(low))
    for month in range(first.year * 12 + first.month - 1, 12 * (date.max.year + 1)):
        day = date(month // 12, month % 12 + 1, 1)
        if day.toordinal() > high:
            return
        if day.toordinal() >= low:
            yield day


def _year_ticks(low: float, high: float, most: int) -> list[Tick]:
    first, last = (date.fromordinal(math.floor(day)).year for day in (low, high))
    years = [year for year in range(first, last + 1) if date(year, 1, 1).toordinal() >= low]
    for step in _YEARS:
        chosen = [year for year in years if year % step == 0]
        if len(chosen) <= most:
            return [Tick(date(year, 1, 1).toordinal(), str(year)) for year in chosen]
    return []


def text_ticks(labels: Sequence[str], most: int) -> list[Tick]:
    """Every text that there is room for, evenly."""
    step = max(1, math.ceil(len(labels) / max(most, 1)))
    return [Tick(place, labels[place]) for place in range(0, len(labels), step)]
