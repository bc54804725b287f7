"""The collection `courses`, and the course metadata that stands on the documents of a course.

A course's document holds what courses.yaml says (`listed`), and in `package` what the delivered package says of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from pymongo.errors import DuplicateKeyError

from edx_import.courses import Course
from edx_import.errors import StoreError
from edx_import.ids import row_id
from edx_import.model import Site
from edx_import.store.collections import COURSES, EVENTS, FORUM, OTHER_PREFIX, course_filter
from edx_import.store.connection import Store, whole_milliseconds
from edx_import.tables import TABLES

_ON_DOCUMENTS = ("name", "sme", "start_date", "end_date")
_ANNOTATED = (*(table.name for table in TABLES if table.annotated), FORUM)
_ATTEMPTS = 5


class PackageCourse(Protocol):
    """What the package says of a course (the readers' summary of its structure; the edges do not import each other)."""

    @property
    def display_name(self) -> str | None:
        """Its title."""

    @property
    def start(self) -> datetime | None:
        """UTC."""

    @property
    def end(self) -> datetime | None:
        """UTC."""


def known_courses(store: Store) -> set[tuple[Site, str]]:
    """Every course that the database has, as (site, course id). Raises StoreError."""
    courses = store.database[COURSES]
    found = store.ride_out("reading the courses", lambda: list(courses.find({}, {"site": 1, "course_id": 1})))
    return {(course["site"], course["course_id"]) for course in found}


def save_course(store: Store, site: Site, course_id: str, listed: Course | None, package: PackageCourse | None) -> bool:
    """Puts a course into `courses`; gives whether that changed anything. Raises StoreError.

    Without a `package` it keeps what an earlier one said. A course that is not listed has the name and the dates of the package. Documents of the
    course get the new metadata first: cut off in between, the next sync finds the course unchanged in `courses`, and does it again.
    """
    identity = {"_id": row_id(site, course_id), "site": site, "course_id": course_id}
    changed = False
    for _ in range(_ATTEMPTS):
        old = _course(store, site, course_id)
        said = _package_part(package) if package else old.get("package")
        new = {**old, **identity, **_listed_part(listed, said), "package": said}
        if new == old:
            return changed
        if old:
            refresh_course(store, site, course_id, _metadata_of(new))
        if store.ride_out("writing the courses", partial(_put, store, old, new)):
            return True
        # another process was faster, or a try that was cut off has done it
        changed = True
    raise StoreError(f"another process keeps changing the course {course_id}", "Make sure that only one sync runs on this database.")


def _course(store: Store, site: Site, course_id: str) -> dict[str, Any]:
    """The document of the course; empty where there is none."""
    return store.ride_out("reading the courses", lambda: store.database[COURSES].find_one({"_id": row_id(site, course_id)})) or {}


def _put(store: Store, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Puts a course in the place of what was read of it; whether it did. Another process may have learnt of the package meanwhile."""
    courses = store.database[COURSES]
    if old:
        return courses.replace_one({"_id": old["_id"], "package": old.get("package")}, new).matched_count > 0
    try:
        courses.insert_one(dict(new))
    except DuplicateKeyError:
        return False
    return True


def _package_part(package: PackageCourse) -> dict[str, Any]:
    return {"display_name": package.display_name, "start": whole_milliseconds(package.start), "end": whole_milliseconds(package.end)}


def _listed_part(listed: Course | None, package: Mapping[str, Any] | None) -> dict[str, Any]:
    said = package or {}
    if listed is None:
        dates = {"start_date": said.get("start"), "end_date": said.get("end")}
        return {"name": said.get("display_name"), "sme": None, **dates, "passing_grade": None, "aliases": [], "listed": False}
    return {
        "name": listed.name,
        "sme": listed.sme,
        "start_date": whole_milliseconds(listed.start_date),
        "end_date": whole_milliseconds(listed.end_date),
        "passing_grade": listed.passing_grade,
        "aliases": list(listed.aliases),
        "listed": True,
    }


def document_metadata(store: Store, site: Site, course_id: str) -> dict[str, Any]:
    """What stands on the documents of the course: `{name, sme, start_date, end_date}`. Raises StoreError."""
    return _metadata_of(_course(store, site, course_id))


def _metadata_of(course: Mapping[str, Any]) -> dict[str, Any]:
    return {name: course.get(name) for name in _ON_DOCUMENTS}


def forget_course(store: Store, site: Site, course_id: str) -> bool:
    """Takes a course out of `courses` if no event and no enrolment is under its id; whether it did. Raises StoreError."""
    for name in (EVENTS, "student_courseenrollment"):
        of_course = course_filter(name, site, course_id)
        if store.ride_out(f"reading {name}", partial(store.database[name].find_one, of_course, {"_id": 1})):
            return False
    known = bool(_course(store, site, course_id))
    store.ride_out("writing the courses", lambda: store.database[COURSES].delete_one({"_id": row_id(site, course_id)}))
    return known


def refresh_course(store: Store, site: Site, course_id: str, metadata: Mapping[str, Any]) -> int:
    """Puts metadata on the documents of the course; gives how many needed it. Raises StoreError."""
    what = "bringing course metadata up to date"
    others = store.ride_out(what, partial(store.database.list_collection_names, filter={"name": {"$regex": f"^{OTHER_PREFIX}"}}))
    # Whether the documents of tables that nobody declared have it is up to their reader.
    conditions = {name: {"$ne": metadata} for name in _ANNOTATED} | {name: {"$exists": True, "$ne": metadata} for name in others}
    changed = 0
    for name, condition in conditions.items():
        stale = {**course_filter(name, site, course_id), "course": condition}
        # counted before: when the connection is lost, nobody knows how many of them a try that was cut off has changed
        number = store.ride_out(what, partial(store.database[name].count_documents, stale))
        if number:
            store.ride_out(what, partial(store.database[name].update_many, stale, {"$set": {"course": metadata}}))
        changed += number
    return changed
