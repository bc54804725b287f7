"""Field by field: what is in the package is in the database, and what reports say of it is what the package's maker knows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from desk import Desk, Package

from edx_import.formats.tracking_log import restore
from edx_import.ids import event_id
from edx_import.packages.naming import parse_key
from edx_import.sample.catalogue import TABLE_FILES, iter_rows
from edx_import.sample.events import iter_events
from edx_import.sample.recipe import courses_of
from edx_import.tables import BY_TASK, ColumnType

TABLES = tuple(sorted(file.task for file in TABLE_FILES))


@pytest.fixture(scope="module")
def loaded(make_desk: Any, full_package: Package) -> Iterator[Desk]:
    """A database with the package in it, for tests that only look."""
    with make_desk(EDX_IMPORT_SOURCE=str(full_package.folder)) as desk:
        desk.sync()
        yield desk


def test_every_event_line_is_there_and_restores_to_what_it_was(loaded: Desk, full_package: Package) -> None:
    events = {event["_id"].binary: event for event in loaded.find("events")}
    lines = {}
    for key in full_package.totals.event_files:
        name = parse_key(key)
        assert name is not None
        for line in iter_events(full_package.recipe, name.date):
            said = json.loads(line)
            moment = datetime.fromisoformat(said["time"]).replace(tzinfo=UTC)
            lines[event_id("prod", int(moment.timestamp()), line)] = said
    assert {key: restore(event) for key, event in events.items()} == lines


def test_events_have_typed_fields_beside_what_the_line_said(loaded: Desk) -> None:
    for event in loaded.find("events"):
        assert isinstance(event["time"], datetime)
        assert 0 <= event["time_microseconds"] < 1000
        assert event["user_id"] is None or isinstance(event["user_id"], int)
        assert event["site"] == "prod"
        assert event["import"]["line"] > 0


def as_stored(value: Any, kind: ColumnType) -> Any:
    """A value of the producer's database as the dictionary promises it."""
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    if kind is ColumnType.JSON and isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


def as_read(value: Any, kind: ColumnType) -> Any:
    """A stored JSON value with its keys as they were."""
    return json.loads(json.dumps(value).replace("%2E", ".").replace("%24", "$").replace("%25", "%")) if kind is ColumnType.JSON else value


@pytest.mark.parametrize("task", TABLES)
def test_every_table_row_is_there_with_its_values(loaded: Desk, full_package: Package, task: str) -> None:
    table = BY_TASK[task]
    kinds = {name: column.type for column in table.columns for name in (column.name, *column.aliases)}
    names = {alias: column.name for column in table.columns for alias in (column.name, *column.aliases)}
    for course in courses_of(full_package.recipe):
        stored = {row["_id"]: row for row in loaded.find(task, {"course_id": course.id})}
        rows = list(iter_rows(full_package.recipe, course, task))
        assert len(rows) == len(stored)
        by_key = {tuple(document[part] for part in table.key): document for document in stored.values()}
        for row in rows:
            named = {names[name]: (value, kinds[name]) for name, value in row.items() if name in names}
            document = by_key[tuple(named[part][0] for part in table.key)]
            for name, (value, kind) in named.items():
                if name in document:
                    assert as_read(document[name], kind) == as_stored(value, kind), (name, document)


def test_nasty_values_are_in_the_sample(full_package: Package) -> None:
    """The tests above compare something: quotes, tabs, newlines, backslashes, NULL in text, numeric usernames, emoji are among the values."""
    rows = [
        row
        for course in courses_of(full_package.recipe)
        for task in ("auth_user", "auth_userprofile")
        for row in iter_rows(full_package.recipe, course, task)
    ]
    text = "".join(str(value) for row in rows for value in row.values())
    assert [piece for piece in ('"', "\t", "\n", "\r", "\\", "NULL") if piece not in text] == []
    assert max(text) > "\uffff"
    assert any(str(row.get("username", "")).isdecimal() for row in rows)


def test_course_structure_has_names_and_ancestors(loaded: Desk) -> None:
    problems = loaded.find("course_structure", {"category": "problem"})
    assert problems
    for problem in problems:
        assert [ancestor["category"] for ancestor in problem["ancestors"]] == ["course", "chapter", "sequential", "vertical"]
        assert problem["chapter"]["name"]


def test_report_enrollments_is_what_the_maker_knows(loaded: Desk, full_package: Package) -> None:
    said = loaded.run("cmd", "report_enrollments", "--format", "csv", check=True)
    rows = list(csv.DictReader(io.StringIO(said.out)))
    expected = [
        {
            "course_name": row.course_name,
            "course_id": row.course_id,
            "registration_date": row.registration_date.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "gender": row.gender,
            "country": row.country,
            "mode": row.mode,
            "is_active": "true" if row.is_active else "false",
        }
        for row in full_package.totals.enrollments
    ]

    def order(row: dict[str, str]) -> tuple[str, ...]:
        return tuple(row.values())

    assert sorted(rows, key=order) == sorted(expected, key=order)


def test_report_general_is_what_the_maker_knows(loaded: Desk, full_package: Package) -> None:
    rows = {row["id"]: row for row in loaded.run("cmd", "report_general", "--format", "json", check=True).json}
    assert rows.keys() == {row.course_id for row in full_package.totals.general}
    for expected in full_package.totals.general:
        row = rows[expected.course_id]
        names = ("total_users", "active_users", "approved_users", "certified_users", "failed_users", "male", "female", "countries")
        assert [row[name] for name in names] == [getattr(expected, name) for name in names]


def test_reports_can_be_narrowed_to_courses(loaded: Desk) -> None:
    rows = loaded.run("cmd", "report_general", "--format", "json", "--course", "DemoX-D90*", check=True).json
    assert [row["id"] for row in rows] == ["DemoX/D90/2013_Fall"]


def test_report_into_a_file_is_whole_or_not_there(loaded: Desk, tmp_path: Any) -> None:
    said = loaded.run("cmd", "report_enrollments", "--output", str(tmp_path / "out.csv"), check=True)
    assert said.out == ""
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) > 10
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert loaded.run("cmd", "report_enrollments", "--output", str(tmp_path / "no" / "out.csv")).code == 2


def test_list_courses_counts_documents(loaded: Desk, full_package: Package) -> None:
    rows = loaded.run("cmd", "list_courses", "--format", "json", check=True).json
    assert {row["id"]: row["documents"].get("events", 0) for row in rows} == {k: v for k, v in full_package.totals.events.items() if k}
