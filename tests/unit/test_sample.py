"""The sample package in the clear: the same every time, named as edX names it, and exactly what its totals say."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zipfile import ZipFile

import pytest
from in_the_clear import Unsealed, decoded

from edx_import.courses import load_courses
from edx_import.model import PROD
from edx_import.packages.naming import parse_key, parse_member
from edx_import.sample import dirt
from edx_import.sample.catalogue import BY_TASK, iter_rows
from edx_import.sample.events import iter_events
from edx_import.sample.package import database_members, make_package
from edx_import.sample.recipe import Recipe, courses_of, sample_courses_yaml
from edx_import.sample.totals import GeneralTotals, SampleTotals, Tally

DEFAULT = Recipe()
SMALL = Recipe(learners=40, events_per_day=60, days=2)
RUNNING, HYPHENATED, ARCHIVED = courses_of(DEFAULT)


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleTotals]:
    """The default package in the clear, and its totals."""
    folder = tmp_path_factory.mktemp("clear")
    return folder, make_package(DEFAULT, folder, Unsealed())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@cache
def members(recipe: Recipe) -> dict[str, bytes | None]:
    """The content of the members of the newest ZIP, by base name."""
    return {member.path.rpartition("/")[2]: member.content for member in database_members(recipe, recipe.snapshots[-1], Tally())}


def test_one_recipe_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    recipe = replace(SMALL, edge=True, foreign=True, dirt=0.1)
    totals = [make_package(recipe, tmp_path / name, Unsealed()) for name in ("one", "two")]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert totals[0] == totals[1]


def test_another_seed_gives_other_learners_and_other_events() -> None:
    other = replace(SMALL, seed=2)
    assert not set(iter_events(SMALL, SMALL.last_day)) & set(iter_events(other, SMALL.last_day))
    assert [*iter_rows(SMALL, RUNNING, "auth_user")] != [*iter_rows(other, RUNNING, "auth_user")]


def test_a_day_does_not_depend_on_what_was_made_before_it() -> None:
    last = [*iter_events(SMALL, SMALL.last_day)]
    assert [*iter_events(SMALL, SMALL.event_days[0])] != last
    assert [*iter_events(SMALL, SMALL.last_day)] == last


def test_a_day_of_any_size_is_streamed() -> None:
    assert json.loads(next(iter_events(Recipe(learners=5, events_per_day=10**9), DEFAULT.last_day)))["time"]


def test_keys_and_members_have_the_names_that_edx_gives_them(tmp_path: Path) -> None:
    make_package(replace(SMALL, edge=True, weekly=(date(2020, 1, 5), date(2020, 1, 12))), tmp_path, Unsealed())
    keys = sorted(contents(tmp_path))
    assert keys == [
        "course-data/demox-2020-01-05.zip",
        "course-data/demox-2020-01-12.zip",
        "course-data/email-opt-in/email-opt-in-demox-2020-01-05.zip",
        "course-data/email-opt-in/email-opt-in-demox-2020-01-12.zip",
        "edx-course-data/demox/edge/events/2020/demox-edge-events-2020-01-11.log.gz.gpg",
        "edx-course-data/demox/edge/events/2020/demox-edge-events-2020-01-12.log.gz.gpg",
        "edx-course-data/demox/edx/events/2020/demox-edx-events-2020-01-11.log.gz.gpg",
        "edx-course-data/demox/edx/events/2020/demox-edx-events-2020-01-12.log.gz.gpg",
    ]
    with ZipFile(tmp_path / keys[1]) as archive:
        names = set(archive.namelist())
    assert {
        "demox-2020-01-12/DemoX-D-102x-2T2019-v2-auth_user-prod-analytics.sql.gpg",
        "demox-2020-01-12/DemoX-D90-2013_Fall-auth_user-prod-edge-analytics.sql.gpg",
        "demox-2020-01-12/DemoX-D101-1T2020-prod.mongo.gpg",
        "demox-2020-01-12/DemoX-D101-1T2020-edge.mongo.gpg",
        "demox-2020-01-12/ora/DemoX-D101-1T2020-assessment_rubric-prod-analytics.sql.gpg",
    } <= names


def test_foreign_keys_are_never_read_as_ours(tmp_path: Path) -> None:
    make_package(replace(SMALL, foreign=True, courses=1), tmp_path, Unsealed())
    keys = [key.split("/", 1)[1] for key in contents(tmp_path)]
    strange = [key for key in keys if (name := parse_key(key)) is None or name.org != "demox" or name.site_token == "patches"]
    assert len(strange) == 4
    assert "demox-pro-2020-01-12.zip" in strange


def member_rows(folder: Path, task: str) -> dict[str, list[dict[str, str]]]:
    """The decoded rows of a table of every course, by the course part of the name."""
    with ZipFile(folder / "course-data/demox-2020-01-12.zip") as archive:
        named = [(path, parse_member(path)) for path in archive.namelist()]
        found = [(name.course_part, archive.read(path)) for path, name in named if name and name.task == task and name.site == PROD]
    return {part: decoded(content, BY_TASK[task].dialect) for part, content in found}


def test_document_totals_equal_a_recount(clear: tuple[Path, SampleTotals]) -> None:
    folder, totals = clear
    counted: Counter[str] = Counter()
    with ZipFile(folder / "course-data/demox-2020-01-12.zip") as archive:
        for path in archive.namelist():
            name = parse_member(path)
            assert name is not None
            content = archive.read(path)
            if name.extension == "sql":
                counted[name.task] += content.count(b"\n") - 1
            elif name.extension == "mongo":
                counted["forum"] += content.count(b"\n")
            elif name.extension == "json":
                counted["course_structure"] += len(json.loads(content))
    said = {collection.removeprefix("other_"): number for collection, number in totals.documents.items()}
    assert {name: said.get(name, 0) for name in counted} == dict(counted)
    assert said["courses"] == 3
    assert totals.rejected_rows == {}


def test_event_totals_equal_a_recount(clear: tuple[Path, SampleTotals]) -> None:
    folder, totals = clear
    lines = {key: gzip.decompress((folder / "edx-course-data" / key).read_bytes()).splitlines() for key in totals.event_files}
    assert {key: len(content) for key, content in lines.items()} == {key: file.read for key, file in totals.event_files.items()}
    assert all(file.read == file.loaded and not file.duplicate and not file.rejected for file in totals.event_files.values())
    assert totals.documents["events"] == len({line for content in lines.values() for line in content}) == sum(totals.events.values())
    named: Counter[str] = Counter()
    for content in lines.values():
        for line in content:
            mentioned = [course.id for course in courses_of(DEFAULT) if course.id.encode() in line]
            named[mentioned[0] if "/dashboard" not in str(line) and "/user_api" not in str(line) else ""] += 1
    assert dict(named) == dict(totals.events)


def test_report_totals_equal_a_recount(clear: tuple[Path, SampleTotals]) -> None:
    folder, totals = clear
    enrollments, profiles = member_rows(folder, "student_courseenrollment"), member_rows(folder, "auth_userprofile")
    certificates, modules = member_rows(folder, "certificates_generatedcertificate"), member_rows(folder, "courseware_studentmodule")
    recount = []
    for course in courses_of(DEFAULT):
        part = course.file_part
        people = {row["user_id"]: row for row in profiles[part]}
        known = [people.get(row["user_id"], {"gender": "NULL", "country": "NULL"}) for row in enrollments[part]]
        recount.append(
            GeneralTotals(
                course.id,
                course.name,
                len(enrollments[part]),
                len({row["student_id"] for row in modules[part]}),
                len([row for row in certificates[part] if row["grade"] and float(row["grade"]) >= course.passing_grade]),
                len([row for row in certificates[part] if row["status"] == "downloadable"]),
                len([row for row in certificates[part] if row["status"] == "notpassing"]),
                len([row for row in known if row["gender"] == "m"]),
                len([row for row in known if row["gender"] == "f"]),
                len({row["country"] for row in known} - {"", "NULL"}),
            )
        )
    assert totals.general == tuple(recount)
    assert len(totals.enrollments) == sum(course.total_users for course in recount)
    assert {row.gender for row in totals.enrollments} == {"m", "f", "o", ""}
    assert {(row.course_id, row.mode, row.is_active) for row in totals.enrollments} == {
        (row["course_id"], row["mode"], row["is_active"] == "1") for rows in enrollments.values() for row in rows
    }
    assert json.loads(json.dumps(totals.as_dict(), default=str))["general"][0]["course_id"] == RUNNING.id


def test_a_recipe_without_learners_makes_a_package_of_headers(tmp_path: Path) -> None:
    totals = make_package(Recipe(learners=0, courses=1, dirt=dirt.DIRT - dirt.LONG_LINES.keys()), tmp_path, Unsealed())
    assert totals.documents["auth_user"] == totals.documents["events"] == 0
    assert "DemoX-D101-1T2020-courseware_studentmodule-prod-analytics.sql.gpg" not in members(Recipe(learners=0))


def test_the_email_file_repeats_its_header(clear: tuple[Path, SampleTotals]) -> None:
    with ZipFile(clear[0] / "course-data/email-opt-in/email-opt-in-demox-2020-01-12.zip") as archive:
        text = archive.read("email-opt-in-demox-2020-01-12/demox-email_opt_in-prod-analytics.csv.gpg").decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows.count(rows[0]) == 3
    assert {row[5] for row in rows if row != rows[0]} == {"True", "False", ""}
    assert len(rows) - 3 == clear[1].documents["email_opt_in"]


def test_the_sample_courses_yaml_lists_all_courses_but_one(tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text(sample_courses_yaml(DEFAULT), encoding="utf-8")
    catalog = load_courses(tmp_path / "courses.yaml")
    assert [course.id for course in catalog.courses] == [RUNNING.id, HYPHENATED.id]
    assert [(course.name, course.sme, course.passing_grade) for course in catalog.courses] == [
        (c.name, c.sme, c.passing_grade) for c in (RUNNING, HYPHENATED)
    ]
    assert catalog.courses[0].start_date == datetime(2020, 1, 6, tzinfo=UTC)
