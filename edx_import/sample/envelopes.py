"""What stands around the payload of an event: the fields of a line, by where it comes from."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from edx_import.sample.enrollment import Change
from edx_import.sample.implicit import Request, unreadable
from edx_import.sample.moment import BROWSER, MOBILE, SERVER, TASK, EventKind, Moment, Payload
from edx_import.sample.rows_platform import PARTITION_KEY, group_of

_LANGUAGES: Final = ("es-CL,es;q=0.9,en;q=0.8", "en-US,en;q=0.5", "")
_BROWSER_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:72.0) Gecko/20100101 Firefox/72.0"


def explicit(m: Moment, kind: EventKind) -> dict[str, Any]:
    """The line of an event with a name of its own."""
    payload = kind.payload(m)
    event = _ENVELOPES[kind.source](m, kind, payload)
    event["context"].update(kind.context)
    return event


def _browser(m: Moment, kind: EventKind, payload: Payload) -> dict[str, Any]:
    event = _fields(m, kind.event_type, kind.name or kind.event_type)
    event |= {
        "event_source": BROWSER,
        "event": payload if isinstance(payload, str | list) else _as_script_writes(payload),
        "page": f"{m.url}/courseware/{m.block('chapter').name}/{m.block('sequential').name}/",
        "session": m.learner.session,
    }
    event["context"]["path"] = "/event"
    if m.chance(0.02):
        event["context"]["course_id"] = ""  # the page still names it
    if m.chance(0.2):
        event |= {"label": m.course.id, "nonInteraction": 1}
    return event


def _as_script_writes(payload: Any) -> str:
    """JSON as a browser makes it: no blanks, nothing escaped that need not be. No payload: sometimes nothing at all."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False) if payload else ""


def _server(m: Moment, kind: EventKind, payload: Payload) -> dict[str, Any]:
    event = _fields(m, kind.event_type, kind.name or kind.event_type)
    event |= {"event_source": SERVER, "event": payload, "page": m.choice(None, "x_module"), "session": m.learner.session}
    context = event["context"]
    context["course_user_tags"] = {PARTITION_KEY: group_of(m.learner.id)}
    if "problem" in kind.event_type:
        block = m.block("problem")
        context["path"] = f"/courses/{m.course.id}/xblock/{block.key}/handler/xmodule_handler/problem_check"
        context["module"] = {"display_name": block.display_name, "usage_key": block.key}
        context["asides"] = {}
    else:
        context["path"] = f"/courses/{m.course.id}/"
    return event


def _task(m: Moment, kind: EventKind, payload: Payload) -> dict[str, Any]:
    """An event of a background job: nobody in particular."""
    event = _server(m, kind, payload)
    return event | {"event_source": TASK, "username": "unknown", "ip": "", "agent": "", "session": ""}


def _mobile(m: Moment, kind: EventKind, payload: Payload) -> dict[str, Any]:
    """An event of the app: it may have waited on the phone for days; the file is that of the day it was received."""
    waited = timedelta(seconds=m.number(5 * 86400) if m.chance(0.3) else m.number(30))
    event = _fields(m, kind.event_type, kind.name or kind.event_type)
    del event["accept_language"]
    event |= {
        "event_source": MOBILE,
        "event": json.dumps(payload) if m.chance(0.8) else payload,
        "time": (m.time - waited).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "page": f"https://{m.host}/courses/{m.course.id}/courseware/{m.block('chapter').name}",
        "ip": "",
        "agent": "Dalvik/2.1.0 (Linux; U; Android 9)",
    }
    event["context"] |= {
        "path": "/segmentio/event",
        "received_at": m.iso(),
        "component": "videoplayer",
        "open_in_browser_url": f"{m.url}/courseware/{m.block('chapter').name}/",
        "application": {"name": "edx.mobileapp.android", "version": "2.20.1"},
        "client": {
            "os": {"name": "Android", "version": "9"},
            "network": {"wifi": True, "carrier": "Móvil"},
            "screen": {"density": 2.625},
            "locale": "es-CL",
        },
    }
    return event


_ENVELOPES: Final = {BROWSER: _browser, SERVER: _server, TASK: _task, MOBILE: _mobile}


def implicit(m: Moment, request: Request) -> dict[str, Any]:
    """The line of a request."""
    event = _fields(m, request.path, request.path)
    event |= {
        "event_source": SERVER,
        "event": request.payload if not m.chance(0.003) else unreadable(),
        "page": None,
        "session": m.learner.session,
    }
    context = event["context"]
    context["path"] = request.path
    if not request.names_course:
        context["course_id"] = ""
    elif m.chance(0.03):
        context["course_id"] = m.choice("", f" {m.course.id}\n")
    if m.chance(0.03):
        event["username"], context["user_id"] = m.choice(("", ""), ("", None), ("anonymous", ""), (f"{m.learner.username}\n", str(m.learner.id)))
    return event


def enrollment(m: Moment, change: Change) -> dict[str, Any]:
    """The line of a change to an enrolment. Some are made by tools outside the platform's pages, whose context names no course."""
    kind = f"edx.course.enrollment.{change.what}"
    event = _fields(m, kind, kind)
    event |= {
        "event_source": SERVER,
        "event": {"course_id": m.course.id, "user_id": m.learner.id, "mode": change.mode},
        "page": None,
        "session": m.learner.session,
    }
    event["context"]["path"] = "/change_enrollment"
    if m.chance(0.08):
        event |= {"username": "", "agent": "", "ip": ""}
        event["context"] |= {"course_id": m.choice("", None), "user_id": None, "path": "/api/enrollment/v1/enrollment"}
    return event


def _fields(m: Moment, event_type: str, name: str) -> dict[str, Any]:
    """The fields that every line has."""
    return {
        "username": m.learner.username,
        "event_type": event_type,
        "name": name,
        "time": _time(m),
        "ip": m.learner.ip,
        "agent": m.learner.agent or _BROWSER_AGENT,
        "host": m.host,
        "referer": f"{m.url}/info",
        "accept_language": m.rng.choice(_LANGUAGES),
        "context": {"course_id": m.course.id, "org_id": m.course.org, "user_id": m.learner.id},
    }


def _time(m: Moment) -> str:
    """The time as the platform writes it: no fraction when it is zero; a few without the offset."""
    text = m.time.strftime("%Y-%m-%dT%H:%M:%S") + (f".{m.time.microsecond:06d}" if m.time.microsecond else "")
    return text if m.chance(0.01) else text + "+00:00"
