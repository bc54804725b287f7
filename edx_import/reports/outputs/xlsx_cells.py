"""The cells of a worksheet as XML: text as text, whatever it begins with, numbers as numbers, days and times as those of a spreadsheet.

ECMA-376 part 1, 18.3.1.4 (cells) and 22.9.2.19 (`_xHHHH_`, how a character that XML cannot hold is written).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from edx_import.reports.outputs.base import text_of

#: A spreadsheet has room for so many UTF-16 units in a cell.
LONGEST_TEXT = 32_767

#: Beyond, a spreadsheet's numbers, which are doubles, are not exact.
_EXACT = 2**53

_DAY_ZERO = datetime(1899, 12, 30)
#: Before, spreadsheets count a day that never was (29 February 1900); such days are written as text.
_FIRST_DAY = date(1900, 3, 1)
_ONE_DAY = timedelta(days=1)

_ESCAPED = re.compile(r"[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class Styles:
    """The numbers of the workbook's formats."""

    heading: int
    day: int
    moment: int


@dataclass(slots=True)
class RowWriter:
    """Makes rows of one report; counts the texts that were too long for a cell."""

    columns: int
    styles: Styles
    cut: int = 0

    def __post_init__(self) -> None:
        self._letters = [column_letters(index) for index in range(self.columns)]

    _letters: Sequence[str] = ()

    def heading(self, names: Sequence[str]) -> str:
        """The first row."""
        cells = [_text(f'"{letters}1" s="{self.styles.heading}"', name) for letters, name in zip(self._letters, names, strict=True)]
        return f'<row r="1">{"".join(cells)}</row>'

    def row(self, number: int, values: Sequence[Any]) -> str:
        """A row of values; the heading is number 1."""
        cells = [self._cell(f"{letters}{number}", value) for letters, value in zip(self._letters, values, strict=True) if value is not None]
        return f'<row r="{number}">{"".join(cells)}</row>'

    def _cell(self, place: str, value: Any) -> str:
        if isinstance(value, str):
            return self._text_cell(place, value)
        if isinstance(value, bool):
            return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
        if isinstance(value, int) and -_EXACT <= value <= _EXACT:
            return f'<c r="{place}"><v>{int.__repr__(value)}</v></c>'
        if isinstance(value, float) and math.isfinite(value):
            return f'<c r="{place}"><v>{float.__repr__(value)}</v></c>'
        if isinstance(value, datetime):
            return self._moment_cell(place, value)
        if isinstance(value, date) and value >= _FIRST_DAY:
            return f'<c r="{place}" s="{self.styles.day}"><v>{value.toordinal() - _DAY_ZERO.toordinal()}</v></c>'
        return self._text_cell(place, text_of(value))

    def _moment_cell(self, place: str, value: datetime) -> str:
        utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        if utc.date() < _FIRST_DAY:
            return self._text_cell(place, text_of(value))
        return f'<c r="{place}" s="{self.styles.moment}"><v>{(utc - _DAY_ZERO) / _ONE_DAY!r}</v></c>'

    def _text_cell(self, place: str, text: str) -> str:
        if len(text) > LONGEST_TEXT // 2 and _units(text) > LONGEST_TEXT:
            self.cut += 1
            text = _first_units(text, LONGEST_TEXT - 1) + "…"
        return _text(f'"{place}"', text)


def column_letters(index: int) -> str:
    """What a spreadsheet calls a column: 0 is A, 26 is AA."""
    letters = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        letters = chr(ord("A") + letter) + letters
        index -= 1
    return letters


def _text(place: str, text: str) -> str:
    escaped = _ESCAPED.sub(_escape, text) if _ESCAPED.search(text) else text
    return f'<c r={place} t="inlineStr"><is><t xml:space="preserve">{escaped}</t></is></c>'


def _escape(found: re.Match[str]) -> str:
    char = found.group()
    return _NAMED.get(char) or f"_x{ord(char):04X}_"


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)


def _first_units(text: str, units: int) -> str:
    """As much of the text as has that many units, no half characters."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")
