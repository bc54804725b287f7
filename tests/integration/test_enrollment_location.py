"""Where the enrolled are: the enrolments of the newest snapshot, the last address of each learner, its country."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from enrolments import COURSE, OTHER, Enrolments, other_event
from mmdb import write_mmdb

from edx_import.errors import UsageError
from edx_import.store.connection import Store
from edx_import.store.queries import Queries

BRAZIL, NETHERLANDS, NOWHERE, PRIVATE = "200.160.2.3", "193.0.6.139", "8.8.8.8", "10.0.0.1"
NUMBERS = ("country_code", "count", "cumulative_count")


@pytest.fixture
def made(database: Store) -> Enrolments:
    made = Enrolments(database)
    made.course(COURSE)
    return made


@pytest.fixture
def geoip(tmp_path: Path) -> Path:
    return write_mmdb(tmp_path / "countries.mmdb", {"200.160.0.0/16": "BR", "193.0.0.0/16": "NL"})


def located(made: Enrolments, geoip: Path, *columns: str, **options: Any) -> list[tuple[Any, ...]]:
    return made.answer("course_enrollment_location_current", *(columns or NUMBERS), geoip=geoip, **options)


def test_the_enrolled_and_all_who_ever_were_count_by_country(made: Enrolments, geoip: Path) -> None:
    for user, (ip, active) in enumerate([(BRAZIL, True), (BRAZIL, False), (NETHERLANDS, False), (NETHERLANDS, None)]):
        made.enrolled(user, active)
        made.log(other_event("2020-01-01", user, ip=ip))
    assert located(made, geoip) == [("BR", 1, 2), ("NL", 0, 2)]


def test_an_address_in_no_known_country_is_unknown_and_no_address_is_null(made: Enrolments, geoip: Path) -> None:
    for user, ip in enumerate([NOWHERE, PRIVATE, "x", "", None]):
        made.enrolled(user)
        made.log(other_event("2020-01-01", user, ip=ip))
    made.enrolled(99)
    assert located(made, geoip) == [(None, 3, 3), ("UNKNOWN", 3, 3)]


def test_the_last_address_counts_of_whatever_course_and_kind_of_event(made: Enrolments, geoip: Path) -> None:
    made.enrolled(1)
    made.log(other_event("2020-01-03", 1, ip=NETHERLANDS, context={"user_id": "1", "course_id": OTHER}))
    made.log(other_event("2020-01-02", 1, ip=BRAZIL), other_event("2020-01-01", 1, ip=BRAZIL))
    assert located(made, geoip) == [("NL", 1, 1)]


def test_events_without_an_address_do_not_hide_the_last_one(made: Enrolments, geoip: Path) -> None:
    made.enrolled(1)
    made.log(other_event("2020-01-01", 1, ip=NETHERLANDS), other_event("2020-01-02", 1, ip=BRAZIL))
    made.log(*(other_event(f"2020-01-03T00:00:0{number}", 1, ip="") for number in range(8)))
    assert located(made, geoip) == [("BR", 1, 1)]


@pytest.mark.parametrize("blank", [False, True], ids=["last of all", "last with an address"])
def test_within_a_millisecond_the_last_microsecond_counts(made: Enrolments, geoip: Path, blank: bool) -> None:
    made.enrolled(1)
    for micros, ip in ((123400, BRAZIL), (123999, NETHERLANDS), (123500, BRAZIL)):
        made.log(other_event(f"2020-01-01T10:00:00.{micros}", 1, ip=ip))
    if blank:
        made.log(other_event("2020-01-02", 1, ip=""))
    assert located(made, geoip) == [("NL", 1, 1)]


def test_of_two_events_of_one_microsecond_it_is_always_the_same(made: Enrolments) -> None:
    made.log(*(other_event("2020-01-01T10:00:00.123456", 1, ip=ip) for ip in (BRAZIL, NETHERLANDS, NOWHERE)))
    documents = list(made.store.database.events.find().sort("_id", 1))
    addresses = set()
    for turned in (documents, documents[::-1]):
        made.store.database.events.delete_many({})
        made.store.database.events.insert_many(turned)
        addresses.add(Queries(made.store.database).last_addresses("prod", [1])[1])
    assert addresses == {documents[0]["ip"]}


def test_the_addresses_of_many_learners_are_those_of_looking_at_each(made: Enrolments) -> None:
    made.log(*(other_event(f"2020-01-01T{n % 24:02}:00:00", n % 1111, ip=f"10.0.{n % 7}.{n % 200}" if n % 5 else "") for n in range(4000)))
    found = Queries(made.store.database).last_addresses("prod", range(1200))
    expected = {}
    for event in made.store.database.events.find({"ip": {"$ne": ""}}).sort([("time", 1), ("_id", -1)]):
        expected[event["user_id"]] = event["ip"]
    assert found == expected
    assert len(found) == 1111


def test_enrolments_events_and_snapshots_of_other_sites_do_not_count(made: Enrolments, geoip: Path) -> None:
    made.log(other_event("2020-01-01", 1, ip=BRAZIL), site="edge")
    made.row("student_courseenrollment", 5, site="edge", user_id=5, is_active=True)
    made.enrolled(1)
    assert located(made, geoip) == [(None, 1, 1)]


def test_the_date_is_that_of_the_newest_snapshot_that_was_loaded(made: Enrolments, geoip: Path) -> None:
    made.course(OTHER)
    made.enrolled(1)
    made.enrolled(1, course_id=OTHER)
    for day, state in (("2020-01-05", "loaded"), ("2020-01-12", "loaded"), ("2020-01-19", "failed")):
        made.snapshot(day, state=state)
    assert located(made, geoip, "course_id", "date") == [(COURSE, date(2020, 1, 12)), (OTHER, None)]


def test_courses_are_chosen_and_days_refused(made: Enrolments, geoip: Path) -> None:
    made.course(OTHER)
    made.enrolled(1)
    made.enrolled(1, course_id=OTHER)
    assert located(made, geoip, "course_id", course=(OTHER,)) == [(OTHER,)]
    with pytest.raises(UsageError, match="newest snapshot"):
        located(made, geoip, since=date(2020, 1, 1))
