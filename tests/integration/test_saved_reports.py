"""`--save`: rows as documents, in a collection that changes from one moment to the next, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from awkward import COLUMNS, ROWS

from edx_import.cli.cmd_save import Keeper
from edx_import.data_dictionary import BY_NAME
from edx_import.errors import UsageError
from edx_import.reports.discovery import Command
from edx_import.reports.report import Column, Personal, Report
from edx_import.reports.saving import kept_rows, storable
from edx_import.store import saved_reports
from edx_import.store.connection import Store
from edx_import.store.privacy_books import PrivacyBooks
from edx_import.store.saved_reports import saved_name, saving_report

NUMBERS = (Column("n", int),)


@dataclass
class Kept:
    """Keeps reports of one command."""

    store: Store
    name: str = "numbers"
    writes: bool = False
    said: list[str] = field(default_factory=list)

    def keep(self, rows: Any, columns: tuple[Column, ...] = NUMBERS, write: Any = None) -> int:
        command = Command(self.name, Path("numbers.py"), "", "", columns, (), self.writes, lambda context: Report(columns, []))
        return Keeper(self.store, command, {"site": "prod", "anonymized": False}, self.said.append).keep(Report(columns, rows), write)

    @property
    def numbers(self) -> list[int]:
        return [document["n"] for document in self.store.database[saved_name(self.name)].find().sort("_id", 1)]

    @property
    def collections(self) -> list[str]:
        return sorted(name for name in self.store.database.list_collection_names() if name != "meta")

    @property
    def notes(self) -> list[str]:
        return sorted(document["_id"] for document in self.store.database.meta.find({}, {"_id": 1}))


@pytest.fixture
def kept(database: Store) -> Kept:
    return Kept(database)


def test_each_row_is_a_document_with_the_number_of_the_row(kept: Kept) -> None:
    assert kept.keep(ROWS, COLUMNS) == len(ROWS)
    documents = list(kept.store.database.report_numbers.find().sort("_id", 1))
    assert [document["_id"] for document in documents] == list(range(1, len(ROWS) + 1))
    assert {document["site"] for document in documents} == {"prod"}
    assert list(documents[0]) == ["_id", "site", *(column.name for column in COLUMNS)]
    assert documents[1] == {
        "_id": 2,
        "site": "prod",
        "name": "Zoë Ñandú 学生 العربية 🎓",
        "points": "1180591620717411303424",
        "share": 1e300,
        "passed": False,
        "moment": datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        "day": datetime(1, 1, 1, tzinfo=UTC),
        "more": {},
    }
    assert documents[2]["points"] == -(2**63)
    assert documents[2]["more"] == ["naïve", datetime(2020, 1, 1, tzinfo=UTC)]
    assert documents[7]["name"] == "back\\slash \\t \x00 \x85 \u202edesrever \\ud800"
    assert {documents[5][column.name] for column in COLUMNS} == {None}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (date(2020, 2, 29), datetime(2020, 2, 29, tzinfo=UTC)),
        (datetime(2020, 2, 29, 1), datetime(2020, 2, 29, 1, tzinfo=UTC)),
        ({1: {"a\0b": ("x", None)}}, {"1": {"a\\x00b": ["x", None]}}),
        (True, True),
        (timedelta(1), "1 day, 0:00:00"),
    ],
)
def test_types_are_kept_and_what_has_no_room_is_text(value: Any, stored: Any) -> None:
    assert storable(value) == stored
    assert type(storable(value)) is type(stored)


def test_what_was_saved_before_is_replaced_whole(kept: Kept) -> None:
    kept.keep([[1], [2], [3]])
    kept.keep([[4]])
    assert kept.numbers == [4]
    assert kept.collections == ["report_numbers"]


def test_a_report_without_rows_replaces_one_with_rows(kept: Kept) -> None:
    kept.keep([[1]])
    assert kept.keep([]) == 0
    assert (kept.numbers, kept.collections) == ([], ["report_numbers"])


def test_who_reads_meanwhile_reads_the_old_rows(kept: Kept) -> None:
    kept.keep([[1], [2]])
    seen = []

    def rows() -> Iterator[list[int]]:
        for number in range(5000):
            if number == 4000:
                seen.append(kept.numbers)
            yield [number]

    kept.keep(rows())
    assert seen == [[1, 2]]
    assert kept.numbers == list(range(5000))


def failing(rows: int) -> Iterator[list[int]]:
    yield from ([number] for number in range(rows))
    raise RuntimeError("the database went away")


@pytest.mark.parametrize("rows", [0, 10, 5000])
def test_a_report_that_fails_leaves_everything_as_it_was(kept: Kept, rows: int) -> None:
    kept.keep([[1]])
    with pytest.raises(RuntimeError, match="went away"):
        kept.keep(failing(rows))
    assert (kept.numbers, kept.collections, kept.notes) == ([1], ["report_numbers"], ["saved|report_numbers"])


def test_meta_tells_what_was_saved(kept: Kept) -> None:
    kept.keep([[1]], (Column("n", int, "a number", "pt", Personal.LEARNER),))
    (record,) = kept.store.database.meta.find()
    assert abs(datetime.now(UTC) - record.pop("created")) < timedelta(minutes=1)
    assert record == {
        "_id": "saved|report_numbers",
        "command": "numbers",
        "site": "prod",
        "anonymized": False,
        "columns": [{"name": "n", "type": "integer", "unit": "pt", "meaning": "a number", "personal": "learner"}],
        "rows": 1,
    }
    assert BY_NAME["meta"].unknown(record) == set()
    assert kept.said == [f"1 rows saved in the collection report_numbers of {kept.store.where}"]


PROGRAM = """
import os, signal, sys
from pathlib import Path
from edx_import.cli.cmd_save import Keeper
from edx_import.reports.discovery import Command
from edx_import.reports.report import Column, Report
from edx_import.store.connection import Store

def rows():
    yield from ([number] for number in range(2500))
    os.kill(os.getpid(), signal.SIGKILL)

columns = (Column("n", int),)
command = Command("numbers", Path("numbers.py"), "", "", columns, (), False, lambda context: None)
with Store.connect(sys.argv[1], sys.argv[2]) as store:
    Keeper(store, command, {"site": "prod"}, print).keep(Report(columns, rows()), None)
"""


def test_a_process_that_is_killed_leaves_the_old_report_and_the_next_one_clears_up(kept: Kept, mongod: str) -> None:
    kept.keep([[1]])
    done = subprocess.run([sys.executable, "-c", PROGRAM, mongod, kept.store.database.name], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert kept.numbers == [1]
    (left,) = (name for name in kept.collections if name != "report_numbers")
    assert left.startswith("saving_report_numbers_")
    assert kept.store.database[left].count_documents({}) == 2000
    Kept(kept.store, "others").keep([[2]])
    assert kept.collections == ["report_numbers", "report_others"]
    assert kept.notes == ["saved|report_numbers", "saved|report_others"]


def test_what_another_machine_writes_is_left_alone_for_two_days(kept: Kept) -> None:
    database = kept.store.database
    for name, age in (("saving_report_a_1", timedelta(days=1)), ("saving_report_b_2", timedelta(days=3))):
        database[name].insert_one({"_id": 1})
        elsewhere = {"host": "elsewhere", "pid": 1, "space": "another boot", "born": "1"}
        database.meta.insert_one({"_id": f"saving|{name}", "holder": elsewhere, "created": datetime.now(UTC) - age})
    kept.keep([[1]])
    assert kept.collections == ["report_numbers", "saving_report_a_1"]


def test_rows_that_are_there_already_are_not_there_twice(kept: Kept) -> None:
    """What a server that went away had written before is written again."""
    with saving_report(kept.store, "numbers") as saving:
        saving.add([{"_id": 1, "n": 1}])
        kept.store.database[saving.unfinished].insert_one({"_id": 2, "n": 2})
        saving.add([{"_id": 2, "n": 2}, {"_id": 3, "n": 3}])
        saving.commit({"command": "numbers"})
        saving._take_place()
    assert kept.numbers == [1, 2, 3]


def test_two_at_once_do_not_mix(kept: Kept) -> None:
    with saving_report(kept.store, "numbers") as one, saving_report(kept.store, "numbers") as other:
        one.add([{"_id": 1, "n": 1}])
        other.add([{"_id": 1, "n": 2}])
        one.commit({"command": "numbers"})
        other.commit({"command": "numbers"})
    assert (kept.numbers, kept.collections) == ([2], ["report_numbers"])


@pytest.mark.parametrize("view", [False, True])
def test_a_collection_of_somebody_else_is_never_replaced(kept: Kept, view: bool) -> None:
    if view:
        kept.store.database.command("create", "report_numbers", viewOn="other", pipeline=[])
    else:
        kept.store.database.report_numbers.insert_one({"mine": True})
    with pytest.raises(UsageError, match="report_numbers was not saved by edx-import"):
        kept.keep([[1]])
    assert "report_numbers" in kept.collections


@pytest.mark.parametrize(
    ("command", "collection"), [("numbers", "report_numbers"), ("report_numbers", "report_numbers"), ("course_report", "report_course_report")]
)
def test_the_collection_has_the_name_of_the_command(command: str, collection: str) -> None:
    assert saved_name(command) == collection


def test_two_commands_that_would_share_a_collection_are_told(kept: Kept) -> None:
    kept.keep([[1]])
    with pytest.raises(UsageError, match="report_numbers holds the report of another command, numbers"):
        Kept(kept.store, "report_numbers").keep([[2]])
    assert kept.numbers == [1]


def test_a_learner_who_is_forgotten_meanwhile_does_not_come_back(kept: Kept) -> None:
    kept.keep([[1]])
    books = PrivacyBooks(kept.store)
    assert books.state.is_idle

    def rows() -> Iterator[list[int]]:
        yield [501]
        books.forget("prod", [b"0123456789abcdef"], pseudonymised=False)

    with pytest.raises(UsageError, match="meanwhile learners were forgotten"):
        kept.keep(rows())
    assert kept.numbers == [1]
    assert Kept(kept.store, writes=True).keep(rows()) == 1  # the command itself has it done, and holds the lock


def test_rows_go_out_while_they_are_saved(kept: Kept) -> None:
    written: list[Any] = []

    def write(report: Report) -> int:
        written.extend(report.checked_rows())
        return len(written)

    assert kept.keep(([number] for number in range(2500)), write=write) == 2500
    assert [row[0] for row in written] == kept.numbers == list(range(2500))


def test_who_has_seen_enough_has_all_of_it_saved(kept: Kept) -> None:
    def write(report: Report) -> int:
        rows = report.checked_rows()
        next(rows)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        kept.keep(([number] for number in range(2500)), write=write)
    assert kept.numbers == list(range(2500))


def test_a_report_is_saved_some_rows_at_a_time() -> None:
    added: list[int] = []
    rows = kept_rows(Report((Column("a"),), ([text] for text in ["x"] * 2500 + ["y" * 3_000_000] * 3)), "prod", lambda some: added.append(len(some)))
    assert sum(1 for _ in rows) == 2503
    assert added == [1000, 1000, 502, 1]


def test_a_column_of_ids_is_the_id(kept: Kept) -> None:
    columns = (Column("n", int), Column("_id"))
    kept.keep([[1, "b"], [2, "a"]], columns)
    assert list(kept.store.database.report_numbers.find()) == [{"_id": "b", "site": "prod", "n": 1}, {"_id": "a", "site": "prod", "n": 2}]
    with pytest.raises(UsageError, match="3 rows have 2 different _id"):
        kept.keep([[3, "c"], [4, "d"], [5, "c"]], columns)
    assert kept.numbers == [2, 1]


def test_the_unfinished_are_told_from_the_saved() -> None:
    assert not saved_reports.UNFINISHED_PREFIX.startswith(saved_reports.SAVED_PREFIX)
