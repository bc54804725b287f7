"""Who takes which course, since when, and what happened to it: the one truth behind enrolment rows and enrolment events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from edx_import.model import Site
from edx_import.sample.courses import Course
from edx_import.sample.people import Learner, learners_of
from edx_import.sample.recipe import Recipe, moment_between

ACTIVATED: Final = "activated"
DEACTIVATED: Final = "deactivated"
MODE_CHANGED: Final = "mode_changed"

_MODES: Final = ("audit",) * 8 + ("honor", "honor", "verified", "professional", "no-id-professional", "")
_OLD_MODES: Final = ("honor",) * 9 + ("audit",)

#: The first learners take the first course whatever the seed, so that their remarkable names are in every sample.
_SURELY_ENROLLED: Final = 16


class Change(NamedTuple):
    """One thing that happened to an enrolment (UTC); `mode` is the mode after it."""

    time: datetime
    what: str
    mode: str


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A learner in a course. The first change is always the activation. `studies`: opened the course at least once."""

    id: int
    learner: Learner
    changes: tuple[Change, ...]
    studies: bool

    @property
    def created(self) -> datetime:
        """When the learner first enrolled (UTC)."""
        return self.changes[0].time

    def state(self, until: datetime) -> tuple[bool, str]:
        """Whether it is active, and its mode, just before a moment."""
        happened = [change for change in self.changes if change.time < until]
        return happened[-1].what != DEACTIVATED, happened[-1].mode


@lru_cache(maxsize=64)
def enrollments_of(recipe: Recipe, site: Site, course: Course) -> tuple[Enrollment, ...]:
    """Every enrolment that a course ever gets, by learner."""
    possible = (_enrollment(recipe, site, course, learner) for learner in learners_of(recipe, site))
    return tuple(enrollment for enrollment in possible if enrollment is not None)


def _enrollment(recipe: Recipe, site: Site, course: Course, learner: Learner) -> Enrollment | None:
    rng = recipe.rng("enrollment", site, course.id, learner.index)
    chance = (0.75, 0.55, 0.4)[course.index % 3]
    wanted = rng.random() < chance or (course.index == 0 and learner.index < _SURELY_ENROLLED)
    begin = max(learner.joined + timedelta(minutes=2), course.opens)
    end = min(recipe.now, course.closes)
    if not wanted or begin >= end:
        return None
    created = _some_time(rng, recipe, begin, end)
    mode = rng.choice(_OLD_MODES if course.old else _MODES)
    changes = (Change(created, ACTIVATED, mode), *_later(rng, recipe, created, min(recipe.now, course.closes + timedelta(days=30)), mode))
    return Enrollment(learner.index * 1000 + course.index + 11, learner, changes, studies=rng.random() < 0.7)


def _some_time(rng: Random, recipe: Recipe, begin: datetime, end: datetime) -> datetime:
    """Any time, but often one that event files cover."""
    recent = max(begin, recipe.events_begin)
    if recent < end and rng.random() < 0.35:
        return moment_between(rng, recent, end)
    return moment_between(rng, begin, end)


def _later(rng: Random, recipe: Recipe, created: datetime, end: datetime, mode: str) -> list[Change]:
    draw = rng.random()
    if draw > 0.3:
        return []
    time = _some_time(rng, recipe, created + timedelta(seconds=30), end)
    if draw > 0.17:
        return [Change(time, MODE_CHANGED, "verified")]
    if draw > 0.05:
        return [Change(time, DEACTIVATED, mode)]
    back = _some_time(rng, recipe, time + timedelta(seconds=30), end)
    return [Change(time, DEACTIVATED, mode), Change(back, ACTIVATED, "audit")]
