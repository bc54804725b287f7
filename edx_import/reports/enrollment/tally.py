"""Learners per day and group, from the days on which something changed: no learner is looked at on any other day.

What a learner's day changes is added to that day: a group has one learner more or less. Summed up from day to day, that gives what going through
every learner on every day would, for the price of the events alone. Memory: one pair of numbers for each day and group that changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

#: A mode, gender, year of birth, level of education; None where it is not known, or where learners are not told apart.
Group = str | int | None


class Numbers(NamedTuple):
    """A group on a day: how many are enrolled at its end, and how many have ever been, those who left included."""

    enrolled: int
    ever: int


class Tally:
    """Counts learners one by one; then tells days."""

    def __init__(self) -> None:
        self._changes: dict[date, dict[Group, list[int]]] = {}

    def add(self, days: Iterable[tuple[date, bool, Group]]) -> None:
        """Counts a learner: for the days on which something happened, in their order, whether enrolled at the end, and in which group then."""
        last: tuple[bool, Group] | None = None
        for day, at_end, group in days:
            if last is not None:
                self._change(day, last[1], -last[0], -1)
            self._change(day, group, at_end, 1)
            last = (at_end, group)

    def _change(self, day: date, group: Group, enrolled: int, ever: int) -> None:
        changes = self._changes.setdefault(day, {}).setdefault(group, [0, 0])
        changes[0] += enrolled
        changes[1] += ever

    @property
    def groups(self) -> list[Group]:
        """Every group that anybody has been in at the end of a day, unknown first."""
        return in_order({group for changes in self._changes.values() for group in changes})

    def days(self, last_day: date) -> Iterator[tuple[date, Mapping[Group, Numbers]]]:
        """Every day from the first change on, with the groups that somebody is in, whether enrolled still or not."""
        if not self._changes:
            return
        first_day = min(self._changes)
        current: dict[Group, Numbers] = {}
        for number in range((last_day - first_day).days + 1):
            day = first_day + timedelta(days=number)
            if changes := self._changes.get(day):
                current = _changed(current, changes)
            yield day, current

    def on(self, day: date) -> Mapping[Group, Numbers]:
        """The groups on one day, as `days` tells them."""
        current: dict[Group, Numbers] = {}
        for changed in sorted(changed for changed in self._changes if changed <= day):
            current = _changed(current, self._changes[changed])
        return current


def in_order(groups: Iterable[Group]) -> list[Group]:
    """Unknown first."""
    return sorted(groups, key=lambda group: (group is not None, group))


def _changed(current: Mapping[Group, Numbers], changes: Mapping[Group, list[int]]) -> dict[Group, Numbers]:
    sums = dict(current)
    for group, (enrolled, ever) in changes.items():
        before = sums.get(group, Numbers(0, 0))
        sums[group] = Numbers(before.enrolled + enrolled, before.ever + ever)
    return {group: sums[group] for group in in_order(sums) if sums[group].ever}
