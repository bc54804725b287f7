"""The fast way of events says what the exact way says, byte by byte, for any line there is: the same documents, rejections and notes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any

import orjson
import pytest
from event_lines import COURSE, LINES, TIME
from event_ways import assert_same, read_both_ways, read_fast
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edx_import.formats import event_bson, plain_json
from edx_import.formats.base import ReadContext
from edx_import.formats.event_bson import EventEncoder
from edx_import.model import Document, Encoded
from edx_import.sample import dirt
from edx_import.sample.events import iter_events
from edx_import.sample.package import dirty_lines
from edx_import.sample.recipe import Recipe

SAMPLE = Recipe(learners=60, days=1, events_per_day=500, last_day=date(2020, 1, 12))

#: For a long run by hand: EVENT_LINES=12000.
EXAMPLES = int(os.environ.get("EVENT_LINES", "150"))

#: Lines are large examples, and generating them is most of the work.
patient = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
less_patient = settings(patient, max_examples=max(1, EXAMPLES // 3))


def line(**fields: Any) -> bytes:
    return json.dumps({"time": TIME} | fields).encode()


def with_value(text: str) -> bytes:
    return b'{"time": "%s", "value": %s}' % (TIME.encode(), text.encode())


# --- the same


@patient
@given(LINES)
def test_a_line_gives_the_same_both_ways(line: bytes) -> None:
    read_both_ways(line)


NOT_WHAT_THEY_SEEM = {
    "empty key": '{"":1}',
    "empty key and blank": '{"" :1}',
    "key of a percent sign as an escape": '{"\\u0025":1}',
    "digit as an escape": '{"n":123456789012345678\\u0031}',
    "many digits": "[123456789012345678901234567890]",
    "unsigned integer": "[18446744073709551615]",
    "just beyond": "[18446744073709551616]",
    "just below": "[-9223372036854775809]",
    "large float": "[1e16]",
    "float written with an exponent by some": "[1000000000000000.0]",
    "larger than a 64-bit integer": "[1e19]",
    "small float": "[0.00001]",
    "smaller than that": "[1e-7]",
    "negative small float": "[-0.00001]",
    "negative zero": "[-0.0,-0]",
    "zeros at the end": "[1.50]",
    "infinite": "[1e400]",
    "not a number": '{"speed": NaN}',
    "what looks like a separator": '["a\\": b"]',
    "what looks like a separator, spaced": '["a\\": b", 1]',
    "delete": '["\x7f", "a"]',
    "delete, escaped": '["\\u007f", "a"]',
    "slash": '{"a":"\\/"}',
    "key twice": '{"a":1,"a":2}',
    "control character": '["\x01"]',
    "half an emoji": '["\\ud83d"]',
    "whole emoji": '["\\ud83d\\ude00", 1]',
    "blanks around": ' {"a":1}\n',
    "JSON of JSON": '"{\\"a.b\\":1}"',
    "brackets that do not match": "{]",
    "two values": "{} {}",
    "cut": '{"POST": {"body": ["'.ljust(512, "x"),
    "cut, and closed by chance": '{"POST": {"body": ["'.ljust(511, "x") + "}",
} | {f"{depth} {kind[0]}": kind[0] * depth + kind[1] * depth for depth in (97, 98, 99, 100, 255, 300, 1100) for kind in (("[", "]"), ('{"a":', "}"))}


@pytest.mark.parametrize("text", NOT_WHAT_THEY_SEEM.values(), ids=NOT_WHAT_THEY_SEEM)
def test_what_is_not_what_it_seems_gives_the_same_within_a_line_and_as_a_payload(text: str) -> None:
    read_both_ways(with_value(text))
    read_both_ways(line(event=text))
    read_both_ways(b"\n".join([line(event=text), line(event="x"), line(event=text)]))


@less_patient
@given(st.lists(LINES, max_size=4), st.lists(st.integers(0, 3), max_size=8), st.booleans(), st.integers(1, 400))
def test_lines_of_one_file_give_the_same_whatever_came_before_them(lines: list[bytes], again: list[int], forgetful: bool, size: int) -> None:
    data = b"\n".join([*lines, *(lines[number % len(lines)] for number in again if lines)])
    with pytest.MonkeyPatch.context() as patch:
        if forgetful:
            for kept in ("_SHAPES", "_MINUTES", "_COURSES", "_PAYLOADS"):
                patch.setattr(event_bson, kept, 1)
            patch.setattr(plain_json, "_ESCAPED_KEYS_LIMIT", 1)
        read_both_ways([data[start : start + size] for start in range(0, len(data), size)], resolve=str.upper, course_id="file")


ODD_COURSES: list[Any] = [COURSE, "bogus", f"{COURSE} ", 1, None, [], "bogus"]
ALIKE: dict[str, list[dict[str, Any]]] = {
    "users": [{"context": {"user_id": user}} for user in (1, True, 1.0, "1", 0, False, None, 2**31 - 1, 2**31, 2**63 - 1, -(2**63), 1)],
    "courses": [{"context": {"course_id": stated}, "event": {"course_id": COURSE}} for stated in ODD_COURSES],
    "courses of pages": [
        {"context": {"course_id": "bogus"}, "event_source": "browser", "page": page} for page in (f"/courses/{COURSE}/", "/dashboard", None)
    ],
    "payloads": [
        {"event": text} for text in ("{}", "", "[]", "a", '{"a.b": 1}', '{"a.b": {"c.d": 1}}', "", '{"a.b": {"c.d": 1}}', "{}", '{"a.b": 1}')
    ],
    "shapes": [{"a": 1}, {"a.b": 1}, {"user_id": 1}, {"a": 1, "user_id": 1}, {"event": 1}, {"user_id": 1}, {}],
    "times": [
        {"time": time}
        for clock in (
            "09:01:02.345678",
            "09:01:59.999999",
            "09:01:60.000000",
            "09:01:2.3456789",
            "09:01:02.34567",
            "06:28:15.999999",
            "06:28:16.000000",
        )
        for time in (
            f"2020-01-06T{clock}+00:00",
            f"2106-02-07T{clock}+00:00",
            f"2106-02-07T{clock}",
            f"1970-01-01T{clock}+00:00",
            f"2020-01-06T{clock}+0100",
        )
    ],
}


@pytest.mark.parametrize("what", ALIKE)
def test_lines_that_differ_a_little_are_not_taken_for_each_other(what: str) -> None:
    lines = [line(**fields) for fields in ALIKE[what]]
    read_both_ways(b"\n".join([*lines, *reversed(lines)]))


@pytest.mark.parametrize("site", ["prod", "rdx:ä 1"])
@pytest.mark.parametrize("course_id", ["", COURSE])
def test_every_clean_line_of_the_sample_gives_the_same(site: str, course_id: str) -> None:
    read_both_ways(b"\n".join(iter_events(SAMPLE, SAMPLE.last_day)), site=site, course_id=course_id, resolve=str.lower)


def test_every_dirt_of_the_sample_gives_the_same() -> None:
    dirtiest = replace(SAMPLE, events_per_day=60, dirt=frozenset(dirt.LINES | dirt.LONG_LINES))
    items = read_both_ways(b"\n".join(line.data for line in dirty_lines(dirtiest, dirtiest.last_day)))
    assert {"line over 16 MB", "not JSON", "no time"} <= {item.reason for item in items if not isinstance(item, Document)}


@pytest.mark.parametrize("size", [2**20 - 100, 2**20, 2**20 + 100])
def test_a_long_line_gives_the_same(size: int) -> None:
    read_both_ways(line(event=json.dumps({"body": "x" * (size - 120)})))


def test_a_long_line_of_little_is_rejected_unparsed() -> None:
    (found,) = read_both_ways(with_value("[" + "[]," * 4_000_000 + "[]]"))
    assert not isinstance(found, Document)
    assert found.reason == "document over 16 MB"


# --- in parts


@less_patient
@given(st.lists(LINES, max_size=5), st.integers(0, 5))
@example([b"{}", b"\xef\xbb\xbf{}"], 1)
def test_a_later_part_of_a_file_gives_what_it_gives_within_the_file(lines: list[bytes], size: int) -> None:
    whole = read_both_ways(b"\n".join(lines))
    parts = [(lines[:size], 1), (lines[size:], min(size, len(lines)) + 1)]
    assert_same(chain(*(read_fast([b"".join(line + b"\n" for line in part)], first)[0] for part, first in parts)), whole)


def test_a_byte_order_mark_at_the_beginning_of_a_later_part_is_text_before_an_object() -> None:
    marked = b"\xef\xbb\xbf" + line()
    (first,), notes = read_fast([marked])
    assert isinstance(first, Encoded)
    assert not notes
    (later,), notes = read_fast([marked], 7)
    assert isinstance(later, Document)
    assert (later.line, later.fields["original"]) == (7, {"prefix": "\ufeff"})
    assert notes == {"text before the object": 1}


# --- and fast


def test_all_but_a_few_lines_of_a_day_go_the_fast_way() -> None:
    items, _ = read_fast([b"\n".join(iter_events(SAMPLE, SAMPLE.last_day))])
    assert sum(isinstance(item, Encoded) for item in items) > 0.99 * len(items)


COMMON: dict[str, dict[str, Any]] = {
    "nothing but a time": {},
    "time without zone": {"time": "2013-01-06T09:01:02.345678"},
    "empty payload": {"event": ""},
    "form": {"event": "input_ab12_2_1=choice_0"},
    "cut payload": {"event": '{"POST": {"body": ["'.ljust(512, "x")},
    "payload of a browser": {"event": '{"id":"x","currentTime":310.949633}'},
    "payload of the platform": {"event": '{"POST": {"a.b": ["\\u00e9"]}, "GET": {}}'},
    "payload in another form": {"event": '{"id" : "x"}'},
    "odd keys": {"event": {"$oid": "x", "": [{"a%2Eb": 1.5}]}},
    "settings of a learner": {"context": {"course_user_tags": {"xblock.partition_service.partition_0": "1"}, "user_id": "12"}},
    "course in the page": {"context": None, "page": f"/courses/{COURSE}/info", "event_source": "browser"},
    "any text": {"agent": "50% \U0001f600 \0 é"},
}


@pytest.mark.parametrize("fields", COMMON.values(), ids=COMMON)
def test_what_is_common_goes_the_fast_way(fields: dict[str, Any]) -> None:
    (item,), _ = read_fast([line(**fields)])
    assert isinstance(item, Encoded)


VARIED: dict[str, Callable[[int], bytes]] = {
    "fields": lambda number: line(**{f"field_{number}": 1}),
    "long names": lambda number: line(**{"n" * 1000 + str(number): 1}),
    "courses": lambda number: line(context={"course_id": f"course-v1:DemoX+D{number}+1T2020"}),
    "no courses": lambda number: line(context={"course_id": f"nothing {number}"}),
    "payloads": lambda number: line(event=f"a={number}"),
    "long payloads": lambda number: line(event=f"a={number:0500}"),
    "minutes": lambda number: line(time=f"{2000 + number // 1440}-01-01T{number // 60 % 24:02}:{number % 60:02}:00.000000+00:00"),
}


@pytest.mark.parametrize("what", VARIED)
def test_no_file_fills_the_memory(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    for kept in ("_SHAPES", "_MINUTES", "_COURSES", "_PAYLOADS"):
        monkeypatch.setattr(event_bson, kept, 10)
    encoder = EventEncoder(ReadContext("prod"))
    for number in range(100):
        made = VARIED[what](number)
        assert encoder.encode(1, made, made) is not None
    all_kept = [value for value in vars(encoder).values() if isinstance(value, dict | set)]
    assert len(all_kept) == 4
    assert max(map(len, all_kept)) <= 10
    assert len(str(all_kept)) < 10_000


# --- what the fast parser is trusted with


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_it_reads_numbers_as_python_does_but_for_integers_that_are_too_long(text: str) -> None:
    expected = json.loads(text)
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        assert math.isinf(expected)
        return
    if isinstance(expected, int) and isinstance(found, float):
        assert abs(found) >= 2**63
    else:
        assert (type(found), repr(found)) == (type(expected), repr(expected))


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-4, 1e15, exclude_max=True) | st.just(0.0))
def test_it_writes_floats_of_usual_sizes_as_python_does(value: float) -> None:
    assert orjson.dumps([value, -value]).decode() == json.dumps([value, -value], separators=(",", ":"))


# --- what never changes


def test_the_id_of_a_line_and_the_bytes_of_its_document_never_change() -> None:
    text = b'{"username": "ann", "time": "2020-01-06T09:01:02.345678+00:00", "event": "{\\"a.b\\":1.5}", "context": {"user_id": 501}}'
    (item,), _ = read_fast([text])
    assert isinstance(item, Encoded)
    assert str(item.id) == "5e12f74e21d82b01b0e341dc"
    assert item.elements == bytes.fromhex(
        "075f6964005e12f74e21d82b01b0e341dc0273697465000500000070726f64000a636f757273655f69640010757365725f696400f50100000974696d6500090a"
        "167a6f0100001074696d655f6d6963726f7365636f6e647300a602000002757365726e616d650004000000616e6e00036576656e740014000000016125324562"
        "00000000000000f83f0003636f6e74657874001200000010757365725f696400f501000000036f726967696e616c001d000000026576656e745f666f726d0008"
        "000000636f6d706163740000"
    )
