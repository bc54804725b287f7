"""The one mapping between JSON values and what BSON can hold, with its inverse.

    JSON                          BSON                                     given back by
    key with % . NUL, first $     %25 %2E %00 %24                          the key itself
    empty key                     %                                        the key itself
    key with a lone surrogate     %uD83D                                   the key itself
    string with lone surrogates   U+FFFD in their place                    a replacement record
    integer outside 64 bits       its digits, a string                     a replacement record
    NaN, Infinity, -Infinity      the double                               the value itself
    anything else                 itself                                   the value itself

A replacement record is `{"at": path, "json": value}`: the path (original keys and list positions) and the original value, both as JSON in ASCII.
BSON's documented limit of 100 nested levels, the document itself included, holds for everything that is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal

import orjson

from edx_import.formats.json_size import SURELY_FITS, TooLargeError, check_size

#: How deep a stored document may be: the document is level 1, an object or array in one of its fields level 2.
MAX_LEVELS = 100

#: A stored field's level: what a value that is stored in a field of the document may start at.
FIELD_LEVEL = 2

#: How many bytes of replacement records one document may take (each repeats its path, so that a small text can ask for a huge list).
REPLACED_LIMIT = 4 * 2**20

#: How the exact text of JSON is made from its value: as JavaScript's JSON.stringify writes it, or as Python's json.dumps does.
Form = Literal["compact", "spaced"]

#: `{"at": ..., "json": ...}`, see above.
Replaced = dict[str, str]

Path = tuple[str | int, ...]


class NestedTooDeepError(Exception):
    """The value has more levels than BSON allows. Private to the readers, which reject the row."""


class TooManyReplacedError(TooLargeError):
    """The replacement records alone would make the document too large."""


class LongInteger(str):
    """An integer with more digits than Python agrees to convert; the text is its digits."""

    __slots__ = ()


# --- keys

_ODD_IN_KEY = re.compile("[%.\0\ud800-\udfff]|\\A\\$")
_ESCAPE = re.compile("%(?:u([0-9A-F]{4})|([0-9A-F]{2}))")

#: Keys that need no escape, as far as they have been met. Most keys of a file are the same few; those that courses make up are without number, hence
#: the bounds.
ordinary_keys: set[str] = set()
_ORDINARY_KEYS_LIMIT = 20_000
_ORDINARY_KEY_LENGTH = 100


def escape_key(key: str) -> str:
    """The key under which BSON holds a JSON key. Two keys never get the same one; `unescape_key` is the inverse."""
    return _ODD_IN_KEY.sub(_escape_char, key) if key else "%"


def _escape_char(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"%u{code:04X}" if code >= 0xD800 else f"%{code:02X}"


def unescape_key(key: str) -> str:
    """The JSON key that `escape_key` was given."""
    if "%" not in key:
        return key
    return "" if key == "%" else _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), key)


def is_ordinary_key(key: str) -> bool:
    """Whether a key needs no escape."""
    if key in ordinary_keys:
        return True
    if not key or _ODD_IN_KEY.search(key):
        return False
    if len(key) <= _ORDINARY_KEY_LENGTH:
        if len(ordinary_keys) >= _ORDINARY_KEYS_LIMIT:
            ordinary_keys.clear()
        ordinary_keys.add(key)
    return True


# --- values

_SURROGATE = re.compile("[\ud800-\udfff]")
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1


def store_value(value: Any, level: int = FIELD_LEVEL) -> tuple[Any, list[Replaced]]:
    """What BSON holds for a value of `parse_json`, and the records of what had to be replaced in it.

    `level` is the one at which the value would stand if it is an object or array. A value that BSON can hold as it is comes back itself, not copied.
    Raises NestedTooDeepError, TooManyReplacedError.
    """
    if _is_storable(value, level) if isinstance(value, dict | list) else _is_storable([value], level - 1):
        return value, []
    conversion = _Conversion()
    return conversion.stored(value, (), level), conversion.replaced


def restore_value(stored: Any, replaced: Iterable[Mapping[str, str]] = ()) -> Any:
    """The inverse of `store_value`, also for what came back from the database. Never changes what it is given."""
    value = _unescaped(stored)
    for record in replaced:
        value = _put_back(value, parse_json_text(record["at"]), parse_json_text(record["json"]))
    return value


def is_storable_text(text: str) -> bool:
    """Whether BSON can hold the text: that is, whether UTF-8 can, lone surrogates being the exception."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def replacement(at: Path, value: Any) -> Replaced:
    """The record of a value that BSON cannot hold."""
    return {"at": json.dumps(at), "json": str(value) if isinstance(value, LongInteger) else json.dumps(value)}


def _is_storable(container: dict[str, Any] | list[Any], level: int) -> bool:
    """Whether BSON can hold an object or array as it is. Runs over everything that is read: hence one function, that compares types."""
    if level > MAX_LEVELS:
        raise NestedTooDeepError
    values: Iterable[Any] = container
    if type(container) is dict:
        if not (ordinary_keys.issuperset(container) or all(map(is_ordinary_key, container))):
            return False
        values = container.values()
    for value in values:
        kind = type(value)
        if kind is str:
            if not (value.isascii() or is_storable_text(value)):
                return False
        elif kind is dict or kind is list:
            if not _is_storable(value, level + 1):
                return False
        elif (kind is int and not _MIN_INT <= value <= _MAX_INT) or kind is LongInteger:
            return False
    return True


class _Conversion:
    """The slow way, for a value that needs it: a copy that BSON can hold, and `replaced`."""

    def __init__(self) -> None:
        self.replaced: list[Replaced] = []
        self._size = 0

    def stored(self, value: Any, at: Path, level: int) -> Any:
        if level > MAX_LEVELS and isinstance(value, dict | list):
            raise NestedTooDeepError
        if isinstance(value, dict):
            return {escape_key(key): self.stored(item, (*at, key), level + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.stored(item, (*at, index), level + 1) for index, item in enumerate(value)]
        if _is_storable([value], level - 1):
            return value
        self._record(at, value)
        return str(value) if isinstance(value, LongInteger | int) else _SURROGATE.sub("\ufffd", value)

    def _record(self, at: Path, value: Any) -> None:
        record = replacement(at, value)
        self._size += len(record["at"]) + len(record["json"])
        if self._size > REPLACED_LIMIT:
            raise TooManyReplacedError
        self.replaced.append(record)


def _unescaped(stored: Any) -> Any:
    if isinstance(stored, Mapping):
        return {unescape_key(key): _unescaped(item) for key, item in stored.items()}
    if isinstance(stored, list):
        return [_unescaped(item) for item in stored]
    if isinstance(stored, int) and not isinstance(stored, bool):
        return int(stored)  # BSON's 64-bit integers come back as a type of their own
    return stored


def _put_back(value: Any, at: list[Any], original: Any) -> Any:
    if not at:
        return original
    *steps, last = at
    place = value
    for step in steps:
        place = place[step]
    place[last] = original
    return value


# --- text to value

# orjson makes a float of an integer beyond 64 bits, without a word. Nineteen digits in a row are the least that can be one.
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_MANY_DIGITS = b"0" * 19


def _integer(digits: str) -> int | LongInteger:
    try:
        return int(digits)
    except ValueError:  # more digits than the interpreter's limit
        return LongInteger(digits)


_decode = json.JSONDecoder(strict=False, parse_int=_integer).decode


def parse_json(raw: bytes) -> Any:
    """The value of JSON in UTF-8, as Python's `json.loads(raw.decode(), strict=False)` gives it: the last of equal keys wins, NaN and infinities
    and raw control characters are accepted, integers are exact (a LongInteger where Python's limit on digits forbids it).

    Raises ValueError where that does (UnicodeDecodeError too), NestedTooDeepError where it meets the recursion limit, and TooLargeError, unparsed,
    where no document could hold the value.
    """
    check_size(raw)
    if _MANY_DIGITS not in raw.translate(_DIGITS_ALIKE):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass  # it refuses more than Python does; what it accepts, it reads the same
    return _parsed(raw.decode())


def parse_json_text(text: str) -> Any:
    """The same for text, which may hold lone surrogates."""
    if len(text) > SURELY_FITS // 4:
        check_size(text.encode("utf-8", "surrogatepass"))
    return _parsed(text)


def _parsed(text: str) -> Any:
    try:
        return _decode(text)
    except RecursionError:
        raise NestedTooDeepError from None


# --- JSON held in a string

_BLANKS = " \t\r\n"
_ENDS = frozenset({"{}", "[]", '""'})

# The two halves of a surrogate pair, one of them written as an escape: they would stay two halves, which no record could give back.
_SPLIT_PAIR = re.compile("[\ud800-\udbff](?:[\udc00-\udfff]|\\\\u[dD][c-fC-F])|\\\\u[dD][89abAB][0-9a-fA-F]{2}[\udc00-\udfff]")

_render_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_render_spaced = json.JSONEncoder(check_circular=False).encode


def parse_text(text: str) -> tuple[dict[str, Any] | list[Any], Form | None] | None:
    """The object or array that a string holds as JSON, or as a JSON string of JSON; None when it holds neither.

    With it comes the form from which `rebuild_text` makes exactly this text again, or None: then the text itself has to be kept.
    One that is nested too deep, or too large, for a field of a document counts as text. Never raises.
    """
    value = _parse_held(text)
    if isinstance(value, str):
        value = _parse_held(value)
        return None if value is None or isinstance(value, str) else (value, None)
    if value is None:
        return None
    return value, form_of_text(text, value) if len(text) > _SHORT else _form_of_short(text)


def rebuild_text(value: Any, form: Form) -> str:
    """The text that was parsed into this value, by its form."""
    return _render_compact(value) if form == "compact" else _render_spaced(value)


def _parse_held(text: str) -> dict[str, Any] | list[Any] | str | None:
    """The object, array or string whose JSON the text is."""
    bare = text.strip(_BLANKS)
    if bare[:1] + bare[-1:] not in _ENDS:
        return None
    try:
        value = parse_json(text.encode()) if is_storable_text(text) else _parse_with_surrogates(text)
    except (ValueError, NestedTooDeepError, TooLargeError):
        return None
    if isinstance(value, str):
        return value
    return value if _fits_a_field(text, value) else None


def _parse_with_surrogates(text: str) -> Any:
    if _SPLIT_PAIR.search(text):
        raise ValueError("a surrogate pair in two halves")
    return parse_json_text(text)


def _fits_a_field(text: str, value: Any) -> bool:
    levels = MAX_LEVELS - FIELD_LEVEL + 1
    if text.count("{") + text.count("[") <= levels:
        return True  # it cannot have more levels than brackets
    return _fits(value, levels)


def _fits(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    items = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_fits(item, levels - 1) for item in items)


def form_of_text(text: str, value: Any) -> Form | None:
    """The form that gives exactly the text again that was parsed into this value."""
    forms: tuple[Form, Form] = ("spaced", "compact") if '": ' in text else ("compact", "spaced")
    return next((form for form in forms if rebuild_text(value, form) == text), None)


# Half of a day's payloads are the same few short texts (requests without parameters).
_SHORT = 40


@lru_cache(maxsize=1024)
def _form_of_short(text: str) -> Form | None:
    return form_of_text(text, parse_json_text(text))
