"""What BSON cannot hold of JSON is stored so that it comes back exactly."""

from __future__ import annotations

import json
import math
from typing import Any

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edx_import.formats.json_mapping import (
    MAX_LEVELS,
    LongInteger,
    NestedTooDeepError,
    TooManyReplacedError,
    escape_key,
    parse_json,
    parse_json_text,
    parse_text,
    rebuild_text,
    restore_value,
    store_value,
)

NASTY = st.text(st.sampled_from('.$%\0 aE2é\u2028😀\ud83d\ude00\ufffd"\\\n'), max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30])
    | st.floats()
    | NASTY
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY, inner, max_size=4), max_leaves=12)
VALUES = TREES.map(json.dumps).map(json.loads)  # JSON knows no two halves of one surrogate pair
CONTAINERS = VALUES.filter(lambda value: isinstance(value, dict | list))


def exact(value: Any) -> Any:
    """Equal only for values of the same types; NaN equals itself and 0.0 is not -0.0."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return type(value), repr(value)


def through_bson(value: Any) -> Any:
    return bson.decode(bson.encode({"value": value}))["value"]


def nested(levels: int) -> Any:
    value: Any = []
    for level in range(levels - 1):
        value = [value] if level % 2 else {"k": value}
    return value


# --- keys


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        ("ordinary_Key-1", "ordinary_Key-1"),
        ("xblock.partition_service.partition_1", "xblock%2Epartition_service%2Epartition_1"),
        ("$oid", "%24oid"),
        ("a$b", "a$b"),
        ("100%", "100%25"),
        ("a\0b", "a%00b"),
        ("\ud83d", "%uD83D"),
        ("😀", "😀"),
        ("", "%"),
        ("%2E", "%252E"),
    ],
)
def test_a_key_is_stored_under_its_escaped_name(key: str, stored: str) -> None:
    assert escape_key(key) == stored
    assert list(store_value({key: 1})[0]) == [stored]
    assert restore_value({stored: 1}) == {key: 1}


@given(st.sets(NASTY | st.text(max_size=4), max_size=30))
def test_no_two_keys_are_stored_under_one_name(keys: set[str]) -> None:
    stored, replaced = store_value(dict.fromkeys(keys, 1))
    assert len(stored) == len(keys)
    assert not replaced
    assert restore_value(through_bson(stored)).keys() == keys


def test_more_keys_than_are_remembered_are_all_escaped() -> None:
    keys = {f"{number}.{number}" if number % 7 == 0 else f"k{number}": number for number in range(50_000)}
    for _ in range(2):
        stored, _ = store_value(keys)
        assert not any("." in key for key in stored)
        assert restore_value(stored) == keys


# --- values


@given(VALUES)
@example({"a": {"b.c": [1, 2**70, {"": "\ud83d"}]}})
def test_a_value_comes_back_from_the_database_as_it_was(value: Any) -> None:
    stored, replaced = store_value(value)
    assert exact(restore_value(through_bson(stored), through_bson(replaced))) == exact(value)
    assert all(text.isascii() for record in replaced for text in record.values())


def test_what_is_replaced_is_recorded_with_its_path() -> None:
    stored, replaced = store_value({"a.b": [0, "x\ud83dy"], "n": 2**63, "m": -(2**63)})
    assert stored == {"a%2Eb": [0, "x\ufffdy"], "n": "9223372036854775808", "m": -(2**63)}
    assert replaced == [{"at": '["a.b", 1]', "json": '"x\\ud83dy"'}, {"at": '["n"]', "json": "9223372036854775808"}]


@pytest.mark.parametrize("value", [2**64, "\ud83d"])
def test_a_bare_value_can_be_replaced_too(value: Any) -> None:
    stored, replaced = store_value(value)
    assert [record["at"] for record in replaced] == ["[]"]
    assert restore_value(stored, replaced) == value


def test_nan_and_infinities_are_doubles() -> None:
    stored, replaced = store_value(parse_json(b'{"n": NaN, "p": Infinity, "m": -Infinity}'))
    assert replaced == []
    back = through_bson(stored)
    assert math.isnan(back["n"])
    assert (back["p"], back["m"]) == (math.inf, -math.inf)


def test_an_ordinary_value_is_not_copied() -> None:
    value = {"a": [1, {"b": "é"}]}
    assert store_value(value)[0] is value


def test_restoring_does_not_change_what_is_stored() -> None:
    stored, replaced = store_value({"a": [2**64], "b.c": {"d": "\ud83d"}})
    before = json.dumps([stored, replaced])
    restore_value(stored, replaced)
    assert json.dumps([stored, replaced]) == before


@pytest.mark.parametrize("odd", [0, 2**64])
@pytest.mark.parametrize("level", [1, 2, 50])
def test_a_document_has_no_more_than_a_hundred_levels(level: int, odd: int) -> None:
    deepest = nested(MAX_LEVELS - level + 1)
    stored, _ = store_value(deepest, level)
    assert exact(restore_value(through_bson(stored))) == exact(deepest)
    with pytest.raises(NestedTooDeepError):
        store_value([odd, deepest], level)


def test_a_small_text_cannot_ask_for_a_huge_list_of_records() -> None:
    with pytest.raises(TooManyReplacedError):
        store_value({"k" * 100_000: [2**64] * 100_000})


# --- text to value


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_python_reads_it(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert exact(parse_json_text(text)) == exact(json.loads(text))
    if "\\ud83d" in text or text.isascii():
        assert exact(parse_json(text.encode("ascii", "backslashreplace"))) == exact(json.loads(text))


@given(st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True))
@example("9223372036854775808")
@example("18446744073709551615")
@example("18446744073709551616")
@example("-9223372036854775809")
@example("-0")
@example("1e400")
def test_a_number_is_read_as_python_reads_it(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match="Extra data"):
            parse_json(text.encode())
    else:
        assert exact(parse_json(b"[%s]" % text.encode())) == exact([expected])


@pytest.mark.parametrize(
    "text", ['{"a": 1, "b": 2, "a": 3}', "[NaN, Infinity, -Infinity]", '"tab\there \x00 \x1f"', '"\\ud83d"', '"\\ud83d\\ude00"', " [1]\r\n"]
)
def test_what_python_accepts_is_accepted(text: str) -> None:
    assert exact(parse_json(text.encode())) == exact(json.loads(text, strict=False))


@pytest.mark.parametrize("raw", [b"", b"{", b"[1,]", b"{} {}", b"01", b"\xef\xbb\xbf{}", b"\x0b1", b'"\xff"', b'"\xed\xa0\xbd"', b"nan"])
def test_what_is_no_json_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"line 1|codec"):
        parse_json(raw)


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 200_000 + b"1" + b"}" * 200_000])
def test_endless_nesting_is_told_apart(raw: bytes) -> None:
    with pytest.raises(NestedTooDeepError):
        parse_json(raw)


def test_an_integer_with_more_digits_than_python_converts_keeps_them() -> None:
    digits = "-" + "7" * 10_000
    value = parse_json(b'{"n": [%s]}' % digits.encode())
    assert value == {"n": [LongInteger(digits)]}
    stored, replaced = store_value(value)
    assert type(stored["n"][0]) is str
    assert replaced == [{"at": '["n", 0]', "json": digits}]
    assert exact(restore_value(through_bson(stored), replaced)) == exact(value)


# --- JSON held in a string


@given(CONTAINERS)
@example({"floats": [1e16, 1e-7, 1.5, -0.0], "text": "\x7f\u2028/</\x1f"})
def test_the_two_usual_forms_are_rebuilt_from_the_value(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, separators=(",", ":"))):
        parsed = parse_text(text)
        assert parsed is not None
        found, form = parsed
        assert exact(found) == exact(json.loads(text))
        if form is not None:
            stored, replaced = store_value(found)
            assert rebuild_text(restore_value(through_bson(stored), replaced), form) == text


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('{"POST": {}, "GET": {}}', "spaced"),
        ('{"id":"é","currentTime":12.5}', "compact"),
        ('{"id": "\\u00e9", "currentTime": 12.5, "speed": NaN, "n": 123456789012345678901234567890}', "spaced"),
        ("{}", "compact"),
        ("[]", "compact"),
        ('{"a":"b\\": "}', "compact"),
        ('{"id": "é"}', None),
        (' {"a":1}', None),
        ('{"a":1,"a":2}', None),
        ('{"a":1e-7}', None),
        ('{"a":1.50}', None),
        ('{"a":"\\/"}', None),
        ('{"a":%s}' % ("9" * 5000), None),
        ('"{\\"a\\": 1}"', None),
    ],
)
def test_the_form_says_how_a_text_is_rebuilt_if_it_can_be(text: str, form: Any) -> None:
    parsed = parse_text(text)
    assert parsed is not None
    assert parsed[1] == form
    if form:
        assert rebuild_text(parsed[0], form) == text


def test_json_in_a_json_string_is_parsed_twice_but_not_thrice() -> None:
    once = json.dumps({"a": 1})
    assert parse_text(json.dumps(once)) == ({"a": 1}, None)
    assert parse_text(json.dumps(json.dumps(once))) is None


HALF_PAIRS = ['["\ud83d\ude00"]', '["\ud83d\\ude00"]', '["\\ud83d\ude00"]']
CUT = ["{", '{"POST": {"body": ["cut', "[" * 100_000]


@pytest.mark.parametrize(
    "text", ["", " ", "5", "null", "text", "a=b&c=d", '"a=b&c=d"', '"\\ud83d"', "\ud83d", "{\ud83d}", "\x0b{}", *CUT, *HALF_PAIRS]
)
def test_anything_else_is_text(text: str) -> None:
    assert parse_text(text) is None


def test_an_object_that_no_field_could_hold_is_text() -> None:
    deepest = nested(MAX_LEVELS - 1)
    parsed = parse_text(json.dumps(deepest))
    assert parsed is not None
    assert store_value(parsed[0]) == (deepest, [])
    assert parse_text(json.dumps([deepest])) is None
    assert parse_text(json.dumps(["[" * 200])) == (["[" * 200], "compact")


@given(st.text(st.sampled_from('{}[]":,\\ 1eua\ud83d'), max_size=12))
def test_no_text_is_too_odd(text: str) -> None:
    parsed = parse_text(text)
    assert parsed is None or isinstance(parsed[0], dict | list)
