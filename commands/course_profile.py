"""Each course in one row: its dates, learners and blocks, as UQx's course profile.

Of a structure, the chapters of the course count, and what is directly in its units (chapter, sequential, vertical, block). A problem with a weight
above 0 is summative, any other formative. The numbers are those of the newest snapshot.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Chart, ChartKind, Column, Context, Report, activity

COLUMNS = (
    Column("course", str, "course key"),
    Column("name", str, "name of the course"),
    Column("file_name", str, "course key as it stands in the names of files"),
    Column("registration_open_date", date, "day of the first enrolment (UTC)"),
    Column("course_launch_date", date, "start that the course says, else that of courses.yaml (UTC)"),
    Column("course_close_date", date, "end that the course says, else that of courses.yaml (UTC)"),
    Column("course_length", int, "from launch to close, rounded up", "weeks"),
    Column("nregistered_students", int, "accounts and enrolments in the course's files", "learners"),
    Column("nviewed_students", int, "of these, with state of any block", "learners"),
    Column("nexplored_students", int, "of these, who opened half of the chapters or more", "learners"),
    Column("ncertified_students", int, "of these, with a certificate of status downloadable", "learners"),
    Column("nhonor_students", int, "of these, in mode honor", "learners"),
    Column("naudit_students", int, "of these, in mode audit", "learners"),
    Column("nverified_students", int, "of these, in mode verified", "learners"),
    Column("nchapters", int, "chapters", "blocks"),
    Column("nvideos", int, "videos", "blocks"),
    Column("nhtmls", int, "texts", "blocks"),
    Column("nassessments", int, "problems", "blocks"),
    Column("nsummative", int, "problems with a weight above 0", "blocks"),
    Column("nformative", int, "other problems", "blocks"),
    Column("nincontent_discussions", int, "discussions in units", "blocks"),
    Column("nactivities", int, "blocks in units of any other kind", "blocks"),
)


def run(context: Context) -> Report:
    context.refuse_days("the numbers are those of the newest snapshot")
    return Report.of(COLUMNS, activity.profiles(context), "Courses in numbers", Chart(ChartKind.BAR, "course", "nregistered_students"))
