"""How much each block of a course was used on each day, with its place in the course.

One row for each course, day (UTC) and block that events name. The names are those of the newest structure of the course; a block that it no longer
has comes without. `--since` and `--until` choose days.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Column, Context, Report, activity

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("date", date, "day (UTC)"),
    Column("module_id", str, "key of the block"),
    Column("category", str, "video, problem, html, sequential, ..."),
    Column("display_name", str, "name of the block"),
    Column("chapter", str, "name of the chapter it is in"),
    Column("sequential", str, "name of the subsection it is in"),
    Column("vertical", str, "name of the unit it is in"),
    Column("nevents", int, "events that name it", "events"),
    Column("learners", int, "distinct learners of these events", "learners"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, activity.module_days(context), "Use of blocks by day")
