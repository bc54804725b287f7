"""The summary `person_course_day`: what a learner did in a course on a UTC day, as a pipeline over the events of some days of a course.

Events come in the order of their times, as the index has them. Where the times of two are the same to the millisecond, nothing here depends on which
comes first: what is computed from the same events is always the same.
"""

from __future__ import annotations

from typing import Any, Final

from edx_import.ids import row_id
from edx_import.rollups.kinds import ENROLLMENT, FORUM, FORUM_CREATED, PROGRESS, TASKS, THREAD, XBLOCK, Expression, kind_expression
from edx_import.rollups.learners import escaped, has_number, is_text, learner_of, midnight_of, trimmed
from edx_import.rollups.spans import Span

MINUTE: Final = 60_000  # milliseconds, as all durations in the database

#: A longer pause is no activity: it is left out of the gaps.
LONGEST_GAP: Final = 5 * MINUTE
#: What a pause has to be shorter than to be time on task, by the name of the sum.
TASK_GAPS: Final = {"5": 5 * MINUTE, "30": 30 * MINUTE}
#: After a longer pause a new session begins.
SESSION_GAP: Final = 30 * MINUTE

#: Positions in a video are seconds from 0 to ten hours; anything else is not meant.
_LAST_POSITION: Final = 36_000

_WATCHING: Final = ("play_video", "pause_video", "stop_video")


def _both(*conditions: Expression) -> Expression:
    return {"$and": list(conditions)}


def _is_type(*types: str) -> Expression:
    return {"$eq": ["$event_type", types[0]]} if len(types) == 1 else {"$in": ["$event_type", list(types)]}


def _is_from(*sources: str) -> Expression:
    return {"$in": ["$event_source", list(sources)]}


def _is_class(*classes: int) -> Expression:
    return {"$eq": ["$kind.class", classes[0]]} if len(classes) == 1 else {"$in": ["$kind.class", list(classes)]}


_IS_ATTEMPT = _both(_is_type("problem_check"), _is_from("server"))

#: What is counted of a learner's day, each by the condition beside it.
COUNTS: Final[dict[str, Expression]] = {
    # Insights; only where the learner has a number (see `OF_NUMBERED`)
    "active": _both({"$ne": ["$event_source", "task"]}, {"$ne": ["$kind.class", ENROLLMENT]}),
    "attempted_problem": _IS_ATTEMPT,
    "played_video": _both(_is_type("play_video"), _is_from("browser", "mobile")),
    "posted_forum": _both(_is_class(FORUM_CREATED), _is_from("server")),
    # MIT
    "nprogcheck": _is_class(PROGRESS),
    "nshow_answer": _is_type("show_answer", "showanswer"),
    "nvideo": _is_type("play_video"),
    "nproblem_check": _is_type("problem_check"),
    "nforum": _is_class(FORUM, THREAD),
    "ntranscript": _is_type("show_transcript"),
    "nseq_goto": _is_type("seq_goto"),
    "nseek_video": _is_type("seek_video"),
    "npause_video": _is_type("pause_video"),
    "nforum_reads": _is_class(THREAD),
    "nforum_posts": _both(_is_type("edx.forum.response.created", "edx.forum.comment.created"), _is_from("server")),
    "nforum_threads": _both(_is_type("edx.forum.thread.created"), _is_from("server")),
}

OF_NUMBERED: Final = ("active", "attempted_problem", "played_video", "posted_forum")


def person_day(span: Span) -> list[Expression]:
    """The pipeline over `events`; it gives the documents of the span, without `rolled_up`."""
    wanted = {"site": span.site, "course_id": span.course_id, "time": {"$gte": span.begin, "$lt": span.end}}
    return [{"$match": wanted}, {"$sort": {"time": 1}}, _picked(), {"$match": {"learner": {"$ne": ""}}}, _grouped(), *_finished(span)]


def _picked() -> Expression:
    """What is needed of an event."""
    return {
        "$project": {
            "_id": 0,
            "learner": learner_of(),
            "username": {"$cond": [is_text("$username"), "$username", "$$REMOVE"]},
            "day": midnight_of("$time"),
            "t": {"$toLong": "$time"},
            "event_type": 1,
            "event_source": 1,
            "ip": 1,
            "kind": _kind(),
            "video": {"$cond": [_both(_is_type(*_WATCHING), is_text("$event.id")), {"$ifNull": ["$module_id", "$event.id"]}, "$$REMOVE"]},
            "position": {"$cond": [_is_type(*_WATCHING), _position(), "$$REMOVE"]},
            "problem": {"$cond": [_both(_IS_ATTEMPT, is_text("$event.problem_id")), {"$ifNull": ["$module_id", "$event.problem_id"]}, "$$REMOVE"]},
            "answers": {"$cond": [_both(_IS_ATTEMPT, _is_object("$event.answers")), "$event.answers", "$$REMOVE"]},
        }
    }


def _kind() -> Expression:
    """Of a type that is no text, as of an empty one."""
    return {"$let": {"vars": {"s": {"$cond": [is_text("$event_type"), "$event_type", ""]}}, "in": kind_expression("$$s")}}


def _is_object(value: Any) -> Expression:
    return {"$eq": [{"$type": value}, "object"]}


def _position() -> Expression:
    """Where the player stood, in milliseconds; missing where it is not known."""
    seconds = {"$cond": [{"$isNumber": "$event.currentTime"}, {"$toDouble": "$event.currentTime"}, None]}
    known = _both({"$gte": ["$$s", 0]}, {"$lte": ["$$s", _LAST_POSITION]})
    return {"$let": {"vars": {"s": seconds}, "in": {"$cond": [known, {"$toLong": {"$multiply": ["$$s", 1000]}}, "$$REMOVE"]}}}


def _where(condition: Any, value: Any) -> Expression:
    """The value where the condition holds; nothing to accumulate elsewhere."""
    return {"$cond": [condition, value, "$$REMOVE"]}


def _grouped() -> Expression:
    counted = {name: {"$sum": {"$cond": [condition, 1, 0]}} for name, condition in COUNTS.items()}
    return {
        "$group": {
            "_id": {"day": "$day", "learner": "$learner"},
            "username": {"$max": "$username"},
            "nevents_all": {"$sum": 1},
            "nevents": {"$sum": {"$cond": [_is_class(XBLOCK), 0, 1]}},
            **counted,
            "times": {"$push": "$t"},
            "counted_times": {"$push": _where({"$ne": ["$kind.class", XBLOCK]}, "$t")},
            **{f"{task}_times": {"$push": _where({"$eq": ["$kind.task", number]}, "$t")} for number, task in enumerate(TASKS, 1)},
            "tasks": {"$push": _where({"$gt": ["$kind.task", 0]}, {"t": "$t", "k": "$kind.task"})},
            "videos": {"$addToSet": _where(_is_type("play_video"), "$video")},
            "positions": {"$push": _where(_both(is_text("$video"), {"$isNumber": "$position"}), {"v": "$video", "p": "$position"})},
            "problems": {"$addToSet": "$problem"},
            "answers": {"$push": "$answers"},
            "last_ip": {"$max": _where(_both(is_text("$ip"), {"$ne": ["$ip", ""]}), {"t": "$t", "ip": "$ip"})},
        }
    }


def _finished(span: Span) -> list[Expression]:
    return [
        {
            "$set": {
                "short_gaps": {"$filter": {"input": _differences("$counted_times"), "cond": {"$lte": ["$$this", LONGEST_GAP]}}},
                "breaks": _breaks(),
                "serial": _serial(),
                **{f"{task}_gaps": _differences(f"${task}_times") for task in TASKS},
                "all_gaps": _differences("$times"),
            }
        },
        {"$project": {"_id": _row_id(span), "site": {"$literal": span.site}, "course_id": {"$literal": span.course_id}, **_fields()}},
    ]


def _fields() -> Expression:
    numbered = has_number("$_id.learner")
    return {
        "day": {"$toDate": "$_id.day"},
        "learner": "$_id.learner",
        "user_id": {"$cond": [numbered, "$_id.learner", None]},
        "username": {"$let": {"vars": {"name": trimmed("$username")}, "in": {"$cond": [{"$eq": ["$$name", ""]}, None, "$$name"]}}},
        "nevents_all": 1,
        "nevents": 1,
        **{name: {"$cond": [numbered, f"${name}", 0]} if name in OF_NUMBERED else 1 for name in COUNTS},
        "nvideos_viewed": {"$size": "$videos"},
        "videos_watched": _watched(),
        "nproblems_attempted": {"$size": "$problems"},
        "nproblems_answered": {"$size": _answer_ids()},
        "first_event": _moment({"$min": "$counted_times"}),
        "last_event": _moment({"$max": "$counted_times"}),
        "last_event_all": _moment({"$max": "$times"}),
        "gaps": {
            "n": {"$size": "$short_gaps"},
            "sum": {"$sum": "$short_gaps"},
            "max": {"$max": "$short_gaps"},
            "squares": {"$sum": {"$map": {"input": "$short_gaps", "in": {"$multiply": ["$$this", "$$this"]}}}},
        },
        "time_on_task": {
            **{f"total_{name}": _sum_below("$all_gaps", limit) for name, limit in TASK_GAPS.items()},
            **{f"{task}_{name}": _sum_below(f"${task}_gaps", limit) for task in TASKS for name, limit in TASK_GAPS.items()},
            **{f"serial_{task}_30": _attributed("$serial", number) for number, task in enumerate(TASKS, 1)},
        },
        "sessions": _sessions(),
        "ip": {"$ifNull": ["$last_ip.ip", None]},
    }


def _row_id(span: Span) -> Expression:
    """As `ids.row_id` makes it; a username is marked, so that it is not taken for a number."""
    learner = {"$cond": [is_text("$_id.learner"), {"$concat": ["@", escaped({"$toString": "$_id.learner"})]}, {"$toString": "$_id.learner"}]}
    day = {"$dateToString": {"date": {"$toDate": "$_id.day"}, "format": "%Y-%m-%d"}}
    return {"$concat": [{"$literal": row_id(span.site, span.course_id) + "|"}, day, "|", learner]}


def _moment(milliseconds: Expression) -> Expression:
    """null stays null."""
    return {"$toDate": milliseconds}


def _differences(times: str) -> Expression:
    """What lies between each time and the one before it."""
    number = {"$size": times}
    pair = {"$subtract": [{"$arrayElemAt": [times, "$$this"]}, {"$arrayElemAt": [times, {"$subtract": ["$$this", 1]}]}]}
    return {"$map": {"input": {"$range": [1, {"$max": [1, number]}]}, "in": pair}}


def _sum_below(gaps: str, limit: int) -> Expression:
    return {"$sum": {"$filter": {"input": gaps, "cond": {"$lt": ["$$this", limit]}}}}


def _breaks() -> Expression:
    """The places of the events that begin a session, and one past the end."""
    gap = {"$subtract": [{"$arrayElemAt": ["$times", "$$this"]}, {"$arrayElemAt": ["$times", {"$subtract": ["$$this", 1]}]}]}
    later = {"$filter": {"input": {"$range": [1, {"$size": "$times"}]}, "cond": {"$gt": [gap, SESSION_GAP]}}}
    return {"$concatArrays": [[0], later, [{"$size": "$times"}]]}


def _sessions() -> Expression:
    """[{first, last, n}], in order."""
    start = {"$arrayElemAt": ["$breaks", "$$this"]}
    stop = {"$arrayElemAt": ["$breaks", {"$add": ["$$this", 1]}]}
    session = {
        "first": {"$toDate": {"$arrayElemAt": ["$times", start]}},
        "last": {"$toDate": {"$arrayElemAt": ["$times", {"$subtract": [stop, 1]}]}},
        "n": {"$subtract": [stop, start]},
    }
    return {"$map": {"input": {"$range": [0, {"$subtract": [{"$size": "$breaks"}, 1]}]}, "in": session}}


def _serial() -> Expression:
    """Goes through the events of any of the four kinds: the pause before each instant, if it is short, is given to the kind of that instant.

    Of several events at one instant the first kind in the order of `TASKS` gets it. `s1` and on hold what is settled of each kind; `t`, `k` and
    `g` are the instant, its kind and the pause before it.
    """
    same = {"$eq": ["$$this.t", "$$value.t"]}
    pause = {"$subtract": ["$$this.t", "$$value.t"]}
    counted = _both({"$isNumber": "$$value.t"}, {"$lt": [pause, TASK_GAPS["30"]]})
    return {
        "$reduce": {
            "input": "$tasks",
            "initialValue": {"t": None, "k": 0, "g": 0, **{f"s{number}": 0 for number in range(1, len(TASKS) + 1)}},
            "in": {
                "t": "$$this.t",
                "k": {"$cond": [same, {"$min": ["$$value.k", "$$this.k"]}, "$$this.k"]},
                "g": {"$cond": [same, "$$value.g", {"$cond": [counted, pause, 0]}]},
                **{f"s{number}": {"$cond": [same, f"$$value.s{number}", _attributed("$$value", number)]} for number in range(1, len(TASKS) + 1)},
            },
        }
    }


def _attributed(state: str, number: int) -> Expression:
    """The sum of a kind with the pause that waits for it."""
    return {"$add": [f"{state}.s{number}", {"$cond": [{"$eq": [f"{state}.k", number]}, f"{state}.g", 0]}]}


def _watched() -> Expression:
    """The farthest position in each video, added up."""
    ids = {"$setUnion": ["$positions.v", []]}
    own = {"$filter": {"input": "$positions", "as": "one", "cond": {"$eq": ["$$one.v", "$$video"]}}}
    farthest = {"$max": {"$map": {"input": own, "as": "one", "in": "$$one.p"}}}
    return {"$sum": {"$map": {"input": ids, "as": "video", "in": farthest}}}


def _answer_ids() -> Expression:
    """The ids of the answers given, each once."""
    names = {"$map": {"input": {"$objectToArray": "$$one"}, "as": "part", "in": "$$part.k"}}
    return {
        "$reduce": {
            "input": {"$map": {"input": "$answers", "as": "one", "in": names}},
            "initialValue": [],
            "in": {"$setUnion": ["$$value", "$$this"]},
        }
    }
