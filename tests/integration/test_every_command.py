"""Every command that comes along explains itself, has an answer where there is nothing, and can be written in every format."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from bundled import COMMANDS, answer_of

from edx_import.cli.commands_page import commands_page
from edx_import.errors import UsageError
from edx_import.reports.discovery import bundled_folder, load_command
from edx_import.reports.outputs.base import Page
from edx_import.reports.render import FORMATS, render
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.schema import check_schema

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"

#: Where there is nobody to forget, and where a command is about the whole site, it says so.
REFUSES_NOTHING_THERE = {"forget_learner"}
REFUSES_COURSES = {"forget_learner", "remove_personal_details"}


@pytest.fixture
def empty(database: Store) -> Store:
    """A database as a first `cmd` finds it."""
    check_schema(database)
    ensure_collections(database)
    return database


def test_the_page_says_what_the_commands_say() -> None:
    page = commands_page()
    assert PAGE.read_text(encoding="utf-8") == page, "make docs"
    assert [name for name in COMMANDS if f"\n## {name}\n" not in page] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_it_explains_itself(name: str) -> None:
    command = load_command(name, [bundled_folder()])
    assert command.summary.endswith(".")
    assert len(command.help) > len(command.summary) + 40
    assert command.columns
    assert [column.name for column in command.columns if not column.meaning] == []
    assert [option.name for option in command.options if not option.meaning] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_an_answer_for_an_empty_database_in_every_format(name: str, empty: Store) -> None:
    if name in REFUSES_NOTHING_THERE:
        with pytest.raises(UsageError):
            answer_of(name, empty)
        return
    report = answer_of(name, empty)
    assert set(load_command(name, [bundled_folder()]).columns) >= set(report.columns)
    for format in FORMATS:
        sink = io.BytesIO()
        assert render(report, format, sink, Page()) == len(list(report.rows))
        assert sink.getvalue() or format == "jsonl"


@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_an_answer_for_a_course_that_nobody_knows(name: str, empty: Store) -> None:
    if name in REFUSES_COURSES:
        with pytest.raises(UsageError):
            answer_of(name, empty, course=("course-v1:NobodyX+N1+1T2020",))
        return
    assert all(0 in row for row in answer_of(name, empty, course=("course-v1:NobodyX+N1+1T2020",)).rows)
