"""The numbers of the enrolment family, once more, as slowly and plainly as their definition has them: every learner is looked at on every day.

Nothing of edx-import is used. Events are (course, learner, time, kind, mode); days are dates; the answers are sorted lists of rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

Event = tuple[str, int, datetime, str, str]
Cell = tuple[date, str, int, int, int, str]

_RANK = {"activated": 0, "deactivated": 1, "mode_changed": 2}


def cells(events: Iterable[Event], last_day: date) -> list[Cell]:
    """(date, course, learner, at_end, change, mode): a cell for each learner and day from the learner's first day on."""
    found = []
    for course, user in sorted({(event[0], event[1]) for event in events}):
        of_learner = sorted((event[2:] for event in events if event[:2] == (course, user)), key=lambda event: (event[0], _RANK[event[1]], event[2]))
        state, previous, mode = 0, 0, "unknown"
        day = of_learner[0][0].date()
        while day <= last_day:
            today = [event for event in of_learner if event[0].date() == day]
            for _, kind, mode_of_event in today:
                mode = mode_of_event
                if kind == "activated" and state == 0:
                    state = 1
                elif kind == "deactivated" and state == 1:
                    state = 0
            found.append((day, course, user, state, state - previous if today else 0, mode))
            previous = state
            day += timedelta(days=1)
    return found


def counted(rows: Iterable[Cell], group: Callable[[Cell], Any]) -> list[tuple[Any, ...]]:
    """(course, date, group, sum of at_end, number of learners)."""
    sums: dict[tuple[str, date, Any], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        of_group = sums[row[1], row[0], group(row)]
        of_group[0] += row[3]
        of_group[1] += 1
    return sorted(((*key, *numbers) for key, numbers in sums.items()), key=lambda row: (row[0], row[1], row[2] is not None, row[2]))


def summaries(events: Iterable[Event]) -> list[tuple[Any, ...]]:
    """(course, learner, mode, is active, first mode, first time, last left, first verified, first credit)."""
    found = []
    for course, user in sorted({(event[0], event[1]) for event in events}):
        of_learner = sorted((event[2:] for event in events if event[:2] == (course, user)), key=lambda event: (event[0], _RANK[event[1]], event[2]))
        active = False
        changes: list[tuple[datetime, str]] = []
        left = None
        for moment, kind, mode in of_learner:
            if kind == "activated" and not active:
                active = True
                changes.append((moment, mode))
            elif kind == "deactivated" and active:
                active, left = False, moment
            elif kind == "mode_changed" and active:
                changes.append((moment, mode))
        if changes:
            first = {mode: min(moment for moment, changed in changes if changed == mode) for _, mode in changes}
            times = (changes[0][0], left, first.get("verified"), first.get("credit"))
            found.append((course, user, changes[-1][1], active, changes[0][1], *times))
    return found


def passing(rows: Iterable[Cell], grades: Mapping[tuple[str, int], date]) -> list[tuple[str, str, int]]:
    """(course, mode, who passed): `grades` has the day of each passing grade."""
    rows = list(rows)
    sums = {(course, mode): 0 for _, course, _, _, _, mode in rows}
    for (course, user), modified in grades.items():
        until = [row for row in rows if row[1:3] == (course, user) and row[0] <= modified]
        if until:
            sums[course, max(until)[5]] += 1
    return sorted((*key, number) for key, number in sums.items())


def on_last_day(rows: Iterable[Cell], grades: Mapping[tuple[str, int], date], last_day: date) -> list[tuple[Any, ...]]:
    """(course, mode, count, change in seven days, cumulative count, who passed)."""
    rows = list(rows)
    by_mode = {row[:3]: row[3:] for row in counted(rows, lambda row: row[5])}
    passed = {(course, mode): number for course, mode, number in passing(rows, grades)}
    found = []
    for (course, day, mode), (count, ever) in sorted(by_mode.items()):
        if day == last_day:
            before = by_mode.get((course, day - timedelta(days=7), mode), (0, 0))[0]
            found.append((course, mode, count, count - before, ever, passed[course, mode]))
    return found
