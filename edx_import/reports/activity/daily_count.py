"""`daily_count`: who came, and how far they got, day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from math import ceil
from typing import Any

from edx_import.ids import course_range
from edx_import.reports.activity.days import Row, shows
from edx_import.reports.activity.sources import joined
from edx_import.reports.activity.structure import blocks_of, counted
from edx_import.reports.context import Context

#: The order of the rows of a day.
MEASURES = ("registered", "viewed", "explored", "certified", "mode", "gender", "age", "country")

_BANDS = ((20, "under 20"), (30, "20-29"), (40, "30-39"), (50, "40-49"), (70, "50-69"))
_LAST_BAND = "70 and over"

_Key = tuple[date, str, str]


def daily_counts(context: Context) -> Iterator[Row]:
    """course_id, date, measure, value, count, cumulative_count: by course, day, measure and value. A day without news has no row."""
    for course in context.courses:
        course_id = course["course_id"]
        total = Counter[tuple[str, str]]()
        for (day, measure, value), number in sorted(_news(context, course_id).items(), key=_order):
            total[measure, value] += number
            if shows(context, day):
                found = {"course_id": course_id, "date": day, "measure": measure, "value": value}
                yield {**found, "count": number, "cumulative_count": total[measure, value]}


def _order(item: tuple[_Key, int]) -> tuple[date, int, str]:
    (day, measure, value), _ = item
    return day, MEASURES.index(measure), value


def _news(context: Context, course_id: str) -> Counter[_Key]:
    """Learners by day, measure and value: there are few of these, however many learners."""
    news = Counter[_Key]()
    half = ceil(counted(blocks_of(context, course_id))["nchapters"] / 2)
    for _, said in joined(context, course_id, "enrollment", "profile", "certificate"):
        created = said.get("enrollment", {}).get("created")
        if isinstance(created, datetime):
            news.update((created.date(), measure, value) for measure, value in _registered(said, created))
        certificate = said.get("certificate", {})
        made = certificate.get("created_date")
        if certificate.get("status") == "downloadable" and isinstance(made, datetime):
            news[made.date(), "certified", ""] += 1
    for opened in _opened(context, course_id):
        news[opened["first"].date(), "viewed", ""] += 1
        if half and len(opened["chapters"]) >= half:
            news[sorted(opened["chapters"])[half - 1].date(), "explored", ""] += 1
    return news


def _registered(said: Mapping[str, Row], created: datetime) -> Iterator[tuple[str, str]]:
    profile = said.get("profile", {})
    yield "registered", ""
    yield "mode", said["enrollment"].get("mode") or ""
    yield "gender", profile.get("gender") or ""
    yield "age", age_band(profile.get("year_of_birth"), created.year)
    yield "country", profile.get("country") or ""


def age_band(born: Any, year: int) -> str:
    """The band of the age reached in a year; empty when nobody knows."""
    if not isinstance(born, int):
        return ""
    return next((band for limit, band in _BANDS if year - born < limit), _LAST_BAND)


def _opened(context: Context, course_id: str) -> Iterator[Row]:
    """Of each learner: when a block was first opened, and when each chapter was."""
    first, beyond = course_range(context.site, course_id)
    wanted = {"_id": {"$gte": first, "$lt": beyond}, "created": {"$type": "date"}, "student_id": {"$ne": None}}
    is_chapter = {"$eq": ["$module_type", "chapter"]}
    by_block = {"_id": {"learner": "$student_id", "chapter": {"$cond": [is_chapter, "$module_id", None]}}, "first": {"$min": "$created"}}
    chapter = {"$cond": [{"$eq": [{"$type": "$_id.chapter"}, "string"]}, "$first", "$$REMOVE"]}
    by_learner = {"_id": "$_id.learner", "first": {"$min": "$first"}, "chapters": {"$push": chapter}}
    return context.aggregate("courseware_studentmodule", [{"$match": wanted}, {"$group": by_block}, {"$group": by_learner}])
