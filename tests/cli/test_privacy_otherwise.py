"""Privacy where it is easily overlooked: research packages, work that was cut off, and a person who is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from desk import Desk
from personal import containing, naming

from edx_import.privacy.identity import Identity, Kind, identity_hash
from edx_import.sample.rdx import RdxTotals, make_rdx
from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey, Sealer
from edx_import.store.lock import sync_lock
from edx_import.store.privacy_books import PrivacyBooks

RECIPE = Recipe(learners=20, courses=1, events_per_day=60, days=2)


@pytest.fixture(scope="module")
def research(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RdxTotals]:
    folder = tmp_path_factory.mktemp("rdx")
    with Sealer(institution) as sealer:
        return folder, make_rdx(RECIPE, folder, sealer)


@pytest.fixture
def researcher(desk: Desk, research: tuple[Path, RdxTotals]) -> Desk:
    made = desk.with_variables(EDX_IMPORT_SOURCE=str(research[0]), EDX_IMPORT_ONLY="rdx")
    made.sync()
    return made


def test_a_learner_of_a_research_package_is_forgotten_as_well(researcher: Desk, research: tuple[Path, RdxTotals]) -> None:
    totals = research[1]
    numbers = {event["user_id"] for event in researcher.find("events")}
    learner = next(known for known in totals.learners if known.user_id in numbers)
    said = ("--site", totals.site, "--by", "user_id", "--yes")
    researcher.run("cmd", "forget_learner", str(learner.user_id), *said, check=True)
    assert naming(researcher, learner.user_id, totals.site) == set()
    before = researcher.hash()
    summary = researcher.sync("--force")
    counts = summary["counts"]
    assert counts["filtered"] > 2
    assert counts["read"] == counts["loaded"] + counts["duplicate"] + counts["rejected"] + counts["filtered"]
    assert researcher.hash() == before
    assert naming(researcher, learner.user_id, totals.site) == set()


def test_a_research_package_is_stripped_as_well(researcher: Desk) -> None:
    names = {row["username"] for row in researcher.find("auth_user")} | {str(event.get("ip", "")) for event in researcher.find("events")}
    names = {name for name in names if name and len(name) > 6}
    assert containing(researcher, names)
    researcher.run("cmd", "remove_personal_details", "--yes", "--keep-removed", check=True)
    before = researcher.hash()
    researcher.sync("--force")
    assert containing(researcher, names) == set()
    assert researcher.hash() == before


def test_forgetting_that_was_cut_off_is_brought_to_its_end_by_any_name(at_folder: Desk) -> None:
    """The worst moment: what the learner was found by is gone, the rest is still there."""
    at_folder.sync()
    users = at_folder.find("auth_user")
    every = " ".join({user["username"] for user in users})
    user = next(user for user in users if "." in user["username"] and every.count(user["username"]) == 1)
    with at_folder.store() as store, sync_lock(store):
        books = PrivacyBooks(store)
        names = (Identity.of(Kind.USER, user["id"]), Identity.of(Kind.NAME, user["username"]), Identity.of(Kind.MAIL, user["email"]))
        books.forget("prod", [identity_hash(books.state.key, "prod", name) for name in names], pseudonymised=False)
        for table in ("auth_user", "user_id_map"):
            store.database[table].delete_many({"$or": [{"id": user["id"]}, {"user_id": user["id"]}]})
        store.database["email_opt_in"].update_many({"user_id": user["id"]}, {"$set": {"user_id": None}})
    assert naming(at_folder, user["id"], "prod")
    at_folder.run("cmd", "forget_learner", user["email"], "--yes", check=True)
    assert naming(at_folder, user["id"], "prod") == set()
    assert containing(at_folder, [user["username"], user["email"]]) == set()
    pseudonym = at_folder.run("cmd", "forget_learner", user["email"], "--yes", "--pseudonymise")
    assert pseudonym.code == 2


def asked(desk: Desk, *arguments: str, answer: str) -> tuple[int, str]:
    """Runs a command at a terminal, and answers its question; gives the exit code and what was to be seen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "edx_import", *arguments]
    with subprocess.Popen(command, env=desk.environment, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, answer.encode() + b"\n")
        try:
            while chunk := os.read(ours, 4096):
                seen += chunk
        except OSError:  # the other end is closed
            pass
        assert process.stdout is not None
        out = process.stdout.read().decode()
        code = process.wait(60)
    os.close(ours)
    return code, seen.decode() + out


@pytest.mark.parametrize("command", [("remove_personal_details",), ("forget_learner", "501", "--by", "user_id")])
def test_a_person_sees_what_would_go_and_may_say_no(at_folder: Desk, command: tuple[str, ...]) -> None:
    at_folder.sync()
    before = at_folder.hash()
    code, seen = asked(at_folder, "cmd", *command, answer="n")
    assert code == 0
    assert "auth_user" in seen
    assert "nothing was" in seen
    assert at_folder.hash() == before
    code, seen = asked(at_folder, "cmd", *command, answer="y")
    assert code == 0
    assert at_folder.hash() != before
    assert at_folder.count("auth_user", {"id": 501, "email": {"$exists": True}}) == 0
