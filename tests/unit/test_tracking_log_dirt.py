"""The known dirt of tracking logs, one small test each: what is done with it."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from event_ways import read_both_ways

from edx_import.formats.tracking_log import restore
from edx_import.model import Document, Item, Rejected

TIME = "2020-01-06T09:01:02.345678+00:00"
COURSE = "course-v1:DemoX+D101+1T2020"


def read(*lines: bytes, **context: Any) -> list[Item]:
    return read_both_ways(b"\n".join(lines), **context)


def load(line: bytes, **context: Any) -> dict[str, Any]:
    (item,) = read(line, **context)
    assert isinstance(item, Document)
    return bson.decode(bson.encode(item.fields))


def render(**fields: Any) -> bytes:
    return json.dumps({"time": TIME} | fields).encode()


def event(**fields: Any) -> dict[str, Any]:
    return load(render(**fields))


def test_a_line_that_was_cut_is_rejected_and_the_next_is_read() -> None:
    cut = render(agent="x" * 3000)[:2043]
    first, second = read(cut, render())
    assert first == Rejected(1, "not JSON", cut, first.detail if isinstance(first, Rejected) else "")
    assert isinstance(second, Document)


@pytest.mark.parametrize("prefix", ["Sep  9 00:00:48 localhost ", "[tracking] é - ", "\ufeff"])
def test_a_prefix_before_the_object_is_kept_aside(prefix: str) -> None:
    notes: list[str] = []
    fields = load(b"\n" + prefix.encode() + render(username="ann"), note=notes.append)
    assert fields["username"] == "ann"
    assert fields["original"] == {"prefix": prefix}
    assert restore(fields) == {"time": TIME, "username": "ann"}
    assert notes == ["text before the object"]


@pytest.mark.parametrize("line", [b"null", b"[1]", b"5", b'"x"', b"true"])
def test_json_that_is_no_object_is_rejected(line: bytes) -> None:
    (item,) = read(line)
    assert item == Rejected(1, "not an object", line)


@pytest.mark.parametrize("request_body", ['{"POST": {"body": ["', '{"GET": {"q": ["'])
def test_an_implicit_payload_cut_at_512_characters_is_kept_as_text_and_flagged(request_body: str) -> None:
    payload = request_body.ljust(512, "x")
    fields = event(event=payload, event_source="server", event_type="/courses/x/")
    assert fields["event"] == payload
    assert fields["event_truncated"] is True


@pytest.mark.parametrize(
    "payload",
    [
        '{"POST": {"body": ["'.ljust(511, "x"),
        '{"POST": {"body": ["'.ljust(513, "x"),
        "input_POST=".ljust(512, "x"),
        '{"neither": "'.ljust(512, "x"),
        json.dumps({"POST": "x" * 500}),
    ],
    ids=["shorter", "longer", "form", "no request", "whole"],
)
def test_no_other_payload_is_flagged_as_truncated(payload: str) -> None:
    assert "event_truncated" not in event(event=payload)


@pytest.mark.parametrize("payload", ["input_ab12_2_1=choice_0&input_ab12_3_1=", '"input_ab12_2_1=choice_0"', "plain text", "12"])
def test_a_payload_that_is_not_json_stays_text(payload: str) -> None:
    fields = event(event=payload)
    assert fields["event"] == payload
    assert "original" not in fields


def test_an_empty_payload_is_an_empty_object() -> None:
    fields = event(event="")
    assert fields["event"] == {}
    assert restore(fields)["event"] == ""


def test_a_payload_that_is_a_list_stays_a_list() -> None:
    assert event(event=["input_ab12_2_1=choice_0", "<p>"])["event"] == ["input_ab12_2_1=choice_0", "<p>"]


def test_a_payload_encoded_twice_is_parsed_twice() -> None:
    payload = json.dumps(json.dumps({"id": "x"}))
    fields = event(event=payload)
    assert fields["event"] == {"id": "x"}
    assert restore(fields)["event"] == payload


@pytest.mark.parametrize("fields", [{}, {"context": None}, {"context": "text", "event": None}, {"event_type": None, "event_source": None}])
def test_an_event_without_context_type_or_payload_is_loaded_with_what_is_there(fields: dict[str, Any]) -> None:
    loaded = event(**fields)
    assert (loaded["course_id"], loaded["user_id"]) == (None, None)
    assert restore(loaded) == {"time": TIME} | fields


@pytest.mark.parametrize("line", [b"{}", b'{"username": "ann"}', b'{"time": null}', b'{"time": ""}'])
def test_an_event_without_time_is_rejected(line: bytes) -> None:
    (item,) = read(line)
    assert item == Rejected(1, "no time", line)


@pytest.mark.parametrize(
    ("user_id", "expected"),
    [
        (501, 501),
        ("123", 123),
        (" 123\n", 123),
        ("00123", 123),
        (None, None),
        ("", None),
        ("anonymous", None),
        ("12a", None),
        ("١٢", None),
        (True, None),
        (5.0, None),
        ([5], None),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        ("9" * 19, None),
        ("9" * 5000, None),
    ],
)
def test_the_user_is_a_number_or_null_and_the_event_is_kept(user_id: Any, expected: int | None) -> None:
    fields = event(context={"user_id": user_id})
    assert fields["user_id"] == expected
    assert restore(fields)["context"] == {"user_id": user_id}


@pytest.mark.parametrize("username", ["", "anonymous", "ann\n", "00123", "NULL"])
def test_a_username_is_always_the_text_it_was(username: str) -> None:
    assert event(username=username)["username"] == username


@pytest.mark.parametrize("course_id", ["", " \n", "bogus", "library-v1:DemoX+Lib", None, 7])
def test_a_bad_course_id_is_none_and_what_stood_there_is_kept(course_id: Any) -> None:
    fields = event(context={"course_id": course_id}, event_source="server", event_type="/dashboard")
    assert fields["course_id"] is None
    assert fields["context"]["course_id"] == course_id


def test_a_course_id_with_blanks_is_stripped_and_what_stood_there_is_kept() -> None:
    fields = event(context={"course_id": COURSE + "\n"})
    assert (fields["course_id"], fields["context"]["course_id"]) == (COURSE, COURSE + "\n")


def test_an_event_without_course_in_its_context_belongs_to_that_of_its_page() -> None:
    fields = event(context={"course_id": ""}, event_source="browser", page=f"https://courses.example.org/courses/{COURSE}/courseware/x/")
    assert fields["course_id"] == COURSE


def test_an_event_without_course_in_its_context_belongs_to_that_of_its_payload_even_in_text() -> None:
    assert event(context={}, event_source="server", event=json.dumps({"course_id": COURSE}))["course_id"] == COURSE


def test_two_forms_of_a_course_id_resolve_to_one_and_the_form_used_is_kept() -> None:
    fields = load(render(context={"course_id": "DemoX/D101/1T2020"}), resolve={"DemoX/D101/1T2020": COURSE}.__getitem__)
    assert (fields["course_id"], fields["context"]["course_id"]) == (COURSE, "DemoX/D101/1T2020")


def test_keys_with_dots_dashes_and_digits_first() -> None:
    keys = ["xblock.partition_service.partition_0", "i4x-DemoX-D101-problem-ab12_2_1", "5b60_2_1", "child-id"]
    fields = event(event=dict.fromkeys(keys, 1))
    assert list(fields["event"]) == ["xblock%2Epartition_service%2Epartition_0", *keys[1:]]
    assert restore(fields)["event"] == dict.fromkeys(keys, 1)


def test_keys_that_start_with_a_dollar() -> None:
    fields = event(event={"$oid": "x", "$date": {"$a": 1}})
    assert fields["event"] == {"%24oid": "x", "%24date": {"%24a": 1}}
    assert restore(fields)["event"] == {"$oid": "x", "$date": {"$a": 1}}


def test_empty_keys_and_nul_in_keys() -> None:
    fields = event(event={"": 1, "a\0b": 2})
    assert fields["event"] == {"%": 1, "a%00b": 2}
    assert restore(fields)["event"] == {"": 1, "a\0b": 2}


def test_nul_in_text_is_kept() -> None:
    assert event(agent="a\0b")["agent"] == "a\0b"


def test_half_an_emoji_is_replaced_and_recorded() -> None:
    fields = event(event={"body": "cut \ud83d"})
    assert fields["event"] == {"body": "cut \ufffd"}
    assert fields["original"] == {"values": [{"at": '["event", "body"]', "json": '"cut \\ud83d"'}]}
    assert restore(fields)["event"] == {"body": "cut \ud83d"}


def test_an_integer_beyond_64_bits_is_its_digits_and_recorded() -> None:
    fields = event(event={"seed": 2**64})
    assert fields["event"] == {"seed": "18446744073709551616"}
    assert restore(fields)["event"] == {"seed": 2**64}


def test_nan_and_infinity_are_doubles() -> None:
    fields = event(event='{"old_speed": NaN, "new_speed": Infinity}')
    assert math.isnan(fields["event"]["old_speed"])
    assert fields["event"]["new_speed"] == math.inf
    assert restore(fields)["event"] == '{"old_speed": NaN, "new_speed": Infinity}'


def test_a_line_that_is_not_utf8_is_mended_and_kept_in_full() -> None:
    notes: list[str] = []
    line = render(agent="?").replace(b"?", b"caf\xe9")
    fields = load(line, note=notes.append)
    assert fields["agent"] == "caf\ufffd"
    assert fields["original"] == {"line": line}
    assert restore(fields) == {"time": TIME, "agent": "caf\ufffd"}
    assert notes == ["not UTF-8"]


def test_text_that_was_encoded_twice_is_left_alone() -> None:
    assert event(accept_language="cafÃ©")["accept_language"] == "cafÃ©"


def test_utf8_needs_no_escapes() -> None:
    assert load('{"time": "%s", "name": "Año 😀\u2028"}'.encode() % TIME.encode())["name"] == "Año 😀\u2028"


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    marked = load(b"\xef\xbb\xbf" + render())
    assert marked == load(render())
    assert "original" not in marked


def test_the_same_line_is_the_same_event_wherever_it_is_delivered() -> None:
    first, again = read(render(username="ann"), b" " + render(username="ann") + b"\r")
    assert isinstance(first, Document)
    assert isinstance(again, Document)
    assert first.fields == again.fields


def test_a_late_event_counts_for_its_own_time() -> None:
    fields = event(event_source="mobile", time="2020-01-03T22:00:00+00:00", context={"received_at": "2020-01-06T08:00:00.5+00:00"})
    assert fields["time"].replace(tzinfo=UTC) == datetime(2020, 1, 3, 22, tzinfo=UTC)
    assert fields["context"]["received_at"] == "2020-01-06T08:00:00.5+00:00"


def test_lines_in_any_order_are_read_in_theirs() -> None:
    times = [f"2020-01-06T0{hour}:00:00.000000+00:00" for hour in (3, 1, 2)]
    items = read(*(render(time=time) for time in times))
    assert [restore(item.fields)["time"] for item in items if isinstance(item, Document)] == times


@pytest.mark.parametrize("time", ["2020-01-06T09:01:02+00:00", "2020-01-06T09:01:02.5", "2020-01-06 09:01:02", "2020-01-06T09:01:02Z", TIME + " "])
def test_a_time_in_another_form_is_a_date_and_its_text_is_kept(time: str) -> None:
    fields = event(time=time)
    assert fields["time"].replace(microsecond=0) == datetime(2020, 1, 6, 9, 1, 2)
    assert fields["original"] == {"time": time}
    assert restore(fields) == {"time": time}


def test_a_time_that_is_garbage_is_rejected() -> None:
    (item,) = read(render(time="garbage"))
    assert isinstance(item, Rejected)
    assert (item.reason, item.detail) == ("unreadable time", "'garbage'")


@pytest.mark.parametrize(
    "payload", [{"answer": "a"}, {"answer": ["a"]}, {"new_speed": 1.5}, {"new_speed": "1.50"}, {"option": {"a": 1}}, "text", ["a"], 5]
)
def test_one_key_may_hold_any_type(payload: Any) -> None:
    assert restore(event(event=payload))["event"] == payload


@pytest.mark.parametrize(
    "fields", [{"event_type": "save_problem_check"}, {"event": {"child-id": "x"}}, {"event": {"currentTime": 1, "current_time": 2}}]
)
def test_what_was_renamed_over_the_years_keeps_its_name(fields: dict[str, Any]) -> None:
    assert event(**fields).items() >= fields.items()


@pytest.mark.parametrize(
    "payload", [{"id": "\ni4x-DemoX-D101-video-ab12"}, {"old_time": 5, "new_time": 5}, {"currentTime": None}, {"answers": {"ab_dynamath": ""}}]
)
def test_odd_values_are_for_reports_to_judge(payload: dict[str, Any]) -> None:
    assert event(event=payload)["event"] == payload


@pytest.mark.parametrize("ip", ["192.0.2.7", "2001:db8::1", "::1", ""])
def test_an_address_stays_text(ip: str) -> None:
    assert event(ip=ip)["ip"] == ip


def test_the_same_line_of_two_sites_is_two_events() -> None:
    assert load(render(), site="prod")["_id"] != load(render(), site="edge")["_id"]


def test_blank_lines_are_not_read_but_counted_in_line_numbers() -> None:
    items = read(b"", render(), b" \t\r", render(), b"")
    assert [item.line for item in items] == [2, 4]
