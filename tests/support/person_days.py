"""`person_course_day` a second time, in plain Python and from the lines themselves: what the database computes is held against it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

Event = Mapping[str, Any]

_COURSE = r"/courses/((course|ccx)-v1(:|%3[Aa])[^/]+|[^/]+/[^/]+/[^/]+)"
_TASKS = {
    "video": r"[A-Za-z0-9_]+_(video|transcript)",
    "problem": r"problem_[A-Za-z0-9_]+",
    "forum": r"^edx\.forum\.|/discussion/",
    "text": r"^textbook\.|/wiki/",
}
_MINUTE = 60_000
_BLANKS = " \t\n\v\f\r\0"


def person_days(events: Iterable[Event]) -> dict[str, dict[str, Any]]:
    """The documents by `_id`, without `rolled_up`, from the documents of events."""
    groups: dict[tuple[str, str, Any, Any], list[Event]] = defaultdict(list)
    for event in events:
        learner = _learner(event)
        if event["course_id"] is not None and learner != "":
            groups[event["site"], event["course_id"], event["time"].date(), learner].append(event)
    rows = (_row(*key, sorted(group, key=lambda event: event["time"])) for key, group in groups.items())
    return {row["_id"]: row for row in rows}


def _raw_name(event: Event) -> str:
    name = event.get("username")
    return name if isinstance(name, str) else ""


def _username(event: Event) -> str:
    return _raw_name(event).strip(_BLANKS)


def _learner(event: Event) -> Any:
    return event["user_id"] if event["user_id"] not in (None, 0) else _username(event)


def _type(event: Event) -> str:
    found = event.get("event_type")
    return found if isinstance(found, str) else ""


def _milliseconds(event: Event) -> int:
    time: datetime = event["time"]
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C").replace("\0", "%00")


def _row(site: str, course_id: str, day: Any, learner: Any, events: list[Event]) -> dict[str, Any]:
    key = "@" + _escaped(learner) if isinstance(learner, str) else str(learner)
    counted = [event for event in events if "/xblock/" not in _type(event)]
    addresses = [(event["time"], event["ip"]) for event in events if isinstance(event.get("ip"), str) and event["ip"]]
    times = [_milliseconds(event) for event in events]
    return {
        "_id": "|".join([_escaped(site), _escaped(course_id), day.isoformat(), key]),
        "site": site,
        "course_id": course_id,
        "day": datetime(day.year, day.month, day.day, tzinfo=UTC),
        "learner": learner,
        "user_id": None if isinstance(learner, str) else learner,
        "username": max(map(_raw_name, events)).strip(_BLANKS) or None,
        "nevents_all": len(events),
        "nevents": len(counted),
        **_insights(events, isinstance(learner, int)),
        **_counts(events),
        **_learning(events),
        "first_event": counted[0]["time"] if counted else None,
        "last_event": counted[-1]["time"] if counted else None,
        "last_event_all": events[-1]["time"],
        "gaps": _gaps([_milliseconds(event) for event in counted]),
        "time_on_task": _time_on_task(events),
        "sessions": _sessions(times),
        "ip": max(addresses)[1] if addresses else None,
    }


def _insights(events: list[Event], numbered: bool) -> dict[str, int]:
    def number(rule: Any) -> int:
        return sum(bool(rule(event, _type(event), event.get("event_source"))) for event in events) if numbered else 0

    return {
        "active": number(lambda event, name, source: source != "task" and not name.startswith("edx.course.enrollment.")),
        "attempted_problem": number(lambda event, name, source: source == "server" and name == "problem_check"),
        "played_video": number(lambda event, name, source: source in ("browser", "mobile") and name == "play_video"),
        "posted_forum": number(lambda event, name, source: source == "server" and re.match(r"edx\.forum\..*\.created\Z", name)),
    }


def _counts(events: list[Event]) -> dict[str, int]:
    kept = [(_type(event), event.get("event_source")) for event in events if "/xblock/" not in _type(event)]

    def named(*names: str, source: str = "") -> int:
        return sum(name in names and source in ("", found) for name, found in kept)

    def path(rest: str) -> int:
        return sum(bool(re.match(_COURSE + rest, name)) for name, _ in kept)

    return {
        "nprogcheck": path(r"/progress([/?]|\Z)"),
        "nshow_answer": named("show_answer", "showanswer"),
        "nvideo": named("play_video"),
        "nproblem_check": named("problem_check"),
        "nforum": path("/discussion/"),
        "ntranscript": named("show_transcript"),
        "nseq_goto": named("seq_goto"),
        "nseek_video": named("seek_video"),
        "npause_video": named("pause_video"),
        "nforum_reads": path("/discussion/forum/[^/]+/threads/[^/?]+"),
        "nforum_posts": named("edx.forum.response.created", "edx.forum.comment.created", source="server"),
        "nforum_threads": named("edx.forum.thread.created", source="server"),
    }


def _learning(events: list[Event]) -> dict[str, int]:
    played, problems, answers = set(), set(), set()
    farthest: dict[str, int] = {}
    for event in events:
        name, payload = _type(event), event.get("event")
        if not isinstance(payload, dict):
            continue
        if name in ("play_video", "pause_video", "stop_video") and isinstance(payload.get("id"), str):
            video = event.get("module_id") or payload["id"]
            if name == "play_video":
                played.add(video)
            position = _position(payload.get("currentTime"))
            if position is not None:
                farthest[video] = max(position, farthest.get(video, 0))
        if name == "problem_check" and event.get("event_source") == "server":
            if isinstance(payload.get("problem_id"), str):
                problems.add(event.get("module_id") or payload["problem_id"])
            if isinstance(payload.get("answers"), dict):
                answers |= set(payload["answers"])
    return {
        "nvideos_viewed": len(played),
        "videos_watched": sum(farthest.values()),
        "nproblems_attempted": len(problems),
        "nproblems_answered": len(answers),
    }


def _position(value: Any) -> int | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value) or not 0 <= value <= 36_000:
        return None
    return int(float(value) * 1000)


def _differences(times: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(times)]


def _gaps(times: list[int]) -> dict[str, int | None]:
    short = [gap for gap in _differences(times) if gap <= 5 * _MINUTE]
    return {"n": len(short), "sum": sum(short), "max": max(short, default=None), "squares": sum(gap * gap for gap in short)}


def _tasks(event: Event) -> list[str]:
    name = _type(event)
    return [task for task, pattern in _TASKS.items() if re.search(pattern, name)][:1]


def _time_on_task(events: list[Event]) -> dict[str, int]:
    of_tasks = [(_milliseconds(event), task) for event in events for task in _tasks(event)]
    spent = {}
    for label, limit in (("5", 5 * _MINUTE), ("30", 30 * _MINUTE)):
        spent[f"total_{label}"] = sum(gap for gap in _differences([_milliseconds(event) for event in events]) if gap < limit)
        for task in _TASKS:
            spent[f"{task}_{label}"] = sum(gap for gap in _differences([time for time, found in of_tasks if found == task]) if gap < limit)
    order = list(_TASKS)
    instants = sorted({time: min((order.index(found), found) for other, found in of_tasks if other == time)[1] for time, _ in of_tasks}.items())
    for task in _TASKS:
        pauses = [later - earlier for (earlier, _), (later, found) in pairwise(instants) if found == task]
        spent[f"serial_{task}_30"] = sum(pause for pause in pauses if pause < 30 * _MINUTE)
    return spent


def _sessions(times: list[int]) -> list[dict[str, Any]]:
    sessions: list[list[int]] = []
    for time in times:
        if sessions and time - sessions[-1][-1] <= 30 * _MINUTE:
            sessions[-1].append(time)
        else:
            sessions.append([time])
    return [{"first": _moment(found[0]), "last": _moment(found[-1]), "n": len(found)} for found in sessions]


def _moment(milliseconds: int) -> datetime:
    second, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(second, UTC).replace(microsecond=rest * 1000)
