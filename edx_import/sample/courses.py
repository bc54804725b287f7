"""The courses of a sample package: ids in both forms, the keys and file names made from them, and the matching courses.yaml."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from edx_import.courses import DEFAULT_PASSING_GRADE


@dataclass(frozen=True, slots=True)
class Course:
    """A course run. `old`: its id has the form `Org/Course/Run`. `listed`: it stands in the sample's courses.yaml."""

    index: int
    org: str
    number: str
    run: str
    name: str
    sme: str
    start: date
    end: date
    old: bool = False
    listed: bool = True
    passing_grade: float = DEFAULT_PASSING_GRADE

    @property
    def id(self) -> str:
        """The exact course key."""
        if self.old:
            return f"{self.org}/{self.number}/{self.run}"
        return f"course-v1:{self.org}+{self.number}+{self.run}"

    @property
    def file_part(self) -> str:
        """The hyphenated start of its member names; the same for both id forms."""
        return f"{self.org}-{self.number}-{self.run}"

    @property
    def root_key(self) -> str:
        """The key of its course block."""
        return self.block_key("course", self.run if self.old else "course")

    @property
    def opens(self) -> datetime:
        """When enrolment begins (UTC)."""
        return _midnight(self.start) - timedelta(days=60)

    @property
    def starts(self) -> datetime:
        """When it begins (UTC)."""
        return _midnight(self.start)

    @property
    def closes(self) -> datetime:
        """When it ends (UTC)."""
        return _midnight(self.end)

    def block_key(self, category: str, name: str) -> str:
        """A block's key in the form that goes with the course id; the old form carries no run."""
        if self.old:
            return f"i4x://{self.org}/{self.number}/{category}/{name}"
        return f"block-v1:{self.org}+{self.number}+{self.run}+type@{category}+block@{name}"

    def html_id(self, category: str, name: str) -> str:
        """A block's id as pages, video events and answer ids carry it."""
        if self.old:
            return f"i4x-{self.org}-{self.number}-{category}-{name.replace('.', '_')}"
        return name


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def digest(*parts: object) -> str:
    """32 hex digits that follow from the parts: ids that must be the same wherever they occur."""
    return hashlib.md5("|".join(str(part) for part in parts).encode(), usedforsecurity=False).hexdigest()


def invent_courses(org: str, count: int, last_day: date) -> tuple[Course, ...]:
    """So many courses: two new-form ids, one of them with hyphens, one old-form id that courses.yaml leaves out, then more."""
    return tuple(_KNOWN[index](org, last_day) if index < len(_KNOWN) else _further(org, index, last_day) for index in range(count))


def _running(org: str, last: date) -> Course:
    return Course(0, org, "D101", "1T2020", "Data for Better Decisions", "A. Rivera", last - timedelta(days=6), last + timedelta(days=150))


def _hyphenated(org: str, last: date) -> Course:
    start, end = last - timedelta(days=200), last + timedelta(days=20)
    return Course(1, org, "D-102x", "2T2019-v2", "Água, ciudades y futuro: “an introduction”", "M. O'Neill", start, end, passing_grade=0.8)


def _archived(org: str, last: date) -> Course:
    return Course(2, org, "D90", "2013_Fall", "Statistics, First Steps", "", date(2013, 9, 1), date(2013, 12, 15), old=True, listed=False)


_KNOWN: Final = (_running, _hyphenated, _archived)


def _further(org: str, index: int, last: date) -> Course:
    start = last - timedelta(days=30 + 7 * (index % 40))
    return Course(index, org, f"D{200 + index}", "3T2019", f"Course {index + 1}", "A. Rivera", start, start + timedelta(days=400))


def write_courses_yaml(courses: Iterable[Course]) -> str:
    """A courses.yaml of the courses that are to be listed; dates are days (UTC, the end included)."""
    return "courses:\n" + "".join(_entry(course) for course in courses if course.listed)


def _entry(course: Course) -> str:
    fields = {
        "id": json.dumps(course.id),
        "name": json.dumps(course.name, ensure_ascii=False),
        "sme": json.dumps(course.sme, ensure_ascii=False),
        "start_date": course.start.isoformat(),
        "end_date": course.end.isoformat(),
        "passing_grade": str(course.passing_grade),
    }
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return "  - " + "\n    ".join(lines) + "\n"
