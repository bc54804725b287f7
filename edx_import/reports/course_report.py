"""The document that `cmd update_reports` saves of each course."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edx_import.ids import row_id
from edx_import.reports.context import Context

Row = Mapping[str, Any]

#: What stands for a value that the learner's profile does not say, or that has no profile.
UNKNOWN = "unknown"

_FIELDS = {"gender": "gender", "education": "level_of_education", "year_of_birth": "year_of_birth"}
_COURSE = ("name", "sme", "start_date", "end_date", "passing_grade", "listed")
_NOBODY: Row = {}


@dataclass(slots=True)
class _Learners:
    """Counts of learners by what their profiles say."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in _FIELDS})

    def add(self, profile: Row) -> None:
        for name, column in _FIELDS.items():
            self.counts[name][_said(profile.get(column))] += 1

    def of(self, name: str) -> dict[str, int]:
        return _members(self.counts[name])


def course_report(context: Context, course: Row) -> dict[str, Any]:
    """The document of a course, as docs/data-dictionary.md describes it; its `_id` is that of the course. Raises StoreError."""
    course_id = course["course_id"]
    (numbers,) = context.queries.general(context.site, [course_id])
    everybody, countries = _Learners(), dict[str, _Learners]()
    for profile in _profiles_of_enrolled(context, course_id):
        everybody.add(profile)
        countries.setdefault(_said(profile.get("country")), _Learners()).add(profile)
    now = datetime.now(UTC)
    return {
        "_id": row_id(context.site, course_id),
        "site": context.site,
        "course_id": course_id,
        "course": {name: course.get(name) for name in _COURSE},
        "users": {
            "total": numbers["total_users"],
            "active": numbers["active_users"],
            "certificates": {"failed": numbers["failed_users"], "approved": numbers["approved_users"], "certified": numbers["certified_users"]},
        },
        "gender": everybody.of("gender"),
        "education": everybody.of("education"),
        "countries": _members({name: learners.counts["gender"].total() for name, learners in countries.items()}),
        "by_country": _escaped({name: {said: learners.of(said) for said in _FIELDS} for name, learners in sorted(countries.items())}),
        "created": now.replace(microsecond=now.microsecond // 1000 * 1000),
    }


def _profiles_of_enrolled(context: Context, course_id: str) -> Iterator[Row]:
    """The profile of each enrolled learner, empty where there is none; neither side is held."""
    enrolled = context.queries.rows_by_learner("student_courseenrollment", context.site, course_id, ())
    profiles = context.queries.rows_by_learner("auth_userprofile", context.site, course_id, ("country", *_FIELDS.values()))
    profile = next(profiles, None)
    for row in enrolled:
        learner = row["user_id"]
        while profile is not None and profile["user_id"] < learner:
            profile = next(profiles, None)
        yield profile if profile is not None and profile["user_id"] == learner else _NOBODY


def _said(value: Any) -> str:
    return UNKNOWN if value in (None, "") else str(value)


def _members(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent first."""
    return _escaped(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))


def _escaped(members: Mapping[str, Any]) -> dict[str, Any]:
    """The keys as those of all our documents are: what learners say may hold dots and dollar signs."""
    from edx_import.formats.json_mapping import escape_key

    return {escape_key(name): value for name, value in members.items()}
