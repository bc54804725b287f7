"""Aliases, repeats after something went wrong, and what the ledger says afterwards: nothing lost, nothing twice, nothing stale."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from desk import Desk, Package

from edx_import.store.course_metadata import document_metadata

RUNNING, HYPHENATED = "course-v1:DemoX+D101+1T2020", "course-v1:DemoX+D-102x+2T2019-v2"


def write_courses(desk: Desk, text: str) -> None:
    Path(desk.environment["COURSES_FILE"]).write_text(text, encoding="utf-8")


def test_two_courses_that_are_made_one_are_refused_before_one_removes_the_other(at_folder: Desk) -> None:
    write_courses(at_folder, f"courses:\n  - id: {RUNNING}\n    name: One\n    aliases: ['{HYPHENATED}']\n")
    said = at_folder.run("sync", "--only", "database")
    assert said.code == 7
    assert "by courses.yaml; take the alias out" in said.err
    one = at_folder.count("student_courseenrollment", {"course_id": RUNNING})
    assert one > 0
    write_courses(at_folder, f"courses:\n  - id: {RUNNING}\n    name: One\n")
    at_folder.sync("--only", "database")
    courses = {row["course_id"] for row in at_folder.find("student_courseenrollment")}
    assert courses == {RUNNING, HYPHENATED, "DemoX/D90/2013_Fall"}


def test_alias_added_later_moves_the_rows(at_folder: Desk, package: Package) -> None:
    at_folder.sync()
    renamed = "course-v1:DemoX+D999+1T2020"
    write_courses(at_folder, f"courses:\n  - id: {renamed}\n    name: Renamed\n    aliases: ['{RUNNING}']\n")
    at_folder.sync("--force")
    for name in ("student_courseenrollment", "auth_user", "forum", "course_structure", "events"):
        assert at_folder.count(name) == package.totals.documents[name]
        assert not at_folder.count(name, {"course_id": RUNNING})
        assert at_folder.count(name, {"course_id": renamed})
    at_folder.sync("--only", "metadata")
    assert {course["course_id"] for course in at_folder.find("courses")} == {renamed, HYPHENATED, "DemoX/D90/2013_Fall"}


def test_metadata_cut_off_half_way_is_brought_up_to_date_by_the_next_sync(at_folder: Desk) -> None:
    at_folder.sync("--only", "database")
    with at_folder.store() as store:
        # as a kill between the documents and the course leaves it: some documents new, the course old
        store.database["auth_user"].update_many({"course_id": RUNNING}, {"$set": {"course.name": "Half way"}})
    write_courses(at_folder, f"courses:\n  - id: {RUNNING}\n    name: All the way\n")
    at_folder.sync("--only", "metadata")
    with at_folder.store() as store:
        assert document_metadata(store, "prod", RUNNING)["name"] == "All the way"
    for name in ("auth_user", "student_courseenrollment", "forum"):
        assert {row["course"]["name"] for row in at_folder.find(name, {"course_id": RUNNING})} == {"All the way"}


def test_failed_redelivery_leaves_account_and_rows_of_the_good_one(at_folder: Desk, package: Package, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(package.folder / "edx-course-data", source)
    at_folder.sync("--only", "events", EDX_IMPORT_SOURCE=str(source))
    before = at_folder.hash()
    accounts = {row["object"]: row["loaded"] for row in at_folder.run("status", "--json", check=True).json}
    newest = max(source.rglob("demox-edx-*.gpg"))
    good = newest.read_bytes()
    newest.write_bytes(good[: len(good) // 2])
    assert at_folder.run("sync", "--only", "events", EDX_IMPORT_SOURCE=str(source)).code == 7
    newest.write_bytes(good)
    at_folder.sync("--only", "events", EDX_IMPORT_SOURCE=str(source))
    assert {row["object"]: row["loaded"] for row in at_folder.run("status", "--json", check=True).json} == accounts
    assert at_folder.hash() == before


def test_sites_one_after_the_other_are_both_on_record(make_desk: Any, institution: Any, tmp_path: Path) -> None:
    from edx_import.sample.package import make_package
    from edx_import.sample.recipe import Recipe
    from edx_import.sample.sealing import Sealer

    with Sealer(institution) as sealer:
        make_package(Recipe(seed=41, courses=1, learners=20, days=1, events_per_day=20, edge=True, email=False), tmp_path / "package", sealer)
    with make_desk(EDX_IMPORT_SOURCE=str(tmp_path / "package")) as desk:
        for site in ("prod", "edge"):
            assert desk.sync("--only", "database", "--site", site)["objects"] == 1
        assert desk.sync("--only", "database")["objects"] == 0
        assert desk.sync("--only", "database", "--site", "all")["objects"] == 0
        (row,) = desk.run("status", "--json", check=True).json
        assert row["site"] == "edge,prod"
        assert row["loaded"] > 0


def test_nothing_of_one_organisation_among_several(at_folder: Desk) -> None:
    several = at_folder.with_variables(EDX_ORG="demox,otherx2,thirdx")
    planned = several.run("sync", "--dry-run")
    said = several.run("sync", "--only", "database", "--only", "events")
    assert (planned.code, said.code) == (7, 7)
    for org in ("otherx2", "thirdx"):
        assert f"there is nothing for the organisation '{org}'" in said.err
    again = several.run("sync", "--only", "database", "--only", "events")
    assert again.code == 7


def test_no_research_package_is_nothing_new(at_folder: Desk) -> None:
    said = at_folder.run("sync", "--only", "rdx", check=True)
    assert "nothing new" in said.err


def test_scratch_that_cannot_be_written(at_folder: Desk) -> None:
    said = at_folder.run("sync", "--only", "events", EDX_IMPORT_SCRATCH="/proc/nothing/here")
    assert said.code == 4
    assert "cannot be written" in said.err


def test_dry_run_in_the_environment_loads_nothing(at_folder: Desk) -> None:
    at_folder.run("sync", EDX_IMPORT_DRY_RUN="1", check=True)
    assert at_folder.count("imports") == 0


@contextmanager
def begun_sync(desk: Desk, jobs: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A sync that has said what it will do."""
    command = [sys.executable, "-m", "edx_import", "sync", "--jobs", jobs]
    with subprocess.Popen(command, env=desk.environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "takes about" not in process.stderr.readline():
            assert process.poll() is None
        yield process, process.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_stopped_by_a_signal_says_so_and_is_finished_by_the_next_sync(at_folder: Desk, package: Package, jobs: str) -> None:
    with begun_sync(at_folder, jobs) as (process, stderr):
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        said = stderr.read()
        assert process.wait(30) == 143
    assert "warning: stopped: what was loaded is kept" in said
    assert "nothing new" not in said
    at_folder.sync()
    assert at_folder.count("courseware_studentmodule") == package.totals.documents["courseware_studentmodule"]
    assert at_folder.count("events") == package.totals.documents["events"]


def test_worker_that_is_killed_costs_nothing(at_folder: Desk, package: Package) -> None:
    with begun_sync(at_folder, "2") as (process, stderr):
        os.kill(_worker_of(process.pid), signal.SIGKILL)
        said = stderr.read()
        assert process.wait(60) == 0, said
    assert at_folder.count("events") == package.totals.documents["events"]
    scratch = Path(at_folder.environment["EDX_IMPORT_HOME"]) / "scratch"
    at_folder.sync("--force", "--only", "events", "--latest")
    assert list(scratch.glob("*.sealed")) == []


def _worker_of(parent: int) -> int:
    """The first worker process, once it is there."""
    for _ in range(200):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "stat").read_text().rpartition(")")[2].split()
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if int(words[1]) == parent and b"spawn_main" in command:
                    return int(entry.name)
        time.sleep(0.05)
    raise AssertionError("no worker was started")
