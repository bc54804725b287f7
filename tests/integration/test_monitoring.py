"""How many events there are, of which types, and of how many users."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from enrolments import COURSE, OTHER, Enrolments, line, other_event

from edx_import.store.connection import Store

D = date


@pytest.fixture
def made(database: Store) -> Enrolments:
    made = Enrolments(database)
    made.course(COURSE)
    made.course(OTHER)
    return made


def test_all_events_of_a_day_count_the_newest_day_first(made: Enrolments) -> None:
    made.log(other_event("2020-01-01"), other_event("2020-01-03", context=None), line("activated", 1, "2020-01-03", course=OTHER))
    made.log(
        other_event("2020-01-03", event_type="/courses/x"),
        other_event("2020-01-03T23:59:59.999999"),
        other_event("2020-01-02", time="2020-01-04T00:00:00"),
    )
    made.log(other_event("2020-01-01"), site="edge")
    assert made.answer("total_events") == [(D(2020, 1, 4), 1), (D(2020, 1, 3), 4), (D(2020, 1, 1), 1)]


def test_events_of_chosen_courses_and_days_are_counted(made: Enrolments) -> None:
    for day in range(1, 5):
        made.log(*(other_event(f"2020-01-0{day}", context={"course_id": COURSE}) for _ in range(day)), other_event(f"2020-01-0{day}", context={}))
    assert made.answer("total_events", since=D(2020, 1, 2), until=D(2020, 1, 3)) == [(D(2020, 1, 3), 4), (D(2020, 1, 2), 3)]
    assert made.answer("total_events", course=(COURSE,), until=D(2020, 1, 1)) == [(D(2020, 1, 1), 1)]
    assert made.answer("total_events", course=(OTHER,)) == made.answer("total_events", course=("nothing",)) == []
    assert len(made.answer("total_events", until=date.max)) == 4


def test_types_count_by_day_and_source_and_implicit_ones_not_at_all(made: Enrolments) -> None:
    made.log(*(other_event("2020-01-02") for _ in range(3)), other_event("2020-01-02", event_source="mobile"), other_event("2020-01-01"))
    made.log(other_event("2020-01-01", event_type="/courses/x/about"), other_event("2020-01-01", event_type="problem_check", event_source="server"))
    made.log(other_event("2020-01-01", event_type=None, event_source=None), other_event("2020-01-01", event_type=["a"], event_source=5))
    assert made.answer("event_types") == [
        (D(2020, 1, 1), None, None, 2),
        (D(2020, 1, 1), "play_video", "browser", 1),
        (D(2020, 1, 1), "problem_check", "server", 1),
        (D(2020, 1, 2), "play_video", "browser", 3),
        (D(2020, 1, 2), "play_video", "mobile", 1),
    ]
    assert len(made.answer("event_types", since=D(2020, 1, 2), course=(COURSE,))) == 2
    assert made.answer("event_types", course=(OTHER,)) == []


def test_users_count_once_a_week_by_their_names_without_blanks(made: Enrolments) -> None:
    names = ["ann", "ann\n", " ann ", "bob", "Bob", "", "  ", "\n", None, 5, "anonymous"]
    made.log(*(other_event("2020-01-08", username=name) for name in names))
    made.log(other_event("2020-01-12T23:59:59", username="cleo"), other_event("2020-01-13T00:00:00", username="ann"))
    assert made.answer("active_users") == [
        ("2020W02", D(2020, 1, 6), D(2020, 1, 13), 5),
        ("2020W03", D(2020, 1, 13), D(2020, 1, 20), 1),
    ]


def test_weeks_are_those_of_iso_at_the_turn_of_the_year(made: Enrolments) -> None:
    made.log(other_event("2020-12-31", username="ann"), other_event("2021-01-03", username="bob"), other_event("2021-01-04", username="ann"))
    assert made.answer("active_users", "iso_week", "interval_start", "active_users") == [
        ("2020W53", D(2020, 12, 28), 2),
        ("2021W01", D(2021, 1, 4), 1),
    ]


@pytest.mark.parametrize(
    ("days", "weeks"),
    [
        ({"since": D(2020, 1, 12)}, ["2020W02", "2020W03"]),
        ({"since": D(2020, 1, 13)}, ["2020W03"]),
        ({"until": D(2020, 1, 6)}, ["2020W02"]),
        ({"until": D(2020, 1, 5)}, []),
        ({"since": D(2020, 1, 8), "until": D(2020, 1, 8)}, ["2020W02"]),
        ({"since": date.min, "until": date.max}, ["2020W02", "2020W03"]),
    ],
)
def test_the_weeks_of_the_days_asked_for_are_shown_and_counted_whole(made: Enrolments, days: dict[str, Any], weeks: list[str]) -> None:
    for name, day in (("ann", "06"), ("bob", "12"), ("ann", "13"), ("bob", "19")):
        made.log(other_event(f"2020-01-{day}", username=name))
    assert made.answer("active_users", "iso_week", "active_users", **days) == [(week, 2) for week in weeks]


def test_users_of_a_course_are_its_own(made: Enrolments) -> None:
    made.log(other_event("2020-01-08", username="ann"), other_event("2020-01-08", username="bob", context={"course_id": OTHER}))
    made.log(other_event("2020-01-08", username="cleo", context=None))
    assert made.answer("active_users", "active_users", course=(OTHER,)) == [(1,)]
    assert made.answer("active_users", "active_users") == [(3,)]


@pytest.mark.parametrize("command", ["total_events", "event_types", "active_users"])
def test_an_empty_database_has_no_rows(database: Store, command: str) -> None:
    assert Enrolments(database).answer(command) == []
