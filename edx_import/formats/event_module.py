"""Which block of a course an event is about, as its line says it: pure functions from fields, forms and URLs to the text of a block key.

Events name a block in many ways: by its key (`block-v1:...`, `i4x://...`), by the id it has in a page (a bare name, or `i4x-Org-Course-category-name`
with `_` for full stops), in the fields of a form (`input_..._2_1=...`), in a URL. All become the key, as `course_structure` has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from edx_import.formats.event_course import event_urls

#: The platform's own limit on the length of a block key.
KEY_LENGTH = 255
#: A longer URL is not looked at, nor a form beyond its first fields, in characters.
_URL_LENGTH = 2000
_FORM_LENGTH = 500

_PART = r"[\w\-~.:]+"
_NAME = r"[\w\-~.:%]+"
_KEY = rf"(?:ccx-)?block-v1:{_PART}\+{_PART}\+{_PART}(?:\+ccx@[0-9]+)?\+type@{_PART}\+block@{_NAME}|i4x://{_PART}/{_PART}/\w+/{_NAME}"

_block_key = re.compile(_KEY)
_html_id = re.compile(r"i4x-([^-/]+)-([^-/]+)-([a-z_]+)-(.+)")
_rest_of_html_id = re.compile(r"([a-z_]+)-(.+)")
_bare_name = re.compile(r"[\w\-~.]+")
# An answer's id is that of its problem, and the numbers of the question and of the field in it.
_form_field = re.compile(r"input_([^=&]+)_[0-9]+_[0-9]+(?:_[a-z]+)?(?:\[\]|%5B%5D)?=")
_courseware = re.compile(r"/courseware/([^/?#]+)(?:/([^/?#]+))?")

#: The fields of a payload that may name a block, the surest first.
_FIELDS = (
    *("problem_id", "module_id", "usage_key", "component_usage_id", "block_id", "item_id", "location", "problem", "id"),
    *("host_component_id", "child_id", "child-id"),
)
_fields = frozenset(_FIELDS)

#: In events whose names begin so, a bare name is that of a block of this category.
_CATEGORIES = (("seq_", "sequential"), ("edx.ui.lms.sequence.", "sequential"), ("problem_", "problem"), ("edx.video.", "video"))


def event_module_id(event: Mapping[str, Any], payload: Any, course_id: str | None) -> str | None:
    """The key of the block that an event is about; None when nothing names one. `payload` is the value of its field `event`, parsed.

    The first of these that names a block: the context's module; the payload, by a field or by the fields of a form; the URL (for server events
    their type, for browser events the page, for mobile events the page they would open), whose last block is the innermost; the context's path.
    Of a page that names no block but its subsection, that is the block. `course_id` completes ids that do not say which course is theirs.
    """
    context = event.get("context")
    if type(context) is dict:
        module = context.get("module")
        stated = module.get("usage_key") if type(module) is dict else None
        if type(stated) is str and (key := _key_of(stated, "", None)):
            return key
    else:
        context = {}
    if payload and (key := _in_payload(event, payload, course_id)):
        return key
    for url in (*event_urls(event, context), context.get("path")):
        if type(url) is str and "/" in url and len(url) <= _URL_LENGTH and (key := _in_url(url, course_id)):
            return key
    return None


def _in_payload(event: Mapping[str, Any], payload: Any, course_id: str | None) -> str | None:
    if type(payload) is dict:
        if not _fields.isdisjoint(payload):
            for text in map(payload.get, _FIELDS):
                if type(text) is str and (key := _key_of(text, _category(event), course_id)):
                    return key
        return None
    form = payload[0] if type(payload) is list else payload
    return _in_form(form, course_id) if type(form) is str and str(event.get("event_type")).startswith("problem_") else None


def _category(event: Mapping[str, Any]) -> str:
    """What kind of block a bare name means in this event."""
    event_type = event.get("event_type")
    return _category_of(event_type) if type(event_type) is str else ""


@lru_cache(maxsize=1024)
def _category_of(event_type: str) -> str:
    if event_type.endswith(("_video", "_transcript")) or event_type.startswith("video_"):
        return "video"
    return next((category for start, category in _CATEGORIES if event_type.startswith(start)), "")


@lru_cache(maxsize=8192)
def _key_of(text: str, category: str, course_id: str | None) -> str | None:
    """The key that a text is, or stands for: an id of a page, or a bare name of a block of this category."""
    text = text.strip()
    if not text or len(text) > KEY_LENGTH:
        return None
    if _block_key.fullmatch(text):
        return text
    if text.startswith("i4x-"):
        return _of_html_id(text, course_id)
    return _made(category, text, course_id) if category and _bare_name.fullmatch(text) else None


def _of_html_id(text: str, course_id: str | None) -> str | None:
    """Organisation and course are those of the event's course where they fit: the id alone has lost their full stops."""
    org, course = _org_and_course(course_id)
    start = f"i4x-{org}-{course}-".replace(".", "_")
    if course and text.startswith(start) and (rest := _rest_of_html_id.fullmatch(text[len(start) :])):
        return f"i4x://{org}/{course}/{rest[1]}/{rest[2]}"
    found = _html_id.fullmatch(text)
    return f"i4x://{found[1]}/{found[2]}/{found[3]}/{found[4]}" if found else None


def _org_and_course(course_id: str | None) -> tuple[str, str]:
    """Of an id of either form; empty when there is none."""
    parts = re.split(r"[/+]", (course_id or "").partition(":")[2] or course_id or "")
    return (parts[0], parts[1]) if len(parts) >= 3 else ("", "")


def _made(category: str, name: str, course_id: str | None) -> str | None:
    """The key of a block, from its category and name."""
    kind, _, run = (course_id or "").partition(":")
    if kind in ("course-v1", "ccx-v1"):
        return f"{'ccx-' if kind == 'ccx-v1' else ''}block-v1:{run}+type@{category}+block@{name}"
    org, course = _org_and_course(course_id)
    return f"i4x://{org}/{course}/{category}/{name}" if course else None


def _in_form(form: str, course_id: str | None) -> str | None:
    found = _form_field.search(form[:_FORM_LENGTH])
    return _key_of(unquote(found[1]), "problem", course_id) if found else None


@lru_cache(maxsize=4096)
def _in_url(url: str, course_id: str | None) -> str | None:
    """The last block that a URL names, else the subsection (or section) whose page it is."""
    plain = unquote(url).replace(";_", "/")
    named = list(_keys_in(plain))
    if named:
        return named[-1]
    page = _courseware.search(plain)
    if page is None:
        return None
    return _key_of(page[2], "sequential", course_id) if page[2] else _key_of(page[1], "chapter", course_id)


def _keys_in(text: str) -> Iterator[str]:
    if "block-v1:" in text or "i4x://" in text:
        yield from (found[0] for found in _block_key.finditer(text) if len(found[0]) <= KEY_LENGTH)
