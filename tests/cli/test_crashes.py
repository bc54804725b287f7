"""Killed at any step, by itself or with gpg or MongoDB: the next sync ends in the same database as one that was never disturbed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Package
from replica_set import Server

import edx_import
from edx_import.progress import Step
from edx_import.sample.package import make_package
from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey, Sealer
from edx_import.store.connection import Store

pytestmark = pytest.mark.proof

LAST_WEEK, THIS_WEEK = date(2020, 1, 5), date(2020, 1, 12)
PROGRAM = Path(__file__).parents[1] / "support" / "crashing.py"

#: What is killed where. The steps inside an object come once for each member and each thousand rows: the first and a later one are struck.
STEPS = [
    (Step.LOCKED, 1),
    (Step.PLANNED, 1),
    (Step.STARTED, 2),
    (Step.FETCHING, 1),
    (Step.FETCHED, 1),
    ("decrypting", 3),
    (Step.VERIFIED, 5),
    (Step.READING, 1),
    (Step.READING, 6),
    (Step.WRITTEN, 1),
    (Step.WRITTEN, 4),
    (Step.REMOVED, 3),
    (Step.RECORDING, 1),
    (Step.RECORDED, 1),
    (Step.RECORDED, 2),
]


@pytest.fixture(scope="module")
def weeks(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Two weekly packages, two days of events: enough rows for several batches in one file."""
    tables = frozenset(("auth_user", "student_courseenrollment", "courseware_studentmodule"))
    recipe = Recipe(
        seed=33,
        courses=2,
        learners=120,
        days=2,
        events_per_day=2500,
        blocks_per_learner=12,
        weekly=(LAST_WEEK, THIS_WEEK),
        tables=tables,
        email=False,
    )
    folder = tmp_path_factory.mktemp("weeks")
    with Sealer(institution) as sealer:
        return Package(recipe, folder, make_package(recipe, folder, sealer), institution)


@pytest.fixture(scope="module")
def last_week(weeks: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("last_week")
    shutil.copyfile(weeks.folder / "course-data" / f"demox-{LAST_WEEK}.zip", folder / f"demox-{LAST_WEEK}.zip")
    return folder


@pytest.fixture(scope="module")
def template(make_desk: Any, last_week: Path) -> Iterator[Desk]:
    """A database as last week's package left it."""
    with make_desk(EDX_IMPORT_SOURCE=str(last_week)) as desk:
        desk.sync()
        yield desk


@pytest.fixture(scope="module")
def clean(make_desk: Any, weeks: Package) -> Iterator[dict[str, str]]:
    """The database that everything must end in: this week's package alone, never disturbed."""
    with make_desk(EDX_IMPORT_SOURCE=str(weeks.folder)) as desk:
        desk.sync()
        yield desk.hash()


@pytest.fixture
def begun(make_desk: Any, weeks: Package, template: Desk) -> Iterator[Desk]:
    """A desk with last week's package loaded, and this week's to come."""
    with make_desk(EDX_IMPORT_SOURCE=str(weeks.folder)) as desk:
        copy_database(template, desk)
        yield desk


def copy_database(source: Desk, target: Desk) -> None:
    with source.store() as old, Store.connect(target.uri, target.database) as new:
        for name in old.database.list_collection_names():
            documents = list(old.database[name].find({}))
            if documents:
                new.database[name].insert_many(documents)


def crash(desk: Desk, step: str, nth: int, what: str = "process", jobs: str = "1", **more: str) -> subprocess.CompletedProcess[str]:
    """A sync that is struck; the step must have been reached."""
    environment = {**desk.environment, **more, "EDX_IMPORT_JOBS": jobs, "CRASH_AT": step, "CRASH_NTH": str(nth), "CRASH_WHAT": what}
    environment["PYTHONPATH"] = str(Path(edx_import.__file__).parents[1])
    return subprocess.run([sys.executable, str(PROGRAM), "-q", "sync"], env=environment, capture_output=True, text=True, timeout=120, check=False)


def assert_repaired(desk: Desk, clean: dict[str, str]) -> None:
    """The next sync ends well at once, in the right database, with accounts that add up."""
    desk.sync()
    assert desk.hash() == clean
    for record in desk.find("imports"):
        counts = record["counts"]
        assert record["state"] == "loaded"
        assert counts["read"] == counts["loaded"] + counts["duplicate"] + counts["rejected"] + counts["filtered"]


@pytest.mark.parametrize(("step", "nth"), STEPS)
def test_process_killed_at_a_step(begun: Desk, clean: dict[str, str], step: str, nth: int) -> None:
    assert crash(begun, step, nth).returncode == -signal.SIGKILL
    assert_repaired(begun, clean)


@pytest.mark.parametrize(("step", "nth"), [(Step.READING, 2), (Step.WRITTEN, 1), (Step.RECORDING, 1)])
def test_process_with_workers_killed_at_a_step(begun: Desk, clean: dict[str, str], step: str, nth: int) -> None:
    assert crash(begun, step, nth, jobs="2").returncode == -signal.SIGKILL
    assert_repaired(begun, clean)


# the first message is one that is only looked at for the course's id, and then opened once more
@pytest.mark.parametrize("nth", [4, 9])
def test_gpg_killed_at_work(begun: Desk, clean: dict[str, str], nth: int) -> None:
    said = crash(begun, "decrypting", nth, "gpg")
    assert said.returncode == 7
    assert "gpg was ended by signal 9" in said.stderr
    assert_repaired(begun, clean)


@pytest.mark.parametrize(("step", "nth"), [(Step.PLANNED, 1), (Step.READING, 3), (Step.WRITTEN, 1), (Step.RECORDING, 1)])
def test_mongod_killed_at_a_step_and_back_again(begun: Desk, clean: dict[str, str], own_server: Server, step: str, nth: int) -> None:
    own = replace(begun, uri=own_server.uri).with_variables(STORAGE_URI=own_server.uri)
    copy_database(begun, own)
    with ThreadPoolExecutor() as pool:
        struck = pool.submit(crash, own, step, nth, "mongod", CRASH_PID=str(own_server.pid))
        own_server.wait_for_end()
        own_server.start()
        assert struck.result().returncode == 0, struck.result().stderr
    assert own.hash() == clean
    with own.store() as store:
        store.drop()
