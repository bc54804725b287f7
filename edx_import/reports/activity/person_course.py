"""`person_course`: one row for each learner of a course, the columns of UQx and of MIT that a data package can give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from edx_import.courses import DEFAULT_PASSING_GRADE
from edx_import.reports.activity.days import Row, course_ids
from edx_import.reports.activity.learner_days import gaps
from edx_import.reports.activity.places import Places
from edx_import.reports.activity.sources import COURSE_TEAM, joined
from edx_import.reports.activity.structure import blocks_of, counted
from edx_import.reports.context import Context

_SOURCES = ("user", "enrollment", "profile", "certificate", "grade", "modules", "roles", "forum_roles", "posts", "days", "verified")

#: Counts of events, all of MIT; 0 for who has none.
_EVENTS = ("nprogcheck", "nshow_answer", "nvideo", "nproblem_check", "ntranscript", "nseq_goto", "nseek_video", "npause_video")
_POSTS = ("nforum_posts", "nforum_threads", "nforum_comments", "nforum_votes", "nforum_endorsed", "nforum_pinned")
_ROLES = {
    "roles_isBetaTester": "beta_testers",
    "roles_isInstructor": "instructor",
    "roles_isStaff": "staff",
    "roles_isCCX": "ccx_coach",
    "roles_isFinance": "finance_admin",
    "roles_isLibrary": "library_user",
    "roles_isSales": "sales_admin",
}
_FORUM_ROLES = {
    "forumRoles_isAdmin": "Administrator",
    "forumRoles_isCommunityTA": "Community TA",
    "forumRoles_isModerator": "Moderator",
    "forumRoles_isStudent": "Student",
}
_NO_GAPS = {"n": 0, "sum": 0, "max": None, "squares": 0}


def person_courses(context: Context) -> Iterator[Row]:
    """One row for each learner with an account or an enrolment in the files of a course, by course and number."""
    courses = {course["course_id"]: course for course in context.courses}
    places = Places.of(context)
    for course_id in course_ids(context):
        chapters = counted(blocks_of(context, course_id))["nchapters"]
        passing = courses[course_id].get("passing_grade")
        for user_id, found in joined(context, course_id, *_SOURCES):
            if "user" in found or "enrollment" in found:
                yield {
                    "course_id": course_id,
                    "user_id": user_id,
                    **_row(found, chapters, DEFAULT_PASSING_GRADE if passing is None else passing, places),
                }


def _row(found: Mapping[str, Row], chapters: int, passing: float, places: Places) -> Row:
    return {
        **_account(found),
        **participation(found, chapters),
        **_result(found, passing),
        **_activity(found),
        **_forum(found),
        **_place(found, places),
        **_roles(found),
    }


def _account(found: Mapping[str, Row]) -> Row:
    user, profile = found.get("user", {}), found.get("profile", {})
    enrollment, verified = found.get("enrollment", {}), found.get("verified", {})
    email = user.get("email")
    return {
        "username": user.get("username"),
        "email_domain": email.rpartition("@")[2].lower() if isinstance(email, str) and "@" in email else None,
        "LoE": profile.get("level_of_education") or "",
        "YoB": profile.get("year_of_birth"),
        "gender": profile.get("gender") or "",
        "profile_country": profile.get("country") or "",
        "mode": enrollment.get("mode"),
        "is_active": enrollment.get("is_active"),
        "start_time": enrollment.get("created"),
        "verified_enroll_time": verified.get("enrolled"),
        "verified_unenroll_time": verified.get("unenrolled"),
    }


def participation(found: Mapping[str, Row], chapters: int) -> Row:
    """How far the learner came, by the state of blocks, and whether there is a certificate. Of a course without chapters nobody knows `explored`."""
    modules = found.get("modules", {})
    nchapters = modules.get("nchapters", 0)
    return {
        "registered": True,
        "viewed_uqx": modules.get("ndays_act", 0) > 0,
        "viewed_mit": nchapters > 0,
        "explored": nchapters >= ceil(chapters / 2) if chapters else None,
        "certified": found.get("certificate", {}).get("status") == "downloadable",
        "nchapters": nchapters,
        "ndays_act_uqx": modules.get("ndays_act", 0),
        "nplay_video_uqx": modules.get("nplay_video", 0),
        "attempted_problems": modules.get("attempted_problems", 0),
    }


def _result(found: Mapping[str, Row], passing: float) -> Row:
    certificate = found.get("certificate", {})
    of_certificate, percent = number(certificate.get("grade")), found.get("grade", {}).get("percent_grade")
    grade = of_certificate if percent is None else percent
    return {
        "grade_uqx": of_certificate,
        "grade_mit": grade,
        "passing_grade": passing,
        "completed": certificate.get("status") == "downloadable" or (grade is not None and grade >= passing),
        "cert_status": certificate.get("status"),
        "cert_created_date": certificate.get("created_date"),
        "cert_modified_date": certificate.get("modified_date"),
    }


def number(text: Any) -> float | None:
    """The grade on a certificate, which is text, and may be empty."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _activity(found: Mapping[str, Row]) -> Row:
    days = found.get("days", {})
    pauses = {name: days.get(f"gap_{name}", _NO_GAPS[name]) for name in _NO_GAPS}
    return {
        "nevents_uqx": days.get("nevents_all", 0),
        "nevents_mit": days.get("nevents", 0),
        "ndays_act_mit": days.get("ndays_act", 0),
        "first_event": days.get("first_event"),
        "last_event_uqx": days.get("last_event_all"),
        "last_event_mit": days.get("last_event"),
        "nplay_video_mit": days.get("nvideo", 0),
        **{name: days.get(name, 0) for name in _EVENTS},
        "nforum_events": days.get("nforum", 0),
        **gaps(pauses),
        "inconsistent_flag": _is_inconsistent(found),
    }


def _is_inconsistent(found: Mapping[str, Row]) -> bool:
    """There are no events, and something that must have left some."""
    modules = found.get("modules", {})
    done = sum(modules.get(name, 0) for name in ("ndays_act", "nplay_video", "nchapters")) + found.get("posts", {}).get("nforum_posts", 0)
    return not found.get("days", {}).get("nevents_all") and done > 0


def _forum(found: Mapping[str, Row]) -> Row:
    return {name: found.get("posts", {}).get(name, 0) for name in _POSTS}


def _place(found: Mapping[str, Row], places: Places) -> Row:
    """By the addresses of the learner's days: the country of the one that most days have (of several, the greatest), and all countries."""
    days = Counter(filter(None, found.get("days", {}).get("ips", ())))
    address = max(days, key=lambda one: (days[one], one), default=None)
    country, subdivision = places.of_address(address)
    countries = {places.of_address(one)[0] for one in days} - {None}
    return {"ip": address, "cc_by_ip": country, "subdivision": subdivision, "final_cc_cname": ",".join(sorted(map(str, countries)))}


def _roles(found: Mapping[str, Row]) -> Row:
    access, forum = set(found.get("roles", {}).get("names", ())), set(found.get("forum_roles", {}).get("names", ()))
    return {
        "roles_uqx": found.get("user", {}).get("is_staff"),
        "roles_mit": "Staff" if access & COURSE_TEAM else "Student" if "Student" in forum else None,
        **{column: role in access for column, role in _ROLES.items()},
        **{column: role in forum for column, role in _FORUM_ROLES.items()},
    }
