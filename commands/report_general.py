"""Each course in numbers: learners, activity, certificates, gender and countries.

The numbers are those of the newest snapshot of each course. male, female and countries are about the enrolled learners, as their profiles
say. approved_users compares the grade on the certificate with the course's passing_grade in courses.yaml (0.65 where it has none).
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Column, Context, Report

COLUMNS = (
    Column("id", str, "course key"),
    Column("name", str, "name of the course"),
    Column("sme", str, "subject matter expert"),
    Column("start_date", date, "first day (UTC)"),
    Column("end_date", date, "last day (UTC)"),
    Column("total_users", int, "enrolments, those who left included"),
    Column("active_users", int, "distinct learners who opened any block of the course"),
    Column("approved_users", int, "certificate rows with a grade of at least the passing grade"),
    Column("certified_users", int, "certificates with status downloadable"),
    Column("failed_users", int, "certificates with status notpassing"),
    Column("male", int, "enrolled learners of gender m"),
    Column("female", int, "enrolled learners of gender f"),
    Column("countries", int, "distinct countries of the enrolled learners"),
)


def run(context: Context) -> Report:
    context.refuse_days("the numbers are those of the newest snapshot of each course")
    return Report.of(COLUMNS, context.queries.general(context.site, context.course_ids))
