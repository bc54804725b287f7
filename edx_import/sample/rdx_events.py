"""The events of a research package: those of known types, without what tells where somebody was or who it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from ipaddress import IPv4Address
from typing import Any, Final

from edx_import.sample import payloads_other
from edx_import.sample.courses import Course
from edx_import.sample.enrollment import ACTIVATED, DEACTIVATED, MODE_CHANGED
from edx_import.sample.events import KINDS, iter_lines
from edx_import.sample.people import Learner
from edx_import.sample.rdx_disguise import Disguise

#: Types that the platform logs, but that the guide does not describe.
_PLATFORM_ONLY: Final = re.compile(
    r"complete_video|edx\.completion\..*|edx\.course\.grade\..*|edx\.forum\.(?:thread|response|comment)\.(?:edited|deleted|reported|unreported)"
)
_UNDOCUMENTED: Final = frozenset(kind.event_type for kind in payloads_other.UNDOCUMENTED)
_ALSO_TAKEN: Final = frozenset(("edx.user.settings.changed", "xblock.problem_builder.loaded", "xblock.problem_builder.submitted"))

#: The named types of event that a research package holds.
RDX_EVENT_TYPES: Final = frozenset(
    (
        *(kind.event_type for kind in KINDS if kind.event_type not in _UNDOCUMENTED and not _PLATFORM_ONLY.fullmatch(kind.event_type)),
        *(f"edx.course.enrollment.{what}" for what in (ACTIVATED, DEACTIVATED, MODE_CHANGED)),
        *_ALSO_TAKEN,
    )
)

_PAGES: Final = (
    r"/?",
    r"/(?:info|progress|course_wiki|about|teams|[0-9a-f]{32})/?",
    r"/(?:jump_to_id|courseware)/.*",
    r"/pdfbook/[0-9]+(?:/chapter/[0-9]+(?:/[0-9]+)?)?/?",
    r"/wiki/(?!.*/_action).*",
    r"/discussion/(?:threads|comments)(?:/.*)?",
    r"/discussion/(?:upload|users|forum)/?",
    r"/discussion/[^/]+/threads/create/?",
    r"/discussion/forum/[^/]+/(?:inline|search|threads(?:/[^/]+)?)/?",
)
_KEPT_REQUEST: Final = re.compile(rf"/courses/[^/+]+[/+][^/+]+[/+][^/]+(?:{'|'.join(_PAGES)})")

_DROPPED: Final = frozenset(("host", "ip", "page", "referer"))
_DROPPED_FROM_CONTEXT: Final = frozenset(("path", "host", "ip"))
_DROPPED_FROM_CLIENT: Final = frozenset(("device", "ip"))
_DROPPED_FROM_PAYLOAD: Final = frozenset(
    "certificate_id certificate_url source_url fileName GET POST requesting_student_id report_url url url_name".split()
)
_UPLOAD: Final = "file_upload_key"

_ID_MEMBERS: Final = ("user_id", "attempt_user_id", "allowance_user_id", "instructor_id")
_NAME_MEMBERS: Final = ("username", "target_username", "user", "instructor", "student")

_COUNTRIES: Final = ("CL", "CO", "PE", "US", "ES", "NG", "IN", "BR")


def rdx_lines(course: Course, day: date, disguise: Disguise) -> Iterator[bytes]:
    """The lines of a course's events file of a UTC day, each with its line end. Sample dirt is not among them: it did not parse."""
    for line in iter_lines(disguise.recipe, day):
        if line.course_id == course.id:
            made = disguised_event(json.loads(line.data), disguise)
            if made is not None:
                yield json.dumps(made).encode() + b"\n"


def disguised_event(event: dict[str, Any], disguise: Disguise) -> dict[str, Any] | None:
    """What a research package makes of an event; None for one that it leaves out."""
    if "synthesized" in event or not _is_kept(event["event_type"]):
        return None
    context = event["context"]
    author = disguise.learner(context.get("user_id"), event["username"])
    made = {name: value for name, value in event.items() if name not in _DROPPED}
    made["username"] = disguise.username(event["username"])
    made["context"] = _context(context, disguise)
    made["event"] = _payload(event, disguise, author)
    if country := country_of(event.get("ip", "")):
        made["augmented"] = {"country_code": country}
    return made


def country_of(address: str) -> str:
    """The country where an IPv4 address is (not really); empty for any other address."""
    try:
        return _COUNTRIES[int(IPv4Address(address)) % len(_COUNTRIES)]
    except ValueError:
        return ""


def _is_kept(event_type: str) -> bool:
    return bool(_KEPT_REQUEST.fullmatch(event_type)) if event_type.startswith("/") else event_type in RDX_EVENT_TYPES


def _context(context: dict[str, Any], disguise: Disguise) -> dict[str, Any]:
    made = {name: value for name, value in context.items() if name not in _DROPPED_FROM_CONTEXT}
    user_id = context.get("user_id")
    if isinstance(user_id, int) or (isinstance(user_id, str) and user_id.isdecimal()):
        made["user_id"] = disguise.user_id(int(user_id))
    if "client" in made:
        made["client"] = {name: value for name, value in made["client"].items() if name not in _DROPPED_FROM_CLIENT}
    return made


def _payload(event: dict[str, Any], disguise: Disguise, author: Learner | None) -> Any:
    """The payload in the form it had: an object, JSON in a text, or plain text. Of a request, whose payload is what was sent, nothing is left."""
    payload = event["event"]
    if not isinstance(payload, str):
        return _scrubbed(payload, event["event_type"], disguise, author)
    if event["event_type"].startswith("/"):
        return "{}"
    try:
        parsed = json.loads(payload)
    except ValueError:
        return disguise.text(payload, author)
    return json.dumps(_scrubbed(parsed, event["event_type"], disguise, author))


def _scrubbed(payload: Any, event_type: str, disguise: Disguise, author: Learner | None) -> Any:
    if not isinstance(payload, dict):
        return disguise.value(payload, author)
    made = {name: _without_uploads(value) for name, value in payload.items() if name not in _DROPPED_FROM_PAYLOAD}
    for name in _ID_MEMBERS:
        if isinstance(made.get(name), int):
            made[name] = disguise.user_id(made[name])
    for name in _NAME_MEMBERS:
        if isinstance(made.get(name), str):
            is_id = name == "student" and event_type.startswith("problem_rescore")
            made[name] = str(disguise.user_id(int(made[name]))) if is_id else disguise.username(made[name])
    return disguise.value(made, author)


def _without_uploads(value: Any) -> Any:
    """Without the places of uploaded files, also where JSON is text within JSON."""
    if isinstance(value, dict):
        return {name: _without_uploads(inner) for name, inner in value.items() if name != _UPLOAD}
    if isinstance(value, list):
        return [_without_uploads(inner) for inner in value]
    if isinstance(value, str) and f'"{_UPLOAD}"' in value:
        return json.dumps(_without_uploads(json.loads(value)))
    return value
