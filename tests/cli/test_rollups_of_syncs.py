"""Roll-ups as a person meets them: a sync makes them, what is cut off is made good, and reports read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from desk import Desk, Package
from person_days import person_days

from edx_import.sample.rdx import make_rdx
from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey, Sealer

ROLLUPS = ("person_course_day", "module_course_day")


def rows(desk: Desk) -> dict[str, dict[str, object]]:
    return {row["_id"]: {name: value for name, value in row.items() if name != "rolled_up"} for row in desk.find("person_course_day")}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_sync_rolls_up_what_it_has_loaded_and_a_second_one_nothing(at_folder: Desk, jobs: str) -> None:
    desk = at_folder
    summary = desk.sync("--jobs", jobs)
    assert summary["days_rolled_up"] > 0
    assert rows(desk) == person_days(desk.find("events"))
    assert desk.count("rollup_todo") == 0
    assert desk.sync()["days_rolled_up"] == 0


def test_days_that_a_sync_has_left_are_made_by_the_next_with_nothing_else_to_do(at_folder: Desk) -> None:
    desk = at_folder
    desk.sync()
    whole = desk.hash()
    with desk.store() as store:
        day = store.database["person_course_day"].find_one() or {}
        note = {"_id": "|".join(str(day["_id"]).split("|")[:3]), **{name: day[name] for name in ("site", "course_id", "day")}}
        store.database["rollup_todo"].insert_one(note)  # as a sync leaves it that is killed after its last event
        store.database["person_course_day"].delete_many({"course_id": day["course_id"], "day": day["day"]})
    said = desk.run("cmd", "person_course_day", "--format", "json", check=True)
    assert "1 days of courses have new events" in said.err
    assert desk.sync()["days_rolled_up"] == 1
    assert desk.hash() == whole


def test_the_command_makes_all_anew(at_folder: Desk) -> None:
    desk = at_folder
    desk.sync()
    whole = desk.hash()
    with desk.store() as store:
        store.database["person_course_day"].delete_many({})
        store.database["module_course_day"].update_many({}, {"$set": {"nevents": 0}})
    said = desk.run("cmd", "rebuild_rollups", "--format", "json", check=True)
    assert said.json[0]["days"] > 0
    assert desk.hash() == whole


def test_events_loaded_day_by_day_or_at_once_are_rolled_up_the_same(make_desk: Callable[..., AbstractContextManager[Desk]], package: Package) -> None:
    hashes = []
    for order in ([("--latest",), ()], [()], [(), ("--force",)]):
        with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
            for options in order:
                desk.sync("--only", "events", *options)
            hashes.append({name: desk.hash()[name] for name in ROLLUPS})
    assert hashes[0] == hashes[1] == hashes[2]


def test_a_research_package_is_rolled_up_under_its_own_site(
    make_desk: Callable[..., AbstractContextManager[Desk]], institution: InstitutionKey, tmp_path: Path
) -> None:
    with Sealer(institution) as sealer:
        make_rdx(Recipe(seed=3, learners=20, days=2, events_per_day=120, blocks_per_learner=4), tmp_path, sealer)
    with make_desk(EDX_IMPORT_SOURCE=str(tmp_path)) as desk:
        desk.sync("--only", "rdx")
        found = rows(desk)
        assert found == person_days(desk.find("events"))
        sites = {str(row["site"]) for row in found.values()}
        assert sites
        assert all(site.startswith("rdx:") for site in sites)
        said = desk.run("cmd", "person_course_day", "--site", sites.pop(), "--format", "json", check=True)
        assert len(json.loads(said.out)) > 0


def test_the_events_of_a_course_go_into_a_collection_or_a_file(at_folder: Desk, tmp_path: Path) -> None:
    desk = at_folder
    desk.sync()
    course = "course-v1:DemoX+D101+1T2020"
    events = desk.count("events", {"course_id": course})
    desk.run("cmd", "extract_course_events", "--course", course, "--save", "--output", str(tmp_path / "events.jsonl"), check=True)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == events == desk.count("report_extract_course_events")
    assert {line["course_id"] for line in lines} == {course}
    assert any(line["parent_data"] for line in lines) == bool(desk.count("course_structure"))
