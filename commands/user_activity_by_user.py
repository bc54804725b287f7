"""What learners did in each course, day by day, as edX Insights counts it.

One row for each learner, course, day (UTC) and category that has events: ACTIVE (any event but those of tasks and of enrolments), ATTEMPTED_PROBLEM
(an answer that the server checked), PLAYED_VIDEO (in the browser or in the app), POSTED_FORUM (a thread, response or comment). Events without the
learner's number are not counted. `--since` and `--until` choose days. `docs/rollups.md` tells the rules.
"""

from __future__ import annotations

from datetime import date

from edx_import.api import Column, Context, Personal, Report, activity

COLUMNS = (
    Column("user_id", int, "the learner's number", personal=Personal.LEARNER),
    Column("course_id", str, "course key"),
    Column("date", date, "day (UTC)"),
    Column("category", str, "ACTIVE, ATTEMPTED_PROBLEM, PLAYED_VIDEO or POSTED_FORUM"),
    Column("count", int, "events of the category", "events"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, activity.by_user(context), "Activity of learners by day")
