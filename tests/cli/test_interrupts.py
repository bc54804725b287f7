"""Ctrl-C and `docker stop`: the first brings the work to where the next sync goes on, the second ends it at once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from desk import Desk, Package

import edx_import
from edx_import.progress import Step

PROGRAM = Path(__file__).parents[1] / "support" / "crashing.py"
CODES = {"SIGINT": 130, "SIGTERM": 143}


def struck(desk: Desk, signal: str, step: str, nth: int = 1, jobs: str = "1", **more: str) -> subprocess.CompletedProcess[str]:
    """A sync that gets a signal at a step."""
    environment = {**desk.environment, "CRASH_WHAT": signal, "CRASH_AT": step, "CRASH_NTH": str(nth), "EDX_IMPORT_JOBS": jobs, **more}
    environment["PYTHONPATH"] = str(Path(edx_import.__file__).parents[1])
    command = [sys.executable, str(PROGRAM), "-q", "sync"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def assert_finished_by_the_next(desk: Desk, package: Package) -> None:
    desk.sync()
    for name in ("events", "courseware_studentmodule", "student_courseenrollment"):
        assert desk.count(name) == package.totals.documents[name]
    assert {record["state"] for record in desk.find("imports")} == {"loaded"}


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_first_signal_ends_between_two_rows_and_the_next_sync_goes_on(at_folder: Desk, package: Package, signal: str, jobs: str) -> None:
    said = struck(at_folder, signal, Step.READING, 3, jobs)
    assert said.returncode == CODES[signal]
    assert "warning: stopping: what is under way is brought to where the next sync can go on" in said.stderr
    assert "warning: stopped: what was loaded is kept" in said.stderr
    records = at_folder.find("imports", {"member": ""})
    assert {"loading"} <= {record["state"] for record in records} <= {"loading", "loaded", "pending", "fetching", "verifying"}
    assert "stopped before its end" in {record["error"] for record in records if record["state"] == "loading"}
    assert not at_folder.find("meta", {"_id": "sync_lock", "owner": {"$ne": None}})
    assert_finished_by_the_next(at_folder, package)


@pytest.mark.parametrize("step", [Step.FETCHING, Step.VERIFIED, Step.WRITTEN, Step.RECORDED])
def test_first_signal_at_other_steps(at_folder: Desk, package: Package, step: str) -> None:
    assert struck(at_folder, "SIGTERM", step).returncode == 143
    assert_finished_by_the_next(at_folder, package)


def test_signal_before_anything_is_begun(at_folder: Desk) -> None:
    said = struck(at_folder, "SIGINT", Step.LOCKED)
    assert said.returncode == 130
    assert "warning: stopped" in said.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_second_signal_does_not_wait_for_what_hangs(at_folder: Desk, package: Package, jobs: str) -> None:
    began = time.monotonic()
    said = struck(at_folder, "SIGTERM", Step.READING, 2, jobs, CRASH_TWICE="1")
    assert said.returncode == 143
    assert time.monotonic() - began < 60  # the step hangs for five minutes
    assert_finished_by_the_next(at_folder, package)


def test_pending_objects_are_on_record_before_they_are_begun(at_folder: Desk) -> None:
    struck(at_folder, "SIGTERM", Step.STARTED)
    records = at_folder.run("status", "--json", check=True).json
    assert {row["state"] for row in records} == {"pending"}
    assert {row["attempts"] for row in records} == {0}
