"""A line becomes one document that says the same, or one rejection that says why."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from event_ways import read_both_ways
from hypothesis import example, given
from hypothesis import strategies as st

from edx_import.formats import tracking_log
from edx_import.formats.json_mapping import MAX_LEVELS, parse_json
from edx_import.formats.tracking_log import ADDED_FIELDS, restore
from edx_import.ids import event_id
from edx_import.model import Document, Item, Rejected

TIME = "2020-01-06T09:01:02.345678+00:00"
COURSE = "course-v1:DemoX+D101+1T2020"

KEYS = st.text(st.sampled_from(".$%\0 aé😀\ud83d\ude00"), max_size=4) | st.sampled_from([*sorted(ADDED_FIELDS), "values", "line", "event", "time"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63 - 1, 2**63, -(2**63) - 1, 10**30, 1.0, 1e16, 1e-7])
    | st.floats()
    | st.text(st.sampled_from('\0 a"\\\n\u2028é😀\ud83d\ude00'), max_size=4)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
FORMS = (
    lambda value: value,
    json.dumps,
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    lambda value: json.dumps(value, separators=(",", ":")),
    lambda value: json.dumps(value, indent=1),
    lambda value: json.dumps(json.dumps(value)),
    lambda value: json.dumps(value)[:-1],
    lambda value: "",
)
PAYLOADS = st.builds(lambda form, value: form(value), st.sampled_from(FORMS), VALUES)
TIMES = st.sampled_from([TIME, "2020-01-06T09:01:02+00:00", "2020-01-06 09:01:02.1", "2020-01-06T10:01:02.345678+01:00 "])
CONTEXTS = VALUES | st.fixed_dictionaries({}, optional={"user_id": SCALARS, "course_id": st.just(COURSE) | SCALARS})
EVENTS = st.builds(
    lambda rest, known: rest | known,
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.fixed_dictionaries({"time": TIMES}, optional={"event": PAYLOADS, "context": CONTEXTS}),
)


def exact(value: Any) -> Any:
    """Equal only for values of the same types; NaN equals itself and 0.0 is not -0.0."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return type(value), repr(value)


def read(data: bytes, **context: Any) -> list[Item]:
    return read_both_ways(data, **context)


def document(line: bytes | dict[str, Any], **context: Any) -> dict[str, Any]:
    (item,) = read(line if isinstance(line, bytes) else json.dumps(line).encode(), **context)
    assert isinstance(item, Document)
    assert item.collection == "events"
    return item.fields


def through_bson(fields: dict[str, Any]) -> dict[str, Any]:
    return bson.decode(bson.encode(fields))


def rejected(line: bytes) -> Rejected:
    (item,) = read(line)
    assert isinstance(item, Rejected)
    return item


def nested(levels: int) -> Any:
    value: Any = []
    for level in range(levels - 1):
        value = [value] if level % 2 else {"k": value}
    return value


# --- nothing lost


@given(EVENTS, st.booleans())
@example({"time": TIME, "event": '{"a":"\ud83d"}'}, True)
@example({"time": TIME, "event": '{"a": "\ud83d", "n": 18446744073709551616} '}, True)
@example({"time": TIME, "event": "\ud83d", "original": {"values": 2**64}, "import": {"$a.b": "\ud83d"}}, True)
def test_what_the_line_said_comes_back_from_the_database(event: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(event, ensure_ascii=ascii_only)
    line = text.encode(errors="replace")
    assert exact(restore(through_bson(document(line)))) == exact(json.loads(line))


@given(EVENTS)
def test_every_field_of_ours_is_what_it_should_be(event: dict[str, Any]) -> None:
    fields = document(event, site="edge")
    assert fields["site"] == "edge"
    assert fields["course_id"] in (None, COURSE)
    assert fields["user_id"] is None or type(fields["user_id"]) is int
    assert isinstance(fields["time"], datetime)
    assert fields["time"].microsecond % 1000 == 0
    assert 0 <= fields["time_microseconds"] < 1000
    assert "import" not in fields


def test_an_ordinary_event_needs_no_original() -> None:
    event = {"username": "ann", "time": TIME, "event": {"id": "x"}, "context": {"course_id": COURSE, "user_id": 501, "org_id": "DemoX"}}
    fields = document(event)
    assert fields == {
        "_id": bson.ObjectId(event_id("prod", 1578301262, json.dumps(event).encode())),
        "site": "prod",
        "course_id": COURSE,
        "user_id": 501,
        "time": datetime(2020, 1, 6, 9, 1, 2, 345_000, tzinfo=UTC),
        "time_microseconds": 678,
        "username": "ann",
        "event": {"id": "x"},
        "context": {"course_id": COURSE, "user_id": 501, "org_id": "DemoX"},
    }


def test_fields_named_like_ours_are_kept_aside() -> None:
    event = {"time": TIME} | dict.fromkeys(ADDED_FIELDS, "theirs")
    fields = document(event)
    assert fields["original"] == dict.fromkeys(ADDED_FIELDS, "theirs")
    assert (fields["site"], fields["user_id"]) == ("prod", None)
    assert restore(fields | {"import": "ours"}) == event


def test_fields_that_are_absent_stay_absent() -> None:
    fields = document({"time": TIME})
    assert "event" not in fields
    assert restore(fields) == {"time": TIME}


@pytest.mark.parametrize(
    ("payload", "stored", "original"),
    [
        ('{"POST": {}, "GET": {}}', {"POST": {}, "GET": {}}, {"event_form": "spaced"}),
        ('{"id":"x"}', {"id": "x"}, {"event_form": "compact"}),
        ('["a=b","<p>"]', ["a=b", "<p>"], {"event_form": "compact"}),
        ("", {}, {"event_form": "empty"}),
        ('{"id" : "x"}', {"id": "x"}, {"event": '{"id" : "x"}'}),
        ('"{\\"id\\": 1}"', {"id": 1}, {"event": '"{\\"id\\": 1}"'}),
        (
            '{"a.b":"\ud83d"} ',
            {"a%2Eb": "\ufffd"},
            {"values": [{"at": '["event", "a.b"]', "json": '"\\ud83d"'}, {"at": '["event"]', "json": '"{\\"a.b\\":\\"\\ud83d\\"} "'}]},
        ),
        ("a=b&c=d", "a=b&c=d", None),
        ({}, {}, None),
        (None, None, None),
    ],
)
def test_a_payload_is_parsed_and_its_text_is_not_lost(payload: Any, stored: Any, original: Any) -> None:
    event = {"time": TIME, "event": payload}
    fields = document(event)
    assert fields["event"] == stored
    assert fields.get("original") == original
    assert restore(through_bson(fields)) == event


@pytest.mark.parametrize("key", ["context", "user_id"])
def test_the_deepest_document_that_mongodb_takes_is_loaded_the_next_is_rejected(key: str) -> None:
    room = MAX_LEVELS - (1 if key == "context" else 2)  # a shadowed field stands one level lower
    event = {"time": TIME, key: nested(room)}
    assert exact(restore(through_bson(document(event)))) == exact(event)
    assert rejected(json.dumps({"time": TIME, key: nested(room + 1)}).encode()).reason == "nested too deep"


@pytest.mark.parametrize("levels", [MAX_LEVELS - 1, MAX_LEVELS, 5000])
def test_a_payload_that_is_nested_too_deep_stays_text(levels: int) -> None:
    payload = "[" * levels + "]" * levels
    fields = document({"time": TIME, "event": payload})
    assert isinstance(fields["event"], list if levels < MAX_LEVELS else str)
    assert restore(through_bson(fields)) == {"time": TIME, "event": payload}


def test_a_number_with_more_digits_than_python_converts_keeps_them() -> None:
    line = b'{"time": "%s", "n": %s, "event": "[%s]"}' % (TIME.encode(), b"9" * 5000, b"8" * 5000)
    fields = document(line)
    assert fields["n"] == "9" * 5000
    assert exact(restore(through_bson(fields))) == exact(parse_json(line))


# --- nothing twice


@given(EVENTS, st.sampled_from([b"", b" ", b"\t\r", b"\v\f "]), st.sampled_from([b"", b"\r", b"  "]), st.integers(0, 3))
def test_the_id_depends_on_site_and_stripped_line_only(event: dict[str, Any], before: bytes, after: bytes, blank_lines: int) -> None:
    line = json.dumps(event).encode()
    fields = document(line)
    elsewhere = document(b"\n" * blank_lines + before + line + after + b"\n", resolve=lambda course_id: "other", course_id="file")
    assert fields["_id"] == elsewhere["_id"]
    assert fields["_id"] != document(line, site="edge")["_id"]
    assert fields["_id"] != document(line.replace(b"{", b"{ ", 1))["_id"]


def test_ids_sort_by_second() -> None:
    times = ["2020-01-06T09:01:02.9", "2020-01-06T09:01:03", "2038-02-01T00:00:00", "2106-02-07T06:28:15.999"]
    ids = [document({"time": time})["_id"] for time in times]
    assert ids == sorted(ids)
    assert ids[0].generation_time == datetime(2020, 1, 6, 9, 1, 2, tzinfo=UTC)


# --- never a crash


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"garbage", "not JSON"),
        (b'{"time": "2020-01-06T09:01:02", "event": "cut he', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"Sep  9 00:00:48 localhost {cut", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"null", "not an object"),
        (b"[1]", "not an object"),
        (b"5", "not an object"),
        (b'"x"', "not an object"),
        (b"1" * 5000, "not an object"),
        (b"{}", "no time"),
        (b'{"time": null}', "no time"),
        (b'{"time": ""}', "no time"),
        (b'{"time": 1578301262}', "unreadable time"),
        (b'{"time": {"$date": 5}}', "unreadable time"),
        (b'{"time": "yesterday"}', "unreadable time"),
        (b'{"time": "\\ud83d"}', "unreadable time"),
        (b'{"time": "1969-12-31T23:59:59+00:00"}', "time out of range"),
        (b'{"time": "2106-02-07T06:28:16+00:00"}', "time out of range"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"time": "2020-01-06T09:01:02", "a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deep"),
    ],
)
def test_a_line_that_cannot_be_loaded_is_rejected_with_its_reason_and_its_bytes(line: bytes, reason: str) -> None:
    found = rejected(line)
    assert (found.reason, found.raw, found.line) == (reason, line, 1)


def test_a_line_over_16_mb_is_rejected_with_its_head() -> None:
    found = rejected(b'{"time": "' + b"x" * 2**24 + b'"}')
    assert found.reason == "line over 16 MB"
    assert len(found.raw) == 64 * 2**10


@pytest.mark.parametrize(
    "line",
    [
        b'{"time": "2020-01-06T09:01:02", "a": [' + b"1," * 1_600_000 + b"1]}",
        b'{"time": "2020-01-06T09:01:02", "' + b"k" * 60_000 + b'": [' + b"18446744073709551616," * 1000 + b"1]}",
    ],
    ids=["small numbers", "many replaced values"],
)
def test_a_line_that_grows_beyond_a_document_is_rejected(line: bytes) -> None:
    assert rejected(line).reason == "document over 16 MB"


def test_a_large_document_that_fits_is_loaded() -> None:
    fields = document({"time": TIME, "a": "x" * (15 * 2**20)})
    assert len(bson.encode(fields)) < 2**24


JSONISH = st.lists(
    st.sampled_from([b"{", b"}", b"[", b"]", b'"time":', b'"2020-01-06T09:01:02"', b",", b'"', b":", b"1", b"\\ud83d", b"\xff", b" "])
).map(b"".join)


@given(st.lists(st.binary() | JSONISH | EVENTS.map(json.dumps).map(str.encode)))
def test_any_bytes_give_one_item_for_each_line_that_is_not_blank(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    items = read(data)
    expected = [(number, line) for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1) if line.strip()]
    assert [(item.line, item.raw) for item in items] == expected
    for item in items:
        if isinstance(item, Document):
            bson.encode(item.fields)


def test_what_was_mended_is_noted_once_for_each_line_loaded() -> None:
    notes: Counter[str] = Counter()
    good = json.dumps({"time": TIME}).encode()
    lines = [good, b"x " + good, good[:-1] + b', "a": "\xff"}', b"x \xff " + good, b"\xff", b"x {}", b"x {"]
    items = read(b"\n".join(lines), note=lambda name: notes.update([name]))
    assert notes == {tracking_log.PREFIX: 2, tracking_log.NOT_UTF8: 2}
    assert [isinstance(item, Document) for item in items] == [True] * 4 + [False] * 3
