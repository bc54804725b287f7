"""The fast way of events gives, byte by byte, what the exact way gives: the same documents, the same rejections, the same notes."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edx_import.formats.base import ReadContext
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.model import Document, Encoded, Rejected
from edx_import.sample.dirt import DIRT, LONG_LINES
from edx_import.sample.package import dirty_lines
from edx_import.sample.recipe import Recipe

COURSES = ["course-v1:DemoX+D101+1T2020", "DemoX/D90/2013_Fall", "ccx-v1:DemoX+D101+1T2020+ccx@7", "", "nonsense", "course-v1:DemoX+D101+1T2020 "]
KEYS = st.one_of(
    st.sampled_from(
        ["a", "a.b", "$a", "", " ", "%", "%2E", "a\0b", "_id", "site", "user_id", "course_id", "import", "original", "time", "time_microseconds"]
    ),
    st.sampled_from(["event_truncated", "event", "context", "é", "\ud800", "\\", '"', "x" * 300]),
    st.text(max_size=4),
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64]),
    st.floats(),
)
RAW_NUMBERS = st.sampled_from(
    [
        "1E5",
        "1e5",
        "1.0",
        "-0.0",
        "-0",
        "1e400",
        "-1e400",
        "123456789012345678901234567890",
        "0.1000",
        "1.5e-7",
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "+1",
    ]
)
STRINGS = st.one_of(st.text(max_size=12), st.sampled_from(["\ud800", "a\0", "12345678901234567890", '{"a": 1}', "\u2028", "x" * 600]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
TIMES = st.one_of(
    st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}+00:00"),
    st.integers(0, 59).map(lambda second: f"2020-01-12T10:00:{second:02}.000123+00:00"),
    st.sampled_from(
        [
            "2020-01-12T10:00:00+00:00",
            "2020-01-12T10:00:00",
            "2020-01-12T10:00:00.5Z",
            "2020-01-12 10:00:00.123456",
            "2020-01-12T10:00:00.123456+02:00",
        ]
    ),
    st.sampled_from(
        ["1969-12-31T23:59:59+00:00", "2106-02-08T00:00:00+00:00", "2020-02-30T00:00:00", "", 5, None, "2020-01-12T10:00:60.000000+00:00"]
    ),
)
USERS: st.SearchStrategy[Any] = st.one_of(st.integers(-5, 10), st.sampled_from([2**31, 2**63, -(2**63) - 1, "17", "", None, 1.0, True, [], "x", "٣"]))
PAYLOADS = st.one_of(
    VALUES,
    VALUES.map(lambda value: json.dumps(value)),
    VALUES.map(lambda value: json.dumps(value, separators=(",", ":"))),
    VALUES.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1)),
    st.sampled_from(
        ['{"a": "' + "x" * 600, "{", '{"a": 1}trailing', '{"POST": {}, "GET": {}}', " {}", '{"a":1, "b" : 2}', '"text"', "[1, 2]", "1.50"]
    ),
)
CONTEXTS = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"course_id": st.one_of(st.sampled_from(COURSES), VALUES), "user_id": USERS, "path": STRINGS, "org_id": STRINGS}
    ),
    VALUES,
)
EVENTS = st.fixed_dictionaries(
    {"time": TIMES, "event_type": st.one_of(st.sampled_from(["page_close", "/courses/DemoX/D90/2013_Fall/about", "problem_check"]), VALUES)},
    optional={
        "event": PAYLOADS,
        "context": CONTEXTS,
        "username": STRINGS,
        "page": STRINGS,
        "session": VALUES,
        "event_source": STRINGS,
        "name": STRINGS,
    },
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    event: dict[str, Any] = draw(EVENTS)
    event |= draw(st.dictionaries(KEYS, VALUES, max_size=2))
    text = json.dumps(event, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")])))
    if draw(st.booleans()):
        # what json.dumps never writes: odd numbers, a key twice, an empty key with blanks before its colon, digits by their number
        odd = draw(st.sampled_from(['"n": {}', '"event_type": {}', '"": {}', '"" : {}', '"\\u0031": {}', '"deep": {{"k.k": {}}}', '"list": [{}, 1]']))
        text = text[:-1] + ", " + odd.format(draw(RAW_NUMBERS)) + "}"
    line = text.encode("utf-8", "surrogatepass")
    before = draw(st.sampled_from([b"", b"", b"", b" ", b"Jan 12 10:00:00 host ", b"\xef\xbb\xbf"]))
    after = draw(st.sampled_from([b"", b"", b"", b"\r", b" ", b"\xff", b"}", b"\0"]))
    return (before + line + after).replace(b"\n", b" ")


def both_ways(data: bytes, first_line: int = 1) -> None:
    """Reads the data in both ways, and compares."""
    exact_notes, fast_notes = Counter[str](), Counter[str]()
    exact = list(TrackingLogReader().read([data], ReadContext("prod", note=lambda name: exact_notes.update([name]))))
    fast = list(TrackingLogReader().read_fast([data], ReadContext("prod", note=lambda name: fast_notes.update([name])), first_line))
    assert len(fast) == len(exact)
    for found, expected in zip(fast, exact, strict=True):
        if isinstance(found, Encoded):
            assert isinstance(expected, Document)
            assert found.elements == bson.encode(expected.fields)[4:-1]
            assert (found.collection, found.id, found.raw) == (expected.collection, expected.fields["_id"], expected.raw)
            assert (found.course_id, found.line) == (expected.fields["course_id"], expected.line + first_line - 1)
        elif isinstance(found, Document):
            assert isinstance(expected, Document)
            assert bson.encode(found.fields) == bson.encode(expected.fields)
        else:
            assert isinstance(expected, Rejected)
            assert (found.reason, found.detail, found.raw) == (expected.reason, expected.detail, expected.raw)
    assert fast_notes == exact_notes


@settings(max_examples=int(os.environ.get("LINES", "200")), suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(lines(), min_size=1, max_size=6))
def test_lines_with_all_that_is_nasty(many: list[bytes]) -> None:
    both_ways(b"\n".join(many))


def log_of(recipe: Recipe) -> bytes:
    return b"\n".join(line.data for line in dirty_lines(recipe, recipe.last_day))


@pytest.mark.parametrize("first_line", [1, 1000])
def test_sample_of_every_dirt(first_line: int) -> None:
    both_ways(log_of(Recipe(days=1, events_per_day=400, dirt=DIRT - frozenset(LONG_LINES))), first_line)


def test_most_lines_take_the_fast_way() -> None:
    items = list(TrackingLogReader().read_fast([log_of(Recipe(days=1, events_per_day=400))], ReadContext("prod")))
    assert sum(isinstance(item, Encoded) for item in items) > 0.9 * len(items)
