"""Commands that declare WRITES = True: they get a writer and hold the lock of the syncs; others get neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk

from edx_import.store.lock import sync_lock

SAVE = '''"""Saves what it is given."""

from __future__ import annotations

from typing import Annotated

from edx_import.api import Argument, Column, Context, Report, Writer

WRITES = True
COLUMNS = (Column("saved", str, "what"),)


def run(context: Context, *, what: Annotated[str, Argument("what to save")]) -> Report:
    if not context.agreed(what == "sure", lambda: Report(COLUMNS, [[what]]), "Save it?"):
        return Report(COLUMNS, [])
    writer: Writer = context.writer
    writer.save("report_mine", {"_id": what})
    return Report(COLUMNS, [[what]])
'''


@pytest.fixture
def mine(desk: Desk, tmp_path: Path) -> Desk:
    (tmp_path / "save.py").write_text(SAVE)
    (tmp_path / "sneak.py").write_text(SAVE.replace("WRITES = True", ""))
    return desk.with_variables(COMMANDS_PATH=str(tmp_path))


def test_it_writes_and_frees_the_lock(mine: Desk) -> None:
    assert mine.run("cmd", "save", "sure", check=True).out == "saved\nsure\n"
    assert mine.find("report_mine") == [{"_id": "sure"}]
    assert mine.run("cmd", "save", "sure", check=True).out == "saved\nsure\n"


def test_beside_a_sync_it_does_not_run(mine: Desk) -> None:
    with mine.store() as store, sync_lock(store):
        said = mine.run("cmd", "save", "sure")
        assert (said.code, said.out) == (75, "")
        assert "another sync is running" in said.err
        assert mine.run("cmd", "list_courses").code == 0
    assert mine.count("report_mine") == 0


def test_one_that_does_not_declare_it_cannot_write(mine: Desk) -> None:
    said = mine.run("cmd", "sneak", "sure")
    assert said.code == 2
    assert "WRITES = True" in said.err
    assert mine.count("report_mine") == 0


def test_where_nobody_can_be_asked_it_is_refused_with_what_to_do(mine: Desk) -> None:
    said = mine.run("cmd", "save", "unsure")
    assert said.code == 2
    assert "--yes" in said.err
    assert "--dry-run" in said.err
    assert mine.count("report_mine") == 0


def test_it_is_marked_in_the_list_and_its_argument_told_in_its_help(mine: Desk) -> None:
    listed = {line.split()[0]: line for line in mine.run("cmd", "--list", check=True).out.splitlines()}
    assert "(writes to the database)" in listed["save"]
    assert "writes" not in listed["sneak"]
    told = mine.run("cmd", "save", "--help", check=True).out
    assert "WHAT" in told
    assert "what to save" in told
