"""Personal details go out of the whole database, and stay out as long as that is asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from desk import Desk, Package, Said
from personal import containing

from edx_import.tables import BY_NAME

MakeDesk = Callable[..., AbstractContextManager[Desk]]

REMOVE = ("cmd", "remove_personal_details")


@pytest.fixture(scope="module")
def synced(make_desk: MakeDesk, package_of_two_sites: Package) -> Iterator[Desk]:
    """A whole package, of both sites; and what somebody has saved."""
    with make_desk(EDX_IMPORT_SOURCE=str(package_of_two_sites.folder)) as desk:
        desk.sync("--site", "all")
        with desk.store() as store:
            saved = {"_id": 1, "site": "prod", "user_id": 501, "username": "someone_special", "email": "someone@special.example", "events": 3}
            store.database["report_mine"].insert_one(saved)
            store.database["report_told"].insert_one({"_id": 1, "site": "prod", "whose": "someone_special", "why": "someone_special"})
            columns = [{"name": "whose", "personal": "removed"}, {"name": "why", "personal": "removed"}, {"name": "n", "personal": None}]
            store.database["meta"].insert_one({"_id": "saved|report_told", "columns": columns})
            store.database["reports"].insert_one({"_id": "prod|c", "users": {"total": 3}, "countries": {"CL": 2}})
            store.database["rollup_of_days"].insert_one({"_id": "x", "course_id": "c", "learners": [{"user_id": 501, "username": "someone_special"}]})
        yield desk


@pytest.fixture(scope="module")
def details(synced: Desk) -> set[str]:
    """Usernames, e-mail addresses, names and IP addresses that could mean nothing else."""
    found = {row[name] for row in synced.find("auth_user") for name in ("username", "email")}
    found |= {row["name"] for row in synced.find("auth_userprofile")} | {event.get("ip") for event in synced.find("events")}
    found |= {post["author_username"] for post in synced.find("forum")} | {row["email"] for row in synced.find("email_opt_in")}
    distinct = {text for text in found if text and len(text) > 6 and not text.isdigit()} | {"someone_special", "someone@special.example"}
    assert len(distinct) > 100
    return distinct


@pytest.fixture(scope="module")
def as_it_came(synced: Desk) -> dict[str, str]:
    return synced.hash()


@pytest.fixture(scope="module")
def reported(synced: Desk) -> list[str]:
    return reports_of(synced)


def reports_of(desk: Desk) -> list[str]:
    """Reports that count learners, and need not know who they are."""
    return [desk.run("cmd", name, check=True).out for name in ("report_general", "report_enrollments", "course_enrollment_daily")]


@pytest.fixture(scope="module")
def would_go(synced: Desk, as_it_came: dict[str, str], details: set[str], reported: list[str]) -> list[dict[str, str]]:
    return rows(synced.run(*REMOVE, "--dry-run", check=True))


@pytest.fixture(scope="module")
def cleaned(synced: Desk, would_go: list[dict[str, str]]) -> tuple[Desk, list[dict[str, str]]]:
    """The database without personal details, which no sync may bring back; and what was said of it."""
    return synced, rows(synced.run(*REMOVE, "--yes", "--keep-removed", check=True))


@pytest.fixture(scope="module")
def without(cleaned: tuple[Desk, list[dict[str, str]]]) -> dict[str, str]:
    return cleaned[0].hash()


def rows(said: Said) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said.out)))


def assert_balanced(summary: dict[str, Any]) -> None:
    for counts in [summary["counts"], *(done["counts"] for done in summary["imports"])]:
        assert counts["read"] == counts["loaded"] + counts["duplicate"] + counts["rejected"] + counts["filtered"]


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    synced: Desk, as_it_came: dict[str, str], would_go: list[dict[str, str]], details: set[str]
) -> None:
    named = {(row["collection"], row["field"]) for row in would_go}
    assert {("auth_user", "email"), ("events", "ip"), ("forum", "body"), ("rejects", "raw"), ("report_mine", "username")} <= named
    assert len({collection for collection, _, _ in containing(synced, details)}) > 5


def test_where_nobody_can_be_asked_nothing_is_removed(desk: Desk) -> None:
    said = desk.run(*REMOVE)
    assert said.code == 2
    assert "--yes" in said.err
    assert said.out == ""


def test_what_went_is_what_was_announced(cleaned: tuple[Desk, list[dict[str, str]]], would_go: list[dict[str, str]]) -> None:
    assert cleaned[1] == would_go


def test_nothing_personal_is_left_anywhere(cleaned: tuple[Desk, list[dict[str, str]]], details: set[str]) -> None:
    assert containing(cleaned[0], details) == set()


@pytest.mark.parametrize("table", sorted(BY_NAME))
def test_every_column_declared_personal_is_gone(cleaned: tuple[Desk, list[dict[str, str]]], table: str) -> None:
    personal = [column.name for column in BY_NAME[table].columns if column.personal]
    documents = cleaned[0].find(table)
    assert documents or "to April 2018" in BY_NAME[table].period
    assert {name for document in documents for name in personal if document.get(name) not in (None, "", [], {})} == set()


def test_rows_and_numbers_of_learners_stay(cleaned: tuple[Desk, list[dict[str, str]]], package_of_two_sites: Package) -> None:
    desk = cleaned[0]
    assert {row["user_id"] for row in desk.find("student_courseenrollment")} == {row["id"] for row in desk.find("auth_user")}
    assert any(event["user_id"] for event in desk.find("events"))
    assert all(post["author"] for post in desk.find("forum"))
    assert desk.find("report_mine") == [{"_id": 1, "site": "prod", "user_id": 501, "events": 3}]
    assert desk.find("report_told") == [{"_id": 1, "site": "prod"}]
    assert desk.find("reports") == [{"_id": "prod|c", "users": {"total": 3}, "countries": {"CL": 2}}]
    assert desk.find("rollup_of_days") == [{"_id": "x", "course_id": "c", "learners": [{"user_id": 501}]}]


def test_reports_count_as_before(cleaned: tuple[Desk, list[dict[str, str]]], reported: list[str]) -> None:
    assert reports_of(cleaned[0]) == reported
    assert all(report.count("\n") > 2 for report in reported)


def test_of_rejected_rows_only_reason_and_place_stay(cleaned: tuple[Desk, list[dict[str, str]]]) -> None:
    rejects = cleaned[0].find("rejects")
    assert rejects
    assert {(row["raw"], row["detail"]) for row in rejects} == {(b"", "")}
    assert all(row["reason"] and row["line"] and row["raw_length"] for row in rejects)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_forced_sync_brings_nothing_back(cleaned: tuple[Desk, list[dict[str, str]]], without: dict[str, str], details: set[str], jobs: str) -> None:
    desk = cleaned[0]
    summary = desk.sync("--site", "all", "--force", "--jobs", jobs)
    assert_balanced(summary)
    assert summary["counts"]["loaded"] > 1000
    assert summary["counts"]["filtered"] == 0
    assert desk.hash() == without
    assert containing(desk, details) == set()


def test_a_first_sync_under_the_mode_gives_the_same_database(
    cleaned: tuple[Desk, list[dict[str, str]]], without: dict[str, str], make_desk: MakeDesk, package_of_two_sites: Package
) -> None:
    with make_desk(EDX_IMPORT_SOURCE=str(package_of_two_sites.folder), EDX_IMPORT_JOBS="2") as desk:
        assert rows(desk.run(*REMOVE, "--yes", "--keep-removed", check=True)) == []
        desk.sync("--site", "all")
        saved = {"report_mine", "report_told", "reports", "rollup_of_days"}
        assert desk.hash() == {name: value for name, value in without.items() if name not in saved}


def test_once_more_there_is_nothing_to_remove(cleaned: tuple[Desk, list[dict[str, str]]]) -> None:
    assert rows(cleaned[0].run(*REMOVE, "--yes", check=True)) == []
    # the mode stays on, though it was not asked for again
    said = cleaned[0].run(*REMOVE, "--yes", check=True)
    assert "no sync will bring them back" in said.err


def test_switched_off_a_forced_sync_brings_all_back(
    cleaned: tuple[Desk, list[dict[str, str]]], without: dict[str, str], as_it_came: dict[str, str]
) -> None:
    desk = cleaned[0]
    assert "sync --force" in desk.run(*REMOVE, "--let-return", check=True).err
    desk.sync("--site", "all")
    assert desk.hash() == without, "content that is the same is not loaded again"
    desk.sync("--site", "all", "--force")
    saved = {"report_mine", "report_told", "rollup_of_days"}
    found = desk.hash()
    assert {name for name in as_it_came if found[name] != as_it_came[name]} == saved


def test_without_the_mode_a_forced_sync_brings_them_back(at_folder: Desk) -> None:
    at_folder.sync()
    complete = at_folder.hash()
    said = at_folder.run(*REMOVE, "--yes", check=True)
    assert "with --keep-removed none does" in said.err
    assert at_folder.hash() != complete
    at_folder.sync("--force")
    assert at_folder.hash() == complete


def test_a_field_can_be_spared(at_folder: Desk) -> None:
    at_folder.sync()
    states = [row.get("state") for row in at_folder.find("courseware_studentmodule")]
    spare = ("--keep", "courseware_studentmodule.state", "--keep", "auth_user.email")
    removed = rows(at_folder.run(*REMOVE, "--yes", "--keep-removed", *spare, check=True))
    assert ("auth_user", "username") in {(row["collection"], row["field"]) for row in removed}
    assert ("auth_user", "email") not in {(row["collection"], row["field"]) for row in removed}
    at_folder.sync("--force")
    assert [row.get("state") for row in at_folder.find("courseware_studentmodule")] == states
    assert all("@" in row["email"] and "username" not in row for row in at_folder.find("auth_user"))


@pytest.mark.parametrize("options", [("--course", "*"), ("--org", "DemoX"), ("--since", "2020-01-01")])
def test_it_is_done_to_all_or_not_at_all(desk: Desk, options: tuple[str, ...]) -> None:
    said = desk.run(*REMOVE, "--yes", *options)
    assert said.code == 2
    assert "whole database" in said.err


def test_an_empty_database_has_nothing_to_remove(desk: Desk) -> None:
    assert desk.run(*REMOVE, "--yes", check=True).out == "collection,field,documents\n"
    assert desk.run(*REMOVE, "--dry-run", check=True).out == "collection,field,documents\n"


def test_beside_a_sync_it_does_not_run(desk: Desk) -> None:
    from edx_import.store.lock import sync_lock

    with desk.store() as store, sync_lock(store):
        assert desk.run(*REMOVE, "--yes").code == 75
