"""The quick way through `json_mapping`, for JSON that holds nothing but what is usual.

A fast parser reads the usual as the exact one does, and BSON holds it as it is, but for keys that need an escape. One look at every value tells
whether that is so; whatever is not, raises NotPlainError, and is left to `json_mapping`, which knows what becomes of everything.
"""

from __future__ import annotations

import json.encoder
from typing import Any

import orjson

from edx_import.formats.json_mapping import (
    FIELD_LEVEL,
    MAX_LEVELS,
    Form,
    escape_key,
    form_of_text,
    is_ordinary_key,
    ordinary_keys,
    parse_text,
)

# A number of another size may have been an integer with too many digits for the fast parser, or is not written alike by everybody.
_LEAST_FLOAT = 1e-4
_GREATEST_FLOAT = 1e15

# Keys that need an escape are few as well: names of settings, with a full stop.
_escaped_keys: dict[str, str] = {}
_ESCAPED_KEYS_LIMIT = 10_000
_ESCAPED_KEY_LENGTH = 100

# What json.dumps makes for each call anew.
_spaced_parts = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, None, json.encoder.encode_basestring_ascii, None, ": ", ", ", False, False, True
)


class NotPlainError(Exception):
    """Only the exact way can tell. Private to the readers."""


# --- values
# The first two functions run over everything that is read: hence so much alike, and nothing called for a usual value.


def store_values(container: dict[str, Any], level: int) -> None:
    """Puts in the place of an object's values what `store_value` gives for them. The object is one that orjson has parsed; its keys are left alone.

    Raises NotPlainError where something had to be replaced, and where orjson may have read it other than exactly.
    """
    if level > MAX_LEVELS:
        raise NotPlainError
    for key, value in container.items():
        kind = type(value)
        if kind is str or kind is int or value is None:
            continue
        if kind is dict:
            if not (ordinary_keys.issuperset(value) or all(map(is_ordinary_key, value))):
                container[key] = value = _with_escaped_keys(value)
            store_values(value, level + 1)
        elif kind is list:
            _store_items(value, level + 1)
        elif kind is float:
            _check_float(value)


def _store_items(container: list[Any], level: int) -> None:
    if level > MAX_LEVELS:
        raise NotPlainError
    for index, value in enumerate(container):
        kind = type(value)
        if kind is str or kind is int or value is None:
            continue
        if kind is dict:
            if not (ordinary_keys.issuperset(value) or all(map(is_ordinary_key, value))):
                container[index] = value = _with_escaped_keys(value)
            store_values(value, level + 1)
        elif kind is list:
            _store_items(value, level + 1)
        elif kind is float:
            _check_float(value)


def _check_float(value: float) -> None:
    if not (_LEAST_FLOAT <= abs(value) < _GREATEST_FLOAT or value == 0):
        raise NotPlainError


def _with_escaped_keys(container: dict[str, Any]) -> dict[str, Any]:
    return {_escaped_keys.get(key) or _escaped(key): value for key, value in container.items()}


def _escaped(key: str) -> str:
    escaped = escape_key(key)
    if len(key) <= _ESCAPED_KEY_LENGTH:
        if len(_escaped_keys) >= _ESCAPED_KEYS_LIMIT:
            _escaped_keys.clear()
        _escaped_keys[key] = escaped
    return escaped


# --- JSON held in a string


def open_plain(text: str) -> tuple[Any, Form | None] | None:
    """What `parse_text` gives for a text without lone surrogates, with the value as it is stored. Raises NotPlainError."""
    try:
        parsed = [orjson.loads(text)] if text[:1] + text[-1:] in ("{}", "[]") else []
    except orjson.JSONDecodeError:
        parsed = []
    if parsed:
        form = _form_of(text, parsed[0])
        _store_items(parsed, FIELD_LEVEL - 1)
        return parsed[0], form
    if parse_text(text) is not None:
        raise NotPlainError
    return None


def _form_of(text: str, value: Any) -> Form | None:
    """As `form_of_text`, if the floats in the value are plain."""
    try:
        if '": ' in text:
            if "".join(_spaced_parts(value, 0)) == text:
                return "spaced"
        elif orjson.dumps(value) == text.encode():
            return "compact"
        return form_of_text(text, value)
    except (orjson.JSONEncodeError, RecursionError):
        raise NotPlainError from None
