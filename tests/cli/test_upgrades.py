"""A database that another version of the program made: an older reader's is brought up to date, a newer one's is refused."""

from __future__ import annotations

from desk import Desk, Package


def test_events_of_an_older_reader_are_written_anew(at_folder: Desk, package: Package) -> None:
    at_folder.sync("--only", "events")
    clean = at_folder.hash()
    with at_folder.store() as store:
        # as an older reader might have left them
        store.database["events"].update_many({}, {"$unset": {"course_id": ""}, "$set": {"old_field": 1}})
        store.database["imports"].update_many({}, {"$set": {"reader_version": 0.5}})
    assert at_folder.hash() != clean
    summary = at_folder.sync("--only", "events")
    assert summary["counts"]["loaded"] == package.totals.documents["events"]
    assert at_folder.hash() == clean


def test_tables_of_an_older_reader_are_written_anew(at_folder: Desk) -> None:
    at_folder.sync("--only", "database")
    clean = at_folder.hash()
    with at_folder.store() as store:
        store.database["auth_user"].update_many({}, {"$set": {"username": "?"}})
        store.database["imports"].update_many({"kind": {"$in": ["database", "auth_user"]}}, {"$set": {"reader_version": 0.5}})
    said = at_folder.run("sync", "--only", "database", "--dry-run", check=True)
    assert "read by an older version" in said.out
    at_folder.sync("--only", "database")
    assert at_folder.hash() == clean


def test_database_of_a_newer_program_is_refused(at_folder: Desk) -> None:
    at_folder.sync("--only", "metadata")
    with at_folder.store() as store:
        store.database["meta"].update_one({"_id": "schema"}, {"$set": {"version": 99, "tool_version": "9.9.9"}})
    for command in (("sync",), ("status",), ("cmd", "list_courses")):
        said = at_folder.run(*command)
        assert said.code == 3
        assert "was made by a newer edx-import, with schema 99" in said.err
        assert "Use edx-import 9.9.9 or newer" in said.err


def test_database_of_an_older_schema_is_explained(at_folder: Desk) -> None:
    at_folder.sync("--only", "metadata")
    with at_folder.store() as store:
        store.database["meta"].update_one({"_id": "schema"}, {"$set": {"version": 0, "tool_version": "0.0.1"}})
    said = at_folder.run("sync")
    assert said.code == 3
    assert "was made by an older edx-import (0.0.1), with schema 0" in said.err
