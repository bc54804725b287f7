"""Which events are missing, rule by rule: between two events, at the beginning, and before what the table of enrolments says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.model import EnrollmentEvent
from edx_import.reports.enrollment.state import day_states
from edx_import.reports.enrollment.validation import Enrolled, missing

DUMP = date(2020, 1, 12)
CREATED = datetime(2020, 1, 1, 8, tzinfo=UTC)


def at(day: int, hour: int = 12, micros: int = 0) -> datetime:
    return datetime(2020, 1, 1, hour, tzinfo=UTC) + timedelta(days=day - 1, microseconds=micros)


def event(kind: str, day: int, mode: str = "audit", hour: int = 12) -> EnrollmentEvent:
    return EnrollmentEvent(at(day, hour), f"edx.course.enrollment.{kind}", mode)


def told(events: list[EnrollmentEvent], enrolled: Enrolled | None = None, snapshot: date | None = DUMP) -> list[tuple[str, datetime, str, str]]:
    found = missing(events, enrolled, snapshot)
    return [(one.event.type.rpartition(".")[2], one.event.time, one.event.mode, one.reason) for one in found]


def test_a_history_without_contradictions_misses_nothing() -> None:
    events = [event("activated", 2), event("mode_changed", 3, "verified"), event("deactivated", 4, "verified"), event("activated", 5)]
    assert told(events) == told(events, Enrolled(True, "audit", CREATED)) == []


def test_between_two_activations_there_was_a_deactivation_a_microsecond_after_the_first() -> None:
    events = [event("activated", 2, "honor"), event("activated", 4)]
    assert told(events) == [("deactivated", at(2, micros=1), "honor", "activated => activated")]


def test_between_two_deactivations_there_was_an_activation_in_the_mode_of_the_second() -> None:
    events = [event("activated", 1), event("deactivated", 2), event("deactivated", 4, "honor")]
    assert told(events) == [("activated", at(2, micros=1), "honor", "deactivated => deactivated")]


def test_a_deactivation_in_another_mode_comes_after_a_change_of_mode() -> None:
    events = [event("activated", 2), event("deactivated", 4, "verified")]
    assert told(events) == [("mode_changed", at(2, micros=1), "verified", "activated => deactivated")]


def test_an_activation_may_bring_another_mode() -> None:
    assert told([event("activated", 2), event("deactivated", 3), event("activated", 4, "verified")]) == []


def test_a_change_of_mode_says_nothing_of_being_enrolled_and_lets_what_follows_decide() -> None:
    assert told([event("activated", 1), event("deactivated", 2), event("mode_changed", 3, "honor"), event("activated", 4)]) == []
    events = [event("activated", 1), event("deactivated", 2), event("mode_changed", 3, "honor"), event("deactivated", 4, "honor")]
    assert told(events) == [("activated", at(2, micros=1), "audit", "deactivated => mode_changed")]


def test_who_leaves_first_had_enrolled_when_the_table_says() -> None:
    events = [event("deactivated", 3, "honor")]
    assert told(events, Enrolled(False, "honor", CREATED)) == [("activated", CREATED, "honor", "start => deactivated")]


@pytest.mark.parametrize("created", [None, at(3), at(9)])
def test_who_leaves_first_and_has_no_earlier_date_in_the_table_had_enrolled_a_microsecond_before(created: datetime | None) -> None:
    enrolled = Enrolled(False, "honor", created)
    assert told([event("deactivated", 3, "honor")], enrolled) == [("activated", at(3, micros=-1), "honor", "start => deactivated")]
    assert told([event("deactivated", 3, "honor")])[0][1] == at(3, micros=-1)


def test_who_is_enrolled_by_the_table_and_has_no_events_had_enrolled_when_it_says() -> None:
    assert told([], Enrolled(True, "verified", CREATED)) == [("activated", CREATED, "verified", "start => validated(active)")]


def test_who_has_left_by_the_table_and_has_no_events_had_enrolled_and_left() -> None:
    assert told([], Enrolled(False, "honor", CREATED)) == [
        ("activated", CREATED, "honor", "start => validated(inactive)"),
        ("deactivated", CREATED + timedelta(microseconds=1), "honor", "start => validated(inactive)"),
    ]
    assert told([], Enrolled(False, "honor", None)) == []


def test_who_is_in_neither_misses_nothing() -> None:
    assert told([]) == []


@pytest.mark.parametrize(
    ("last", "enrolled", "expected"),
    [
        ("activated", Enrolled(False, "audit", CREATED), [("deactivated", "audit", "activated => validated(inactive)")]),
        ("deactivated", Enrolled(True, "verified", CREATED), [("activated", "verified", "deactivated => validated(active)")]),
        ("activated", Enrolled(True, "verified", CREATED), [("mode_changed", "verified", "activated => validated(active)")]),
        ("deactivated", Enrolled(False, "verified", CREATED), [("mode_changed", "verified", "deactivated => validated(inactive)")]),
        ("activated", Enrolled(True, None, CREATED), []),
    ],
)
def test_what_the_table_says_comes_after_the_last_event(last: str, enrolled: Enrolled, expected: list[tuple[str, str, str]]) -> None:
    events = [event("activated", 2)] if last == "activated" else [event("activated", 1), event("deactivated", 2)]
    assert told(events, enrolled) == [(kind, at(2, micros=1), mode, reason) for kind, mode, reason in expected]


def test_a_change_of_mode_and_leaving_may_both_be_missing_in_that_order() -> None:
    assert told([event("activated", 2)], Enrolled(False, "verified", CREATED)) == [
        ("mode_changed", at(2, micros=1), "verified", "activated => validated(inactive)"),
        ("deactivated", at(2, micros=2), "verified", "activated => validated(inactive)"),
    ]


def test_events_after_the_snapshot_are_held_against_what_it_says() -> None:
    events = [event("activated", 2), event("activated", 20)]
    missing_one = ("deactivated", datetime(2020, 1, 12, 0, 0, 0, 1, tzinfo=UTC), "audit", "validated(active) => activated")
    assert told(events, Enrolled(True, "audit", CREATED)) == [missing_one]
    assert told(events, Enrolled(False, "audit", CREATED)) == [("deactivated", at(2, micros=1), "audit", "activated => validated(inactive)")]


@pytest.mark.parametrize("day", [12, 13])
def test_on_the_days_of_the_export_the_table_may_have_been_read_before_or_after_an_event(day: int) -> None:
    events = [event("activated", 2), event("deactivated", day)]
    assert told(events, Enrolled(True, "audit", CREATED)) == told(events, Enrolled(False, "audit", CREATED)) == []


def test_after_the_days_of_the_export_it_was_read_before() -> None:
    events = [event("activated", 2), event("deactivated", 14)]
    assert told(events, Enrolled(False, "audit", CREATED))


def test_without_the_date_of_the_snapshot_the_table_tells_only_when_learners_enrolled() -> None:
    assert told([event("activated", 2)], Enrolled(False, "audit", CREATED), None) == []
    assert told([event("deactivated", 2)], Enrolled(True, "audit", CREATED), None)[0][1] == CREATED


KINDS = st.sampled_from(["activated", "deactivated", "mode_changed"])
MODES = st.sampled_from(["audit", "verified", ""])
EVENTS = st.lists(st.tuples(KINDS, st.integers(2, 22), MODES), max_size=8, unique_by=lambda event: event[1])
TABLE = st.none() | st.builds(Enrolled, st.booleans(), MODES, st.sampled_from([None, CREATED]))


@settings(max_examples=300)
@given(EVENTS, TABLE)
def test_with_what_was_missing_nothing_is_missing_any_more(listed: list[tuple[str, int, str]], enrolled: Enrolled | None) -> None:
    events = sorted(event(kind, day, mode) for kind, day, mode in listed)
    found = [one.event for one in missing(events, enrolled, DUMP)]
    assert found == sorted(found)
    assert missing(sorted(events + found), enrolled, DUMP) == []


@settings(max_examples=300)
@given(EVENTS, st.builds(Enrolled, st.booleans(), MODES, st.just(CREATED)))
def test_with_what_was_missing_the_events_lead_to_what_the_table_says(listed: list[tuple[str, int, str]], enrolled: Enrolled) -> None:
    before = sorted(event(kind, day, mode) for kind, day, mode in listed if day < DUMP.day)
    complete = sorted([*before, *(one.event for one in missing(before, enrolled, DUMP))])
    state = list(day_states(complete))[-1]
    assert (state.at_end, state.mode) == (enrolled.is_active, enrolled.mode)
