"""The times of events: text to date, and back to the same text.

The platform writes `YYYY-MM-DDTHH:MM:SS.ffffff+00:00` (canonical here), leaves the fraction out when it is zero, and left the offset out in its
early years. Other offsets, `Z` and a blank for the `T` are understood as well. A time without an offset is UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import floor
from typing import NamedTuple

#: The last second that an event's id has room for: 2106-02-07T06:28:15.
LAST_SECOND = 2**32 - 1

_NO_OFFSET = timedelta()

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_CANONICAL = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}\.[0-9]{{6}}\+00:00")
_TOLERANT = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[Tt ]({_CLOCK})(?:[.,]([0-9]+))? ?(?:[Zz]|([+-])([0-9]{{2}})(?::?([0-9]{{2}}))?)?")


class EventTime(NamedTuple):
    """A moment, as a document holds it.

    `date` is UTC in whole milliseconds, all that a BSON date can hold; `microseconds` (0-999) come on top. `second` is the second since 1970 that it
    falls in, negative before. `canonical`: `canonical_text` gives exactly the text that was parsed.
    """

    date: datetime
    microseconds: int
    second: int
    canonical: bool

    @property
    def in_range(self) -> bool:
        """Whether it is from 1970-01-01T00:00:00 to 2106-02-07T06:28:15, all of that second included."""
        return 0 <= self.second <= LAST_SECOND


def parse_time(text: str) -> EventTime | None:
    """The moment that a text names; None when it names none. Blanks around it, and digits of a second beyond the sixth, do not matter."""
    try:
        return _event_time(text, canonical=True) if _CANONICAL.fullmatch(text) else _tolerantly(text)
    except (ValueError, OverflowError):
        return None


def canonical_text(date: datetime, microseconds: int) -> str:
    """The canonical text of a moment whose date may have come back from the database without its zone (UTC)."""
    exact = date.replace(microsecond=date.microsecond + microseconds, tzinfo=UTC)
    return exact.isoformat(timespec="microseconds")


def _event_time(text: str, canonical: bool, offset: timedelta = _NO_OFFSET) -> EventTime:
    date = datetime.fromisoformat(text[:23] + text[26:])
    if offset:
        date -= offset
    return EventTime(date, int(text[23:26]), floor(date.timestamp()), canonical)


def _tolerantly(text: str) -> EventTime | None:
    match = _TOLERANT.fullmatch(text.strip())
    if match is None:
        return None
    day, clock, fraction, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0)) if sign else _NO_OFFSET
    micro = (fraction or "")[:6].ljust(6, "0")
    return _event_time(f"{day}T{clock}.{micro}+00:00", canonical=False, offset=-offset if sign == "-" else offset)
