"""Which course an event belongs to, as its line says it: pure functions from fields and URLs to the text of a course key.

The text is the key as it stands; that two forms of an id, or two spellings, may mean one course is for others to resolve.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

#: The platform's own limit on the length of a course key; nothing longer is one.
KEY_LENGTH = 255

_PART = r"[\w\-~.:]+"
_RUN = rf"{_PART}\+{_PART}\+{_PART}"
_OLD = rf"(?![a-z-]+-v1:){_PART}/{_PART}/{_PART}"

_COURSE_KEY = re.compile(rf"course-v1:{_RUN}|ccx-v1:{_RUN}\+ccx@[0-9]+|{_OLD}")
_LIBRARY_KEY = re.compile(rf"library-v1:{_PART}\+{_PART}")
_BLOCK_KEY = re.compile(rf"block-v1:({_RUN})\+type@.*|ccx-block-v1:({_RUN}\+ccx@[0-9]+)\+type@.*")

# A key in a URL ends where its path segment does (the old form: its third). `/courses/v1/` and the like belong to the course API.
_BLOCK_IN_URL = re.compile(r"/xblock/([^/?#]+)")
_COURSE_IN_URL = re.compile(r"/courses/(?!v[0-9]+/)((?:course|ccx)-v1(?::|%3[Aa])[^/?#]+|[^/?#]+/[^/?#]+/[^/?#]+)")


def event_course_id(event: Mapping[str, Any], payload: Any) -> str | None:
    """The text of an event's course key, None when nothing names a course. `payload` is the value of its field `event`, parsed.

    The first of these that is a course key: the context's; the one in the URL (for server events their type, for browser events the page, for
    mobile events the page they would open); the payload's; the ones in the path and the name. An event of a library has none.

    edX's analytics pipeline stopped at a context that names something else than a course; here the other places are still tried.
    """
    context = event.get("context")
    if not isinstance(context, dict):
        context = {}
    stated = _stripped(context.get("course_id"))
    if is_course_key(stated):
        return stated
    if len(stated) <= KEY_LENGTH and _LIBRARY_KEY.fullmatch(stated):
        return None
    return next(_elsewhere(event, context, payload), None)


def is_course_key(text: str) -> bool:
    """Whether a text is the key of a course or of a CCX, in the new form or the old."""
    return len(text) <= KEY_LENGTH and _matches_course_key(text)


def course_in_url(url: Any) -> str | None:
    """The course key in a URL or path: that of the block it handles, else that of the course page it is. None when it has none, or is no text."""
    if not isinstance(url, str) or not ("/courses/" in url or "/xblock/" in url):
        return None
    return _course_of_block_in(url) or _course_of_page(url)


@lru_cache(maxsize=1024)
def _matches_course_key(text: str) -> bool:
    return _COURSE_KEY.fullmatch(text) is not None


def _stripped(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _elsewhere(event: Mapping[str, Any], context: Mapping[str, Any], payload: Any) -> Iterator[str]:
    found = (course_in_url(url) for url in event_urls(event, context))
    yield from filter(None, found)
    stated = _stripped(payload.get("course_id")) if isinstance(payload, dict) else ""
    if is_course_key(stated):
        yield stated
    yield from filter(None, map(course_in_url, (context.get("path"), event.get("name"))))


def event_urls(event: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Any, ...]:
    """Where an event says what page or handler it is about: for server events their type, for browser events the page, for mobile events the
    page they would open. The values may be anything.
    """
    match event.get("event_source"):
        case "server":
            return (event.get("event_type"),)
        case "browser":
            return (event.get("page"),)
        case "mobile":
            return (context.get("open_in_browser_url"), event.get("page"))
        case _:
            return ()


def _course_of_block_in(url: str) -> str | None:
    """Old block keys name no run, so that they give no course."""
    for found in _BLOCK_IN_URL.finditer(url):
        block = _BLOCK_KEY.fullmatch(unquote(found[1]))
        if block is not None:
            return _valid(f"course-v1:{block[1]}" if block[1] else f"ccx-v1:{block[2]}")
    return None


def _course_of_page(url: str) -> str | None:
    for found in _COURSE_IN_URL.finditer(url):
        course_id = _valid(unquote(found[1]))
        if course_id is not None:
            return course_id
    return None


def _valid(course_id: str) -> str | None:
    return course_id if is_course_key(course_id) else None
