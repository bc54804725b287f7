"""The sessions of each learner in each course: events with no pause of more than 30 minutes between them.

By course, learner and start. A session that goes on past midnight (UTC) is one. `--since` and `--until` choose by the day of the start.
"""

from __future__ import annotations

from datetime import datetime

from edx_import.api import Column, Context, Personal, Report, activity

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("user_id", int, "the learner's number, if events have it", personal=Personal.LEARNER),
    Column("username", str, "name of the account", personal=Personal.REMOVED),
    Column("start", datetime, "time of the first event (UTC)"),
    Column("end", datetime, "time of the last event (UTC)"),
    Column("nevents", int, "events of any kind", "events"),
    Column("duration", float, "from the first event to the last", "s"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, activity.sessions(context), "Sessions")
