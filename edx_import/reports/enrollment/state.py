"""From events to the state of an enrolment at the end of each day. Pure: no database, no options.

The state begins as not enrolled, also where the first event says that somebody left. Only an activation enrols and only a deactivation ends that;
the mode is that of the last event of any type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from edx_import.model import ACTIVATED, DEACTIVATED, EnrollmentEvent


class DayState(NamedTuple):
    """An enrolment at the end of a day (UTC). `change` is 1, 0 or -1: against the end of the last day before."""

    day: date
    at_end: bool
    change: int
    mode: str


def day_states(events: Iterable[EnrollmentEvent]) -> Iterator[DayState]:
    """The state on each day that has events, which come in their order."""
    enrolled = before = False
    for day, of_day in groupby(events, key=_day):
        for event in of_day:
            enrolled = event.type == ACTIVATED or (enrolled and event.type != DEACTIVATED)
            mode = event.mode
        yield DayState(day, enrolled, enrolled - before, mode)
        before = enrolled


def every_day(states: Iterable[DayState], last_day: date) -> Iterator[DayState]:
    """A state for each day from the first event's on: days without events carry on what was, without a change, also after the learner has left."""
    current: DayState | None = None
    for state in states:
        if current is not None:
            yield from _carried_on(current, state.day)
        yield state
        current = state
    if current is not None:
        yield from _carried_on(current, last_day + timedelta(days=1))


def _carried_on(state: DayState, until: date) -> Iterator[DayState]:
    for days in range(1, (until - state.day).days):
        yield state._replace(day=state.day + timedelta(days=days), change=0)


def _day(event: EnrollmentEvent) -> date:
    return event.time.date()
