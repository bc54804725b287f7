"""What learners say of themselves, joined to their enrolments.

A learner has one profile on the platform, and a copy of it in the files of every course they were ever in. The copy of the course counts; who has
none there, because they came after the snapshot was made, may have one in the files of another course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from edx_import.reports.context import Context
from edx_import.reports.enrollment.history import CourseHistory, Learner
from edx_import.reports.enrollment.joining import Row, with_rows
from edx_import.reports.enrollment.tally import Group, in_order

_PROFILES = "auth_userprofile"

#: Learners without a profile in the files of their course that are looked for elsewhere with one question.
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Attribute:
    """What learners are told apart by: a field of the profile, and what its values mean."""

    field: str
    meaning: Callable[[Any], Group]

    def of(self, rows: Iterable[Row]) -> Group:
        """Of a learner's rows; None where there are none, or they do not say. Of several different answers it is always the same."""
        return in_order({self.meaning(row.get(self.field)) for row in rows} or {None})[-1]


_EDUCATION = {
    "el": "primary",
    "jhs": "junior_secondary",
    "hs": "secondary",
    "a": "associates",
    "b": "bachelors",
    "m": "masters",
    "p": "doctorate",
    "p_se": "doctorate",
    "p_oth": "doctorate",
    "none": "none",
    "other": "other",
}

GENDER = Attribute("gender", lambda said: said if isinstance(said, str) and said else None)
BIRTH_YEAR = Attribute("year_of_birth", lambda said: int(said) if isinstance(said, int) else None)
EDUCATION_LEVEL = Attribute("level_of_education", lambda said: _EDUCATION.get(said) if isinstance(said, str) else None)


def with_attribute(context: Context, course: CourseHistory, attribute: Attribute) -> Iterator[tuple[Learner, Group]]:
    """Every learner of a course and the attribute, in no order."""
    profiles = context.queries.rows_by_learner(_PROFILES, context.site, course.course_id, [attribute.field])
    without: list[Learner] = []
    for _, learner, rows in with_rows(course.learners, profiles):
        if learner is not None and rows:
            yield learner, attribute.of(rows)
        elif learner is not None:
            without.append(learner)
            if len(without) == _AT_ONCE:
                yield from _from_elsewhere(context, without, attribute)
                without = []
    yield from _from_elsewhere(context, without, attribute)


def _from_elsewhere(context: Context, learners: list[Learner], attribute: Attribute) -> Iterator[tuple[Learner, Group]]:
    found: dict[int, list[Row]] = {}
    if learners:
        numbers = [learner.user_id for learner in learners]
        for row in context.queries.rows_of_learners(_PROFILES, context.site, numbers, [attribute.field]):
            found.setdefault(row["user_id"], []).append(row)
    for learner in learners:
        yield learner, attribute.of(found.get(learner.user_id, ()))
