"""`cmd create_views` as a person runs it."""

from __future__ import annotations

import pytest
from desk import Desk, Package

from edx_import.store.lock import sync_lock

COURSES = ("DemoX-D-102x-2T2019-v2", "DemoX-D101-1T2020", "DemoX-D90-2013_Fall")
ENDS = ("users", "demographics", "certificates", "courseware", "enrollments", "userIDs")


def _outcomes(desk: Desk, *arguments: str) -> dict[str, str]:
    return {row["view"]: row["outcome"] for row in desk.run("cmd", "create_views", *arguments, "--format", "json", check=True).json}


def test_views_show_all_that_a_sync_brought_and_a_sync_goes_on_beside_them(at_folder: Desk, package: Package) -> None:
    at_folder.sync()
    before = at_folder.hash()
    assert _outcomes(at_folder) == {f"{course}.{end}": "created" for course in COURSES for end in ENDS}
    for end, table in zip(ENDS, ("auth_user", "auth_userprofile", "certificates_generatedcertificate"), strict=False):
        assert sum(at_folder.count(f"{course}.{end}") for course in COURSES) == package.totals.documents[table] > 0
    shown = at_folder.find("DemoX-D101-1T2020.enrollments")[0]
    assert set(shown) == {"_id", "id", "user_id", "course_id", "created", "is_active", "mode"}
    assert at_folder.sync("--force")["counts"]["loaded"] > 0
    assert at_folder.hash() == before
    assert set(_outcomes(at_folder).values()) == {"unchanged"}
    assert set(_outcomes(at_folder, "--drop").values()) == {"removed"}
    assert at_folder.run("cmd", "create_views", "--drop", check=True).out == "view,course_id,collection,outcome\n"


def test_what_is_there_already_stays_and_is_told(at_folder: Desk) -> None:
    at_folder.sync("--only", "database")
    with at_folder.store() as store:
        store.database["DemoX-D101-1T2020.users"].insert_one({"_id": 1, "name": "from before"})
    said = at_folder.run("cmd", "create_views", "--course", "*D101*", check=True)
    assert "DemoX-D101-1T2020.users,course-v1:DemoX+D101+1T2020,auth_user,taken\n" in said.out
    assert "names that something else has, which stays as it is: 1; --name gives others" in said.err
    assert at_folder.find("DemoX-D101-1T2020.users") == [{"_id": 1, "name": "from before"}]
    assert set(_outcomes(at_folder, "--course", "*D101*", "--name", "demo")) == {f"demo.{end}" for end in ENDS}
    assert set(_outcomes(at_folder, "--drop").values()) == {"removed"}
    assert at_folder.count("DemoX-D101-1T2020.users") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("--name", "all"), "would get views of the same names"), (("--since", "2020-01-01"), "--since and --until cannot be used")],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(at_folder: Desk, arguments: tuple[str, ...], told: str) -> None:
    at_folder.sync("--only", "database")
    said = at_folder.run("cmd", "create_views", *arguments)
    assert said.code == 2
    assert told in said.err
    with at_folder.store() as store:
        assert store.database.list_collection_names(filter={"type": "view"}) == []


def test_beside_a_sync_it_does_not_run(desk: Desk) -> None:
    with desk.store() as store, sync_lock(store):
        assert desk.run("cmd", "create_views").code == 75


def test_in_an_empty_database_it_says_that_there_is_no_course(desk: Desk) -> None:
    said = desk.run("cmd", "create_views", check=True)
    assert said.out == "view,course_id,collection,outcome\n"
    assert "no course of site prod" in said.err
