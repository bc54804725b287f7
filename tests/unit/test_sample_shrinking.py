"""Two weeks of a sample: what changes from one ZIP to the next, and what a damaged one has lost."""

from __future__ import annotations

import json
from functools import cache

import pytest

from edx_import.errors import UsageError
from edx_import.sample.dirt import LOSSES, TRUNCATED_TASK, ZERO_BYTE_TASK
from edx_import.sample.package import database_members
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.shrinking import WORTH_GUARDING, shrinking_weeks
from edx_import.sample.totals import Tally

RECIPE = Recipe(learners=110, events_per_day=0)
RUNNING = courses_of(RECIPE)[0]
BEFORE, AFTER = shrinking_weeks(RECIPE)
EARLIER, NEWEST = AFTER.snapshots


@cache
def members(recipe: Recipe, week: int = -1) -> dict[str, bytes]:
    """The content of the members of a ZIP, by name without its folder."""
    found = database_members(recipe, recipe.snapshots[week], Tally())
    return {member.path.split("/", 1)[1]: member.content or b"" for member in found}


def rows(content: bytes) -> int:
    return content.count(b"\n") - 1


def test_each_week_some_rows_are_new_some_changed_and_some_gone() -> None:
    two_weeks = Recipe(learners=60, weekly=(EARLIER, NEWEST))
    first, second = members(two_weeks, 0), members(two_weeks, 1)
    assert first.keys() == second.keys()
    changed = {name.rsplit("-", 3)[1] for name in first if first[name] != second[name]}
    assert {"auth_user", "student_courseenrollment", "courseware_studentmodule"} <= changed
    assert any(first[name] == second[name] for name in first)
    forum = [{json.loads(line)["_id"]["$oid"] for line in week[f"{RUNNING.file_part}-prod.mongo.gpg"].splitlines()} for week in (first, second)]
    module = [
        {line.split(b"\t")[0] for line in week[f"{RUNNING.file_part}-courseware_studentmodule-prod-analytics.sql.gpg"].splitlines()}
        for week in (first, second)
    ]
    for ids in (forum, module):
        assert ids[1] - ids[0]
    assert module[0] - module[1]


def test_the_zip_of_the_week_before_is_the_same_in_both_packages() -> None:
    assert BEFORE.snapshots == (EARLIER,)
    assert members(BEFORE) == members(AFTER, 0)


def test_the_newest_zip_has_lost_most_of_a_table_and_all_of_another() -> None:
    undamaged = members(RECIPE)
    damaged = members(AFTER)
    lost = {task: f"{RUNNING.file_part}-{task}-prod-analytics.sql.gpg" for task in (TRUNCATED_TASK, ZERO_BYTE_TASK)}
    assert {name for name in undamaged if damaged[name] != undamaged[name]} == set(lost.values())
    assert damaged[lost[ZERO_BYTE_TASK]] == b""
    had, has = rows(members(BEFORE)[lost[TRUNCATED_TASK]]), rows(damaged[lost[TRUNCATED_TASK]])
    assert 0 < 2 * has < had >= WORTH_GUARDING
    assert rows(members(BEFORE)[lost[ZERO_BYTE_TASK]]) > 0


def test_losses_are_of_the_newest_zip_alone() -> None:
    recipe = Recipe(learners=30, courses=1, weekly=(EARLIER, NEWEST), dirt=LOSSES)
    clean = Recipe(learners=30, courses=1, weekly=(EARLIER, NEWEST))
    assert members(recipe, 0) == members(clean, 0)
    assert len(members(recipe).items() - members(clean).items()) == len(LOSSES)


def test_too_small_a_course_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="50 are needed"):
        shrinking_weeks(Recipe(learners=20))
