"""No column of any bundled command tells who a learner is under `--anonymize`: held against every person of a sample database."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from bundled import COMMANDS, answer_of
from desk import Desk

from edx_import.model import PROD
from edx_import.reports.discovery import bundled_folder, load_command
from edx_import.reports.render import render
from edx_import.reports.report import Report
from edx_import.sample import people
from edx_import.sample.package import make_package
from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey, Sealer
from edx_import.settings import Secret

RECIPE = Recipe(seed=9, learners=40, days=2, events_per_day=250, blocks_per_learner=6)
KEY = Secret("the key of these tests alone")
#: Numbers that no count, year or size can be taken for.
FIRST_USER_ID = 70_000_501

#: What a column must never be called without saying whom it tells of.
TELLING = frozenset(
    "user_id learner_id student_id author_id username user email e_mail ip ip_address full_name hash_id anonymous_user_id learner student".split()
)


@pytest.fixture(scope="module")
def synced(make_desk: Any, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A database with everything that a package has, of learners with outstanding numbers."""
    folder = tmp_path_factory.mktemp("package")
    with pytest.MonkeyPatch.context() as patch, Sealer(institution) as sealer:
        patch.setattr(people, "FIRST_USER_ID", FIRST_USER_ID)
        people.learners_of.cache_clear()
        make_package(RECIPE, folder, sealer)
        learners = people.learners_of(RECIPE, PROD)
        people.learners_of.cache_clear()
    assert learners[0].id == FIRST_USER_ID
    with make_desk(EDX_IMPORT_SOURCE=str(folder)) as desk:
        desk.sync()
        TOLD.extend(told_of(learners))
        yield desk


TOLD: list[str] = []


def told_of(learners: tuple[people.Learner, ...]) -> Iterator[str]:
    """All that must not be read. Usernames that are also words or numbers are left out."""
    for learner in learners:
        names = [name for name in (learner.username, learner.name) if len(name) > 4 and not name.isdigit()]
        yield from filter(None, (*names, learner.email, learner.ip, learner.hash_id, str(learner.id)))


def written(report: Report) -> str:
    stream = io.BytesIO()
    render(report, "jsonl", stream)
    return stream.getvalue().decode()


@cache
def search() -> tuple[dict[str, str], re.Pattern[str]]:
    """How a person may be written in a text, and what finds each of these."""
    forms = {form: person for person in TOLD for form in (person, json.dumps(person)[1:-1], json.dumps(person, ensure_ascii=False)[1:-1])}
    return forms, re.compile(r"(?<![\w.])(?:" + "|".join(sorted(map(re.escape, forms), key=len, reverse=True)) + r")(?![\w])")


def found_in(text: str) -> set[str]:
    """Who is told of in a text, however a value is written in it."""
    forms, anyone = search()
    return {forms[match] for match in anyone.findall(text)}


@pytest.mark.parametrize("name", COMMANDS)
def test_nobody_is_told_of_by(name: str, synced: Desk) -> None:
    with synced.store() as store:
        report = answer_of(name, store, KEY)
    assert found_in(written(report) + report.title) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_column_that_tells_of_a_learner_is_declared_so_by(name: str, synced: Desk) -> None:
    """And so are those that a command declares: what it answers has the columns that it documents."""
    with synced.store() as store:
        report = answer_of(name, store)
    telling: set[str] = set()
    for line in written(report).splitlines():
        telling |= {column for column, value in json.loads(line).items() if found_in(json.dumps(value, ensure_ascii=False))}
    declared = {column.name: column.personal for column in report.columns}
    assert {column for column in telling if declared[column] is None} == set()
    documented = load_command(name, [bundled_folder()]).columns
    assert {column.name for column in documented if column.name in TELLING and column.personal is None} == set()
    assert set(documented) >= set(report.columns)


#: Of the sample, these find nothing: there is no dirt in it, or nothing of what they look for.
WITHOUT_ROWS: set[str] = set()


def test_the_sample_gives_every_command_something_to_tell(synced: Desk) -> None:
    with synced.store() as store:
        assert {name for name in COMMANDS if not list(answer_of(name, store).rows)} == WITHOUT_ROWS


def test_the_search_finds_whom_it_looks_for(synced: Desk) -> None:
    """So that finding nobody means something."""
    with synced.store() as store:
        users = [json.dumps(user, default=str, ensure_ascii=False) for user in store.database.auth_user.find()]
        events = [json.dumps(event, default=str, ensure_ascii=False) for event in store.database.events.find()]
    assert all(found_in(user) for user in users)
    assert len(found_in("\n".join(events))) > len(users)


REPORT = '''"""Learners."""

from edx_import.api import Column, Context, Personal, Report

COLUMNS = (Column("user_id", int, "learner", personal=Personal.LEARNER), Column("username", str, "name", personal=Personal.REMOVED))


def run(context: Context) -> Report:
    pipeline = [{"$match": {"site": context.site}}, {"$set": {"user_id": "$id"}}, {"$sort": {"_id": 1}}]
    return Report.of(COLUMNS, context.aggregate("auth_user", pipeline))
'''


def test_on_the_command_line(synced: Desk, tmp_path: Path) -> None:
    (tmp_path / "learners.py").write_text(REPORT)
    desk = synced.with_variables(COMMANDS_PATH=str(tmp_path))
    (tmp_path / "secret").write_text(KEY.reveal() + "\n")
    in_file = desk.run("cmd", "learners", "--anonymize", "--format", "csv", check=True, ANONYMIZE_KEY_FILE=str(tmp_path / "secret"))
    in_variable = desk.run("cmd", "learners", "--anonymize", "--format", "csv", check=True, ANONYMIZE_KEY=KEY.reveal())
    assert in_file.out == in_variable.out
    assert re.fullmatch(r"user_id,username\n([a-z2-7]{16},\n)+", in_file.out)
    assert found_in(desk.run("cmd", "learners", "--format", "csv", check=True).out)


def test_without_a_key_the_database_is_not_even_asked(desk: Desk) -> None:
    said = desk.run("cmd", "report_enrollments", "--anonymize", STORAGE_URI="mongodb://192.0.2.1:1")
    assert (said.code, said.out) == (3, "")
    assert "ANONYMIZE_KEY is not set" in said.err
    assert "openssl rand -hex 32" in said.err


def test_columns_say_what_becomes_of_them(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "learners.py").write_text(REPORT)
    said = desk.run("cmd", "learners", "--help", check=True, COMMANDS_PATH=str(tmp_path))
    assert "user_id   integer  learner [--anonymize: a hash]" in said.out
    assert "username  text     name [--anonymize: left empty]" in said.out


def test_what_is_saved_is_anonymised_too(synced: Desk, tmp_path: Path) -> None:
    (tmp_path / "learners.py").write_text(REPORT)
    desk = synced.with_variables(COMMANDS_PATH=str(tmp_path))
    said = desk.run("cmd", "learners", "--anonymize", "--save", check=True, ANONYMIZE_KEY=KEY.reveal())
    assert (said.out, said.err.partition(" of ")[0]) == ("", f"{desk.count('report_learners')} rows saved in the collection report_learners")
    assert {re.fullmatch("[a-z2-7]{16}", document["user_id"]) and document["username"] for document in desk.find("report_learners")} == {None}
    (record,) = desk.find("meta", {"_id": "saved|report_learners"})
    assert record["anonymized"] is True
    also = desk.run("cmd", "learners", "--anonymize", "--save", "--format", "csv", check=True, ANONYMIZE_KEY=KEY.reveal())
    assert len(also.out.splitlines()) == 1 + desk.count("report_learners")
