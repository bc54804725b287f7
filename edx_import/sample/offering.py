"""A course on a site as it was at the end of a day: what every file of that course is made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random

from edx_import.model import Site
from edx_import.sample.courses import Course
from edx_import.sample.enrollment import Enrollment, enrollments_of
from edx_import.sample.people import Learner
from edx_import.sample.recipe import Recipe, end_of, moment_between
from edx_import.sample.structure import Block, blocks_of


@dataclass(frozen=True)
class Offering:
    """Not slotted: its lists are made once, when they are asked for."""

    recipe: Recipe
    site: Site
    course: Course
    day: date

    @cached_property
    def until(self) -> datetime:
        """The first moment that it knows nothing of (UTC)."""
        return end_of(self.day)

    @cached_property
    def enrollments(self) -> tuple[Enrollment, ...]:
        """Those that exist by then, by learner."""
        return tuple(one for one in enrollments_of(self.recipe, self.site, self.course) if one.created < self.until)

    @cached_property
    def learners(self) -> tuple[Learner, ...]:
        """Everybody who ever enrolled, by id."""
        return tuple(one.learner for one in self.enrollments)

    @cached_property
    def studying(self) -> tuple[Enrollment, ...]:
        """The enrolments of those who opened the course."""
        return tuple(one for one in self.enrollments if one.studies)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The course's blocks, in order."""
        return blocks_of(self.course, self.site)

    @cached_property
    def by_category(self) -> dict[str, tuple[Block, ...]]:
        """The blocks of each category, in order."""
        categories = dict.fromkeys(block.category for block in self.blocks)
        return {category: tuple(block for block in self.blocks if block.category == category) for category in categories}

    def rng(self, *purpose: object) -> Random:
        """A stream of chance for a purpose within this course and site; the same on every day."""
        return self.recipe.rng(self.site, self.course.id, *purpose)

    def moment(self, rng: Random, after: datetime) -> datetime:
        """A moment after another, before the course or the sample ends (UTC)."""
        latest = min(self.recipe.now, self.course.closes)
        return moment_between(rng, after, max(latest, after + timedelta(hours=1)))
