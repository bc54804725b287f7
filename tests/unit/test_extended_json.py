"""Extended JSON: wrappers become values, and come back exactly as they stood in the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import Decimal128, Int64, ObjectId
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edx_import.formats.extended_json import close_wrappers, open_wrappers, repair
from edx_import.formats.json_mapping import MAX_LEVELS, NestedTooDeepError, TooManyReplacedError, restore_value, store_value

OID = "5e120000000000000000000a"
MOMENT = datetime(2020, 1, 6, 9, 7, 0, 520_000, tzinfo=UTC)
MILLISECONDS = 1_578_301_620_520

DATES = st.sampled_from(
    [
        "2020-01-06T09:07:00.520Z",
        "2020-01-06T09:07:00.000Z",
        "2020-01-06T09:07:00.52Z",
        "2020-01-06T09:07:00Z",
        "2020-01-06T09:07:00.520+0000",
        "2020-01-06T09:07:00.520+00:00",
        "2020-01-06T09:07:00.520123-0300",
        "0999-12-31T23:59:59.999Z",
        " 2020-01-06 09:07:00 ",
        "soon",
        MILLISECONDS,
        -MILLISECONDS,
        10**18,
        1.5,
        True,
        None,
    ]
)
NUMBERS = st.sampled_from(
    ["5", "+5", "-0", "2147483648", "9223372036854775807", "9223372036854775808", "1.50", "1e400", "NaN", "-Infinity", "x", "", 5]
)
NAMES = st.sampled_from(["$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal", "$binary"])
CONTENTS = DATES | NUMBERS | st.sampled_from([OID, OID.upper(), "5e12", OID[:-2] + "  "]) | st.builds(lambda n: {"$numberLong": n}, NUMBERS)
WRAPPERS = st.builds(lambda name, content: {name: content}, NAMES, CONTENTS)
LEAVES = WRAPPERS | st.none() | st.booleans() | st.integers() | st.text(st.sampled_from("a\0é\ud83d"), max_size=3)
KEYS = st.text(st.sampled_from("$.%ab"), max_size=3) | NAMES
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=10)


def exact(value: Any) -> Any:
    """Equal only for values of the same types; NaN equals itself."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else (type(value), repr(value))


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=2, max_size=4))
@example({"a": {"$date": "2020-01-06T09:07:00Z"}, "b": {"$date": MILLISECONDS}, "c": {"$oid": OID}})
@example({"a": {"$date": {"$numberLong": "5"}}, "b": {"$date": {"$numberLong": "+5"}}, "c": 2**64})
def test_what_was_opened_and_stored_comes_back_from_the_database(value: dict[str, Any]) -> None:
    opened = open_wrappers(value)
    stored, replaced = store_value(opened.value, level=1)
    back = bson.decode(bson.encode(stored))
    assert exact(restore_value(close_wrappers(back, opened.date_form or "zulu"), [*replaced, *opened.replaced])) == exact(value)


@pytest.mark.parametrize(
    ("wrapper", "value"),
    [
        ({"$oid": OID}, ObjectId(OID)),
        ({"$oid": OID.upper()}, ObjectId(OID)),
        ({"$date": "2020-01-06T09:07:00.520Z"}, MOMENT),
        ({"$date": "2020-01-06T12:07:00.520+0300"}, MOMENT),
        ({"$date": "2020-01-06T09:07:00.5209"}, MOMENT),
        ({"$date": MILLISECONDS}, MOMENT),
        ({"$date": {"$numberLong": str(MILLISECONDS)}}, MOMENT),
        ({"$numberLong": "5"}, Int64(5)),
        ({"$numberInt": "-5"}, -5),
        ({"$numberDouble": "1.5"}, 1.5),
        ({"$numberDouble": "-Infinity"}, float("-inf")),
        ({"$numberDecimal": "1.50"}, Decimal128("1.50")),
    ],
)
def test_each_wrapper_is_the_value_that_it_stands_for(wrapper: dict[str, Any], value: Any) -> None:
    opened = open_wrappers({"a": [wrapper]})
    assert exact(opened.value) == exact({"a": [value]})
    assert not opened.unread


@pytest.mark.parametrize(
    "odd",
    [
        {"$oid": "5e12"},
        {"$oid": OID[:-2] + "  "},
        {"$oid": 5},
        {"$date": "soon"},
        {"$date": 10**18},
        {"$date": True},
        {"$date": {"$numberLong": "x"}},
        {"$numberInt": "2147483648"},
        {"$numberLong": "9223372036854775808"},
        {"$numberLong": 5},
        {"$numberDouble": "x"},
        {"$numberDecimal": "1" * 40},
    ],
)
def test_a_wrapper_that_cannot_be_read_stays_an_object_and_is_told_of(odd: dict[str, Any]) -> None:
    opened = open_wrappers([odd])
    assert (opened.value, opened.replaced, opened.unread) == ([odd], [], True)


@pytest.mark.parametrize("other", [{"$oid": OID, "a": 1}, {"$binary": "x"}, {"oid": OID}, {}])
def test_other_objects_are_left_alone(other: dict[str, Any]) -> None:
    opened = open_wrappers(other)
    assert (opened.value, opened.unread) == (other, False)


@pytest.mark.parametrize(
    ("date", "form"),
    [
        ("2020-01-06T09:07:00.520Z", "zulu"),
        ("2020-01-06T09:07:00.520+0000", "offset"),
        ("2020-01-06T09:07:00.52Z", "trimmed"),
        ("2020-01-06T09:07:00Z", "trimmed"),
        (MILLISECONDS, "milliseconds"),
        ({"$numberLong": str(MILLISECONDS)}, "number_long"),
    ],
)
def test_dates_of_one_known_form_need_no_record(date: Any, form: str) -> None:
    opened = open_wrappers({"a": {"$date": date}, "b": [{"$date": date}]})
    assert (opened.date_form, opened.replaced) == (form, [])


def test_a_date_of_another_form_than_the_first_has_a_record() -> None:
    other = {"$date": "2020-01-06T09:07:00.520+0000"}
    opened = open_wrappers({"a": {"$date": MILLISECONDS}, "b": other})
    assert opened.replaced == [{"at": '["b"]', "json": json.dumps(other)}]


def test_a_wrapper_is_no_level_but_what_surrounds_it_is() -> None:
    def nested(levels: int) -> Any:
        value: Any = {"$oid": OID}
        for _ in range(levels):
            value = [value]
        return value

    open_wrappers(nested(MAX_LEVELS))
    with pytest.raises(NestedTooDeepError):
        open_wrappers(nested(MAX_LEVELS + 1))


def test_records_without_end_are_refused() -> None:
    with pytest.raises(TooManyReplacedError):
        open_wrappers({"k" * 10_000: [{"$numberInt": "1"}] * 500})


# --- the notation of the shell


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": ISODate("2020-01-06T09:07:00Z")}', {"a": {"$date": "2020-01-06T09:07:00Z"}}),
        (f"{{\"a\": [ObjectId('{OID}')]}}", {"a": [{"$oid": OID}]}),
        ('{"a": NumberLong(5), "b": NumberInt( "6" )}', {"a": {"$numberLong": "5"}, "b": {"$numberInt": "6"}}),
        ('{"ISODate(1)": "\\"ObjectId(\\"", "b": NumberLong(5)}', {"ISODate(1)": '"ObjectId("', "b": {"$numberLong": "5"}}),
    ],
)
def test_the_notation_of_the_shell_becomes_json(text: str, value: Any) -> None:
    repaired = repair(text)
    assert repaired is not None
    assert json.loads(repaired) == value


@pytest.mark.parametrize("text", ["", "{", '{"a": "ISODate(5)"}', "ISODate(", 'MyObjectId("x")', '"ObjectId(5)'])
def test_where_there_is_nothing_of_that_nothing_is_repaired(text: str) -> None:
    assert repair(text) is None


def test_a_string_without_end_is_looked_at_once() -> None:
    assert repair('"' + '\\"' * 500_000) is None
