"""The activity family: what its commands answer, from events as the loader writes them and rows as tables have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from edx_import.courses import load_courses
from edx_import.errors import ConfigurationError, UsageError
from edx_import.ids import row_id
from edx_import.reports.activity.daily_count import age_band
from edx_import.reports.context import Context, Dialogue
from edx_import.reports.discovery import bundled_folder, load_command
from edx_import.rollups.run import begin, roll_up
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.queries import Queries
from edx_import.store.rejects import RejectLog
from edx_import.store.writer import WriteTarget
from edx_import.sync.pieces import Loaded, RowJob, RowTools, load_piece, rows_of

COURSE, SLASH = "course-v1:DemoX+D101+1T2020", "DemoX/D100/2013"
VIDEO = f"block-v1:{COURSE[10:]}+type@video+block@v1"
CATALOG = load_courses(None)
ACTIVITY = (
    *("user_activity_by_user", "course_activity", "person_course_day", "person_course", "course_profile", "daily_count", "time_on_task", "sessions"),
    *("module_activity", "extract_course_events"),
)


class Site:
    """A database, filled as a sync fills it."""

    def __init__(self, store: Store) -> None:
        ensure_collections(store)
        begin(store)
        self.store = store
        self.said: list[str] = []

    def course(self, course_id: str = COURSE, **fields: Any) -> None:
        document = {"_id": row_id("prod", course_id), "site": "prod", "course_id": course_id, "name": None, **fields}
        self.store.database.courses.replace_one({"_id": document["_id"]}, document, upsert=True)

    def events(self, *lines: bytes, rolled_up: bool = True) -> None:
        job = RowJob(WriteTarget("file", "content", replace=False), "prod")
        loaded = Loaded()
        rows = rows_of(job, CATALOG, [b"".join(line + b"\n" for line in lines)], 1, loaded)
        load_piece(RowTools(self.store, CATALOG), job, rows, loaded, RejectLog(self.store, "file"))
        for course_id in self.store.database.events.distinct("course_id"):
            if course_id:
                self.course(course_id)
        if rolled_up:
            roll_up(self.store)

    def row(self, table: str, key: Any, course_id: str = COURSE, **fields: Any) -> None:
        self.store.database[table].insert_one({"_id": row_id("prod", course_id, str(key)), "site": "prod", "course_id": course_id, **fields})

    def state(self, key: int, learner: int, kind: str, block: str, created: datetime | None, state: Any = None) -> None:
        self.row("courseware_studentmodule", key, student_id=learner, module_type=kind, module_id=block, created=created, state=state)

    def block(self, key: str, category: str, ancestors: Sequence[tuple[str, str]] = (), children: Iterable[str] = (), **fields: Any) -> None:
        above = [{"id": f"{kind}:{name}", "category": kind, "name": name, "index": 1} for kind, name in ancestors]
        levels = {kind: {"id": f"{kind}:{name}", "name": name, "index": 1} for kind, name in ancestors if kind != "course"}
        described = {"block_id": key, "category": category, "children": list(children), "metadata": {}, "display_name": key, "ancestors": above}
        self.row("course_structure", key, **{**described, **levels, **fields})

    def ask(
        self, name: str, since: date | None = None, until: date | None = None, course: tuple[str, ...] = (), **options: Any
    ) -> list[dict[str, Any]]:
        dialogue = Dialogue(self.said.append)
        context = Context(Queries(self.store.database), course=course, since=since, until=until, dialogue=dialogue)
        report = load_command(name, [bundled_folder()]).run(context, **options)
        names = [column.name for column in report.columns]
        return [dict(zip(names, row, strict=True)) for row in report.checked_rows()]

    def pick(self, command: str, *names: str, **options: Any) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in names) for row in self.ask(command, **options)]


@pytest.fixture
def site(database: Store) -> Site:
    return Site(database)


def line(time: str, event_type: str = "page_close", user: Any = 7, course: str | None = COURSE, source: str = "browser", **fields: Any) -> bytes:
    context = {"course_id": course, "user_id": user}
    event = {"time": time, "event_type": event_type, "event_source": source, "username": f"u{user}", "ip": "8.8.8.8", "event": {}, "context": context}
    return json.dumps(event | fields).encode()


def moment(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2020, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("command", ACTIVITY)
def test_an_empty_database_gives_no_rows(site: Site, command: str) -> None:
    assert site.ask(command) == []


@pytest.mark.parametrize("command", ACTIVITY)
def test_a_course_that_is_not_there_gives_no_rows(site: Site, command: str) -> None:
    site.events(line("2020-01-10T10:00:00"))
    site.row("student_courseenrollment", 7, user_id=7, created=moment(1), mode="audit", is_active=True)
    assert site.ask(command, course=("course-v1:DemoX+None+*",)) == []


@pytest.mark.parametrize("command", ["user_activity_by_user", "course_activity", "person_course_day", "time_on_task", "sessions", "module_activity"])
def test_days_that_were_never_rolled_up_are_said_not_left_out(site: Site, command: str) -> None:
    site.events(line("2020-01-10T10:00:00"), rolled_up=False)
    site.ask(command)
    assert site.said == ["1 days of courses have new events that are not in here; the next sync rolls them up"]
    site.store.database.meta.delete_many({})
    with pytest.raises(ConfigurationError, match="not been rolled up yet"):
        site.ask(command)


def test_activity_of_a_learner_by_category(site: Site) -> None:
    site.events(
        line("2020-01-10T10:00:00", "play_video"),
        line("2020-01-10T10:00:01", "play_video", source="mobile"),
        line("2020-01-10T10:00:02", "play_video", source="server"),
        line("2020-01-10T10:00:03", "problem_check", source="server"),
        line("2020-01-10T10:00:04", "problem_check"),
        line("2020-01-10T10:00:05", "edx.forum.comment.created", source="server"),
        line("2020-01-10T10:00:06", "edx.course.enrollment.activated", source="server"),
        line("2020-01-10T10:00:07", "/courses/x/xblock/y", source="server"),
        line("2020-01-10T10:00:08", user=None),
        line("2020-01-11T10:00:08", user=8),
    )
    found = site.pick("user_activity_by_user", "user_id", "date", "category", "count")
    day = date(2020, 1, 10)
    expected = [(7, day, "ACTIVE", 7), (7, day, "ATTEMPTED_PROBLEM", 1), (7, day, "PLAYED_VIDEO", 2), (7, day, "POSTED_FORUM", 1)]
    assert found == [*expected, (8, date(2020, 1, 11), "ACTIVE", 1)]
    assert site.pick("user_activity_by_user", "user_id", since=date(2020, 1, 11)) == [(8,)]
    assert site.pick("user_activity_by_user", "user_id", "category", until=day) == [(7, category) for _, _, category, _ in expected]


def test_weeks_are_whole_iso_weeks_and_a_learner_counts_once(site: Site) -> None:
    site.events(
        *(line(f"2020-01-{day:02}T10:00:00", "play_video", user=user) for day, user in [(6, 7), (8, 7), (12, 8), (13, 7), (19, 7)]),
        line("2020-01-22T10:00:00"),
    )
    found = site.pick("course_activity", "interval_start", "interval_end", "label", "count")
    assert found == [
        (moment(6), moment(13), "ACTIVE", 2),
        (moment(6), moment(13), "PLAYED_VIDEO", 2),
        (moment(13), moment(20), "ACTIVE", 1),
        (moment(13), moment(20), "PLAYED_VIDEO", 1),
    ]
    assert site.pick("course_activity", "interval_start", weeks=1) == [(moment(13),)] * 2
    assert site.pick("course_activity", "interval_start", weeks=0) == [(moment(6),)] * 2 + [(moment(13),)] * 2
    assert site.pick("course_activity", "interval_start", until=date(2020, 1, 18)) == [(moment(6),)] * 2
    assert site.pick("course_activity", "interval_start", until=date(2020, 1, 26)) == [(moment(6),)] * 2 + [(moment(13),)] * 2 + [(moment(20),)]
    assert site.pick("course_activity", "interval_start", since=date(2020, 1, 15)) == [(moment(13),)] * 2
    with pytest.raises(UsageError):
        site.ask("course_activity", weeks=-1)


def test_a_day_has_its_pauses_in_seconds_and_the_country_of_its_last_address(site: Site) -> None:
    site.events(line("2020-01-10T10:00:00"), line("2020-01-10T10:00:01"), line("2020-01-10T10:00:04"), line("2020-01-10T11:00:00", ip="1.1.1.1"))
    (row,) = site.ask("person_course_day")
    assert (row["avg_dt"], row["max_dt"], row["n_dt"], row["sum_dt"]) == (2.0, 3.0, 2, 4.0)
    assert row["sdv_dt"] == pytest.approx(2**0.5)
    assert (row["nevents"], row["country"], row["date"], row["user_id"], row["username"]) == (4, "AU", date(2020, 1, 10), 7, "u7")


def test_a_day_of_requests_of_components_only_is_none_of_mits(site: Site) -> None:
    site.events(line("2020-01-10T10:00:00", "/courses/x/xblock/y", source="server"))
    assert site.ask("person_course_day") == []


def test_totals_of_time_on_task_are_the_sums_of_the_days(site: Site) -> None:
    site.events(*(line(f"2020-01-{day}T10:0{minute}:00", "play_video") for day in (10, 11) for minute in (0, 2)), line("2020-01-10T10:31:00"))
    assert site.pick("time_on_task", "date", "total_5", "total_30", "video_5") == [
        (date(2020, 1, 10), 120.0, 120.0 + 29 * 60, 120.0),
        (date(2020, 1, 11), 120.0, 120.0, 120.0),
    ]
    assert site.pick("time_on_task", "date", "total_5", "total_30", "serial_video_30", totals=True) == [(None, 240.0, 240.0 + 29 * 60, 240.0)]


def test_a_session_goes_on_past_midnight(site: Site) -> None:
    times = ["2020-01-10T23:50:00", "2020-01-11T00:20:00", "2020-01-11T00:50:01", "2020-01-12T00:20:02"]
    site.events(*map(line, times))
    found = site.pick("sessions", "start", "end", "nevents", "duration")
    assert found[0] == (moment(10, 23, 50), moment(11, 0, 20), 2, 1800.0)
    assert [row[2] for row in found] == [2, 1, 1]
    assert site.pick("sessions", "nevents", since=date(2020, 1, 11), until=date(2020, 1, 11)) == [(1,)]
    assert site.pick("sessions", "nevents", until=date(2020, 1, 10)) == [(2,)]


def test_blocks_have_the_names_of_their_places(site: Site) -> None:
    site.block(VIDEO, "video", [("course", "C"), ("chapter", "Week 1"), ("sequential", "Lesson"), ("vertical", "Unit")])
    gone = VIDEO.replace("v1", "v2", 1).replace("@v1", "@gone")
    site.events(*(line(f"2020-01-10T10:00:0{second}", "play_video", event={"id": VIDEO}, user=user) for second, user in enumerate([7, 7, 8])))
    site.events(line("2020-01-10T10:00:00", "play_video", event={"id": VIDEO.replace("@v1", "@gone")}))
    assert gone
    found = site.pick("module_activity", "module_id", "category", "chapter", "sequential", "vertical", "nevents", "learners")
    assert found == [
        (VIDEO.replace("@v1", "@gone"), None, None, None, None, 1, 1),
        (VIDEO, "video", "Week 1", "Lesson", "Unit", 3, 2),
    ]


def a_course(site: Site) -> None:
    """Four chapters; learner 7 has opened two of them."""
    site.course(name="Demo", passing_grade=0.5, package={"start": moment(6), "end": moment(20)})
    site.block("root", "course", children=["c1"], metadata={})
    for number in range(1, 5):
        site.block(f"c{number}", "chapter", [("course", "C")])
    walk = [("course", "C"), ("chapter", "c1"), ("sequential", "s1"), ("vertical", "u1")]
    for key, category, weight in [
        ("p1", "problem", 2.0),
        ("p2", "problem", 0),
        ("p3", "problem", None),
        ("v", "video", None),
        ("d", "discussion", None),
    ]:
        site.block(key, category, walk, metadata={} if weight is None else {"weight": weight})
    site.block("poll", "poll", walk)
    site.block("inner", "html", [*walk, ("conditional", "x")])
    for learner, mode in [(7, "verified"), (9, "audit")]:
        site.row("auth_user", learner, id=learner, username=f"u{learner}", email=f"U{learner}@Example.org", is_staff=learner == 9)
        site.row("student_courseenrollment", learner, user_id=learner, created=moment(2 if learner == 7 else 3, 9), mode=mode, is_active=True)
    site.row("auth_user", 10, id=10, username="u10", email="", is_staff=False)
    site.row("auth_userprofile", 1, user_id=7, gender="f", year_of_birth=1990, level_of_education="m", country="CL")
    site.row("certificates_generatedcertificate", 7, user_id=7, grade="0.8", status="downloadable", created_date=moment(15), modified_date=moment(16))
    site.row("grades_persistentcoursegrade", 7, user_id=7, percent_grade=0.9)
    site.row("grades_persistentcoursegrade", 9, user_id=9, percent_grade=0.5)
    site.row("student_courseaccessrole", 1, user_id=9, role="staff")
    site.row("django_comment_client_role_users", 1, user_id=7, name="Student")
    site.state(1, 7, "chapter", "c1", moment(7))
    site.state(2, 7, "chapter", "c2", moment(9))
    site.state(3, 7, "video", VIDEO, moment(7, 1))
    site.state(4, 7, "problem", "p1", moment(7, 2), {"correct_map": {}})
    site.state(5, 9, "video", VIDEO, moment(8), '{"correct_map"')
    site.store.database.forum.insert_many(
        [
            {"_id": 1, "site": "prod", "course_id": COURSE, "author": 7, "_type": "CommentThread", "pinned": True, "votes": {"up_count": 3}},
            {"_id": 2, "site": "prod", "course_id": COURSE, "author": 7, "_type": "Comment", "endorsed": True, "votes": {"up_count": 1}},
        ]
    )


def person(site: Site, learner: int) -> dict[str, Any]:
    return next(row for row in site.ask("person_course") if row["user_id"] == learner)


def test_who_has_an_account_or_an_enrolment_is_in_person_course(site: Site) -> None:
    a_course(site)
    site.row("student_courseenrollment", 3, user_id=3, created=None, mode="honor", is_active=False)
    site.row("auth_userprofile", 2, user_id=99, gender="m")
    assert site.pick("person_course", "user_id", "mode", "registered") == [
        (3, "honor", True),
        (7, "verified", True),
        (9, "audit", True),
        (10, None, True),
    ]


def test_viewed_and_explored_are_by_the_state_of_blocks(site: Site) -> None:
    a_course(site)
    names = ("viewed_uqx", "viewed_mit", "explored", "nchapters", "ndays_act_uqx", "nplay_video_uqx", "attempted_problems")
    assert site.pick("person_course", "user_id", *names) == [
        (7, True, True, True, 2, 2, 1, 1),
        (9, True, False, False, 0, 1, 1, 1),
        (10, False, False, False, 0, 0, 0, 0),
    ]


def test_nobody_has_explored_a_course_of_which_no_chapters_are_known(site: Site) -> None:
    site.course()
    site.row("auth_user", 7, id=7)
    assert person(site, 7)["explored"] is None


def test_the_grade_of_the_book_is_mits_and_that_of_the_certificate_uqxs(site: Site) -> None:
    a_course(site)
    names = ("grade_uqx", "grade_mit", "passing_grade", "certified", "completed", "cert_status")
    assert site.pick("person_course", *names) == [
        (0.8, 0.9, 0.5, True, True, "downloadable"),
        (None, 0.5, 0.5, False, True, None),
        (None, None, 0.5, False, False, None),
    ]


def test_events_of_person_course_are_added_up_from_the_days(site: Site) -> None:
    a_course(site)
    site.events(
        *(line(f"2020-01-{day}T10:00:0{second}", "play_video") for day in (10, 11) for second in (0, 1, 3)),
        line("2020-01-12T10:00:00", "/courses/x/xblock/y", source="server", ip="1.1.1.1"),
        line("2020-01-12T10:00:00", user=None, username="u7"),
    )
    row = person(site, 7)
    assert (row["nevents_uqx"], row["nevents_mit"], row["ndays_act_mit"], row["nvideo"], row["nplay_video_mit"]) == (7, 6, 2, 6, 6)
    assert (row["first_event"].day, row["last_event_mit"].day, row["last_event_uqx"].day) == (10, 11, 12)
    assert (row["n_dt"], row["sum_dt"], row["avg_dt"], row["max_dt"]) == (4, 6.0, 1.5, 2.0)
    assert row["sdv_dt"] == pytest.approx((1 / 3) ** 0.5)
    assert (row["ip"], row["cc_by_ip"], row["final_cc_cname"]) == ("8.8.8.8", "US", "AU,US")
    assert [person(site, learner)["inconsistent_flag"] for learner in (7, 9, 10)] == [False, True, False]


def test_posts_and_roles_of_person_course(site: Site) -> None:
    a_course(site)
    names = ("nforum_posts", "nforum_threads", "nforum_comments", "nforum_votes", "nforum_endorsed", "nforum_pinned", "roles_mit", "roles_uqx")
    assert site.pick("person_course", *names)[:2] == [(2, 1, 1, 4, 1, 1, "Student", False), (0, 0, 0, 0, 0, 0, "Staff", True)]
    assert [person(site, learner)["roles_isStaff"] for learner in (7, 9)] == [False, True]
    assert [person(site, learner)["forumRoles_isStudent"] for learner in (7, 9)] == [True, False]
    assert person(site, 7)["email_domain"] == "example.org"


def test_times_of_verified_enrolment_are_of_events(site: Site) -> None:
    a_course(site)
    kinds = [(4, "activated", "audit"), (5, "mode_changed", "verified"), (6, "deactivated", "verified"), (7, "activated", "verified")]
    site.events(
        *(
            line(
                f"2020-01-0{day}T10:00:00", f"edx.course.enrollment.{kind}", source="server", event={"user_id": 7, "course_id": COURSE, "mode": mode}
            )
            for day, kind, mode in kinds
        )
    )
    assert (person(site, 7)["verified_enroll_time"].day, person(site, 7)["verified_unenroll_time"].day) == (5, 6)


def test_a_course_profile_counts_what_is_in_units(site: Site) -> None:
    a_course(site)
    (row,) = site.ask("course_profile")
    blocks = {name: row[name] for name in ("nchapters", "nvideos", "nhtmls", "nassessments", "nsummative", "nformative", "nactivities")}
    assert blocks == {"nchapters": 4, "nvideos": 1, "nhtmls": 0, "nassessments": 3, "nsummative": 1, "nformative": 2, "nactivities": 1}
    people = [row[f"n{name}_students"] for name in ("registered", "viewed", "explored", "certified", "honor", "audit", "verified")]
    assert people == [3, 2, 1, 1, 0, 1, 1]
    assert (row["registration_open_date"], row["course_launch_date"], row["course_close_date"]) == (
        date(2020, 1, 2),
        date(2020, 1, 6),
        date(2020, 1, 20),
    )
    assert (row["course_length"], row["nincontent_discussions"]) == (2, 1)


def test_daily_counts_tell_news_and_sums(site: Site) -> None:
    a_course(site)
    found = site.pick("daily_count", "date", "measure", "value", "count", "cumulative_count")
    assert found == [
        (date(2020, 1, 2), "registered", "", 1, 1),
        (date(2020, 1, 2), "mode", "verified", 1, 1),
        (date(2020, 1, 2), "gender", "f", 1, 1),
        (date(2020, 1, 2), "age", "30-39", 1, 1),
        (date(2020, 1, 2), "country", "CL", 1, 1),
        (date(2020, 1, 3), "registered", "", 1, 2),
        (date(2020, 1, 3), "mode", "audit", 1, 1),
        (date(2020, 1, 3), "gender", "", 1, 1),
        (date(2020, 1, 3), "age", "", 1, 1),
        (date(2020, 1, 3), "country", "", 1, 1),
        (date(2020, 1, 7), "viewed", "", 1, 1),
        (date(2020, 1, 8), "viewed", "", 1, 2),
        (date(2020, 1, 9), "explored", "", 1, 1),
        (date(2020, 1, 15), "certified", "", 1, 1),
    ]
    assert site.pick("daily_count", "measure", "cumulative_count", since=date(2020, 1, 8), until=date(2020, 1, 8)) == [("viewed", 2)]


@pytest.mark.parametrize(("born", "band"), [(2001, "under 20"), (2000, "20-29"), (1951, "50-69"), (1950, "70 and over"), (None, ""), ("1990", "")])
def test_ages_are_in_bands(born: Any, band: str) -> None:
    assert age_band(born, 2020) == band


def test_extracted_events_carry_what_the_course_says_of_their_blocks(site: Site) -> None:
    old = "i4x://DemoX/D100/"
    tree = [
        ("course/r", "course", ["chapter/c1", "chapter/c2"]),
        ("chapter/c1", "chapter", []),
        ("chapter/c2", "chapter", ["sequential/s0", "sequential/s1"]),
    ]
    tree += [("sequential/s0", "sequential", []), ("sequential/s1", "sequential", ["vertical/u"])]
    tree += [("vertical/u", "vertical", ["html/h", "conditional/x"]), ("html/h", "html", []), ("conditional/x", "conditional", ["wrapper/w"])]
    tree += [("wrapper/w", "wrapper", ["video/a", "video/v"]), ("video/a", "video", []), ("video/v", "video", [])]
    for name, category, children in tree:
        block = {"block_id": old + name, "category": category, "children": [old + child for child in children]}
        site.row("course_structure", name, SLASH, **block, metadata={"display_name": name.upper()}, display_name=name.upper())
    site.events(
        line("2020-01-10T10:00:00", "play_video", course=SLASH, event={"id": "i4x-DemoX-D100-video-v"}),
        line("2020-01-10T10:00:01", course=SLASH),
        line("2020-01-11T10:00:00", "/courses/x", course=SLASH, source="server"),
        line("2020-01-10T10:00:00", course=COURSE),
    )
    first, second = site.ask("extract_course_events", until=date(2020, 1, 10), course=(SLASH,))
    assert (first["block"], first["metadata"]) == ("v", {"display_name": "VIDEO/V"})
    assert first["parent_data"] == {
        "course_order": 1,
        "course_id": "r",
        "course_display_name": "COURSE/R",
        "chapter_order": 1,
        "chapter_id": "c2",
        "chapter_display_name": "CHAPTER/C2",
        "sequential_order": 0,
        "sequential_id": "s1",
        "sequential_display_name": "SEQUENTIAL/S1",
        "vertical_order": 2,
        "vertical_id": "u",
        "vertical_display_name": "VERTICAL/U",
    }
    assert (second["parent_data"], second["metadata"], second["action"]) == (None, None, "page_close")
    assert site.pick("extract_course_events", "action", since=date(2020, 1, 11)) == [(None,)]
