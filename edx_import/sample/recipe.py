"""What a sample package is made from: the recipe, and the streams of chance that follow from its seed.

Everything that the maker invents comes from `Recipe.rng(...)`, so that two runs of one recipe give the same clear content, file by file,
in whatever order the files are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from edx_import.model import EDGE, PROD, Site
from edx_import.sample.courses import Course, invent_courses, write_courses_yaml


@dataclass(frozen=True, slots=True)
class Recipe:
    """How large a sample package is, which days it covers and how dirty it is.

    `org` is the spelling in course ids; keys carry it in lower case. `events_per_day` is per site; enrolments of that day come on top.
    `weekly` are the snapshot dates of the database ZIPs (none: one, on `last_day`); a snapshot holds everything up to the end of its day.
    `edge`: edge members and edge event files too, with the same course ids and user ids but other people. `tables` are the tables that the ZIPs
    have (none: all). `dirt` is a set of names of `dirt.DIRT` (each comes once in every event file or ZIP it belongs to; what a ZIP has lost, in the
    newest ZIP alone) or the share of dirty event lines. `foreign`: keys beside ours that no sync may take. `email`: the e-mail opt-in ZIP, one
    per snapshot.
    """

    seed: int = 1
    org: str = "DemoX"
    courses: int = 3
    learners: int = 200
    days: int = 3
    events_per_day: int = 1500
    last_day: date = date(2020, 1, 12)
    edge: bool = False
    weekly: tuple[date, ...] = ()
    blocks_per_learner: int = 14
    tables: frozenset[str] = frozenset()
    dirt: float | frozenset[str] = frozenset()
    foreign: bool = False
    email: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.dirt, Iterable):
            object.__setattr__(self, "dirt", frozenset(self.dirt))

    @property
    def key_org(self) -> str:
        """The organisation as it stands in keys."""
        return self.org.lower()

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites the package has data of."""
        return (PROD, EDGE) if self.edge else (PROD,)

    @property
    def event_days(self) -> tuple[date, ...]:
        """The UTC days that have an event file, in order."""
        return tuple(self.last_day - timedelta(days=back) for back in reversed(range(self.days)))

    @property
    def snapshots(self) -> tuple[date, ...]:
        """The dates of the weekly ZIPs, in order."""
        return tuple(sorted(self.weekly)) or (self.last_day,)

    @property
    def events_begin(self) -> datetime:
        """The first moment that event files cover (UTC)."""
        return end_of(self.last_day) - timedelta(days=self.days)

    @property
    def now(self) -> datetime:
        """The moment after which nothing in the sample happens (UTC)."""
        return end_of(max(self.last_day, *self.snapshots))

    def rng(self, *purpose: object) -> Random:
        """A stream of chance of its own for a purpose."""
        return Random("|".join(str(part) for part in (self.seed, *purpose)))


def courses_of(recipe: Recipe) -> tuple[Course, ...]:
    """The courses of a recipe."""
    return invent_courses(recipe.org, recipe.courses, recipe.last_day)


def sample_courses_yaml(recipe: Recipe) -> str:
    """A courses.yaml for the sample: every course but the old-form one."""
    return write_courses_yaml(courses_of(recipe))


def end_of(day: date) -> datetime:
    """The first moment after a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def moment_between(rng: Random, start: datetime, end: datetime) -> datetime:
    """A moment in [start, end), to the microsecond; one in four on a full second. `start` when nothing lies between."""
    if end <= start:
        return start
    moment = start + (end - start) * rng.random()
    return max(start, moment.replace(microsecond=0)) if rng.random() < 0.25 else moment
