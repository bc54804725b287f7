"""Each learner of each course in one row: the person_course of UQx and of MIT.

The columns that a data package can give. One row for each course and learner with an account or an enrolment in the course's files, by course and
number. Where UQx and MIT mean different things by one name, both are there: `_uqx` and `_mit`. The numbers are those of the newest snapshot and of
all events. `docs/rollups.md` tells the rule of each column, and what is missing.
"""

from __future__ import annotations

from datetime import datetime

from edx_import.api import Column, Context, Personal, Report, activity

_PERSON = (
    Column("course_id", str, "course key"),
    Column("user_id", int, "the learner's number", personal=Personal.LEARNER),
    Column("username", str, "name of the account", personal=Personal.REMOVED),
    Column("email_domain", str, "what follows the @ of the e-mail address", personal=Personal.REMOVED),
    Column("LoE", str, "level of education: p, m, b, a, hs, jhs, el, none, other; empty when not said"),
    Column("YoB", int, "year of birth"),
    Column("gender", str, "f, m, o, or empty when not said"),
    Column("profile_country", str, "country in the profile (ISO 3166-1 alpha-2), or empty when not said"),
    Column("mode", str, "mode of the enrolment"),
    Column("is_active", bool, "false: left the course; empty: not enrolled"),
    Column("start_time", datetime, "first enrolled (UTC)"),
    Column("verified_enroll_time", datetime, "first event that says verified (UTC)"),
    Column("verified_unenroll_time", datetime, "last event of leaving as verified (UTC)"),
)
_PARTICIPATION = (
    Column("registered", bool, "always true"),
    Column("viewed_uqx", bool, "has state of any block"),
    Column("viewed_mit", bool, "has opened a chapter"),
    Column("explored", bool, "has opened half of the chapters or more; empty where the course's chapters are not known"),
    Column("certified", bool, "certificate with status downloadable"),
    Column("nchapters", int, "distinct chapters opened", "chapters"),
    Column("ndays_act_uqx", int, "days (UTC) on which a block was first opened", "days"),
    Column("nplay_video_uqx", int, "videos opened", "videos"),
    Column("attempted_problems", int, "problems with an answer in their state", "problems"),
)
_RESULT = (
    Column("grade_uqx", float, "grade on the certificate, 0 to 1"),
    Column("grade_mit", float, "grade in the course's grade book, else that on the certificate, 0 to 1"),
    Column("passing_grade", float, "of courses.yaml, else 0.65"),
    Column("completed", bool, "certified, or grade_mit at least the passing grade"),
    Column("cert_status", str, "status of the certificate"),
    Column("cert_created_date", datetime, "when the certificate was made (UTC)"),
    Column("cert_modified_date", datetime, "when it was last changed (UTC)"),
)
_EVENTS = (
    Column("nevents_uqx", int, "events", "events"),
    Column("nevents_mit", int, "events but for requests of components (/xblock/)", "events"),
    Column("ndays_act_mit", int, "days (UTC) with such events", "days"),
    Column("first_event", datetime, "time of the first of nevents_mit (UTC)"),
    Column("last_event_uqx", datetime, "time of the last of nevents_uqx (UTC)"),
    Column("last_event_mit", datetime, "time of the last of nevents_mit (UTC)"),
    Column("nplay_video_mit", int, "play_video", "events"),
    Column("nprogcheck", int, "requests of the progress page", "events"),
    Column("nshow_answer", int, "answers shown", "events"),
    Column("nvideo", int, "play_video", "events"),
    Column("nproblem_check", int, "problem_check, of browser and server", "events"),
    Column("ntranscript", int, "show_transcript", "events"),
    Column("nseq_goto", int, "seq_goto", "events"),
    Column("nseek_video", int, "seek_video", "events"),
    Column("npause_video", int, "pause_video", "events"),
    Column("nforum_events", int, "requests of forum pages", "events"),
    Column("avg_dt", float, "mean pause between events of a day, those over 5 minutes left out", "s"),
    Column("sdv_dt", float, "standard deviation of these pauses, of a sample", "s"),
    Column("max_dt", float, "the longest of them", "s"),
    Column("n_dt", int, "how many", "pauses"),
    Column("sum_dt", float, "all of them", "s"),
    Column("inconsistent_flag", bool, "there is activity in the tables and not one event"),
)
_FORUM = (
    Column("nforum_posts", int, "posts in the forum", "posts"),
    Column("nforum_threads", int, "of these, threads", "posts"),
    Column("nforum_comments", int, "of these, responses and comments", "posts"),
    Column("nforum_votes", int, "votes that they got", "votes"),
    Column("nforum_endorsed", int, "endorsed ones", "posts"),
    Column("nforum_pinned", int, "pinned ones", "posts"),
)
_PLACE = (
    Column("ip", str, "the address that was the last one on most days", personal=Personal.REMOVED),
    Column("cc_by_ip", str, "its country (ISO 3166-1 alpha-2)"),
    Column("subdivision", str, "part of that country, where the database of addresses has it"),
    Column("final_cc_cname", str, "all countries of these days, in alphabetical order, with commas between"),
)
_ROLES = (
    Column("roles_uqx", bool, "is_staff of the account"),
    Column("roles_mit", str, "Staff: of the course team; Student: by the roles of the forum; else empty"),
    *(
        Column(f"roles_is{role}", bool, f"role in the course: {name}")
        for role, name in (
            ("BetaTester", "beta_testers"),
            ("Instructor", "instructor"),
            ("Staff", "staff"),
            ("CCX", "ccx_coach"),
            ("Finance", "finance_admin"),
            ("Library", "library_user"),
            ("Sales", "sales_admin"),
        )
    ),
    *(
        Column(f"forumRoles_is{role}", bool, f"role in the forum: {name}")
        for role, name in (("Admin", "Administrator"), ("CommunityTA", "Community TA"), ("Moderator", "Moderator"), ("Student", "Student"))
    ),
)

COLUMNS = (*_PERSON, *_PARTICIPATION, *_RESULT, *_EVENTS, *_FORUM, *_PLACE, *_ROLES)


def run(context: Context) -> Report:
    context.refuse_days("the numbers are those of the newest snapshot and of all events; person_course_day has days")
    return Report.of(COLUMNS, activity.person_courses(context), "Learners by course")
