"""Save the numbers of each course in the collection `reports`, one document a course.

Each document holds what courses.yaml says of the course; its users: in all, active, and by certificate; how many learners said which gender,
education and country; and for each country again how many by gender, education and year of birth. The counts are of the enrolled learners, of
the newest snapshot; what a profile does not say counts as `unknown`. A document takes the place of the one that was saved before, at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edx_import.api import Column, Context, Report, course_report

WRITES = True
COLUMNS = (
    Column("id", str, "course key"),
    Column("name", str, "name of the course"),
    Column("total_users", int, "enrolments, those who left included"),
    Column("active_users", int, "distinct learners who opened any block of the course"),
    Column("failed_users", int, "certificates with status notpassing"),
    Column("approved_users", int, "certificate rows with a grade of at least the passing grade"),
    Column("certified_users", int, "certificates with status downloadable"),
    Column("countries", int, "distinct countries of the enrolled learners"),
    Column("created", datetime, "when the document was made (UTC)"),
)


def run(context: Context) -> Report:
    context.refuse_days("the numbers are those of the newest snapshot of each course")
    # all of them at once: who reads only the beginning of the report must not stop the work
    return Report(COLUMNS, [_saved(context, course) for course in context.courses])


def _saved(context: Context, course: Mapping[str, Any]) -> tuple[Any, ...]:
    document = course_report.course_report(context, course)
    context.writer.save("reports", document)
    users, countries = document["users"], set(document["countries"]) - {course_report.UNKNOWN}
    certificates = users["certificates"]
    return (
        *(document["course_id"], document["course"]["name"], users["total"], users["active"]),
        *(certificates["failed"], certificates["approved"], certificates["certified"], len(countries), document["created"]),
    )
