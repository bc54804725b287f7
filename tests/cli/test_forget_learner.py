"""One learner goes out of every collection of a site, and no sync brings the learner back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from desk import Desk, Package, Said
from personal import containing, naming

from edx_import.store.fingerprint import database_hash

MakeDesk = Callable[..., AbstractContextManager[Desk]]

FORGET = ("cmd", "forget_learner")
SITE = "prod"


@dataclass(frozen=True)
class Whom:
    """A learner who has handed in an assessment, and what tells of the learner beside the number."""

    number: int
    username: str
    email: str
    words: tuple[str, ...]

    @classmethod
    def at(cls, desk: Desk) -> Whom:
        handed_in = {row["student_id"] for row in desk.find("submissions_studentitem", {"site": SITE})}
        posted = {post["author"] for post in desk.find("forum", {"site": SITE})}
        known = [row for row in desk.find("student_anonymoususerid", {"site": SITE}) if row["anonymous_user_id"] in handed_in]
        named = {user["id"] for user in desk.find("auth_user", {"site": SITE, "username": {"$regex": "[a-z]"}})}
        number = min(row["user_id"] for row in known if row["user_id"] in posted & named)
        user = desk.find("auth_user", {"site": SITE, "id": number})[0]
        anonymous = {row["anonymous_user_id"] for row in known if row["user_id"] == number}
        hashes = {row["hash_id"] for row in desk.find("user_id_map", {"site": SITE, "user_id": number})}
        return cls(number, user["username"], user["email"], (user["username"], user["email"], *anonymous, *hashes))


def rows(said: Said) -> dict[str, tuple[int, int]]:
    return {row["collection"]: (int(row["documents"]), int(row["mentions"])) for row in csv.DictReader(io.StringIO(said.out))}


def traces(desk: Desk, whom: Whom) -> set[Any]:
    """Where the learner can still be found on the site: by number, or by any word."""
    return naming(desk, whom.number, SITE) | {(collection, path) for collection, path, _ in containing(desk, whom.words, SITE)}


def assert_balanced(summary: dict[str, Any]) -> None:
    for counts in [summary["counts"], *(done["counts"] for done in summary["imports"])]:
        assert counts["read"] == counts["loaded"] + counts["duplicate"] + counts["rejected"] + counts["filtered"]


def of_edge(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    return {name: desk.find(name, {"site": "edge"}) for name in ("auth_user", "events", "forum", "student_courseenrollment")}


@pytest.fixture(scope="module")
def synced(make_desk: MakeDesk, package_of_two_sites: Package) -> Iterator[Desk]:
    with make_desk(EDX_IMPORT_SOURCE=str(package_of_two_sites.folder)) as desk:
        desk.sync("--site", "all")
        with desk.store() as store:
            whom = Whom.at(desk)
            others = {"_id": 2, "site": SITE, "user_id": 1, "username": "somebody_else", "body": f"as @{whom.username} said"}
            store.database["report_mine"].insert_many([{"_id": 1, "site": SITE, "user_id": whom.number, "events": 3}, others])
            votes = {"$push": {"votes.up": {"$each": [str(whom.number), "777"]}}, "$set": {"body": f"Ask {whom.username}, or {whom.email}!"}}
            store.database["forum"].update_one({"site": SITE, "author": {"$ne": whom.number}}, votes)
        yield desk


@pytest.fixture(scope="module")
def whom(synced: Desk) -> Whom:
    return Whom.at(synced)


@pytest.fixture(scope="module")
def edge(synced: Desk) -> dict[str, list[dict[str, Any]]]:
    return of_edge(synced)


@pytest.fixture(scope="module")
def announced(synced: Desk, whom: Whom, edge: object) -> dict[str, tuple[int, int]]:
    before = synced.hash()
    said = synced.run(*FORGET, whom.username, "--dry-run", check=True)
    assert synced.hash() == before
    return rows(said)


@pytest.fixture(scope="module")
def forgotten(synced: Desk, whom: Whom, announced: dict[str, tuple[int, int]]) -> tuple[Desk, dict[str, tuple[int, int]]]:
    assert len(traces(synced, whom)) > 30
    return synced, rows(synced.run(*FORGET, whom.username, "--yes", check=True))


@pytest.fixture(scope="module")
def without(forgotten: tuple[Desk, Any]) -> dict[str, str]:
    return forgotten[0].hash()


def test_what_was_done_is_what_was_announced(forgotten: tuple[Desk, Any], announced: dict[str, tuple[int, int]]) -> None:
    assert forgotten[1] == announced
    assert announced["auth_user"][0] >= 1
    assert announced["forum"] >= (1, 1)
    assert announced["report_mine"] == (1, 1)


def test_the_learner_is_nowhere(forgotten: tuple[Desk, Any], whom: Whom) -> None:
    assert traces(forgotten[0], whom) == set()


def test_what_others_did_stays_but_for_the_name(forgotten: tuple[Desk, Any]) -> None:
    desk = forgotten[0]
    post = desk.find("forum", {"votes.up": "777"})[0]
    assert post["body"] == "Ask ***, or ***!"
    assert post["votes"]["up"][-1] == "777"
    assert desk.find("report_mine") == [{"_id": 2, "site": SITE, "user_id": 1, "username": "somebody_else", "body": "as @*** said"}]


def test_answers_and_what_others_said_of_them_are_gone_to_the_last_row(forgotten: tuple[Desk, Any]) -> None:
    """No row is left that refers to one that went with the learner."""
    desk = forgotten[0]

    def known(table: str, column: str) -> set[Any]:
        return {(row["course_id"], row[column]) for row in desk.find(table, {"site": SITE})}

    for table, column, other, key in (
        ("submissions_submission", "student_item_id", "submissions_studentitem", "id"),
        ("submissions_score", "student_item_id", "submissions_studentitem", "id"),
        ("assessment_assessment", "submission_uuid", "submissions_submission", "uuid"),
        ("assessment_assessmentpart", "assessment_id", "assessment_assessment", "id"),
        ("workflow_assessmentworkflow", "submission_uuid", "submissions_submission", "uuid"),
        ("workflow_assessmentworkflowstep", "workflow_id", "workflow_assessmentworkflow", "id"),
        ("student_languageproficiency", "user_profile_id", "auth_userprofile", "id"),
    ):
        assert known(table, column) <= known(other, key), table


def test_the_other_site_is_untouched(forgotten: tuple[Desk, Any], edge: dict[str, Any], whom: Whom) -> None:
    """There the number is somebody else's."""
    assert of_edge(forgotten[0]) == edge
    assert any(row["id"] == whom.number for row in edge["auth_user"])


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_forced_sync_counts_the_learners_rows_as_filtered(forgotten: tuple[Desk, Any], without: dict[str, str], whom: Whom, jobs: str) -> None:
    desk, done = forgotten
    with desk.store() as store:  # what the test had put there itself
        store.database["report_mine"].delete_many({})
    summary = desk.sync("--site", "all", "--force", "--jobs", jobs)
    assert_balanced(summary)
    assert summary["counts"]["filtered"] == sum(number for collection, (number, _) in done.items() if collection != "report_mine")
    assert traces(desk, whom) == set()
    found = desk.hash()
    assert {name for name in without if found.get(name) != without[name]} == {"report_mine", "forum"}, "and the post that the test had changed"


def test_a_database_made_anew_does_not_know_the_learner_either(forgotten: tuple[Desk, Any], whom: Whom) -> None:
    desk = forgotten[0]
    before = desk.hash()
    with desk.store() as store:
        for name in store.database.list_collection_names():
            if name != "meta":
                store.database.drop_collection(name)
    summary = desk.sync("--site", "all")
    assert summary["counts"]["filtered"] > 20
    assert traces(desk, whom) == set()
    assert desk.hash() == before


@pytest.mark.parametrize("by", ["number", "username", "email"])
def test_whoever_is_forgotten_can_be_forgotten_again(forgotten: tuple[Desk, Any], whom: Whom, by: str) -> None:
    """By anything that named the learner; there is nothing left to do."""
    assert rows(forgotten[0].run(*FORGET, str(getattr(whom, by)), "--yes", check=True)) == {}


def test_a_learner_who_may_return_comes_back_with_a_forced_sync(forgotten: tuple[Desk, Any], whom: Whom) -> None:
    desk = forgotten[0]
    assert "sync --force" in desk.run(*FORGET, whom.email, "--let-return", check=True).err
    assert desk.sync("--site", "all", "--force")["counts"]["filtered"] == 0
    assert desk.count("auth_user", {"site": SITE, "id": whom.number}) > 0
    assert desk.run(*FORGET, whom.email, "--let-return").code == 2


# --- who is meant


@pytest.fixture(scope="module")
def small(make_desk: MakeDesk, package: Package) -> Iterator[Desk]:
    with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        desk.sync()
        yield desk


def enrolled(desk: Desk, said: Said) -> int:
    assert said.code == 0, said.err
    return rows(said)["auth_user"][0]


@pytest.mark.parametrize("change", [str, str.upper, lambda text: f" {text} "])
def test_an_email_address_is_known_whatever_its_capitals(small: Desk, change: Callable[[str], str]) -> None:
    email = small.find("auth_user")[0]["email"]
    assert enrolled(small, small.run(*FORGET, change(email), "--dry-run")) >= 1


def test_a_username_of_digits_is_a_username(small: Desk) -> None:
    numbered = [user for user in small.find("auth_user") if user["username"] in ("42", "00123")]
    assert numbered
    for user in numbered:
        assert enrolled(small, small.run(*FORGET, user["username"], "--dry-run")) >= 1


def test_what_may_mean_two_learners_has_to_be_said_clearer(small: Desk) -> None:
    first, second = sorted({user["id"] for user in small.find("auth_user")})[:2]
    with small.store() as store:
        store.database["auth_user"].update_many({"id": second}, {"$set": {"username": str(first)}})
    said = small.run(*FORGET, str(first), "--dry-run")
    assert said.code == 2
    assert "--by username" in said.err
    by_number = small.run(*FORGET, str(first), "--dry-run", "--by", "user_id")
    by_name = small.run(*FORGET, str(first), "--dry-run", "--by", "username")
    assert enrolled(small, by_number) >= 1
    assert enrolled(small, by_name) >= 1
    assert small.run(*FORGET, str(first), "--by", "name").code == 2


@pytest.mark.parametrize("given", ["nobody_at_all", "987654321", "nobody@example.org", ""])
def test_nobody_is_forgotten_by_a_typing_error(small: Desk, given: str) -> None:
    said = small.run(*FORGET, given, "--yes")
    assert said.code == 2
    assert "nobody" in said.err
    assert small.count("meta", {"_id": {"$regex": "^forgotten"}}) == 0


def test_where_nobody_can_be_asked_nobody_is_forgotten(small: Desk) -> None:
    said = small.run(*FORGET, small.find("auth_user")[0]["email"])
    assert said.code == 2
    assert "--yes" in said.err
    assert small.count("meta", {"_id": {"$regex": "^forgotten"}}) == 0


@pytest.mark.parametrize("options", [("--course", "*"), ("--org", "DemoX"), ("--until", "2020-01-01")])
def test_a_learner_is_forgotten_as_a_whole(small: Desk, options: tuple[str, ...]) -> None:
    assert small.run(*FORGET, "ann", "--yes", *options).code == 2


def test_an_empty_database_knows_nobody(desk: Desk) -> None:
    assert desk.run(*FORGET, "ann", "--yes").code == 2


# --- under a pseudonym


def test_under_a_pseudonym_the_rows_stay_and_belong_together(make_desk: MakeDesk, package_of_two_sites: Package) -> None:
    with make_desk(EDX_IMPORT_SOURCE=str(package_of_two_sites.folder)) as desk:
        desk.sync("--site", "all")
        whom = Whom.at(desk)
        numbers = {name: desk.count(name) for name in ("student_courseenrollment", "events", "courseware_studentmodule", "forum", "auth_user")}
        report = desk.run("cmd", "report_general", check=True).out
        desk.run(*FORGET, str(whom.number), "--by", "user_id", "--yes", "--pseudonymise", check=True)
        assert traces(desk, whom) == set()
        assert {name: desk.count(name) for name in numbers} == numbers
        assert desk.run("cmd", "report_general", check=True).out == report
        pseudonyms = {row["id"] for row in desk.find("auth_user", {"id": {"$lt": 0}})}
        assert len(pseudonyms) == 1
        for collection, field in (("student_courseenrollment", "user_id"), ("courseware_studentmodule", "student_id"), ("forum", "author")):
            assert {row[field] for row in desk.find(collection, {field: {"$lt": 0}})} == pseudonyms
        assert {event["user_id"] for event in desk.find("events", {"pseudonymised": True})} <= pseudonyms | {None}
        assert all("email" not in row and "name" not in row for row in desk.find("auth_user", {"pseudonymised": True}))
        before = desk.hash()
        summary = desk.sync("--site", "all", "--force", "--jobs", "2")
        assert_balanced(summary)
        assert summary["counts"]["filtered"] > 20
        assert summary["counts"]["removed"] == 0
        assert desk.hash() == before
        with desk.store() as store:
            assert database_hash(store) == before
