"""What the shared queries and the commands built on them answer, from documents as the loader writes them, in a real MongoDB."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edx_import.errors import StoreError, UsageError
from edx_import.ids import row_id
from edx_import.reports.context import Context
from edx_import.reports.discovery import bundled_folder, load_command
from edx_import.reports.render import render
from edx_import.store import queries as queries_module
from edx_import.store.collections import EVENTS, ensure_collections
from edx_import.store.connection import Store
from edx_import.store.queries import Queries

D101, D102, OLD, OTHER = "course-v1:DemoX+D101+1T2020", "course-v1:DemoX+D101+1T2020_2", "DemoX/D100/2013", "course-v1:OtherX+O1+R1"
DOC = Path(__file__).parents[2] / "docs" / "writing-a-command.md"


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


class Loaded:
    """A database with documents put in as the loader does."""

    def __init__(self, store: Store) -> None:
        ensure_collections(store)
        self.database = store.database

    def course(self, course_id: str, site: str = "prod", **fields: Any) -> None:
        empty: dict[str, Any] = {
            "name": None,
            "sme": None,
            "start_date": None,
            "end_date": None,
            "passing_grade": None,
            "aliases": [],
            "listed": False,
        }
        self.database.courses.insert_one({"_id": row_id(site, course_id), "site": site, "course_id": course_id, **empty, **fields})

    def row(self, table: str, course_id: str, key: Any, site: str = "prod", **fields: Any) -> None:
        document = {"_id": row_id(site, course_id, str(key)), "site": site, "course_id": course_id, "course": {"name": None}, **fields}
        self.database[table].insert_one(document)

    def enrolled(
        self, course_id: str, user_id: int, created: datetime | None = None, mode: str = "audit", active: bool = True, site: str = "prod"
    ) -> None:
        self.row("student_courseenrollment", course_id, user_id, site, user_id=user_id, created=created, mode=mode, is_active=active)

    def profile(self, course_id: str, user_id: int, gender: str | None, country: str | None, site: str = "prod", key: int | None = None) -> None:
        self.row("auth_userprofile", course_id, key or user_id + 9000, site, user_id=user_id, gender=gender, country=country)

    def certificate(self, course_id: str, user_id: int, grade: Any, status: str) -> None:
        self.row("certificates_generatedcertificate", course_id, user_id, user_id=user_id, grade=grade, status=status)

    def event(self, course_id: str | None, when: datetime, site: str = "prod") -> None:
        self.database.events.insert_one({"site": site, "course_id": course_id, "time": when})


@pytest.fixture
def loaded(database: Store) -> Loaded:
    """Three courses of DemoX (one of them listed only), one of another organisation; and learners of the site edge with the same ids."""
    made = Loaded(database)
    made.course(D101, name="Demo, 1", sme="Ann", start_date=moment(2020, 1, 6), end_date=moment(2020, 2, 29, 23, 59), passing_grade=0.8, listed=True)
    made.course(D102, name="Demo 2", listed=True)
    made.course(OLD)
    made.course(OTHER, name="Other")
    made.course(D101, site="edge", name="Demo on edge")
    made.enrolled(D101, 501, moment(2020, 1, 1, 0, 0), "verified")
    made.enrolled(D101, 502, moment(2020, 1, 1, 23, 59, 59), active=False)
    made.enrolled(D101, 1000, moment(2020, 1, 2))
    made.enrolled(D102, 501, moment(2020, 3, 1))
    made.enrolled(OTHER, 501, None, mode="")
    made.enrolled(D101, 501, moment(2020, 1, 1), site="edge")
    made.profile(D101, 501, "f", "CO")
    made.profile(D101, 502, "m", None)
    made.profile(D102, 501, "o", "PE")
    made.profile(D101, 77, "m", "BR")
    made.profile(D101, 501, "m", "AR", site="edge")
    return made


@pytest.fixture
def queries(loaded: Loaded) -> Queries:
    return Queries(loaded.database)


def answered(name: str, context: Context, format: str = "csv", **options: Any) -> str:
    stream = io.StringIO(newline="")
    render(load_command(name, [bundled_folder()]).run(context, **options), format, stream)
    return stream.getvalue()


def test_report_enrollments_has_a_row_for_each_enrolment_with_the_profile_of_its_course(queries: Queries) -> None:
    assert answered("report_enrollments", Context(queries)).splitlines() == [
        "course_name,course_id,registration_date,gender,country,mode,is_active",
        f"Demo 2,{D102},2020-03-01T00:00:00Z,o,PE,audit,true",
        f'"Demo, 1",{D101},2020-01-02T00:00:00Z,,,audit,true',
        f'"Demo, 1",{D101},2020-01-01T00:00:00Z,f,CO,verified,true',
        f'"Demo, 1",{D101},2020-01-01T23:59:59Z,m,,audit,false',
        f"Other,{OTHER},,,,,true",
    ]


@pytest.mark.parametrize(
    ("options", "users"),
    [
        ({"course": (D101,)}, [1000, 501, 502]),
        ({"course": ("DemoX/D101/*",)}, [501, 1000, 501, 502]),
        ({"orgs": ("otherx",)}, [501]),
        ({"course": ("nothing*",)}, []),
        ({"site": "edge"}, [501]),
        ({"site": "rdx:1"}, []),
        ({"since": date(2020, 1, 1), "until": date(2020, 1, 1)}, [501, 502]),
        ({"since": date(2020, 1, 2)}, [501, 1000]),
        ({"until": date.max, "course": (D101,)}, [1000, 501, 502]),
    ],
)
def test_enrolments_are_chosen_by_site_organisation_course_and_day(queries: Queries, options: dict[str, Any], users: list[int]) -> None:
    context = Context(queries, **options)
    found = queries.enrollments(context.site, context.course_ids, context.since, context.until)
    assert [row["user_id"] for row in found] == users


def test_profiles_of_another_site_are_not_joined(queries: Queries) -> None:
    assert [(row["gender"], row["country"]) for row in queries.enrollments("edge")] == [("m", "AR")]


def test_the_same_rows_come_in_the_same_order_whether_courses_are_named_or_not(queries: Queries) -> None:
    assert list(queries.enrollments("prod", [OTHER, D101, OLD, D102])) == list(queries.enrollments("prod"))


@pytest.mark.parametrize("held", [10**6, 10])
def test_many_learners_get_their_profiles_held_or_looked_up(database: Store, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries_module, "PROFILES_HELD", held)
    learners = 4500
    _many(Loaded(database), learners)
    rows = list(Queries(database.database).enrollments("prod"))
    assert len(rows) == learners
    assert all((row["gender"], row["country"]) == _said(row["user_id"]) for row in rows)


def _said(user_id: int) -> tuple[str, str]:
    return ("", "") if user_id % 5 == 0 else ("fm"[user_id % 2], ["CO", "PE", ""][user_id % 3])


def _many(loaded: Loaded, learners: int) -> None:
    loaded.course(D101)
    enrolments, profiles = [], []
    for user_id in range(learners):
        of_course = {"site": "prod", "course_id": D101, "user_id": user_id}
        enrolments.append({"_id": row_id("prod", D101, str(user_id)), **of_course, "created": moment(2020, 1, 1), "is_active": True, "mode": "audit"})
        gender, country = _said(user_id)
        if user_id % 5:
            profiles.append({"_id": row_id("prod", D101, str(user_id * 7)), **of_course, "gender": gender, "country": country or None})
    loaded.database.student_courseenrollment.insert_many(enrolments)
    loaded.database.auth_userprofile.insert_many(profiles)


@contextmanager
def profiled(loaded: Loaded) -> Iterator[list[dict[str, Any]]]:
    """What the server did inside, as its profiler tells."""
    told: list[dict[str, Any]] = []
    loaded.database.command("profile", 2)
    try:
        yield told
    finally:
        loaded.database.command("profile", 0)
    told += loaded.database["system.profile"].find({"ns": {"$not": {"$regex": "system.profile$"}}})


def test_no_question_about_learners_events_or_numbers_reads_more_than_it_needs(loaded: Loaded, queries: Queries) -> None:
    for day in range(1, 29):
        loaded.event(D101, moment(2020, 2, day))
    with profiled(loaded) as told:
        assert len(list(queries.enrollments("prod", [D101]))) == 3
        assert queries.event_span("prod", [D101]).keys() == {D101}
        assert queries.collection_counts("prod").keys() == {D101, D102, OTHER}
    by_collection = {name: [done for done in told if done["ns"].endswith("." + name)] for name in ("auth_userprofile", "events")}
    looked_up, *counted = (done["planSummary"] for done in by_collection["auth_userprofile"])
    assert looked_up == "IXSCAN { site: 1, user_id: 1 }"
    assert counted == ["IXSCAN { _id: 1 }"]
    assert by_collection["auth_userprofile"][1]["docsExamined"] == 0
    first, last, number = by_collection["events"]
    assert (first["keysExamined"], last["keysExamined"], number["docsExamined"]) == (1, 1, 0)


def test_the_days_of_a_report_are_those_of_the_first_and_the_last_event_of_the_site(loaded: Loaded, queries: Queries) -> None:
    assert Context(queries).event_days is None
    loaded.event(D101, moment(2020, 2, 3, 23, 59, 59))
    assert Context(queries).event_days == (date(2020, 2, 3), date(2020, 2, 3))
    loaded.event(OTHER, moment(2020, 3, 1))
    loaded.event(None, moment(2020, 1, 31, 23))
    loaded.event(D101, moment(2020, 2, 29))
    loaded.event(D101, moment(2026, 1, 1), site="edge")
    assert Context(queries).event_days == (date(2020, 1, 31), date(2020, 3, 1))
    assert Context(queries, course=(D101,), since=date(2020, 2, 4)).event_days == (date(2020, 1, 31), date(2020, 3, 1))
    assert Context(queries, site="edge").event_days == (date(2026, 1, 1), date(2026, 1, 1))


def test_a_device_whose_clock_is_ahead_does_not_move_the_last_event_day(loaded: Loaded, queries: Queries) -> None:
    for when in (moment(2020, 2, 3), moment(2020, 2, 5, 23), moment(2098, 1, 1)):
        loaded.event(D101, when)
    loaded.event(D101, moment(2098, 1, 1), site="edge")

    def file(day: str, token: str, state: str) -> None:
        key = f"demox/{token}/events/{day[:4]}/demox-{token}-events-{day}.log.gz.gpg"
        loaded.database.imports.insert_one({"_id": key, "key": key, "member": "", "kind": "events", "state": state, "date": day})

    file("2020-02-08", "edge", "loaded")
    file("2020-02-09", "edx", "pending")
    assert queries.event_days("prod") == (date(2020, 2, 3), date(2098, 1, 1))
    file("2020-02-04", "prod", "loaded")
    assert queries.event_days("prod") == (date(2020, 2, 3), date(2020, 2, 4))
    file("2020-02-06", "edx", "failed")
    assert queries.event_days("prod") == (date(2020, 2, 3), date(2020, 2, 6))
    assert queries.event_days("edge") == (date(2098, 1, 1), date(2098, 1, 1))


def test_the_days_of_events_are_found_by_the_index_alone(loaded: Loaded, queries: Queries) -> None:
    for day in range(1, 29):
        loaded.event(D101, moment(2020, 2, day))
        loaded.event(None, moment(2020, 2, day))
    with profiled(loaded) as told:
        assert queries.event_days("prod") == (date(2020, 2, 1), date(2020, 2, 28))
    asked = [done for done in told if done["ns"].endswith(".events")]
    assert len(asked) == 5
    assert max(done["keysExamined"] for done in asked) <= 2
    assert not any(done.get("hasSortStage") for done in asked)


def test_of_two_profiles_of_one_learner_the_one_that_says_something_counts(loaded: Loaded, queries: Queries) -> None:
    loaded.profile(D101, 501, None, None, key=1)
    loaded.profile(D101, 501, None, None, key=99999)
    assert [row["country"] for row in queries.enrollments("prod", [D101]) if row["user_id"] == 501] == ["CO"]


def test_report_general_counts_each_course(loaded: Loaded, queries: Queries) -> None:
    for number, (user_id, grade, status) in enumerate(
        [
            (501, "0.80", "downloadable"),
            (502, "0.79", "notpassing"),
            (3, "", "notpassing"),
            (4, "n/a", "error"),
            (5, None, "downloadable"),
            (6, "1", "x"),
        ]
    ):
        loaded.certificate(D101, user_id, grade, status)
        loaded.certificate(D102, user_id, "0.65" if number == 0 else "0.6499", "unverified")
    for number, student_id in enumerate([501, 501, 502, 900, None]):
        loaded.row("courseware_studentmodule", D101, number, student_id=student_id)
    assert answered("report_general", Context(queries, orgs=("DemoX",))).splitlines() == [
        "id,name,sme,start_date,end_date,total_users,active_users,approved_users,certified_users,failed_users,male,female,countries",
        f"{OLD},,,,,0,0,0,0,0,0,0,0",
        f'{D101},"Demo, 1",Ann,2020-01-06,2020-02-29,3,3,2,2,2,1,1,1',
        f"{D102},Demo 2,,,,1,0,1,0,0,0,0,1",
    ]


def test_list_courses_shows_documents_and_the_span_of_events(loaded: Loaded, queries: Queries) -> None:
    for when in (moment(2020, 2, 2), moment(2020, 1, 6, 9, 1, 2), moment(2020, 1, 7)):
        loaded.event(D101, when)
    loaded.event(D101, moment(2012, 1, 1), site="edge")
    loaded.event(None, moment(2011, 1, 1))
    loaded.database.forum.insert_many([{"site": "prod", "course_id": OLD, "title": title} for title in "ab"])
    loaded.database.other_badges.insert_one({"site": "prod", "course_id": D101})
    loaded.database.report_saved.insert_one({"site": "prod", "course_id": D101})
    rows = json.loads(answered("list_courses", Context(queries), "json"))
    assert rows[0] == {"id": OLD, "name": None, "listed": False, "documents": {"forum": 2}, "first_event": None, "last_event": None}
    by_id = {row["id"]: row for row in rows}
    assert by_id[D101]["documents"] == {"auth_userprofile": 3, "events": 3, "other_badges": 1, "student_courseenrollment": 3}
    assert (by_id[D101]["first_event"], by_id[D101]["last_event"]) == ("2020-01-06T09:01:02Z", "2020-02-02T00:00:00Z")
    assert [row["id"] for row in rows] == [OLD, D101, D102, OTHER]
    chosen = json.loads(answered("list_courses", Context(queries, course=("*D101*",)), "json"))
    assert chosen == [row for row in rows if "D101" in row["id"]]
    assert answered("list_courses", Context(queries, course=("nothing",)), "jsonl") == ""


def test_ids_with_odd_characters_are_counted_under_their_course(loaded: Loaded, queries: Queries) -> None:
    odd = "course-v1:DemoX+50%|ñ+R"
    loaded.course(odd)
    loaded.enrolled(odd, 1)
    assert queries.collection_counts("prod")[odd] == {"student_courseenrollment": 1}
    assert queries.collection_counts("prod", [odd]) == {odd: {"student_courseenrollment": 1}}


@pytest.mark.parametrize("name", ["list_courses", "report_general"])
def test_commands_without_days_refuse_them(queries: Queries, name: str) -> None:
    with pytest.raises(UsageError, match="--since and --until cannot be used here"):
        answered(name, Context(queries, since=date(2020, 1, 1)))


def test_an_aggregation_reads_whatever_is_asked_with_aware_times(loaded: Loaded, queries: Queries) -> None:
    loaded.event(D101, moment(2020, 1, 6))
    pipeline: list[dict[str, Any]] = [{"$match": {"site": "prod"}}, {"$project": {"_id": 0, "time": 1}}]
    assert list(Context(queries).aggregate(EVENTS, pipeline)) == [{"time": moment(2020, 1, 6)}]


@pytest.mark.parametrize("stage", [{"$out": "events"}, {"$merge": {"into": "events"}}])
def test_an_aggregation_that_writes_is_refused_before_it_runs(queries: Queries, stage: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{re.escape(next(iter(stage)))} is not allowed"):
        Context(queries).aggregate("courses", [{"$match": {}}, stage])


def test_what_mongodb_refuses_is_a_store_error(queries: Queries) -> None:
    with pytest.raises(StoreError, match="reading courses"):
        list(queries.aggregate("courses", [{"$nonsense": 1}]))


def test_imported_objects_are_told_without_their_members(loaded: Loaded, queries: Queries) -> None:
    loaded.database.imports.insert_many(
        [
            {"_id": "b.zip.gpg", "key": "b.zip.gpg", "member": "", "state": "loaded", "finished": moment(2020, 1, 1)},
            {"_id": "b.zip.gpg//x.sql", "key": "b.zip.gpg", "member": "x.sql", "state": "failed"},
            {"_id": "a.gpg", "key": "a.gpg", "member": "", "state": "failed", "error": "cut"},
        ]
    )
    found = list(queries.imported_objects())
    assert [(row["key"], row["state"], row["error"]) for row in found] == [("a.gpg", "failed", "cut"), ("b.zip.gpg", "loaded", None)]
    assert found[1]["finished"] == moment(2020, 1, 1)


def test_memory_does_not_grow_with_the_enrolments(database: Store) -> None:
    loaded = Loaded(database)
    _many(loaded, 12_000)
    chosen = Queries(database.database)

    def peak(courses: Sequence[str], rows: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in chosen.enrollments("prod", courses)) == rows
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    few, many = "course-v1:DemoX+few+1", 4000
    loaded.database.student_courseenrollment.insert_many(
        {
            "_id": row_id("prod", few, str(number)),
            "site": "prod",
            "course_id": few,
            "user_id": number,
            "created": moment(2020, 1, 1) + timedelta(number),
        }
        for number in range(many)
    )
    assert peak([D101], 12_000) < 2 * peak([few], many)


def test_the_example_in_the_documentation_works_and_answers_what_it_says(loaded: Loaded, queries: Queries, tmp_path: Path) -> None:
    code, answer = re.findall(r"```(?:python)?\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "modes.py").write_text(code, encoding="utf-8")
    command = load_command("modes", [bundled_folder(), tmp_path])
    context = Context(queries, course=(D101,))
    stream = io.StringIO(newline="")
    render(command.run(context), "csv", stream)
    assert stream.getvalue() == answer
    assert [option.flag for option in command.options] == ["--least"]
    assert [row[1] for row in command.run(context, least=2).rows] == ["audit"]
