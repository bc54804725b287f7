"""What a sync takes and what it leaves, decided from listing and ledger alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from edx_import.model import CourseFilter, DeliveredObject, ImportRecord, ImportState, ObjectKind, ObjectName
from edx_import.sync.plan import Coverage, Skip, SyncRequest, Task, plan

VERSIONS = {ObjectKind.DATABASE: 3, ObjectKind.EVENTS: 2}
REQUEST = SyncRequest(orgs=("demox",))


def weekly(day: str, org: str = "demox") -> DeliveredObject:
    return DeliveredObject(ObjectName(ObjectKind.DATABASE, org, date.fromisoformat(day)), f"{org}-{day}.zip", 1000, "etag")


def events(day: str, token: str = "edx", etag: str = "etag") -> DeliveredObject:
    name = ObjectName(ObjectKind.EVENTS, "demox", date.fromisoformat(day), token)
    return DeliveredObject(name, f"demox/{token}/events/{day[:4]}/demox-{token}-events-{day}.log.gz.gpg", 10, etag)


def loaded(found: DeliveredObject, **changes: object) -> dict[str, ImportRecord]:
    record = ImportRecord(
        found.key,
        ImportState.LOADED,
        kind=found.name.kind,
        org=found.name.org,
        site=found.name.site or "prod",
        date=found.name.date.isoformat(),
        size=found.size,
        etag=found.etag,
        reader_version=VERSIONS[found.name.kind],
        counts={"loaded": 1},
    )
    return {found.key: replace(record, **changes)}  # type: ignore[arg-type]


def taken(listing: list[DeliveredObject], records: dict[str, ImportRecord] | None = None, request: SyncRequest = REQUEST) -> list[str]:
    return [task.delivered.key for task in plan(listing, records or {}, request, VERSIONS).tasks]


def only_task(listing: list[DeliveredObject], records: dict[str, ImportRecord], request: SyncRequest = REQUEST) -> Task:
    (task,) = plan(listing, records, request, VERSIONS).tasks
    return task


def test_newest_zip_by_the_date_in_its_name() -> None:
    assert taken([weekly("2020-01-12"), weekly("2020-01-19"), weekly("2019-12-29")]) == ["demox-2020-01-19.zip"]


def test_each_organisation_gets_its_own_newest_zip() -> None:
    listing = [weekly("2020-01-12"), weekly("2020-01-05", "other")]
    assert taken(listing, request=SyncRequest(("demox", "other"))) == ["demox-2020-01-12.zip", "other-2020-01-05.zip"]


def test_older_snapshot_never_replaces_a_newer_one() -> None:
    result = plan([weekly("2020-01-12")], loaded(weekly("2020-01-19")), REQUEST, VERSIONS)
    assert not result.tasks
    assert result.skips == (Skip("demox-2020-01-12.zip", "an older snapshot than the one loaded, of 2020-01-19"),)


def test_zip_first_then_event_days_newest_first() -> None:
    listing = [events("2020-01-10"), events("2020-01-12"), weekly("2020-01-12"), events("2020-01-11")]
    assert [key[-22:] for key in taken(listing)] == [
        "demox-2020-01-12.zip",
        *(f"s-2020-01-{day}.log.gz.gpg"[-22:] for day in (12, 11, 10)),
    ]


def test_loaded_object_is_left_alone() -> None:
    found = events("2020-01-12")
    assert plan([found], loaded(found), REQUEST, VERSIONS).skips == (Skip(found.key, "already loaded"),)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"etag": "other"}, "changed since it was loaded"),
        ({"size": 11}, "changed since it was loaded"),
        ({"reader_version": 1}, "read by an older version (1, now 2)"),
        ({"state": ImportState.FAILED}, "failed last time"),
        ({"state": ImportState.LOADING}, "left unfinished (loading)"),
        ({"filter": CourseFilter(("course-v1:DemoX+*",))}, "more of it is asked for than was loaded"),
    ],
)
def test_what_is_taken_again_and_why(changes: dict[str, object], why: str) -> None:
    found = events("2020-01-12")
    assert only_task([found], loaded(found, **changes)).why == why


def test_force_takes_again_what_is_loaded() -> None:
    found = events("2020-01-12")
    task = only_task([found], loaded(found), replace(REQUEST, force=True))
    assert task.force
    assert "--force" in task.why


def test_narrower_filter_is_part_of_what_was_loaded() -> None:
    found = events("2020-01-12")
    assert not taken([found], loaded(found), replace(REQUEST, courses=CourseFilter(("course-v1:DemoX+*",))))


def test_other_site_of_a_loaded_zip_is_more_than_was_loaded() -> None:
    found = weekly("2020-01-12")
    assert only_task([found], loaded(found), replace(REQUEST, sites=("edge",))).coverage == Coverage(("edge",), CourseFilter())


def test_patches_and_other_sites_are_skipped_with_a_reason() -> None:
    result = plan([events("2020-01-12", "edge")], {}, REQUEST, VERSIONS, [Skip("demox/patches/events/x", "patches")])
    assert [skip.reason for skip in result.skips] == ["patches", "site edge: not asked for"]


def test_both_tokens_of_edx_org_are_prod() -> None:
    assert len(taken([events("2020-01-12"), events("2020-01-12", "prod")])) == 2


def test_since_and_until_include_their_days() -> None:
    listing = [events(f"2020-01-{day}") for day in (10, 11, 12, 13)]
    request = replace(REQUEST, since=date(2020, 1, 11), until=date(2020, 1, 12))
    assert [key[-21:-11] for key in taken(listing, request=request)] == ["2020-01-12", "2020-01-11"]


def test_latest_takes_the_newest_event_day() -> None:
    listing = [events("2020-01-10"), events("2020-01-12"), events("2020-01-12", "prod")]
    assert {key[-21:-11] for key in taken(listing, request=replace(REQUEST, latest=True))} == {"2020-01-12"}


A, B = CourseFilter(("a",)), CourseFilter(("b",))


@pytest.mark.parametrize(
    ("now", "before", "joined"),
    [
        (Coverage(("prod",), A), Coverage(("prod",), CourseFilter()), Coverage(("prod",), CourseFilter())),
        (Coverage(("prod",), B), Coverage(("prod",), A), Coverage(("prod",), CourseFilter(("a", "b")))),
        (Coverage(("edge",), A), Coverage(("prod",), A), Coverage(("edge", "prod"), A)),
        (Coverage(("edge",), A), Coverage(("prod",), B), Coverage(("edge",), A)),
        (Coverage(("prod",), CourseFilter()), Coverage(("prod",), A), Coverage(("prod",), CourseFilter())),
    ],
)
def test_what_is_loaded_after_two_loads_is_never_overstated(now: Coverage, before: Coverage, joined: Coverage) -> None:
    assert now.joined(before) == joined
