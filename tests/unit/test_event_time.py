"""The times of events: every form that occurs, to the millisecond of a date and back to the exact text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edx_import.formats.event_time import EventTime, canonical_text, parse_time

MOMENT = datetime(2020, 1, 6, 9, 1, 2, 345_000, tzinfo=UTC)


def readable(text: str) -> EventTime:
    time = parse_time(text)
    assert time is not None
    return time


def test_the_form_that_the_platform_writes() -> None:
    assert parse_time("2020-01-06T09:01:02.345678+00:00") == EventTime(MOMENT, 678, 1578301262, True)


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-06T09:01:02.345678",
        "2020-01-06 09:01:02.345678",
        "2020-01-06T09:01:02.345678Z",
        "2020-01-06t09:01:02,345678z",
        "2020-01-06T09:01:02.345678 +00:00",
        "2020-01-06T09:01:02.345678-00:00",
        "2020-01-06T11:31:02.345678+02:30",
        "2020-01-06T11:01:02.345678+0200",
        "2020-01-05T23:01:02.345678-10",
        "2020-01-06T09:01:02.3456789+00:00",
        " 2020-01-06T09:01:02.345678+00:00\n",
    ],
)
def test_other_forms_mean_the_same_moment_but_are_not_canonical(text: str) -> None:
    assert parse_time(text) == EventTime(MOMENT, 678, 1578301262, False)


@pytest.mark.parametrize(
    ("text", "millisecond", "microseconds"),
    [
        ("2020-01-06T09:01:02+00:00", 0, 0),
        ("2020-01-06T09:01:02", 0, 0),
        ("2020-01-06T09:01:02.1+00:00", 100, 0),
        ("2020-01-06T09:01:02.0004+00:00", 0, 400),
        ("2020-01-06T09:01:02.999999999+00:00", 999, 999),
    ],
)
def test_a_fraction_has_any_number_of_digits_or_is_absent(text: str, millisecond: int, microseconds: int) -> None:
    time = readable(text)
    assert (time.date.microsecond, time.microseconds, time.canonical) == (millisecond * 1000, microseconds, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "2020-01-06",
        "2020-W02-1T09:01:02.345678+00:00",
        "20200106T090102",
        "2020-13-06T09:01:02",
        "2020-02-30T09:01:02",
        "2020-01-06T24:00:00.000000+00:00",
        "2020-01-06T09:01:60",
        "2020-01-06T09:01:02.",
        "2020-01-06T09:01:02+00:00 and more",
        "2020-01-06T09:01:02.345678+00:00:30",
        "0000-01-01T00:00:00",
        "٢٠٢٠-01-06T09:01:02",
        "1578301262",
        "\ud83d",
    ],
)
def test_garbage_is_unreadable(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("1969-12-31T23:59:59.999999+00:00", False),
        ("1970-01-01T00:00:00.000000+00:00", True),
        ("1970-01-01T00:00:00+01:00", False),
        ("2106-02-07T06:28:15.999999+00:00", True),
        ("2106-02-07T06:28:16.000000+00:00", False),
        ("0001-01-01T00:00:00.000000+00:00", False),
        ("9999-12-31T23:59:59.999999+00:00", False),
    ],
)
def test_the_range_is_that_of_the_second_in_an_id(text: str, inside: bool) -> None:
    assert readable(text).in_range is inside


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_moment_that_no_date_can_hold_is_unreadable(text: str) -> None:
    assert parse_time(text) is None


@given(st.datetimes(datetime(1970, 1, 1), datetime(2106, 2, 7, 6, 28, 15), timezones=st.just(UTC)))
def test_a_canonical_text_comes_back_from_the_database(moment: datetime) -> None:
    text = moment.isoformat(timespec="microseconds")
    time = readable(text)
    assert time.canonical
    stored = bson.decode(bson.encode({"time": time.date}))["time"]
    assert canonical_text(stored, time.microseconds) == text == canonical_text(time.date, time.microseconds)
    assert time.date + timedelta(microseconds=time.microseconds) == moment
    assert time.second == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


@given(
    st.text(st.sampled_from("0129-T:.+Z ٣"), max_size=34)
    | st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-9:]{8}(\.[0-9]{1,8})?([+-][0-9:]{5})?")
)
@example("2020-01-06T09:01:02.345678+00:00")
def test_any_text_is_a_moment_or_none_and_canonical_only_if_it_can_be_rebuilt(text: str) -> None:
    time = parse_time(text)
    if time is not None:
        assert time.canonical is (canonical_text(time.date, time.microseconds) == text)
