"""`edx-import sync`, from a sealed package to documents, as a user runs it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from desk import Desk, Package

DECLARED = (
    "auth_user",
    "auth_userprofile",
    "certificates_generatedcertificate",
    "courses",
    "courseware_studentmodule",
    "course_structure",
    "events",
    "student_courseenrollment",
    "user_id_map",
)


def test_sync_from_s3_loads_what_the_package_holds(at_s3: Desk, package: Package) -> None:
    summary = at_s3.sync()
    assert {name: at_s3.count(name) for name in DECLARED} == {name: package.totals.documents[name] for name in DECLARED}
    files = {found["key"]: found["counts"] for found in summary["imports"]}
    for key, expected in package.totals.event_files.items():
        counts = files[key]
        assert (counts["read"], counts["loaded"], counts["duplicate"], counts["rejected"]) == (
            expected.read,
            expected.loaded,
            expected.duplicate,
            expected.rejected,
        )
    assert Counter(event["course_id"] or "" for event in at_s3.find("events")) == package.totals.events


def test_other_organisations_whose_name_begins_like_ours_are_not_loaded(at_s3: Desk) -> None:
    summary = at_s3.sync()
    assert {found["key"].partition("/")[0] for found in summary["imports"]} == {"demox-2020-01-12.zip", "demox", "email-opt-in"}
    assert not [found["key"] for found in summary["imports"] if "demox-pro" in found["key"]]


def test_second_sync_does_nothing_says_so_and_the_database_is_identical(at_s3: Desk) -> None:
    at_s3.sync()
    before = at_s3.hash()
    said = at_s3.run("sync", check=True)
    assert "nothing new: left out: 4 already loaded" in said.err
    assert at_s3.hash() == before


def test_sync_after_the_ledger_was_lost_gives_the_identical_database(at_folder: Desk) -> None:
    first = at_folder.sync()
    before = at_folder.hash()
    with at_folder.store() as store:
        store.database["imports"].drop()
    second = at_folder.sync()
    assert at_folder.hash() == before
    assert second["counts"] == first["counts"]


def test_forced_sync_gives_the_identical_database(at_folder: Desk) -> None:
    first = at_folder.sync()
    before = at_folder.hash()
    second = at_folder.sync("--force")
    assert at_folder.hash() == before
    assert second["counts"] == first["counts"]


def test_the_same_object_from_a_folder_and_from_s3_is_one_object(at_s3: Desk, package: Package) -> None:
    at_s3.sync()
    before = at_s3.hash()
    again = at_s3.sync("--source", str(package.folder))
    assert {found["unchanged"] for found in again["imports"] if found["key"].endswith(".gpg")} == {True}
    assert {state for found in again["imports"] for state in found.get("members", {})} <= {"unchanged", "left out"}
    assert at_s3.hash() == before


def test_one_course_first_then_the_others_arrive(at_folder: Desk, package: Package) -> None:
    one = "course-v1:DemoX+D101+1T2020"
    first = at_folder.sync("--course", one)
    assert first["counts"]["filtered"] > 0
    assert {row["course_id"] for row in at_folder.find("student_courseenrollment")} == {one}
    assert {event["course_id"] for event in at_folder.find("events")} == {one}
    planned = at_folder.run("sync", "--dry-run", "--json", check=True).json
    assert {entry["why"] for entry in planned["load"]} == {"more of it is asked for than was loaded"}
    at_folder.sync()
    assert {name: at_folder.count(name) for name in DECLARED} == {name: package.totals.documents[name] for name in DECLARED}


def test_narrower_sync_after_a_full_one_has_nothing_to_do(at_folder: Desk) -> None:
    at_folder.sync()
    assert at_folder.sync("--course", "course-v1:DemoX+D101+*")["objects"] == 0


def test_excluded_course_stays_out(at_folder: Desk) -> None:
    at_folder.sync("--exclude", "DemoX/D90/*")
    assert at_folder.count("events") > 0
    assert not at_folder.count("events", {"course_id": {"$regex": "^DemoX/"}})
    assert not at_folder.count("auth_user", {"course_id": {"$regex": "^DemoX/"}})


def test_dry_run_prints_exactly_what_a_run_does(at_folder: Desk) -> None:
    planned = at_folder.run("sync", "--dry-run", "--json", check=True).json
    assert at_folder.count("imports") == 0
    done = at_folder.sync()
    assert [entry["key"] for entry in planned["load"]] == [found["key"] for found in done["imports"]]


def test_dry_run_as_text_ends_with_a_sum(at_folder: Desk) -> None:
    lines = at_folder.run("sync", "--dry-run", check=True).out.splitlines()
    assert lines[0].startswith("load  demox-2020-01-12.zip")
    assert lines[0].endswith("(new)")
    assert lines[-1].startswith("4 objects to load, ")


def test_two_processes_load_the_same_as_one(at_folder: Desk) -> None:
    at_folder.sync()
    alone = at_folder.hash()
    with at_folder.store() as store:
        store.drop()
    at_folder.sync("--jobs", "2")
    assert at_folder.hash() == alone


def test_only_events_leaves_the_tables_alone(at_folder: Desk) -> None:
    at_folder.sync("--only", "events")
    assert at_folder.count("events") > 0
    assert at_folder.count("auth_user") == 0


def test_options_can_stand_in_the_environment(at_folder: Desk) -> None:
    summary = at_folder.with_variables(EDX_IMPORT_ONLY="events", EDX_IMPORT_SINCE="2020-01-12").sync()
    assert [found["key"][-21:-11] for found in summary["imports"]] == ["2020-01-12"]


def test_latest_takes_the_newest_event_day(at_folder: Desk) -> None:
    summary = at_folder.sync("--only", "events", "--latest")
    assert [found["key"][-21:-11] for found in summary["imports"]] == ["2020-01-12"]


def test_course_metadata_is_on_documents_and_in_courses(at_folder: Desk) -> None:
    at_folder.sync()
    (row, *_) = at_folder.find("student_courseenrollment", {"course_id": "course-v1:DemoX+D101+1T2020"})
    assert row["course"]["name"] == "Data for Better Decisions"
    assert row["course"]["start_date"] == datetime(2020, 1, 6, tzinfo=UTC)
    listed = {course["course_id"]: course["listed"] for course in at_folder.find("courses")}
    assert listed == {"DemoX/D90/2013_Fall": False, "course-v1:DemoX+D101+1T2020": True, "course-v1:DemoX+D-102x+2T2019-v2": True}


def test_unlisted_course_is_loaded_and_named_in_a_warning(at_folder: Desk) -> None:
    assert "not in courses.yaml, loaded all the same (listed: false): DemoX/D90/2013_Fall" in at_folder.run("sync", check=True).err


def test_changed_metadata_reaches_documents_without_loading_again(at_folder: Desk) -> None:
    at_folder.sync()
    courses = at_folder.environment["COURSES_FILE"]
    with open(courses, encoding="utf-8") as file:
        text = file.read()
    with open(courses, "w", encoding="utf-8") as file:
        file.write(text.replace("Data for Better Decisions", "Datos para decidir"))
    summary = at_folder.sync("--only", "metadata")
    assert (summary["objects"], summary["courses_refreshed"]) == (0, 1)
    names = {row["course"]["name"] for row in at_folder.find("auth_user", {"course_id": "course-v1:DemoX+D101+1T2020"})}
    assert names == {"Datos para decidir"}


def test_sealed_originals_are_kept_on_request_and_nothing_else_stays(
    at_folder: Desk, package: Package, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = tmp_path_factory.mktemp("kept")
    at_folder.sync("--keep", str(kept), "--only", "events", "--latest")
    (copy,) = [path for path in kept.rglob("*") if path.is_file()]
    assert copy.read_bytes() == next((package.folder / "edx-course-data").rglob(copy.name)).read_bytes()
    assert not [path for path in Path(at_folder.environment["EDX_IMPORT_HOME"]).rglob("*") if path.is_file()]


def test_status_tells_what_was_imported(at_folder: Desk) -> None:
    assert "nothing has been imported" in at_folder.run("status", check=True).err
    at_folder.sync()
    rows = at_folder.run("status", "--json", check=True).json
    assert (rows[0]["object"], rows[0]["state"]) == ("demox-2020-01-12.zip", "loaded")
    assert len(rows) == 4
