"""Last week's package and this week's: what is gone is gone, what changed is changed, and what looks like an accident is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Package

from edx_import.sample.catalogue import iter_rows
from edx_import.sample.dirt import TRUNCATED_TASK, ZERO_BYTE_TASK
from edx_import.sample.package import make_package
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.sealing import InstitutionKey, Sealer
from edx_import.sample.shrinking import shrinking_weeks

LAST_WEEK, THIS_WEEK = date(2020, 1, 5), date(2020, 1, 12)
TABLES = frozenset(
    ("auth_user", "auth_userprofile", "certificates_generatedcertificate", "courseware_studentmodule", "student_courseenrollment", TRUNCATED_TASK)
) | {ZERO_BYTE_TASK}


@pytest.fixture(scope="module")
def weeks(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package with two snapshots."""
    recipe = Recipe(seed=21, learners=40, days=1, events_per_day=20, blocks_per_learner=6, weekly=(LAST_WEEK, THIS_WEEK), tables=TABLES)
    folder = tmp_path_factory.mktemp("weeks")
    with Sealer(institution) as sealer:
        return Package(recipe, folder, make_package(recipe, folder, sealer), institution)


def only_week(package: Package, day: date, folder: Path) -> Path:
    """A source with the ZIP of one week."""
    folder.mkdir(exist_ok=True)
    name = f"demox-{day}.zip"
    shutil.copyfile(package.folder / "course-data" / name, folder / name)
    return folder


def rows_of(package: Package, task: str, day: date) -> int:
    return sum(1 for course in courses_of(package.recipe) for _ in iter_rows(package.recipe, course, task, day=day))


def test_this_week_replaces_last_week(make_desk: Any, weeks: Package, tmp_path: Path) -> None:
    with make_desk() as desk, make_desk() as clean:
        desk.sync("--only", "database", EDX_IMPORT_SOURCE=str(only_week(weeks, LAST_WEEK, tmp_path / "source")))
        assert desk.count("courseware_studentmodule") == rows_of(weeks, "courseware_studentmodule", LAST_WEEK)
        summary = desk.sync("--only", "database", EDX_IMPORT_SOURCE=str(only_week(weeks, THIS_WEEK, tmp_path / "source")))
        assert summary["counts"]["removed"] > 0
        for task in ("student_courseenrollment", "courseware_studentmodule", "auth_user"):
            assert desk.count(task) == rows_of(weeks, task, THIS_WEEK)
        clean.sync("--only", "database", EDX_IMPORT_SOURCE=str(only_week(weeks, THIS_WEEK, tmp_path / "clean")))
        assert desk.hash() == clean.hash()


def test_members_with_the_same_content_are_not_read_again(make_desk: Any, weeks: Package, tmp_path: Path) -> None:
    with make_desk() as desk:
        desk.sync("--only", "database", EDX_IMPORT_SOURCE=str(only_week(weeks, LAST_WEEK, tmp_path / "source")))
        summary = desk.sync("--only", "database", EDX_IMPORT_SOURCE=str(only_week(weeks, THIS_WEEK, tmp_path / "source")))
        (found,) = summary["imports"]
        assert found["members"]["unchanged"] > 5
        assert not desk.run("status", check=True).err  # nothing is stale


def test_older_package_never_replaces_a_newer_one(make_desk: Any, weeks: Package, tmp_path: Path) -> None:
    with make_desk() as desk:
        desk.sync("--only", "database", EDX_IMPORT_SOURCE=str(only_week(weeks, THIS_WEEK, tmp_path / "new")))
        before = desk.hash()
        said = desk.run("sync", "--only", "database", EDX_IMPORT_SOURCE=str(only_week(weeks, LAST_WEEK, tmp_path / "old")), check=True)
        assert "1 older snapshots" in said.err
        assert desk.hash() == before


@pytest.fixture(scope="module")
def shrunk(make_desk: Any, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Path, Package]]:
    """A database with last week's package, and a source whose newest has a truncated table and a file of no bytes."""
    before, after = shrinking_weeks(Recipe(seed=22, learners=120, days=1, events_per_day=20, blocks_per_learner=2, email=False, tables=TABLES))
    with Sealer(institution) as sealer:
        first, second = tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("after")
        make_package(before, first, sealer)
        totals = make_package(after, second, sealer)
    with make_desk() as desk:
        desk.sync("--only", "database", EDX_IMPORT_SOURCE=str(first))
        yield desk, second, Package(after, second, totals, institution)


def test_truncated_table_and_file_of_no_bytes_are_refused_then_taken_by_force(shrunk: tuple[Desk, Path, Package]) -> None:
    desk, source, package = shrunk
    first = {"course_id": courses_of(package.recipe)[0].id}
    before = {task: desk.count(task, first) for task in (TRUNCATED_TASK, ZERO_BYTE_TASK)}
    assert all(before.values())
    said = desk.run("sync", "--only", "database", EDX_IMPORT_SOURCE=str(source))
    assert said.code == 7
    warnings = [line for line in said.err.splitlines() if line.startswith("warning: ")]
    assert [line for line in warnings if f"-{TRUNCATED_TASK}-" in line and "--force" in line and "in the delivery before" in line]
    assert [line for line in warnings if f"-{ZERO_BYTE_TASK}-" in line]
    assert {task: desk.count(task, first) for task in before} == before
    stale = desk.run("status", check=True).err
    assert f"-{TRUNCATED_TASK}-" in stale
    assert "stale since" in stale
    forced = desk.run("sync", "--only", "database", "--force", EDX_IMPORT_SOURCE=str(source))
    assert desk.count(TRUNCATED_TASK, first) * 2 < before[TRUNCATED_TASK]
    # what was never encrypted cannot be taken, by no force
    assert forced.code == 7
    assert desk.count(ZERO_BYTE_TASK, first) == before[ZERO_BYTE_TASK]
