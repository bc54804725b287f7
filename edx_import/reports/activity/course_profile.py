"""`course_profile`: each course in one row, as UQx's courseprofile has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from edx_import.courses import file_form
from edx_import.reports.activity.days import Row
from edx_import.reports.activity.person_course import participation
from edx_import.reports.activity.sources import joined
from edx_import.reports.activity.structure import blocks_of, counted
from edx_import.reports.context import Context

_SOURCES = ("user", "enrollment", "certificate", "modules")
_WEEK_DAYS = 7


def profiles(context: Context) -> Iterator[Row]:
    """One row for each course that has a structure, learners or both."""
    for course in context.courses:
        course_id = course["course_id"]
        blocks = counted(blocks_of(context, course_id))
        people = _people(context, course_id, blocks["nchapters"])
        if any(blocks.values()) or people["nregistered_students"]:
            yield {"course": course_id, "name": course.get("name"), "file_name": file_form(course_id), **_dates(course), **people, **blocks}


def _dates(course: Mapping[str, Any]) -> Row:
    package = course.get("package") or {}
    launch, close = package.get("start") or course.get("start_date"), package.get("end") or course.get("end_date")
    days = (close - launch).total_seconds() / 86_400 if isinstance(launch, datetime) and isinstance(close, datetime) else None
    return {
        "course_launch_date": launch.date() if isinstance(launch, datetime) else None,
        "course_close_date": close.date() if isinstance(close, datetime) else None,
        "course_length": None if days is None or days < 0 else ceil(days / _WEEK_DAYS),
    }


def _people(context: Context, course_id: str, chapters: int) -> Row:
    found, modes = Counter[str](), Counter[str]()
    opened: datetime | None = None
    for _, said in joined(context, course_id, *_SOURCES):
        if "user" not in said and "enrollment" not in said:
            continue
        row = participation(said, chapters)
        found.update(name for name in ("registered", "viewed_uqx", "explored", "certified") if row[name])
        enrollment = said.get("enrollment", {})
        modes[enrollment.get("mode") or ""] += 1
        opened = min(filter(None, (opened, enrollment.get("created"))), default=None)
    return {
        "registration_open_date": opened and opened.date(),
        "nregistered_students": found["registered"],
        "nviewed_students": found["viewed_uqx"],
        "nexplored_students": found["explored"],
        "ncertified_students": found["certified"],
        **{f"n{mode}_students": modes[mode] for mode in ("honor", "audit", "verified")},
    }
