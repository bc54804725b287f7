"""The roll-ups: made in the database, the same as a second implementation makes them, for any order of deliveries and after any crash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from person_days import person_days

from edx_import.courses import load_courses
from edx_import.rollups.kinds import NAMES, class_of, kind_expression, task_of
from edx_import.rollups.run import RULES_VERSION, begin, rebuild, roll_up
from edx_import.sample.events import KINDS, iter_events
from edx_import.sample.recipe import Recipe
from edx_import.store.collections import EVENTS, MODULE_COURSE_DAY, PERSON_COURSE_DAY, ROLLUP_TODO, ensure_collections
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.store.rejects import RejectLog
from edx_import.store.rollups import DayNotes, NotedDays, days_to_do, rules_version, set_rules_version
from edx_import.store.writer import WriteTarget
from edx_import.sync.pieces import Loaded, RowJob, RowTools, load_piece, rows_of

COURSE, SLASH, CCX = "course-v1:DemoX+D101+1T2020", "DemoX/D100/2013", "ccx-v1:DemoX+D101+1T2020+ccx@7"
CATALOG = load_courses(None)


@pytest.fixture
def store(database: Store) -> Store:
    ensure_collections(database)
    begin(database)
    return database


class CrashError(BaseException):
    """What nobody expects."""


def deliver(store: Store, lines: Iterable[bytes], site: str = "prod", name: str = "file", force: bool = False) -> None:
    """Loads lines as a worker does, the notes of their days included."""
    job = RowJob(WriteTarget(name, "content", replace=False, force=force), site)
    loaded = Loaded()
    rows = rows_of(job, CATALOG, [b"".join(line + b"\n" for line in lines)], 1, loaded)
    load_piece(RowTools(store, CATALOG), job, rows, loaded, RejectLog(store, name))


def line(time: str, event_type: Any = "page_close", user: Any = 7, course: str | None = COURSE, source: str = "browser", **fields: Any) -> bytes:
    context = {"course_id": course, "user_id": user}
    event = {"time": time, "event_type": event_type, "event_source": source, "username": "ann", "ip": "192.0.2.7", "event": {}, "context": context}
    return json.dumps(event | fields).encode()


def rows(store: Store, collection: str = PERSON_COURSE_DAY) -> dict[str, dict[str, Any]]:
    return {row["_id"]: {name: value for name, value in row.items() if name != "rolled_up"} for row in store.database[collection].find()}


def only_row(store: Store) -> dict[str, Any]:
    (row,) = rows(store).values()
    return row


def rolled(store: Store, *lines: bytes) -> dict[str, Any]:
    """The one row that these lines make."""
    deliver(store, lines)
    roll_up(store)
    return only_row(store)


def test_the_database_computes_what_plain_python_does_of_a_hundred_thousand_events(store: Store) -> None:
    recipe = Recipe(events_per_day=50_000, days=2, learners=400, courses=4)
    for day in recipe.event_days:
        deliver(store, iter_events(recipe, day), name=day.isoformat())
    assert roll_up(store, threads=2) > 8
    assert rows(store) == person_days(store.database[EVENTS].find())
    assert len(rows(store)) > 2000
    modules = rows(store, MODULE_COURSE_DAY).values()
    assert sum(row["nevents"] for row in modules) == store.database[EVENTS].count_documents({"module_id": {"$ne": None}, "course_id": {"$ne": None}})


NASTY = st.builds(
    lambda second, fraction, **fields: line(
        f"2020-01-{10 + second // 43200:02d}T{second % 43200 // 3600:02d}:{second % 3600 // 60:02d}:{second % 60:02d}{fraction}", **fields
    ),
    second=st.one_of(st.integers(0, 5), st.integers(0, 4000), st.integers(43200, 43300)),
    fraction=st.sampled_from(["", ".5", ".000001+00:00", ".000999"]),
    event_type=st.one_of(
        st.sampled_from(
            [
                *[
                    "play_video",
                    "pause_video",
                    "stop_video",
                    "problem_check",
                    "showanswer",
                    "show_answer",
                    "show_transcript",
                    "seq_goto",
                    "seek_video",
                ],
                *[
                    "edx.forum.thread.created",
                    "edx.forum.response.created",
                    "edx.forum.thread.voted",
                    "edx.forum.x.created\n",
                    "textbook.pdf.page.loaded",
                ],
                *[
                    "edx.course.enrollment.activated",
                    "edx.course.enrollment.upgrade.clicked",
                    "new_video",
                    "problem_new",
                    "é_video",
                    "_video",
                    "problem_",
                ],
                *[
                    f"/courses/{COURSE}/{end}"
                    for end in ("progress", "progress/7/", "progressive", "discussion/forum/a/threads/b", "discussion/x", "wiki/a")
                ],
                *[
                    f"/courses/{SLASH}/progress?x",
                    "/courses/course-v1%3ADemoX+D101+1T2020/progress",
                    "/courses/a/progress",
                    f"/courses/{CCX}/progress",
                ],
                *[
                    f"/courses/{COURSE}/xblock/block-v1:x/handler/problem_check",
                    "x/xblock/y",
                    "/xblock/",
                    "",
                    "/",
                    "0",
                    None,
                    5,
                    ["a"],
                    {"a": 1},
                    True,
                ],
            ]
        ),
        st.text(max_size=5),
    ),
    user=st.sampled_from([7, "7", 8, 0, None, "", -3, 2**40]),
    username=st.sampled_from(["ann", " ann\n", "7", "", None, "a|b%", "bob", 5, "anonymous"]),
    course=st.sampled_from([COURSE, SLASH, CCX, None]),
    source=st.sampled_from(["browser", "server", "mobile", "task", None]),
    ip=st.sampled_from(["192.0.2.1", "192.0.2.2", "", None, 5]),
    event=st.one_of(
        st.sampled_from(
            [None, "", [], ["x"], "a=b", 5, {"id": 5}, {"id": ["a"]}, {"answers": []}, {"problem_id": 7, "answers": {"a.b": 1, "$c": 2}}]
        ),
        st.builds(
            lambda block, at: {"id": block, "problem_id": block, "currentTime": at, "answers": {f"{block}_2_1": "x"}},
            st.sampled_from(["v1", "v2", "i4x-DemoX-D100-video-v", f"block-v1:{COURSE[10:]}+type@video+block@v"]),
            st.sampled_from([0, 1.5, 12.3456, 36000, 36000.1, -1, None, True, [1], float("nan"), float("inf")]),
        ),
    ),
)


@given(lines=st.lists(NASTY, max_size=40))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_computes_what_plain_python_does_of_odd_events(store: Store, lines: list[bytes]) -> None:
    for collection in (EVENTS, PERSON_COURSE_DAY, ROLLUP_TODO):
        store.database[collection].delete_many({})
    deliver(store, lines)
    roll_up(store)
    assert rows(store) == person_days(store.database[EVENTS].find())


DELIVERIES = st.lists(
    st.tuples(
        st.sampled_from(["prod", "edge", "rdx:R1"]),
        st.lists(
            st.tuples(st.integers(0, 40), st.sampled_from([COURSE, SLASH]), st.sampled_from([1, 2, None]), st.sampled_from(["play_video", "/wiki/"])),
            min_size=1,
            max_size=12,
        ),
        st.sampled_from(["whole", "whole", "not rolled up", "cut off", "cut off in the roll-up", "forced"]),
    ),
    min_size=1,
    max_size=6,
)


@given(deliveries=DELIVERIES)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rolled_up_day_by_day_or_from_nothing_is_the_same_for_any_order_of_deliveries(store: Store, deliveries: list[Any]) -> None:
    for collection in (EVENTS, PERSON_COURSE_DAY, MODULE_COURSE_DAY, ROLLUP_TODO):
        store.database[collection].delete_many({})
    for site, events, fate in deliveries:
        lines = [
            line(
                str(datetime(2020, 1, 30, 12) + timedelta(hours=11 * number)),
                name,
                user=user,
                course=course,
                event={"id": f"i4x://DemoX/D100/video/{number % 3}"},
            )
            for number, course, user, name in events
        ]
        if fate == "cut off":
            with pytest.raises(CrashError):
                deliver(store, _struck(lines), site)
            continue
        deliver(store, lines, site, force=fate == "forced")
        if fate == "cut off in the roll-up":
            with suppress(CrashError):
                roll_up(store, check=_crash_at(2))
        elif fate != "not rolled up":
            roll_up(store)
    roll_up(store)
    by_day = database_hash(store)
    assert not days_to_do(store)
    rebuild(store)
    assert by_day == database_hash(store)
    assert rows(store) == person_days(store.database[EVENTS].find())


def _struck(lines: Iterable[bytes]) -> Iterator[bytes]:
    yield from lines
    raise CrashError


def _crash_at(nth: int) -> Any:
    calls = iter(range(1, 1000))

    def check() -> None:
        if next(calls) == nth:
            raise CrashError

    return check


def test_a_crash_between_load_and_roll_up_is_repaired_by_the_next(store: Store) -> None:
    deliver(store, [line("2020-01-10T10:00:00")])
    assert days_to_do(store) == [("prod", COURSE, date(2020, 1, 10))]
    assert not rows(store)
    assert roll_up(store) == 1
    assert only_row(store)["nevents"] == 1
    assert not days_to_do(store)


def test_a_day_is_noted_before_an_event_of_it_is_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def settled(documents: Any, rows: Any, target: Any, **options: Any) -> Any:
        seen.append(days_to_do(store))
        raise CrashError

    monkeypatch.setattr("edx_import.store.writer.settle", settled)
    with pytest.raises(CrashError):
        deliver(store, [line("2020-01-10T23:59:59.999"), line("2020-01-11T00:00:00", course=SLASH)])
    assert seen == [[("prod", SLASH, date(2020, 1, 11)), ("prod", COURSE, date(2020, 1, 10))]]


def test_a_late_event_of_an_old_day_replaces_that_day_and_touches_no_other(store: Store) -> None:
    deliver(store, [line("2020-01-10T10:00:00"), line("2020-01-11T10:00:00")])
    roll_up(store)
    made = {row["day"].day: row["rolled_up"] for row in store.database[PERSON_COURSE_DAY].find()}
    deliver(store, [line("2020-01-10T09:00:00", "play_video", source="mobile")], name="later")
    assert roll_up(store) == 1
    found = {row["day"].day: row for row in store.database[PERSON_COURSE_DAY].find()}
    assert (found[10]["nevents"], found[10]["played_video"], found[11]["nevents"]) == (2, 1, 1)
    assert found[10]["rolled_up"] > made[10]
    assert found[11]["rolled_up"] == made[11]


def test_an_event_that_was_moved_to_another_course_leaves_nothing_behind(store: Store) -> None:
    deliver(store, [line("2020-01-10T10:00:00")])
    roll_up(store)
    store.database[EVENTS].update_many({}, {"$set": {"course_id": SLASH}})  # as the catalogue of then said
    rebuild(store)
    assert only_row(store)["course_id"] == SLASH
    deliver(store, [line("2020-01-10T10:00:00")], force=True)
    roll_up(store)
    assert only_row(store)["course_id"] == COURSE


def test_a_database_that_has_never_been_rolled_up_is_by_the_next_sync(database: Store) -> None:
    ensure_collections(database)
    deliver(database, [line("2020-01-10T10:00:00"), line("2019-01-10T10:00:00", site="prod"), line("2020-01-10T10:00:00", course=None)])
    database.database[ROLLUP_TODO].delete_many({})  # as a version before this one left it
    begin(database)
    assert rules_version(database) is None
    said: list[str] = []
    roll_up(database, tell=said.append)
    assert len(rows(database)) == 2
    assert rules_version(database) == RULES_VERSION
    assert said


def test_a_rebuild_that_is_cut_off_is_done_again(store: Store) -> None:
    deliver(store, [line("2020-01-10T10:00:00"), line("2020-06-10T10:00:00")])
    with pytest.raises(CrashError):
        rebuild(store, check=_crash_at(2))
    assert rules_version(store) is None
    roll_up(store)
    assert len(rows(store)) == 2


def test_other_rules_make_all_days_anew(store: Store) -> None:
    rolled(store, line("2020-01-10T10:00:00"))
    store.database[PERSON_COURSE_DAY].update_many({}, {"$set": {"nevents": 99}})
    roll_up(store)
    assert only_row(store)["nevents"] == 99
    set_rules_version(store, RULES_VERSION - 1)
    roll_up(store)
    assert only_row(store)["nevents"] == 1


@pytest.mark.parametrize("course", [COURSE, SLASH, CCX])
def test_pages_are_known_in_either_form_of_the_course_id(store: Store, course: str) -> None:
    pages = [f"/courses/{course}/progress", f"/courses/{course}/discussion/forum/t/threads/1", f"/courses/{course}/discussion/x"]
    row = rolled(store, *(line(f"2020-01-10T10:00:0{number}", page, source="server", course=course) for number, page in enumerate(pages)))
    assert (row["nprogcheck"], row["nforum"], row["nforum_reads"], row["nevents"]) == (1, 2, 1, 3)
    assert row["course_id"] == course


def test_requests_of_components_are_events_of_insights_and_of_uqx_but_not_of_mit(store: Store) -> None:
    row = rolled(store, line("2020-01-10T10:00:00", f"/courses/{COURSE}/xblock/block-v1:b/handler/xmodule_handler/problem_check", source="server"))
    assert (row["nevents"], row["nevents_all"], row["active"], row["nproblem_check"], row["attempted_problem"]) == (0, 1, 1, 0, 0)
    assert (row["first_event"], row["gaps"]["n"]) == (None, 0)


def test_an_implicit_problem_check_is_no_attempt_and_one_of_the_browser_is_a_check_of_mit_only(store: Store) -> None:
    row = rolled(store, *(line(f"2020-01-10T10:00:0{number}", "problem_check", source=source) for number, source in enumerate(["server", "browser"])))
    assert (row["attempted_problem"], row["nproblem_check"]) == (1, 2)


def test_tasks_and_enrolments_are_no_activity_for_insights(store: Store) -> None:
    row = rolled(
        store,
        line("2020-01-10T10:00:00", "problem_rescore", source="task"),
        line("2020-01-10T10:00:01", "edx.course.enrollment.activated", source="server"),
        line("2020-01-10T10:00:02", "edx.course.enrollment.upgrade.clicked"),
    )
    assert (row["active"], row["nevents"]) == (0, 3)


def test_a_video_played_in_the_app_counts_for_the_day_it_was_played(store: Store) -> None:
    played = line(
        "2020-01-03T22:00:00+00:00", "play_video", source="mobile", event=json.dumps({"id": "i4x-DemoX-D101-video-cd34", "currentTime": 40})
    )
    row = rolled(store, played)
    assert (row["day"].date(), row["played_video"], row["nvideo"], row["nvideos_viewed"], row["videos_watched"]) == (
        date(2020, 1, 3),
        1,
        1,
        1,
        40_000,
    )


def test_a_learner_is_the_number_else_the_name_and_who_has_neither_is_nobody(store: Store) -> None:
    deliver(
        store,
        [
            line("2020-01-10T10:00:00", user=7, username=""),
            line("2020-01-10T10:00:01", user=None, username="ann\n"),
            line("2020-01-10T10:00:02", user="", username="7"),
            line("2020-01-10T10:00:03", user=None, username=""),
            line("2020-01-10T10:00:04", user=0, username=None),
            line("2020-01-10T10:00:05", user=None, username="anonymous"),
        ],
    )
    roll_up(store)
    found = {row["_id"].rpartition("|")[2]: (row["user_id"], row["username"], row["nevents"], row["active"]) for row in rows(store).values()}
    assert found == {"7": (7, None, 1, 1), "@ann": (None, "ann", 1, 0), "@7": (None, "7", 1, 0), "@anonymous": (None, "anonymous", 1, 0)}


def test_gaps_of_more_than_five_minutes_are_left_out(store: Store) -> None:
    row = rolled(store, *(line(f"2020-01-10T10:{minute}") for minute in ("00:00", "00:01", "05:01", "10:01.001", "10:03.001")))
    assert row["gaps"] == {"n": 3, "sum": 303_000, "max": 300_000, "squares": 1000**2 + 300_000**2 + 2000**2}


def test_a_session_ends_with_a_pause_of_more_than_half_an_hour(store: Store) -> None:
    row = rolled(store, *(line(f"2020-01-10T{time}") for time in ("10:00:00", "10:30:00", "11:00:00.001")))
    assert [session["n"] for session in row["sessions"]] == [2, 1]


def test_time_between_events_of_different_kinds_is_counted_once_in_the_serial_sums(store: Store) -> None:
    kinds = ["play_video", "problem_check", "/courses/a/b/c/wiki/x", "play_video"]
    row = rolled(store, *(line(f"2020-01-10T10:0{number}:00", kind) for number, kind in enumerate(kinds)))
    task = row["time_on_task"]
    assert (task["video_5"], task["total_5"]) == (180_000, 180_000)
    assert [task[f"serial_{kind}_30"] for kind in ("video", "problem", "forum", "text")] == [60_000, 60_000, 0, 60_000]


def test_the_address_of_a_day_is_the_last_one(store: Store) -> None:
    row = rolled(store, line("2020-01-10T10:00:01", ip="192.0.2.1"), line("2020-01-10T10:00:02", ip=""), line("2020-01-10T10:00:00", ip="192.0.2.9"))
    assert row["ip"] == "192.0.2.1"


def test_sites_are_apart(store: Store) -> None:
    for site in ("prod", "edge", "rdx:R 1|x"):
        deliver(store, [line("2020-01-10T10:00:00")], site)
    roll_up(store)
    assert sorted(row["site"] for row in rows(store).values()) == ["edge", "prod", "rdx:R 1|x"]


def test_blocks_are_counted_with_their_learners(store: Store) -> None:
    block: Mapping[str, Any] = {"id": f"block-v1:{COURSE[10:]}+type@video+block@v"}
    deliver(store, [line(f"2020-01-10T10:00:0{number}", "play_video", user=user, event=block) for number, user in enumerate([1, 1, 2])])
    roll_up(store)
    (row,) = rows(store, MODULE_COURSE_DAY).values()
    assert (row["module_id"], row["nevents"], row["learners"], row["day"]) == (block["id"], 3, 2, datetime(2020, 1, 10, tzinfo=UTC))


def test_a_learner_with_a_very_busy_day_takes_no_longer_for_each_event(store: Store) -> None:
    start = datetime(2020, 1, 10)
    deliver(store, (line((start + timedelta(milliseconds=400 * number)).isoformat(), "play_video") for number in range(60_000)))
    begun = datetime.now(UTC)
    roll_up(store)
    assert (datetime.now(UTC) - begun).total_seconds() < 20
    assert only_row(store)["gaps"]["n"] == 59_999


def test_a_type_that_is_looked_up_is_of_the_class_that_the_expressions_say(store: Store) -> None:
    names = [
        *NAMES,
        *(f"{name}x" for name in NAMES),
        *(f"/{name}" for name in NAMES),
        *{kind.event_type for kind in KINDS},
        f"/courses/{CCX}/progress",
    ]
    store.database["types"].insert_many([{"type": name} for name in names])
    asked = {"$project": {"_id": 0, "type": 1, "kind": kind_expression("$type")}}
    found = {row["type"]: (row["kind"]["class"], row["kind"]["task"]) for row in store.database["types"].aggregate([asked])}
    assert found == {name: (class_of(name), task_of(name)) for name in names}
    assert {kind for kind, _ in found.values()} >= {0, 2, 3, 4}
    assert {task for _, task in found.values()} == {0, 1, 2, 3, 4}


def test_only_days_of_courses_are_noted_and_each_once_by_a_process(store: Store) -> None:
    noted = NotedDays()
    notes = DayNotes("prod", noted)
    midnight = int(datetime(2020, 1, 11, tzinfo=UTC).timestamp())
    for second in (midnight - 1, midnight, midnight + 1, midnight + 80_000):
        notes.add(COURSE, second.to_bytes(4, "big") + b"12345678")
        notes.add(None, second.to_bytes(4, "big") + b"12345678")
    notes.save(store)
    assert noted.known == {("prod", COURSE, date(2020, 1, 10)), ("prod", COURSE, date(2020, 1, 11))}
    store.database[ROLLUP_TODO].delete_many({})
    again = DayNotes("prod", noted)
    again.add(COURSE, midnight.to_bytes(4, "big") + b"12345678")
    again.save(store)
    assert not days_to_do(store)


def test_a_stretch_of_time_with_a_midnight_in_it_is_looked_at_each_time() -> None:
    notes = DayNotes("prod", NotedDays())
    midnight = next(second for day in range(18_000, 18_010) if (second := day * 86_400) % 256)
    notes.add(COURSE, midnight.to_bytes(4, "big") + b"12345678")
    assert not notes.stretches
    notes.add(COURSE, (midnight + 512).to_bytes(4, "big") + b"12345678")
    assert len(notes.stretches) == 1
