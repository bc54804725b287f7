"""What each learner did in each course on each day, as MIT's person_course_day has it.

One row for each course, day (UTC) and learner with events, not counting the requests of components (`/xblock/`). Learners are known by their number,
or by their username where events have none. dt are the pauses between events, those of more than five minutes left out. Country and subdivision are
those of the day's last IP address. `--since` and `--until` choose days. `docs/rollups.md` tells the rules.
"""

from __future__ import annotations

from datetime import date, datetime

from edx_import.api import Column, Context, Personal, Report, activity

COLUMNS = (
    Column("course_id", str, "course key"),
    Column("user_id", int, "the learner's number, if events have it", personal=Personal.LEARNER),
    Column("username", str, "name of the account", personal=Personal.REMOVED),
    Column("date", date, "day (UTC)"),
    Column("nevents", int, "events", "events"),
    Column("nprogcheck", int, "requests of the progress page", "events"),
    Column("nshow_answer", int, "answers shown", "events"),
    Column("nvideo", int, "play_video", "events"),
    Column("nproblem_check", int, "problem_check, of browser and server", "events"),
    Column("nforum", int, "requests of forum pages", "events"),
    Column("ntranscript", int, "show_transcript", "events"),
    Column("nseq_goto", int, "seq_goto", "events"),
    Column("nseek_video", int, "seek_video", "events"),
    Column("npause_video", int, "pause_video", "events"),
    Column("nvideos_viewed", int, "distinct videos played", "videos"),
    Column("nvideos_watched_sec", float, "the farthest positions in the videos, added up", "s"),
    Column("nforum_reads", int, "threads opened", "events"),
    Column("nforum_posts", int, "responses and comments written", "posts"),
    Column("nforum_threads", int, "threads begun", "posts"),
    Column("nproblems_attempted", int, "distinct problems answered", "problems"),
    Column("nproblems_answered", int, "distinct parts of problems answered", "answers"),
    Column("first_event", datetime, "time of the first event (UTC)"),
    Column("last_event", datetime, "time of the last event (UTC)"),
    Column("avg_dt", float, "mean pause", "s"),
    Column("sdv_dt", float, "standard deviation of the pauses, of a sample", "s"),
    Column("max_dt", float, "longest pause", "s"),
    Column("n_dt", int, "how many pauses", "pauses"),
    Column("sum_dt", float, "all pauses", "s"),
    Column("country", str, "country of the last IP address (ISO 3166-1 alpha-2)"),
    Column("subdivision", str, "part of that country (ISO 3166-2 without the country), where the database of addresses has it"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, activity.person_days(context), "Learners by day")
