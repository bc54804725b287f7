"""Tracking logs: one event a line, to one document a line, and back.

A document has every field of its line, and these of ours: `_id`, `site`, `course_id`, `user_id`, `time` (a date), `time_microseconds` (what a date
cannot hold), `event_truncated`; `import` is added when it is written. `event` is parsed where it is JSON in a string. What that replaces or shadows
stands in `original`, so that `restore` gives back what the line said:

    time                  the text, unless it is canonical
    event                 the text, unless it can be rebuilt
    event_form            how it is rebuilt: compact, spaced, or empty (the empty string)
    values                the records of values that BSON cannot hold (see json_mapping)
    prefix                what stood on the line before the object (a log shipper's mark)
    line                  the raw line, when it was not UTF-8
    _id, site, ...        a field of the line that is named like one of ours
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import bson

from edx_import.formats.base import ReadContext
from edx_import.formats.event_course import event_course_id
from edx_import.formats.event_time import EventTime, canonical_text, parse_time
from edx_import.formats.json_mapping import (
    NestedTooDeepError,
    Replaced,
    is_storable_text,
    parse_json,
    parse_json_text,
    parse_text,
    rebuild_text,
    replacement,
    restore_value,
    store_value,
)
from edx_import.formats.json_size import DOCUMENT_LIMIT, SURELY_FITS, TooLargeError
from edx_import.formats.lines import split_lines
from edx_import.ids import event_id
from edx_import.model import Document, Item, Items, Rejected

COLLECTION = "events"

#: Fields of ours that are not made from the line's field of the same name.
ADDED_FIELDS = frozenset({"_id", "site", "course_id", "user_id", "time_microseconds", "event_truncated", "import", "original"})

NOT_JSON = "not JSON"
NOT_AN_OBJECT = "not an object"
NO_TIME = "no time"
UNREADABLE_TIME = "unreadable time"
TIME_OUT_OF_RANGE = "time out of range"
LINE_TOO_LONG = "line over 16 MB"
DOCUMENT_TOO_LONG = "document over 16 MB"
NESTED_TOO_DEEP = "nested too deep"

NOT_UTF8 = "not UTF-8"
PREFIX = "text before the object"

#: Where the platform cuts the payload of an implicit event, in characters.
IMPLICIT_PAYLOAD_LIMIT = 512

_MAX_USER_ID = 2**63 - 1


class TrackingLogReader:
    """Reads the lines of a day's event file (a `FormatReader`). A blank line is not read."""

    version = 1

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """One document or rejection for each line that is not blank, in the order of the file."""
        for number, raw, whole in split_lines(chunks):
            line = raw.strip()
            if not whole:
                yield Rejected(number, LINE_TOO_LONG, raw)
            elif line:
                yield _item(number, raw, line, context)


def restore(document: Mapping[str, Any]) -> Any:
    """What the line of a document said: the value of its JSON, types and all."""
    original = document.get("original", {})
    stored = {name: value for name, value in document.items() if name not in ADDED_FIELDS}
    stored |= {name: original[name] for name in ADDED_FIELDS & original.keys()}
    stored["time"] = original.get("time") or canonical_text(document["time"], document["time_microseconds"])
    event: dict[str, Any] = restore_value(stored, original.get("values", ()))
    if "event" in original:
        event["event"] = original["event"]
    elif "event_form" in original:
        form = original["event_form"]
        event["event"] = "" if form == "empty" else rebuild_text(event["event"], form)
    return event


class _RefusedError(Exception):
    """The line cannot be loaded, for this reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def _item(number: int, raw: bytes, line: bytes, context: ReadContext) -> Item:
    try:
        return Document(COLLECTION, _fields(line, context), number, raw)
    except _RefusedError as refused:
        return Rejected(number, refused.reason, raw, refused.detail)
    except NestedTooDeepError:
        return Rejected(number, NESTED_TOO_DEEP, raw)
    except TooLargeError:
        return Rejected(number, DOCUMENT_TOO_LONG, raw)


def _fields(line: bytes, context: ReadContext) -> dict[str, Any]:
    event, original = _parse_line(line)
    time = _take_time(event, original)
    fields: dict[str, Any] = {
        "_id": bson.ObjectId(event_id(context.site, time.second, line)),
        "site": context.site,
        "course_id": None,
        "user_id": _user_id(event.get("context")),
        "time": time.date,
        "time_microseconds": time.microseconds,
    }
    _open_payload(event, original)
    payload = event.get("event")
    if _is_truncated(payload):
        fields["event_truncated"] = True
    course_id = event_course_id(event, payload) or context.course_id
    if course_id:
        fields["course_id"] = context.resolve(course_id)
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
        raise _RefusedError(NOT_AN_OBJECT)
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
            raise _RefusedError(NOT_JSON, str(error)) from None
    original["prefix"] = text[:start]
    try:
        return parse_json_text(text[start:])
    except ValueError as error:
        raise _RefusedError(NOT_JSON, str(error)) from None


def _take_time(event: dict[str, Any], original: dict[str, Any]) -> EventTime:
    text = event.pop("time", None)
    if not text:
        raise _RefusedError(NO_TIME)
    time = parse_time(text) if isinstance(text, str) else None
    if time is None:
        raise _RefusedError(UNREADABLE_TIME, ascii(text)[:80])
    if not time.in_range:
        raise _RefusedError(TIME_OUT_OF_RANGE, ascii(text)[:80])
    if not time.canonical:
        original["time"] = text
    return time


def _user_id(event_context: Any) -> int | None:
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


def _is_truncated(payload: Any) -> bool:
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
        raise _RefusedError(DOCUMENT_TOO_LONG)


def _note(original: dict[str, Any], context: ReadContext) -> None:
    if "line" in original:
        context.note(NOT_UTF8)
    if "prefix" in original:
        context.note(PREFIX)
