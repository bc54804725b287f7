"""The reports of enrolments: how long they take over so many learners and 400 days, and whether memory stays flat with a tenth of the learners.

The documents are put into the database as a sync would leave them. Half of the learners are in one course, the others in nine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, Final

from bson import ObjectId

from benchmarks.place import Place
from edx_import.ids import event_id, row_id
from edx_import.model import ACTIVATED, DEACTIVATED, MODE_CHANGED
from edx_import.store.collections import COURSES, EVENTS, ensure_collections, ensure_indexes
from edx_import.store.connection import Store

_DAYS: Final = 400
_COURSES: Final = tuple(f"course-v1:DemoX+B{number}+1T2020" for number in range(10))
_FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_SITE: Final = "prod"
_BATCH: Final = 5000

#: The five that have numbers of every day, or of the last.
_DAILY: Final = tuple(f"course_enrollment_{name}" for name in ("daily", "mode_daily", "gender_daily", "birth_year_daily", "education_level_daily"))
_OTHERS: Final = (
    "course_enrollment_summary",
    "course_meta_summary_enrollment",
    "course_grade_by_mode",
    "course_enrollment_location_current",
    "enrollment_validation",
    "total_events",
    "event_types",
    "active_users",
)

Documents = Iterator[dict[str, Any]]


def measure(place: Place) -> None:
    """A measurement for each report; `enrolment, small`: one of them with a tenth of the learners."""
    small, large = place.scale.enrolled // 10, place.scale.enrolled
    for number, commands in ((small, ["course_enrollment_gender_daily", "course_enrollment_summary"]), (large, [*_DAILY, *_OTHERS])):
        database = f"bench_enrolment_{number}"
        load(place.server.uri, database, number)
        for command in commands:
            rows = place.folder / "rows.csv"
            ran = place.run(database, "cmd", command, "--format", "csv", "--output", str(rows))
            with rows.open("rb") as file:
                notes = {"rows": sum(1 for _ in file) - 1}
            name = command if number == large else f"{command}, small"
            place.results.add(ran.measured(name, f"{notes['rows']:,} rows of {_DAYS} days", number, "learners", notes))
        place.server.drop(database)
    measured = place.results.measured
    place.results.ratios[f"seconds of the daily family, {large:,} learners, {_DAYS} days"] = sum(measured[name].seconds for name in _DAILY)
    for name in ("course_enrollment_gender_daily", "course_enrollment_summary"):
        place.results.ratios[f"peak memory of {name}, ten times the learners"] = (
            measured[name].memory["main"] / measured[f"{name}, small"].memory["main"]
        )


def load(uri: str, database: str, learners: int) -> None:
    """Makes the database anew."""
    with Store.connect(uri, database) as store:
        store.drop()
        ensure_collections(store, without_indexes={EVENTS})
        courses = ({"_id": row_id(_SITE, course), "site": _SITE, "course_id": course, "name": course, "listed": True} for course in _COURSES)
        _insert(store, COURSES, courses)
        _insert(store, EVENTS, _events(learners))
        for table, rows in (("auth_userprofile", _profiles), ("grades_persistentcoursegrade", _grades), ("student_courseenrollment", _enrollments)):
            _insert(store, table, rows(learners))
        ensure_indexes(store, EVENTS)


def _insert(store: Store, collection: str, documents: Iterable[dict[str, Any]]) -> None:
    left = iter(documents)
    while batch := list(islice(left, _BATCH)):
        store.database[collection].insert_many(batch, ordered=False)


def _course_of(learner: int) -> str:
    return _COURSES[0] if learner % 2 else _COURSES[1 + learner // 2 % 9]


def _profiles(learners: int) -> Documents:
    for learner in range(learners):
        if learner % 20:
            yield _row(learner, gender="fmo"[learner % 3], year_of_birth=1950 + learner % 60, level_of_education=["m", "b", "hs", ""][learner % 4])


def _grades(learners: int) -> Documents:
    for learner in range(0, learners, 3):
        moment = _FIRST + timedelta(days=learner % _DAYS)
        yield _row(learner, letter_grade="Pass" if learner % 2 else "", passed_timestamp=moment, modified=moment)


def _enrollments(learners: int) -> Documents:
    for learner in range(learners):
        yield _row(learner, is_active=learner % 4 > 0, mode="audit", created=_FIRST)


def _row(learner: int, **fields: Any) -> dict[str, Any]:
    course = _course_of(learner)
    return {"_id": row_id(_SITE, course, str(learner)), "site": _SITE, "course_id": course, "user_id": learner, **fields}


def _events(learners: int) -> Documents:
    """Day by day, as they are delivered: about two of enrolments for each learner, and as many others."""
    rng = Random(1)
    changes: list[list[tuple[int, str, str]]] = [[] for _ in range(_DAYS)]
    for learner in range(learners):
        day, kind, mode = rng.randrange(_DAYS), ACTIVATED, "audit"
        while day < _DAYS:
            changes[day].append((learner, kind, mode))
            if rng.random() < 0.5:
                break
            day += 1 + rng.randrange(90)
            kind, mode = rng.choice([(DEACTIVATED, mode), (MODE_CHANGED, "verified"), (ACTIVATED, "audit")])
    for day, of_day in enumerate(changes):
        for learner, kind, mode in of_day:
            yield _event(rng, day, learner, kind, "server", {"course_id": _course_of(learner), "user_id": learner, "mode": mode})
            yield _event(rng, day, rng.randrange(learners), rng.choice(["play_video", "problem_check", "/courses/x/about"]), "browser", {"id": "x"})


def _event(rng: Random, day: int, learner: int, kind: str, source: str, payload: dict[str, Any]) -> dict[str, Any]:
    course = _course_of(learner)
    moment = _FIRST + timedelta(days=day, milliseconds=rng.randrange(86_400_000))
    return {
        "_id": ObjectId(event_id(_SITE, int(moment.timestamp()), rng.randbytes(16))),
        "site": _SITE,
        "course_id": course,
        "user_id": learner,
        "time": moment,
        "time_microseconds": rng.randrange(1000),
        "username": f"learner{learner}",
        "event_type": kind,
        "event_source": source,
        "ip": f"10.{learner % 200}.{day % 200}.7",
        "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:72.0) Gecko/20100101 Firefox/72.0",
        "host": "courses.edx.org",
        "session": f"{learner:032x}",
        "event": payload,
        "context": {"course_id": course, "org_id": "DemoX", "user_id": learner, "path": "/"},
    }
