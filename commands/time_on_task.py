"""How long learners were at work in each course, by day or in all.

The sums of the pauses between a learner's events of a day (UTC) that are shorter than 5 or 30 minutes: of all events (total), and of those of a kind
(video, problem, forum, text), from one event of that kind to the next. serial: from an event of any of the four kinds to the next, given to the
kind of the latter, so that no time counts twice. The first event of a day adds nothing. `--since` and `--until` choose days.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from edx_import.api import Column, Context, Option, Personal, Report, activity

_TASKS = ("video", "problem", "forum", "text")

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("user_id", int, "the learner's number, if events have it", personal=Personal.LEARNER),
    Column("username", str, "name of the account", personal=Personal.REMOVED),
    Column("date", date, "day (UTC); empty with --totals"),
    Column("total_5", float, "between any events, pauses under 5 minutes", "s"),
    Column("total_30", float, "between any events, pauses under 30 minutes", "s"),
    *(Column(f"{task}_{minutes}", float, f"between {task} events, pauses under {minutes} minutes", "s") for task in _TASKS for minutes in (5, 30)),
    *(Column(f"serial_{task}_30", float, f"up to {task} events from any of the four kinds, pauses under 30 minutes", "s") for task in _TASKS),
)


def run(context: Context, *, totals: Annotated[bool, Option("one row for each learner and course, not for each day")] = False) -> Report:
    rows = activity.time_on_task_totals(context) if totals else activity.time_on_task(context)
    return Report.of(COLUMNS, rows, "Time on task")
