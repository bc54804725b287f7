"""Learners who say no country are located by their events; what they say, and what was found before, stays."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bson import ObjectId
from desk import Desk, Package, Said
from mmdb import write_mmdb

LOCATE = ("cmd", "locate_users")
#: Addresses outside the sample's, which is of documentation only.
CHILE, NETHERLANDS, NOWHERE, PRIVATE, V6 = "200.160.2.3", "193.0.6.139", "8.8.8.8", "10.1.2.3", "2800:3f0:4001::1"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    countries = {"200.160.0.0/16": "CL", "193.0.0.0/16": "NL", "2800:3f0::/32": "AR"}
    return write_mmdb(tmp_path_factory.mktemp("geoip") / "countries.mmdb", countries)


@pytest.fixture
def synced(at_folder: Desk, database: Path) -> Desk:
    desk = at_folder.with_variables(GEOIP_DATABASE=str(database))
    desk.sync()
    return desk


def counts(said: Said) -> dict[str, int]:
    (row,) = csv.DictReader(io.StringIO(said.out))
    return {name: int(value) for name, value in row.items()}


def silent(desk: Desk) -> list[int]:
    """The learners whose profiles say no country."""
    saying = {row["user_id"] for row in desk.find("auth_userprofile") if row["country"]}
    return sorted({row["user_id"] for row in desk.find("auth_userprofile")} - saying)


def event(desk: Desk, learner: int, ip: object, day: int, microseconds: int = 0) -> None:
    with desk.store() as store:
        time = datetime(2021, 1, day, tzinfo=UTC)
        document = {
            "_id": ObjectId(),
            "site": "prod",
            "course_id": None,
            "user_id": learner,
            "time": time,
            "time_microseconds": microseconds,
            "ip": ip,
        }
        store.database["events"].insert_one(document)


def located(desk: Desk, learner: int) -> set[str | None]:
    """What the learner's profiles say, in whatever course."""
    return {row.get("located_country") for row in desk.find("auth_userprofile", {"user_id": learner})}


def test_the_last_address_that_has_a_country_decides(synced: Desk) -> None:
    first, second, third, fourth, fifth, *_ = silent(synced)
    event(synced, first, CHILE, 1)
    event(synced, first, NETHERLANDS, 2)
    event(synced, second, NETHERLANDS, 1)
    event(synced, second, CHILE, 1, microseconds=1)  # later within one millisecond
    event(synced, third, V6, 1)
    event(synced, third, NOWHERE, 2)
    event(synced, third, PRIVATE, 3)
    event(synced, third, "", 4)
    event(synced, third, "no address", 5)
    event(synced, fourth, PRIVATE, 1)
    said = synced.run(*LOCATE, check=True)
    assert "Test-Country (countries.mmdb)" in said.err
    assert [located(synced, learner) for learner in (first, second, third, fourth)] == [{"NL"}, {"CL"}, {"AR"}, {None}]
    found = counts(said)
    assert found["located"] == 3
    assert found["total"] == len({row["user_id"] for row in synced.find("auth_userprofile")})
    assert found["without_country"] == len(silent(synced))
    assert found["with_events"] >= 4
    # an older event that arrives later changes nothing, a newer one does
    event(synced, first, CHILE, 1)
    event(synced, second, NETHERLANDS, 9)
    event(synced, fifth, CHILE, 1)
    assert counts(synced.run(*LOCATE, check=True))["located"] == 4
    assert [located(synced, learner) for learner in (first, second, fifth)] == [{"NL"}, {"NL"}, {"CL"}]


def test_what_a_learner_says_is_never_overwritten(synced: Desk) -> None:
    speaking = next(row for row in synced.find("auth_userprofile") if row["country"])
    event(synced, speaking["user_id"], NETHERLANDS, 1)
    before = synced.find("auth_userprofile", {"user_id": speaking["user_id"]})
    synced.run(*LOCATE, check=True)
    assert synced.find("auth_userprofile", {"user_id": speaking["user_id"]}) == before
    assert synced.count("located_learners") == 0


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_next_package_does_not_lose_it(synced: Desk, jobs: str) -> None:
    learner = silent(synced)[0]
    event(synced, learner, CHILE, 1)
    synced.run(*LOCATE, check=True)
    before = synced.hash()
    synced.sync("--force", "--jobs", jobs)
    assert located(synced, learner) == {"CL"}
    assert synced.hash() == before


def test_a_profile_that_comes_later_gets_it_as_well(synced: Desk) -> None:
    """Of another course, or removed and delivered again."""
    learner = silent(synced)[0]
    event(synced, learner, CHILE, 1)
    synced.run(*LOCATE, check=True)
    with synced.store() as store:
        store.database["auth_userprofile"].delete_many({"user_id": learner})
    synced.sync("--force", "--only", "database")
    assert located(synced, learner) == {"CL"}


def test_a_learner_who_says_a_country_later_has_only_that(synced: Desk) -> None:
    learner = silent(synced)[0]
    event(synced, learner, CHILE, 1)
    synced.run(*LOCATE, check=True)
    with synced.store() as store:  # as the next package has it
        store.database["auth_userprofile"].update_many({"user_id": learner}, {"$set": {"country": "PE"}, "$unset": {"located_country": ""}})
    synced.run(*LOCATE, check=True)
    assert located(synced, learner) == {None}


def test_only_the_courses_asked_for(synced: Desk) -> None:
    profiles = synced.find("auth_userprofile", {"user_id": {"$in": silent(synced)}})
    course = profiles[0]["course_id"]
    for row in profiles:
        event(synced, row["user_id"], CHILE, 1)
    found = counts(synced.run(*LOCATE, "--course", course, check=True))
    inside = {row["user_id"] for row in profiles if row["course_id"] == course}
    assert found["located"] == found["without_country"] == len(inside)
    assert {row["course_id"] for row in synced.find("auth_userprofile", {"located_country": "CL"})} == {course}


def test_the_database_that_came_along_is_used_when_none_is_given(synced: Desk, database: Path) -> None:
    learner = silent(synced)[0]
    event(synced, learner, NETHERLANDS, 1)
    bare = synced.with_variables(GEOIP_DATABASE="")
    said = bare.run(*LOCATE, check=True)
    assert "geoip2fast 1.2.2" in said.err
    assert located(synced, learner) == {"NL"}
    event(synced, learner, CHILE, 2)
    assert "countries.mmdb" in bare.run(*LOCATE, "--geoip", str(database), check=True).err
    assert located(synced, learner) == {"CL"}


def test_an_odd_database_is_told(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "odd.mmdb").write_bytes(b"odd")
    assert desk.run(*LOCATE, "--geoip", str(tmp_path / "odd.mmdb")).code == 3
    said = desk.run(*LOCATE, GEOIP_DATABASE=str(tmp_path / "none.mmdb"))
    assert said.code == 3
    assert "GEOIP_DATABASE" in said.err


def test_an_empty_database_and_an_unknown_course(desk: Desk) -> None:
    for options in ((), ("--course", "nothing/like/it")):
        assert counts(desk.run(*LOCATE, *options, check=True)) == {"total": 0, "without_country": 0, "with_events": 0, "located": 0}
    assert desk.run(*LOCATE, "--since", "2020-01-01").code == 2


def test_whoever_is_forgotten_is_not_located_any_more(synced: Desk) -> None:
    learner = silent(synced)[0]
    event(synced, learner, CHILE, 1)
    synced.run(*LOCATE, check=True)
    assert synced.count("located_learners", {"user_id": learner}) == 1
    synced.run("cmd", "forget_learner", str(learner), "--by", "user_id", "--yes", check=True)
    assert synced.count("located_learners", {"user_id": learner}) == 0
    synced.sync("--force")
    assert located(synced, learner) == set()


def test_without_personal_details_it_stays(synced: Desk, package: Package) -> None:
    """A country is none; the addresses that told it are."""
    learner = silent(synced)[0]
    event(synced, learner, CHILE, 1)
    synced.run(*LOCATE, check=True)
    synced.run("cmd", "remove_personal_details", "--yes", "--keep-removed", check=True)
    synced.sync("--force")
    assert located(synced, learner) == {"CL"}
    assert synced.count("events", {"ip": {"$nin": ["", None]}}) == 0
