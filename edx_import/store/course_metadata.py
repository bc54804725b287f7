"""The collection `courses`, and the course metadata that stands on the documents of a course.

A course's document holds what courses.yaml says (`listed`), and in `package` what the delivered package says of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from pymongo.errors import DuplicateKeyError

from edx_import.courses import Course
from edx_import.errors import StoreError
from edx_import.ids import row_id
from edx_import.model import Site
from edx_import.store.collections import COURSES, EVENTS, FORUM, OTHER_PREFIX, course_filter
from edx_import.store.connection import Store, whole_milliseconds
from edx_import.store.mongo_errors import mongo_errors
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
    with mongo_errors("reading the courses"):
        return {(course["site"], course["course_id"]) for course in store.database[COURSES].find({}, {"site": 1, "course_id": 1})}


def save_course(store: Store, site: Site, course_id: str, listed: Course | None, package: PackageCourse | None) -> bool:
    """Puts a course into `courses`; gives whether that changed anything. Raises StoreError.

    Without a `package` it keeps what an earlier one said. A course that is not listed has the name and the dates of the package. Documents of the
    course get the new metadata first: cut off in between, the next sync finds the course unchanged in `courses`, and does it again.
    """
    courses = store.database[COURSES]
    key = row_id(site, course_id)
    identity = {"_id": key, "site": site, "course_id": course_id}
    with mongo_errors("writing the courses"):
        for _ in range(_ATTEMPTS):
            old = courses.find_one({"_id": key})
            said = _package_part(package) if package else (old or {}).get("package")
            new = {**(old or {}), **identity, **_listed_part(listed, said), "package": said}
            if new == old:
                return False
            if old is not None:
                refresh_course(store, site, course_id, _metadata_of(new))
                # Another process may have learnt of the package meanwhile.
                if courses.replace_one({"_id": key, "package": old.get("package")}, new).matched_count:
                    return True
                continue
            try:
                courses.insert_one(new)
            except DuplicateKeyError:
                continue
            return True
    raise StoreError(f"another process keeps changing the course {course_id}", "Make sure that only one sync runs on this database.")


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
    with mongo_errors("reading the courses"):
        course = store.database[COURSES].find_one({"_id": row_id(site, course_id)}) or {}
    return _metadata_of(course)


def _metadata_of(course: Mapping[str, Any]) -> dict[str, Any]:
    return {name: course.get(name) for name in _ON_DOCUMENTS}


def forget_course(store: Store, site: Site, course_id: str) -> bool:
    """Takes a course out of `courses` if no event and no enrolment is under its id; whether it did. Raises StoreError."""
    with mongo_errors("reading the courses"):
        for name in (EVENTS, "student_courseenrollment"):
            if store.database[name].find_one(course_filter(name, site, course_id), {"_id": 1}):
                return False
        return store.database[COURSES].delete_one({"_id": row_id(site, course_id)}).deleted_count > 0


def refresh_course(store: Store, site: Site, course_id: str, metadata: Mapping[str, Any]) -> int:
    """Puts metadata on the documents of the course; gives how many were changed. Raises StoreError."""
    with mongo_errors("bringing course metadata up to date"):
        others = store.database.list_collection_names(filter={"name": {"$regex": f"^{OTHER_PREFIX}"}})
        # Whether the documents of tables that nobody declared have it is up to their reader.
        conditions = {name: {"$ne": metadata} for name in _ANNOTATED} | {name: {"$exists": True, "$ne": metadata} for name in others}
        changed = 0
        for name, condition in conditions.items():
            stale = {**course_filter(name, site, course_id), "course": condition}
            changed += store.database[name].update_many(stale, {"$set": {"course": metadata}}).modified_count
        return changed
