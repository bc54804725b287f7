"""Two weeks of a sample of which the second has lost rows that the first had: what a sync has to guard against."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from edx_import.errors import UsageError
from edx_import.model import PROD
from edx_import.sample.dirt import TRUNCATED_TABLE, ZERO_BYTE_MEMBER, named_dirt
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe, courses_of

#: A table with fewer rows may shrink for good reasons.
WORTH_GUARDING: Final = 50


def shrinking_weeks(recipe: Recipe) -> tuple[Recipe, Recipe]:
    """Recipes for two packages, to be made and loaded one after the other: with a ZIP of the week before, then with the one of `last_day`, too.

    The newest ZIP holds less than half of the rows that a table of the first course had (`dirt.TRUNCATED_TASK`), and not a byte of another
    (`dirt.ZERO_BYTE_TASK`). All else is as in any two weeks. Other dirt that `recipe` asks for by name comes with the second package; its own
    `weekly` does not count. Raises UsageError when the first course has too few learners for that.
    """
    last_week = recipe.last_day - timedelta(days=7)
    before = replace(recipe, weekly=(last_week,), dirt=frozenset())
    rows = len(Offering(before, PROD, courses_of(before)[0], last_week).learners)
    if rows < WORTH_GUARDING:
        raise UsageError(f"the first course has {rows} learners a week earlier, {WORTH_GUARDING} are needed", "Use a recipe with more learners.")
    return before, replace(recipe, weekly=(last_week, recipe.last_day), dirt=named_dirt(recipe) | {TRUNCATED_TABLE, ZERO_BYTE_MEMBER})
