"""One bad object never stops the others; it is tried again, and after five tries it is given up until somebody asks for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from desk import Desk, Package

from edx_import.status import status_report


@pytest.fixture
def source(package: Package, tmp_path: Path) -> Path:
    """The event files of the package, of which the newest is cut."""
    folder = tmp_path / "source"
    shutil.copytree(package.folder / "edx-course-data" / "demox" / "edx", folder)
    path = newest(folder)
    (tmp_path / "good").write_bytes(path.read_bytes())
    path.write_bytes(path.read_bytes()[:-200])
    return folder


def newest(folder: Path) -> Path:
    return max(folder.rglob("*.gpg"))


def tries(desk: Desk) -> dict[str, tuple[str, int]]:
    """What `status` says of each day."""
    with desk.store() as store:
        names = [column.name for column in status_report(store).columns]
        rows = [dict(zip(names, row, strict=True)) for row in status_report(store).rows]
    return {row["object"][-21:-11]: (row["state"], row["attempts"]) for row in rows}


def test_bad_object_is_given_up_after_five_tries_and_the_timer_is_content(desk: Desk, source: Path, tmp_path: Path) -> None:
    at_source = desk.with_variables(EDX_IMPORT_SOURCE=str(source))
    for number in (1, 2, 5):
        with desk.store() as store:
            # the third and the fourth try are left out, to save time
            store.database["imports"].update_many({"state": "failed"}, {"$set": {"failures": number - 1, "attempts": number - 1}})
        said = at_source.run("sync")
        assert said.code == 7
        assert "the message is cut short" in said.err
        assert tries(at_source)["2020-01-12"] == ("given up" if number == 5 else "failed", number)
    assert tries(at_source)["2020-01-11"] == ("loaded", 0)
    given_up = at_source.run("sync")
    assert given_up.code == 0
    assert "given up after 5 failed tries: the message is cut short" in given_up.err
    assert "`edx-import sync --retry-failed` tries again what was given up" in given_up.err
    assert tries(at_source)["2020-01-12"] == ("given up", 5)
    assert at_source.run("sync", "--retry-failed").code == 7
    assert at_source.run("sync", "--json").json["given_up"] == [row["_id"] for row in at_source.find("imports", {"failures": 6})]
    # edX sends it again: another content is a new chance
    newest(source).write_bytes((tmp_path / "good").read_bytes())
    assert at_source.sync()["objects"] == 1
    assert tries(at_source)["2020-01-12"] == ("loaded", 0)


def test_what_lies_around_the_object_never_gives_it_up(at_folder: Desk, tmp_path: Path) -> None:
    blocked = tmp_path / "no folder"
    blocked.write_bytes(b"")
    for _ in range(2):
        assert at_folder.run("sync", "--only", "events", EDX_IMPORT_SCRATCH=str(blocked / "scratch")).code == 4
    assert {record["failures"] for record in at_folder.find("imports")} == {0}
    assert at_folder.sync("--only", "events")["failed"] == 0


def test_another_version_of_the_program_tries_again_what_was_given_up(desk: Desk, source: Path) -> None:
    at_source = desk.with_variables(EDX_IMPORT_SOURCE=str(source))
    at_source.run("sync")
    with desk.store() as store:
        store.database["imports"].update_one({"state": "failed"}, {"$set": {"failures": 5, "tool_version": "0.0.1"}})
    assert at_source.run("sync").code == 7


BUG = """
import sys
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.__main__ import main
read = TrackingLogReader.read_fast
def broken(self, chunks, context, first_line=1):
    for number, item in enumerate(read(self, chunks, context, first_line)):
        if number == 30 and "2020-01-12" in str(getattr(item, "raw", b"")):
            raise ZeroDivisionError("a learner's words")
        yield item
TrackingLogReader.read_fast = broken
main()
"""


def test_bug_in_one_object_is_told_with_its_traceback_and_the_others_load(at_folder: Desk, package: Package) -> None:
    command = [sys.executable, "-c", BUG, "sync", "--only", "events"]
    done = subprocess.run(command, env=at_folder.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 7
    assert "unexpected: ZeroDivisionError" in done.stderr
    assert "Traceback (most recent call last):" in done.stderr
    assert "a learner's words" not in done.stderr
    states = {record["_id"][-21:-11]: record["state"] for record in at_folder.find("imports")}
    assert states == {"2020-01-11": "loaded", "2020-01-12": "failed"}
    at_folder.sync("--only", "events")
    assert at_folder.count("events") == package.totals.documents["events"]


def test_two_syncs_at_once_one_works_and_one_says_who_does(at_folder: Desk, package: Package) -> None:
    command = [sys.executable, "-m", "edx_import", "sync"]
    syncs = [subprocess.Popen(command, env=at_folder.environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=120)[1]: process.returncode for process in syncs}
    assert sorted(said.values()) == [0, 75]
    refused = next(text for text, code in said.items() if code == 75)
    assert "another sync is running on this database: process " in refused
    for name in ("events", "courseware_studentmodule"):
        assert at_folder.count(name) == package.totals.documents[name]
