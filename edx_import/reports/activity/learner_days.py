"""What learners did day by day, as MIT's person_course_day, time_on_task and sessions have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from edx_import.reports.activity.days import Row, average, by_day, by_learner, course_ids, deviation, seconds, shows
from edx_import.reports.activity.places import Places
from edx_import.reports.context import Context

#: The counts of a day that are shown as they are.
COUNTS = tuple(
    """
    nevents nprogcheck nshow_answer nvideo nproblem_check nforum ntranscript nseq_goto nseek_video npause_video nvideos_viewed nforum_reads
    nforum_posts nforum_threads nproblems_attempted nproblems_answered
    """.split()
)
TASKS = ("video", "problem", "forum", "text")
#: The sums of time on task, in seconds.
SUMS = ("total_5", "total_30", *(f"{task}_{minutes}" for task in TASKS for minutes in (5, 30)), *(f"serial_{task}_30" for task in TASKS))

#: What lies between the events of two sessions.
SESSION_GAP = timedelta(minutes=30)


def person_days(context: Context) -> Iterator[Row]:
    """What a learner did in a course on a day, by course, day and learner. A day that has requests of components only is none of MIT's."""
    places = Places.of(context)
    for course_id in course_ids(context):
        for day in by_day(context, course_id, [{"$match": {"nevents": {"$gt": 0}}}]):
            country, subdivision = places.of_address(day["ip"])
            yield {
                **_who(course_id, day),
                "date": day["day"].date(),
                **{name: day[name] for name in COUNTS},
                "nvideos_watched_sec": seconds(day["videos_watched"]),
                "first_event": day["first_event"],
                "last_event": day["last_event"],
                **gaps(day["gaps"]),
                "country": country,
                "subdivision": subdivision,
            }


def _who(course_id: str, day: Row) -> Row:
    return {"course_id": course_id, "user_id": day["user_id"], "username": day["username"]}


def gaps(found: Row) -> Row:
    """avg_dt, sdv_dt, max_dt, n_dt, sum_dt of the pauses that count, in seconds."""
    number, total = found["n"], found["sum"]
    spread = deviation(number, total, found["squares"])
    return {"avg_dt": average(number, total), "sdv_dt": spread, "max_dt": seconds(found["max"]), "n_dt": number, "sum_dt": seconds(total)}


def time_on_task(context: Context) -> Iterator[Row]:
    """The sums of each learner and day, by course, day and learner."""
    for course_id in course_ids(context):
        for day in by_day(context, course_id):
            yield {**_who(course_id, day), "date": day["day"].date(), **_in_seconds(day["time_on_task"])}


def time_on_task_totals(context: Context) -> Iterator[Row]:
    """The sums of each learner over the days asked for, by course and learner; `date` is null."""
    for course_id in course_ids(context):
        for days in learners(by_learner(context, course_id)):
            total = Counter[str]()
            name = None
            for day in days:
                total.update(day["time_on_task"])
                name = max(filter(None, (name, day["username"])), default=None)
            yield {**_who(course_id, day), "username": name, "date": None, **_in_seconds(total)}


def _in_seconds(sums: Any) -> Row:
    return {name: sums[name] / 1000 for name in SUMS}


def learners(days: Iterable[Row]) -> Iterator[Iterator[Row]]:
    """The days of each learner, one learner after the other."""
    for _, of_learner in groupby(days, key=lambda day: (type(day["learner"]) is str, day["learner"])):
        yield of_learner


def sessions(context: Context) -> Iterator[Row]:
    """Each session: who, start, end, nevents, duration in seconds; by course, learner and start. One that goes on past midnight is one.

    Chosen by the day of its start.
    """
    for course_id in course_ids(context):
        for days in learners(by_learner(context, course_id, whole=True)):
            for found in _joined(days):
                if shows(context, found["start"].date()):
                    yield {"course_id": course_id, **found, "duration": (found["end"] - found["start"]).total_seconds()}


def _joined(days: Iterable[Row]) -> Iterator[Row]:
    session: Row | None = None
    for day in days:
        for part in day["sessions"]:
            if session and _goes_on(session["end"], part["first"]):
                session |= {"end": part["last"], "nevents": session["nevents"] + part["n"]}
                continue
            if session:
                yield session
            who = {"user_id": day["user_id"], "username": day["username"]}
            session = {**who, "start": part["first"], "end": part["last"], "nevents": part["n"]}
    if session:
        yield session


def _goes_on(end: datetime, start: datetime) -> bool:
    return start - end <= SESSION_GAP
