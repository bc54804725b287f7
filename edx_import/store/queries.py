"""The questions that reports, commands and `status` share. Reads only, and streams: what a query holds does not grow with its rows.

Every query is about one site. `course_ids` None means all courses. Rows come in the order of their ids, which is total. Times are
timezone-aware and UTC. Whatever MongoDB raises becomes a StoreError.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice
from typing import Any
from urllib.parse import unquote

from pymongo.database import Database

from edx_import.courses import DEFAULT_PASSING_GRADE
from edx_import.errors import UsageError
from edx_import.ids import escape_part
from edx_import.model import EDGE, PROD, EnrollmentEvent, Site
from edx_import.store.addresses import last_addresses
from edx_import.store.collections import (
    COURSE_CONTENT,
    COURSE_STRUCTURE,
    COURSES,
    EMAIL_OPT_IN,
    EVENTS,
    FORUM,
    IMPORTS,
    OTHER_PREFIX,
    course_filter,
)
from edx_import.store.connection import CODEC
from edx_import.store.enrollment_events import enrollment_changes, payload_course_ids
from edx_import.store.event_counts import chosen_events, events_per_day, events_per_type, users_per_week
from edx_import.store.learner_rows import rows_by_learner, rows_of_learners, snapshot_dates
from edx_import.store.mongo_errors import mongo_errors
from edx_import.tables import AUTH_USERPROFILE, BY_NAME, CERTIFICATES, ENROLLMENT, STUDENT_MODULE, TABLES

Row = dict[str, Any]
Profile = tuple[str, str]  # gender and country, empty where not said

#: How many profiles of one course are held in memory (some 120 bytes each).
PROFILES_HELD = 200_000

_AT_ONCE = 2000  # rows of a round trip, and learners of a look-up
_NO_PROFILE: Profile = ("", "")
_PROFILE_FIELDS = ("user_id", "gender", "country")
_NOTHING: Row = {"_id": {"$in": []}}
_BY_COURSE_RANGE = (*(table.name for table in TABLES), COURSE_STRUCTURE, COURSE_CONTENT, EMAIL_OPT_IN)
_BY_COURSE_FIELD = (EVENTS, FORUM)
_IMPORT_FIELDS = ("key", "kind", "org", "site", "date", "state", "size", "counts", "started", "finished", "attempts", "error")


class Queries:
    """Named questions to one database."""

    def __init__(self, database: Database[Any]) -> None:
        self._database: Database[Row] = database.with_options(codec_options=CODEC)

    def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        """What a pipeline gives. Raises UsageError for a stage that writes."""
        writing = sorted({stage for step in pipeline for stage in step if stage in ("$out", "$merge")})
        if writing:
            raise UsageError(f"a report reads only: {', '.join(writing)} is not allowed", "Return the rows; `--save` stores a report.")
        return self._aggregated(collection, pipeline)

    def _aggregated(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        with mongo_errors(f"reading {collection}"), self._database[collection].aggregate(pipeline, allowDiskUse=True, batchSize=_AT_ONCE) as cursor:
            yield from cursor

    def courses(self, site: Site, course_ids: Collection[str] | None = None) -> Iterator[Row]:
        """The documents of the courses."""
        return self._found(COURSES, _of_courses(site, course_ids))

    def _found(self, collection: str, wanted: Mapping[str, Any], fields: Sequence[str] = ()) -> Iterator[Row]:
        with (
            mongo_errors(f"reading {collection}"),
            self._database[collection].find(wanted, list(fields) or None).sort("_id", 1).batch_size(_AT_ONCE) as cursor,
        ):
            yield from cursor

    def enrollments(
        self, site: Site, course_ids: Collection[str] | None = None, since: date | None = None, until: date | None = None
    ) -> Iterator[Row]:
        """Every enrolment: course_name, course_id, registration_date, gender, country, mode, is_active; user_id for joining.

        Gender and country are those of the learner's profile in the files of the same course, empty where there is none or it does not say.
        `since` and `until` are UTC days of registration, both included.
        """
        names = {course["course_id"]: course.get("name") for course in self.courses(site)}
        for row, profile in self._enrolled(site, course_ids, since, until):
            gender, country = profile
            yield {
                "course_name": names.get(row["course_id"]) or "",
                "course_id": row["course_id"],
                "user_id": row.get("user_id"),
                "registration_date": row.get("created"),
                "gender": gender,
                "country": country,
                "mode": row.get("mode") or "",
                "is_active": row.get("is_active"),
            }

    def _enrolled(
        self, site: Site, course_ids: Collection[str] | None, since: date | None = None, until: date | None = None
    ) -> Iterator[tuple[Row, Profile]]:
        """Every enrolment with the learner's profile."""
        created = _created(since, until)
        for scope in _scopes(site, course_ids):
            rows = self._found(ENROLLMENT.name, {**scope, **created}, ("course_id", "user_id", "created", "mode", "is_active"))
            for course_id, of_course in groupby(rows, key=lambda row: row["course_id"]):
                yield from self._with_profiles(site, course_id, of_course)

    def _with_profiles(self, site: Site, course_id: str, rows: Iterator[Row]) -> Iterator[tuple[Row, Profile]]:
        """Joins the profiles: those of a few learners by the index on learners, else all of the course at once, several times faster, where
        they are few enough to hold.
        """
        batch = list(islice(rows, _AT_ONCE))
        held = self._profiles_of_course(site, course_id) if len(batch) == _AT_ONCE else None
        while batch:
            profiles = self._profiles_of(site, course_id, batch) if held is None else held
            for row in batch:
                yield row, profiles.get(row.get("user_id"), _NO_PROFILE)
            batch = list(islice(rows, _AT_ONCE))

    def _profiles_of_course(self, site: Site, course_id: str) -> dict[int | None, Profile] | None:
        """The profiles of a course by learner; None when they are too many."""
        rows = self._found(AUTH_USERPROFILE.name, course_filter(AUTH_USERPROFILE.name, site, course_id), _PROFILE_FIELDS)
        profiles = _by_learner(islice(rows, PROFILES_HELD))
        return profiles if next(rows, None) is None else None

    def _profiles_of(self, site: Site, course_id: str, enrolments: Iterable[Row]) -> dict[int | None, Profile]:
        learners = [row.get("user_id") for row in enrolments]
        wanted = {"site": site, "user_id": {"$in": learners}, "course_id": course_id}
        with mongo_errors("reading profiles"), self._database[AUTH_USERPROFILE.name].find(wanted, _PROFILE_FIELDS) as cursor:
            return _by_learner(cursor)

    def general(self, site: Site, course_ids: Collection[str] | None = None) -> Iterator[Row]:
        """Per course: id, name, sme, start_date, end_date (UTC days) and the counts total_users (enrolments), active_users (distinct learners
        with state of any block), approved_users (certificate grade at least the course's passing grade), certified_users, failed_users, and,
        of the enrolled learners, male, female and the number of distinct countries.
        """
        for course in self.courses(site, course_ids):
            course_id = course["course_id"]
            yield {
                "id": course_id,
                "name": course.get("name") or "",
                "sme": course.get("sme") or "",
                "start_date": _day(course.get("start_date")),
                "end_date": _day(course.get("end_date")),
                **self._people(site, course_id),
                "active_users": self._active(site, course_id),
                **self._certificates(site, course_id, course.get("passing_grade")),
            }

    def _people(self, site: Site, course_id: str) -> Row:
        counts = {"total_users": 0, "male": 0, "female": 0}
        countries = set()
        for _, (gender, country) in self._enrolled(site, [course_id]):
            counts["total_users"] += 1
            counts["male"] += gender == "m"
            counts["female"] += gender == "f"
            countries.add(country)
        return {**counts, "countries": len(countries - {""})}

    def _active(self, site: Site, course_id: str) -> int:
        with_state = {**course_filter(STUDENT_MODULE.name, site, course_id), "student_id": {"$ne": None}}
        pipeline: list[Row] = [{"$match": with_state}, {"$group": {"_id": "$student_id"}}, {"$count": "learners"}]
        return sum(found["learners"] for found in self._aggregated(STUDENT_MODULE.name, pipeline))

    def _certificates(self, site: Site, course_id: str, passing_grade: float | None) -> Row:
        passing = DEFAULT_PASSING_GRADE if passing_grade is None else passing_grade
        grade = {"$convert": {"input": "$grade", "to": "double", "onError": None, "onNull": None}}  # it is text, and may be empty
        counted = {
            "approved_users": _number_of({"$gte": [grade, passing]}),
            "certified_users": _number_of({"$eq": ["$status", "downloadable"]}),
            "failed_users": _number_of({"$eq": ["$status", "notpassing"]}),
        }
        pipeline: list[Row] = [{"$match": course_filter(CERTIFICATES.name, site, course_id)}, {"$group": {"_id": None, **counted}}, {"$unset": "_id"}]
        return next(self._aggregated(CERTIFICATES.name, pipeline), dict.fromkeys(counted, 0))

    def collection_counts(self, site: Site, course_ids: Collection[str] | None = None) -> dict[str, dict[str, int]]:
        """How many documents each course has in each collection that holds any of it: {course id: {collection: documents}}."""
        counts: dict[str, dict[str, int]] = {}
        for collection in self._course_collections():
            for course_id, number in self._counted(collection, site, course_ids):
                counts.setdefault(course_id, {})[collection] = number
        return counts

    def _course_collections(self) -> list[str]:
        with mongo_errors("looking for collections"):
            names = self._database.list_collection_names()
        return sorted(name for name in names if name in _BY_COURSE_RANGE + _BY_COURSE_FIELD or name.startswith(OTHER_PREFIX))

    def _counted(self, collection: str, site: Site, course_ids: Collection[str] | None) -> Iterator[tuple[str, int]]:
        """Documents per course. Where an id begins with the course, the ids alone tell: their index is far smaller than the rows."""
        key: Any = "$course_id"
        match = _of_courses(site, course_ids)
        if collection in _BY_COURSE_RANGE:
            key = {"$arrayElemAt": [{"$split": ["$_id", "|"]}, 1]}
            match = {"$or": _scopes(site, course_ids) or [_NOTHING]}
        for group in self._aggregated(collection, [{"$match": match}, {"$group": {"_id": key, "number": {"$sum": 1}}}]):
            if group["_id"] is not None:
                yield unquote(group["_id"]) if key != "$course_id" else group["_id"], group["number"]

    def event_span(self, site: Site, course_ids: Collection[str] | None = None) -> dict[str, tuple[datetime, datetime]]:
        """The times of the first and the last event of each course that has any: {course id: (first, last)}."""
        spans = {}
        for course in self.courses(site, course_ids):
            first, last = (self._event_time(site, course["course_id"], direction) for direction in (1, -1))
            if first is not None and last is not None:
                spans[course["course_id"]] = (first, last)
        return spans

    def _event_time(self, site: Site, course_id: str | None, direction: int) -> datetime | None:
        order = [("site", direction), ("course_id", direction), ("time", direction)]  # as the index has it: one key is read
        with mongo_errors("reading events"):
            found = self._database[EVENTS].find_one({"site": site, "course_id": course_id}, {"time": 1, "_id": 0}, sort=order)
        return found.get("time") if found else None

    def event_days(self, site: Site) -> tuple[date, date] | None:
        """The days (UTC) of the first and the last event of a site, those of no course included; None when there is none.

        A last day after that of the newest event file that a sync has taken up is that of a device whose clock was wrong: the file's counts then.
        The index on courses and times is stepped through from course to course: two keys are read for each.
        """
        times = list(self._first_and_last_times(site))
        if not times:
            return None
        first, last = min(times).date(), max(times).date()
        return first, max(first, min(last, self._newest_event_file(site) or last))

    def _newest_event_file(self, site: Site) -> date | None:
        tokens = {PROD: "edx|prod", EDGE: "edge"}.get(site)
        wanted = {"kind": "events", "state": {"$nin": ["pending", "skipped"]}, "key": {"$regex": f"/({tokens})/events/"}}
        with mongo_errors("reading the ledger"):
            found = self._database[IMPORTS].find_one(wanted, {"date": 1}, sort=[("date", -1)]) if tokens else None
        return date.fromisoformat(found["date"]) if found and found.get("date") else None

    def _first_and_last_times(self, site: Site) -> Iterator[datetime]:
        found = self._next_course(site, {})
        while found:
            course_id = found.get("course_id")
            yield found["time"]
            yield self._event_time(site, course_id, -1) or found["time"]
            found = self._next_course(site, {"course_id": {"$gte": ""} if course_id is None else {"$gt": course_id}})

    def _next_course(self, site: Site, beyond: Row) -> Row | None:
        """The first event of the first course beyond one: its course_id (None comes before all others) and its time."""
        with mongo_errors("reading events"):
            return self._database[EVENTS].find_one(
                {"site": site, **beyond}, {"course_id": 1, "time": 1, "_id": 0}, sort=[("site", 1), ("course_id", 1), ("time", 1)]
            )

    def enrollment_course_ids(self, site: Site) -> Iterator[str]:
        """Every text that payloads of enrolment events have for a course, in order; one course may have several, and some are no course keys."""
        return payload_course_ids(self._database[EVENTS], site)

    def enrollment_events(self, site: Site, payload_ids: Collection[str]) -> Iterator[tuple[int, EnrollmentEvent]]:
        """The learner (auth_user.id) and the event for each activated, deactivated and mode_changed whose payload has one of these texts for the
        course, a learner and a mode; by learner, each learner's in their order.
        """
        return enrollment_changes(self._database[EVENTS], site, payload_ids)

    def rows_by_learner(self, table: str, site: Site, course_id: str, fields: Sequence[str]) -> Iterator[Row]:
        """`user_id` and these fields of a course's rows of a table, by learner."""
        return rows_by_learner(self._database, BY_NAME[table], site, course_id, fields)

    def rows_of_learners(self, table: str, site: Site, learners: Collection[int], fields: Sequence[str]) -> Iterator[Row]:
        """`user_id` and these fields of the rows of these learners, whatever the course, in no order."""
        return rows_of_learners(self._database, BY_NAME[table], site, learners, fields)

    def snapshot_dates(self, table: str, site: Site) -> dict[str, str]:
        """The date of the weekly ZIP that each course's rows of a table are of: {course id: YYYY-MM-DD}."""
        return snapshot_dates(self._database, BY_NAME[table], site)

    def last_addresses(self, site: Site, learners: Iterable[int]) -> dict[int, str]:
        """The IP address of each learner's last event that has one, in whatever course; learners without such an event are left out."""
        return last_addresses(self._database[EVENTS], site, learners)

    def events_per_day(
        self, site: Site, course_ids: Collection[str] | None = None, since: date | None = None, until: date | None = None
    ) -> Iterator[Row]:
        """date, event_count; the newest day first, days without events left out."""
        return events_per_day(self._database[EVENTS], chosen_events(site, course_ids, since, until))

    def events_per_type(
        self, site: Site, course_ids: Collection[str] | None = None, since: date | None = None, until: date | None = None
    ) -> Iterator[Row]:
        """date, event_type, event_source, event_count, in that order; without implicit events."""
        return events_per_type(self._database[EVENTS], chosen_events(site, course_ids, since, until))

    def users_per_week(
        self, site: Site, course_ids: Collection[str] | None = None, since: date | None = None, until: date | None = None
    ) -> Iterator[Row]:
        """interval_start (the Monday of an ISO week), active_users (distinct usernames that are not blank); the oldest week first."""
        return users_per_week(self._database[EVENTS], chosen_events(site, course_ids, since, until))

    def imported_objects(self) -> Iterator[Row]:
        """What the ledger says of each delivered object (not of the members of a ZIP), by key: all of `_IMPORT_FIELDS`, None where unknown."""
        for row in self._found(IMPORTS, {"member": {"$in": ["", None]}}, _IMPORT_FIELDS):
            yield {name: row.get(name) for name in _IMPORT_FIELDS}


def _scopes(site: Site, course_ids: Collection[str] | None) -> list[Row]:
    """The rows of the courses, as ranges of ids in their order; all rows of the site when no course is named."""
    if course_ids is None:
        return [{"_id": {"$gte": escape_part(site) + "|", "$lt": escape_part(site) + "}"}}]
    return sorted((course_filter(ENROLLMENT.name, site, course_id) for course_id in set(course_ids)), key=lambda scope: str(scope["_id"]["$gte"]))


def _of_courses(site: Site, course_ids: Collection[str] | None) -> Row:
    return {"site": site} if course_ids is None else {"site": site, "course_id": {"$in": list(course_ids)}}


def _by_learner(rows: Iterable[Row]) -> dict[int | None, Profile]:
    """Profiles by learner. Of several rows of one learner the greatest counts, so that the order of the rows does not matter."""
    profiles: dict[int | None, Profile] = {}
    known: dict[Profile, Profile] = {}  # there are few different ones: each is held once
    for row in rows:
        found = (row.get("gender") or "", row.get("country") or "")
        found = max(found, profiles.get(row.get("user_id"), found))
        profiles[row.get("user_id")] = known.setdefault(found, found)
    return profiles


def _created(since: date | None, until: date | None) -> Row:
    """The rows created on UTC days, the last one included."""
    bounds = {}
    if since:
        bounds["$gte"] = datetime.combine(since, time(), UTC)
    if until and until < date.max:
        bounds["$lt"] = datetime.combine(until + timedelta(days=1), time(), UTC)
    return {"created": bounds} if bounds else {}


def _number_of(condition: Row) -> Row:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _day(moment: Any) -> Any:
    return moment.date() if isinstance(moment, datetime) else moment
