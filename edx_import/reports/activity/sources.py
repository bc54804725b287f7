"""What the tables of a course say of its learners: one stream for each table, in the order of the learners' numbers, and all of them joined.

The database sorts; of what is joined here, one row of each stream is held at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edx_import.ids import course_range
from edx_import.reports.activity.days import PERSON_COURSE_DAY, Row, Stage
from edx_import.reports.context import Context

_ENROLLED = "edx.course.enrollment.activated", "edx.course.enrollment.mode_changed"
_LEFT = "edx.course.enrollment.deactivated"

#: Rows of a table are one per learner; where a file has more, the last one in the order of ids counts.
_ONE_ROW: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "user": ("auth_user", "id", ("username", "email", "is_staff")),
    "enrollment": ("student_courseenrollment", "user_id", ("created", "mode", "is_active")),
    "profile": ("auth_userprofile", "user_id", ("gender", "year_of_birth", "level_of_education", "country")),
    "certificate": ("certificates_generatedcertificate", "user_id", ("grade", "status", "created_date", "modified_date")),
    "grade": ("grades_persistentcoursegrade", "user_id", ("percent_grade",)),
}


def joined(context: Context, course_id: str, *names: str) -> Iterator[tuple[int, dict[str, Row]]]:
    """Each learner that any of the sources has, with what each of them says; by number. A source that says nothing is missing.

    The sources are user, enrollment, profile, certificate, grade, modules, roles, forum_roles, posts, days, verified.
    """
    streams = {name: source(context, course_id, name) for name in names}
    heads = {name: next(stream, None) for name, stream in streams.items()}
    while any(heads.values()):
        user_id = min(head["_id"] for head in heads.values() if head)
        found = {name: head for name, head in heads.items() if head and head["_id"] == user_id}
        for name in found:
            heads[name] = next(streams[name], None)
        yield user_id, found


def source(context: Context, course_id: str, name: str) -> Iterator[Row]:
    """One stream: rows whose `_id` is the learner's number, each once, in their order."""
    collection, stages = _PARTS[name](context, course_id) if name in _PARTS else _one_row(context, course_id, *_ONE_ROW[name])
    numbered: Stage = {"$match": {"_id": {"$type": ["int", "long"]}}}
    return context.aggregate(collection, [*stages, numbered, {"$sort": {"_id": 1}}])


def _of_course(context: Context, course_id: str) -> Stage:
    first, beyond = course_range(context.site, course_id)
    return {"$match": {"_id": {"$gte": first, "$lt": beyond}}}


def _one_row(context: Context, course_id: str, table: str, key: str, fields: Sequence[str]) -> tuple[str, list[Stage]]:
    last: dict[str, Any] = {"_id": f"${key}", **{field: {"$last": f"${field}"} for field in fields}}
    return table, [_of_course(context, course_id), {"$sort": {"_id": 1}}, {"$group": last}]


def _modules(context: Context, course_id: str) -> tuple[str, list[Stage]]:
    """State of blocks: days on which one was first opened, videos opened, distinct chapters, problems that were answered."""
    day = {"$cond": [{"$eq": [{"$type": "$created"}, "date"]}, {"$dateTrunc": {"date": "$created", "unit": "day"}}, "$$REMOVE"]}
    in_text = {"$regexMatch": {"input": {"$cond": [{"$eq": [{"$type": "$state"}, "string"]}, "$state", ""]}, "regex": "correct_map"}}
    answered = {"$or": [{"$ne": [{"$type": "$state.correct_map"}, "missing"]}, in_text]}
    chapter = {"$cond": [{"$eq": ["$module_type", "chapter"]}, "$module_id", "$$REMOVE"]}
    grouped = {
        "_id": "$student_id",
        "days": {"$addToSet": day},
        "chapters": {"$addToSet": chapter},
        "nplay_video": {"$sum": {"$cond": [{"$eq": ["$module_type", "video"]}, 1, 0]}},
        "attempted_problems": {"$sum": {"$cond": [answered, 1, 0]}},
    }
    counted = {"ndays_act": {"$size": "$days"}, "nchapters": {"$size": "$chapters"}}
    stages: list[Stage] = [_of_course(context, course_id), {"$group": grouped}, {"$set": counted}, {"$unset": ["days", "chapters"]}]
    return "courseware_studentmodule", stages


def _roles(context: Context, course_id: str) -> tuple[str, list[Stage]]:
    return "student_courseaccessrole", [_of_course(context, course_id), {"$group": {"_id": "$user_id", "names": {"$addToSet": "$role"}}}]


def _forum_roles(context: Context, course_id: str) -> tuple[str, list[Stage]]:
    return "django_comment_client_role_users", [_of_course(context, course_id), {"$group": {"_id": "$user_id", "names": {"$addToSet": "$name"}}}]


def _posts(context: Context, course_id: str) -> tuple[str, list[Stage]]:
    """What learners wrote in the forum, by the file of the forum."""

    def number(condition: Any) -> Row:
        return {"$sum": {"$cond": [condition, 1, 0]}}

    grouped = {
        "_id": "$author",
        "nforum_posts": {"$sum": 1},
        "nforum_threads": number({"$eq": ["$_type", "CommentThread"]}),
        "nforum_comments": number({"$eq": ["$_type", "Comment"]}),
        "nforum_endorsed": number({"$eq": ["$endorsed", True]}),
        "nforum_pinned": number({"$eq": ["$pinned", True]}),
        "nforum_votes": {"$sum": "$votes.up_count"},
    }
    return "forum", [{"$match": {"site": context.site, "course_id": course_id}}, {"$group": grouped}]


#: Counts of a learner's days that are added up.
DAY_COUNTS = tuple(
    """
    nevents nevents_all nprogcheck nshow_answer nvideo nproblem_check nforum ntranscript nseq_goto nseek_video npause_video
    """.split()
)


def _days(context: Context, course_id: str) -> tuple[str, list[Stage]]:
    """All days of a learner, added up; `ips` are the addresses of the days."""
    grouped = {
        "_id": "$user_id",
        **{name: {"$sum": f"${name}"} for name in DAY_COUNTS},
        "ndays_act": {"$sum": {"$cond": [{"$gt": ["$nevents", 0]}, 1, 0]}},
        "first_event": {"$min": "$first_event"},
        "last_event": {"$max": "$last_event"},
        "last_event_all": {"$max": "$last_event_all"},
        **{f"gap_{name}": {("$max" if name == "max" else "$sum"): f"$gaps.{name}"} for name in ("n", "sum", "max", "squares")},
        "ips": {"$push": "$ip"},
    }
    wanted = {"site": context.site, "course_id": course_id, "learner": {"$type": ["int", "long"]}}
    return PERSON_COURSE_DAY, [{"$match": wanted}, {"$group": grouped}]


def _verified(context: Context, course_id: str) -> tuple[str, list[Stage]]:
    """When learners became verified first, and when they last left while they were."""
    wanted = {"site": context.site, "event.course_id": course_id, "event_type": {"$in": [*_ENROLLED, _LEFT]}, "event.mode": "verified"}
    left = {"$eq": ["$event_type", _LEFT]}
    grouped = {
        "_id": "$event.user_id",
        "enrolled": {"$min": {"$cond": [left, "$$REMOVE", "$time"]}},
        "unenrolled": {"$max": {"$cond": [left, "$time", "$$REMOVE"]}},
    }
    return "events", [{"$match": wanted}, {"$group": grouped}]


_PARTS = {"modules": _modules, "roles": _roles, "forum_roles": _forum_roles, "posts": _posts, "days": _days, "verified": _verified}

#: Roles of the people who make and run a course.
COURSE_TEAM = frozenset({"staff", "instructor"})
