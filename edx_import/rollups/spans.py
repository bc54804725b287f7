"""What is rolled up at a time: some days in a row of one course."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from edx_import.ids import row_id
from edx_import.model import Site

#: So many days at a time: what is grouped, and what the second summary reads once more, should still be in the memory of the server; and a stop has
#: to be heard.
MOST_DAYS = 2

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The UTC days from `first` to `last`, both included, of a course."""

    site: Site
    course_id: str
    first: date
    last: date

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last, time(), UTC) + _DAY

    @property
    def ids(self) -> tuple[str, str]:
        """The ids of its rows, from the first, included, up to the second, excluded."""
        return row_id(self.site, self.course_id, self.first.isoformat()) + "|", row_id(self.site, self.course_id, self.last.isoformat()) + "}"


def spans_of(days: Iterable[tuple[Site, str, date]], most_days: int = MOST_DAYS) -> Iterator[Span]:
    """The days as spans, in order: as long as days follow each other, but no longer than `most_days`."""
    span: Span | None = None
    for site, course_id, day in sorted(set(days)):
        if span and (span.site, span.course_id) == (site, course_id) and day - span.last == _DAY and (day - span.first).days < most_days:
            span = Span(site, course_id, span.first, day)
            continue
        if span:
            yield span
        span = Span(site, course_id, day, day)
    if span:
        yield span
