"""Lines of a tracking log straight to the bytes of their documents: the way that nearly all lines go, and the hottest path of all.

A document says what `event_document` makes of the line, byte by byte. The fields of the line are encoded in one go, as they come from the parser;
those of ours are put before them as bytes, of which much is the same for many lines and kept: the minute of the time, the course, short payloads.
Each value is looked at once, for what only the exact way can tell (see `plain_json`). A line that has such a thing, or anything else that is not
expected here, is not encoded at all, but left to `event_document`.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from struct import Struct
from typing import Any

import bson
import orjson

from edx_import.formats.base import ReadContext
from edx_import.formats.event_course import event_course_id, is_course_key
from edx_import.formats.event_document import ADDED_FIELDS, COLLECTION, is_truncated, user_of
from edx_import.formats.event_module import event_module_id
from edx_import.formats.event_time import parse_time
from edx_import.formats.json_mapping import is_ordinary_key
from edx_import.formats.json_size import SURELY_FITS
from edx_import.formats.plain_json import NotPlainError, open_plain, store_values
from edx_import.model import Encoded

# How much is kept of each kind, so that no file can fill the memory.
_SHAPES = 1_000
_SHAPE_NAMES = 50
_NAME_LENGTH = 100
_MINUTES = 10_000
_COURSES = 10_000
_PAYLOADS = 2_000
_PAYLOAD_LENGTH = 40

_MIN_INT32, _MAX_INT32 = -(2**31), 2**31 - 1

_int32 = Struct("<i").pack
_ID = b"\x07_id\0"
_USER = b"\x10user_id\0"
_TIME = b"\x09time\0"
_user_and_time = Struct(f"<{len(_USER)}si{len(_TIME)}sq").pack
_time = Struct(f"<{len(_TIME)}sq").pack
_MODULE = b"\x02module_id\0"
_ORIGINAL = b"\x03original\0"


def _elements(fields: dict[str, Any]) -> bytes:
    """The elements of a document, without what stands around them."""
    return bson.encode(fields)[4:-1]


def _module(module_id: str) -> bytes:
    text = module_id.encode()
    return b"".join((_MODULE, _int32(len(text) + 1), text, b"\0"))


# A canonical time in four parts: "2020-01-06T09:01:", "02", ".345" and "678+00:00".
_time_parts = Struct("17s2s4s9s").unpack
_SECONDS = {b"%02d" % second: second for second in range(60)}
_MILLISECONDS = {b".%03d" % milliseconds: milliseconds for milliseconds in range(1000)}
_MICROSECONDS = {b"%03d+00:00" % microseconds: _elements({"time_microseconds": microseconds}) for microseconds in range(1000)}

# The second as the four bytes of an id, the milliseconds since 1970, the element for the microseconds, and whether the text is canonical.
_Moment = tuple[bytes, int, bytes, bool]

_TRUNCATED = _elements({"event_truncated": True})
_OF_FORM = {form: _elements({"original": {"event_form": form}}) for form in ("compact", "spaced", "empty")}


class EventEncoder:
    """Encodes lines of one file, or of a part of it."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._hash = blake2b(context.site.encode() + b"\0", digest_size=8)  # see ids.event_id
        self._site = _elements({"site": context.site})
        self._shapes: set[tuple[str, ...]] = set()
        self._minutes: dict[bytes, int] = {}
        self._courses: dict[str, tuple[str | None, bytes]] = {}
        self._payloads: dict[str, tuple[Any, bytes]] = {}

    def encode(self, number: int, raw: bytes, line: bytes) -> Encoded | None:
        """The document of a line; `line` is `raw` without outer blanks. None where only the exact way can tell what it is."""
        if len(line) > SURELY_FITS:
            return None
        try:
            event = orjson.loads(line)
            if type(event) is not dict or not (tuple(event) in self._shapes or self._is_plain_shape(event)):
                return None
            text = event.pop("time", None)
            second, milliseconds, microseconds, canonical = self._moment(text)
            store_values(event, 1)
            payload, original = event.get("event"), b""
            if type(payload) is str:
                payload, original = self._payloads.get(payload) or self._new_payload(payload)
                event["event"] = payload
            if not canonical:
                original = _with_time(text, original)
            context = event.get("context")
            if type(context) is not dict:
                context = {}
            stated, user = context.get("course_id"), context.get("user_id")
            course_id, course = (type(stated) is str and self._courses.get(stated)) or self._new_course(stated, event, payload)
            if type(user) is int and _MIN_INT32 <= user <= _MAX_INT32:
                user_and_time = _user_and_time(_USER, user, _TIME, milliseconds)
            else:
                user_and_time = _elements({"user_id": user_of(context)}) + _time(_TIME, milliseconds)
            digest = self._hash.copy()
            digest.update(line)
            id = second + digest.digest()
            truncated = _TRUNCATED if type(payload) is str and is_truncated(payload) else b""
            module_id = event_module_id(event, payload, course_id)
            module = _module(module_id) if module_id else b""
            elements = b"".join((_ID, id, course, user_and_time, microseconds, truncated, module, bson.encode(event)[4:-1], original))
        except (NotPlainError, orjson.JSONDecodeError, OverflowError):
            return None
        return Encoded(COLLECTION, bson.ObjectId(id), elements, number, raw, course_id)

    def _is_plain_shape(self, event: dict[str, Any]) -> bool:
        """Whether no field of the line is named like one of ours, or has a name that needs an escape."""
        if not ADDED_FIELDS.isdisjoint(event) or not all(map(is_ordinary_key, event)):
            return False
        if len(event) <= _SHAPE_NAMES and max(map(len, event), default=0) <= _NAME_LENGTH:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            self._shapes.add(tuple(event))
        return True

    def _moment(self, text: Any) -> _Moment:
        """The parts of a canonical text stand for themselves, each valid in the place where it is found."""
        try:
            minute, second_of_minute, milliseconds, microseconds = _time_parts(text.encode())
            second = self._minutes[minute] + _SECONDS[second_of_minute]
            return second.to_bytes(4, "big"), second * 1000 + _MILLISECONDS[milliseconds], _MICROSECONDS[microseconds], True
        except (AttributeError, KeyError, struct.error):
            return self._new_moment(text)

    def _new_moment(self, text: Any) -> _Moment:
        time = parse_time(text) if isinstance(text, str) else None
        if time is None or not time.in_range:
            raise NotPlainError
        if time.canonical:
            if len(self._minutes) >= _MINUTES:
                self._minutes.clear()
            self._minutes[text[:17].encode()] = time.second - time.second % 60
        milliseconds = time.second * 1000 + time.date.microsecond // 1000
        return time.second.to_bytes(4, "big"), milliseconds, _elements({"time_microseconds": time.microseconds}), time.canonical

    def _new_payload(self, text: str) -> tuple[Any, bytes]:
        payload = _opened(text)
        if len(text) <= _PAYLOAD_LENGTH:
            if len(self._payloads) >= _PAYLOADS:
                self._payloads.clear()
            self._payloads[text] = payload
        return payload

    def _new_course(self, stated: Any, event: dict[str, Any], payload: Any) -> tuple[str | None, bytes]:
        """The event's course, and the elements of site and course."""
        found = event_course_id(event, payload) or self._context.course_id
        course_id = self._context.resolve(found) if found else None
        course = course_id, self._site + _elements({"course_id": course_id})
        if type(stated) is str and is_course_key(stated):
            if len(self._courses) >= _COURSES:
                self._courses.clear()
            self._courses[stated] = course
        return course


def _opened(text: str) -> tuple[Any, bytes]:
    """What is stored for a payload in text, and the element `original` that gives the text back."""
    if not text:
        return {}, _OF_FORM["empty"]
    opened = open_plain(text)
    if opened is None:
        return text, b""
    value, form = opened
    return value, _OF_FORM[form] if form else _elements({"original": {"event": text}})


def _with_time(text: str, original: bytes) -> bytes:
    """The element `original` with the text of the time, which comes first in it."""
    inner = _elements({"time": text}) + original[len(_ORIGINAL) + 4 : -1]
    return _ORIGINAL + _int32(4 + len(inner) + 1) + inner + b"\0"
