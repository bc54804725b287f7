"""A line of a tracking log to its document, the exact way: whatever the line, this says what becomes of it.

What a document holds is told in `tracking_log`.
"""

from __future__ import annotations

from typing import Any

import bson

from edx_import.formats.base import ReadContext
from edx_import.formats.event_course import event_course_id
from edx_import.formats.event_module import event_module_id
from edx_import.formats.event_time import EventTime, parse_time
from edx_import.formats.json_mapping import (
    Replaced,
    is_storable_text,
    parse_json,
    parse_json_text,
    parse_text,
    replacement,
    store_value,
)
from edx_import.formats.json_rows import DOCUMENT_TOO_LONG, NOT_AN_OBJECT, NOT_JSON, RefusedError, item_of
from edx_import.formats.json_size import DOCUMENT_LIMIT, SURELY_FITS
from edx_import.ids import event_id
from edx_import.model import Item

COLLECTION = "events"

#: Fields of ours that are not made from the line's field of the same name.
ADDED_FIELDS = frozenset({"_id", "site", "course_id", "user_id", "time_microseconds", "event_truncated", "module_id", "import", "original"})

NO_TIME = "no time"
UNREADABLE_TIME = "unreadable time"
TIME_OUT_OF_RANGE = "time out of range"

NOT_UTF8 = "not UTF-8"
PREFIX = "text before the object"

#: Where the platform cuts the payload of an implicit event, in characters.
IMPLICIT_PAYLOAD_LIMIT = 512

_MAX_USER_ID = 2**63 - 1


def event_item(number: int, raw: bytes, line: bytes, context: ReadContext) -> Item:
    """The document or rejection of a line; `line` is `raw` without outer blanks."""
    return item_of(COLLECTION, number, raw, lambda: _fields(line, context))


def _fields(line: bytes, context: ReadContext) -> dict[str, Any]:
    event, original = _parse_line(line)
    time = _take_time(event, original)
    fields: dict[str, Any] = {
        "_id": bson.ObjectId(event_id(context.site, time.second, line)),
        "site": context.site,
        "course_id": None,
        "user_id": user_of(event.get("context")),
        "time": time.date,
        "time_microseconds": time.microseconds,
    }
    _open_payload(event, original)
    payload = event.get("event")
    if is_truncated(payload):
        fields["event_truncated"] = True
    course_id = event_course_id(event, payload) or context.course_id
    if course_id:
        fields["course_id"] = context.resolve(course_id)
    module_id = event_module_id(event, payload, fields["course_id"])
    if module_id:
        fields["module_id"] = module_id
    fields |= _stored(event, original)
    if original:
        fields["original"] = original
    _check_size(line, fields)
    _note(original, context)
    return fields


def _parse_line(line: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The object on the line, and the beginnings of `original`."""
    original: dict[str, Any] = {}
    try:
        value = parse_json(line)
    except ValueError:
        value = _parse_odd_line(line, original)
    if not isinstance(value, dict):
        raise RefusedError(NOT_AN_OBJECT)
    return value, original


def _parse_odd_line(line: bytes, original: dict[str, Any]) -> Any:
    """A line that is not UTF-8, or has something before its object, or is no JSON at all."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode(errors="replace")
        original["line"] = line
    try:
        return parse_json_text(text)
    except ValueError as error:
        start = text.find("{")
        if start <= 0:
            raise RefusedError(NOT_JSON, str(error)) from None
    original["prefix"] = text[:start]
    try:
        return parse_json_text(text[start:])
    except ValueError as error:
        raise RefusedError(NOT_JSON, str(error)) from None


def _take_time(event: dict[str, Any], original: dict[str, Any]) -> EventTime:
    text = event.pop("time", None)
    if not text:
        raise RefusedError(NO_TIME)
    time = parse_time(text) if isinstance(text, str) else None
    if time is None:
        raise RefusedError(UNREADABLE_TIME, ascii(text)[:80])
    if not time.in_range:
        raise RefusedError(TIME_OUT_OF_RANGE, ascii(text)[:80])
    if not time.canonical:
        original["time"] = text
    return time


def user_of(event_context: Any) -> int | None:
    """The user of the envelope, who acts (the learner may be somebody else). Older events have the number as text."""
    value = event_context.get("user_id") if isinstance(event_context, dict) else None
    if isinstance(value, str):
        digits = value.strip()
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    return value if type(value) is int and -_MAX_USER_ID <= value <= _MAX_USER_ID else None


def _open_payload(event: dict[str, Any], original: dict[str, Any]) -> None:
    """Parses the payload where it is JSON in a string. Anything else stays what it is: a form, a list, plain or truncated text."""
    text = event.get("event")
    if not isinstance(text, str):
        return
    if not text:
        event["event"] = {}
        original["event_form"] = "empty"
        return
    parsed = parse_text(text)
    if parsed is None:
        return
    event["event"], form = parsed
    if form is not None:
        original["event_form"] = form
    elif is_storable_text(text):
        original["event"] = text
    else:
        original["values"] = [replacement(("event",), text)]


def is_truncated(payload: Any) -> bool:
    """Whether it is what the platform left of the GET and POST parameters of a request. A payload that could be parsed is no string any more."""
    return (
        isinstance(payload, str)
        and len(payload) == IMPLICIT_PAYLOAD_LIMIT
        and payload.startswith("{")
        and ('"POST"' in payload or '"GET"' in payload)
    )


def _stored(event: dict[str, Any], original: dict[str, Any]) -> dict[str, Any]:
    """The line's own fields as BSON holds them; those that ours shadow go to `original`, one level down."""
    replaced: list[Replaced] = []
    if not ADDED_FIELDS.isdisjoint(event):
        shadowed, replaced = store_value({name: event.pop(name) for name in ADDED_FIELDS & event.keys()})
        original |= shadowed
    stored: dict[str, Any]
    stored, more = store_value(event, level=1)
    replaced += more
    if replaced:
        # What is put back last stands: the text of a payload covers all that was replaced within it.
        original["values"] = replaced + original.get("values", [])
    return stored


def _check_size(line: bytes, fields: dict[str, Any]) -> None:
    # Only a long line, or one with many replacement records, can come near the limit.
    many_records = "values" in fields.get("original", ())
    if (len(line) > SURELY_FITS or many_records) and len(bson.encode(fields)) > DOCUMENT_LIMIT:
        raise RefusedError(DOCUMENT_TOO_LONG)


def _note(original: dict[str, Any], context: ReadContext) -> None:
    if "line" in original:
        context.note(NOT_UTF8)
    if "prefix" in original:
        context.note(PREFIX)
