"""Every enrolment: when, in which mode, and the learner's gender and country.

One row per learner and course, those who left included (`is_active` false), in the order of the courses and of the learners' ids as text.
`--since` and `--until` choose by the day of registration (UTC). Learners without a profile are there, with empty gender and country.
"""

from __future__ import annotations

from datetime import datetime

from edx_import.api import Column, Context, Report

COLUMNS = (
    Column("course_name", str, "name of the course"),
    Column("course_id", str, "course key"),
    Column("registration_date", datetime, "when the learner first enrolled (UTC)"),
    Column("gender", str, "f, m, o, or empty when not said"),
    Column("country", str, "country in the learner's profile (ISO 3166-1 alpha-2), or empty when not said"),
    Column("mode", str, "audit, honor, verified, ..."),
    Column("is_active", bool, "false: the learner left the course"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, context.queries.enrollments(context.site, context.course_ids, context.since, context.until))
