"""The courses in the database, and what there is of each.

`documents` is how many documents each collection holds of the course, as JSON: {"auth_user": 12, "events": 3400}. A course that courses.yaml
does not list has `listed` false; one that is listed but has not been delivered yet has no documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edx_import.api import Column, Context, Report

COLUMNS = (
    Column("id", str, "course key"),
    Column("name", str, "name from courses.yaml, else from the package"),
    Column("listed", bool, "whether courses.yaml has it"),
    Column("documents", dict, "documents per collection"),
    Column("first_event", datetime, "time of the first event (UTC)"),
    Column("last_event", datetime, "time of the last event (UTC)"),
)


def run(context: Context) -> Report:
    context.refuse_days("the list shows all that there is of a course")
    counts = context.queries.collection_counts(context.site, context.course_ids)
    spans = context.queries.event_span(context.site, context.course_ids)
    return Report.of(COLUMNS, (_row(course, counts, spans) for course in context.courses))


def _row(course: Mapping[str, Any], counts: Mapping[str, Any], spans: Mapping[str, Any]) -> dict[str, Any]:
    course_id = course["course_id"]
    first, last = spans.get(course_id, (None, None))
    return {
        "id": course_id,
        "name": course.get("name"),
        "listed": course.get("listed"),
        "documents": counts.get(course_id, {}),
        "first_event": first,
        "last_event": last,
    }
