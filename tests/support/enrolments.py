"""A database with enrolments as the loader puts them there, and what commands answer from it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edx_import.formats.base import ReadContext
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.ids import row_id
from edx_import.model import Document
from edx_import.reports.context import Context
from edx_import.reports.discovery import bundled_folder, load_command
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.queries import Queries

COURSE = "course-v1:DemoX+D101+1T2020"
OTHER = "course-v1:DemoX+D102+1T2020"

_KINDS = {kind: f"edx.course.enrollment.{kind}" for kind in ("activated", "deactivated", "mode_changed")}


def moment(text: str) -> datetime:
    """`2020-01-06` or `2020-01-06T09:01:02.345678`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def stamp(text: str) -> str:
    """The same as the platform writes it; a day alone is its noon."""
    return f"{text}T12:00:00+00:00" if len(text) == 10 else f"{text}+00:00"


def line(kind: str, user: Any, when: str, mode: Any = "audit", course: Any = COURSE, **changes: Any) -> dict[str, Any]:
    """An enrolment event as it stands in a log: in `activated`, `deactivated`, `mode_changed`, or a whole event type."""
    event_type = _KINDS.get(kind, kind)
    return {
        "username": f"user{user}",
        "event_type": event_type,
        "name": event_type,
        "event_source": "server",
        "ip": "8.8.8.8",
        "time": stamp(when),
        "event": {"course_id": course, "user_id": user, "mode": mode},
        "context": {"course_id": course, "org_id": "DemoX", "user_id": user, "path": "/change_enrollment"},
        **changes,
    }


def other_event(when: str, user: Any = None, **changes: Any) -> dict[str, Any]:
    """An event that has nothing to do with enrolments."""
    context = {"course_id": COURSE, "user_id": user}
    return {"event_type": "play_video", "event_source": "browser", "username": "", "ip": "", "time": stamp(when), "context": context, **changes}


@dataclass
class Enrolments:
    """Puts documents into a database, in the forms that a sync gives them, and asks commands."""

    store: Store
    number: int = field(default=0)

    def __post_init__(self) -> None:
        ensure_collections(self.store)

    def log(self, *lines: dict[str, Any], site: str = "prod") -> None:
        """Loads lines. The same line may come twice: a count makes it another."""
        texts = []
        for one in lines:
            self.number += 1
            texts.append(json.dumps({**one, "nonInteraction": self.number}).encode())
        items = list(TrackingLogReader().read([b"\n".join(texts)], ReadContext(site)))
        documents = [item.fields for item in items if isinstance(item, Document)]
        assert len(documents) == len(lines)
        if documents:
            self.store.database.events.insert_many(documents)

    def until(self, day: str) -> None:
        """Makes that day the last one with events."""
        self.log(other_event(day))

    def course(self, course_id: str = COURSE, site: str = "prod", **fields: Any) -> None:
        document = {"_id": row_id(site, course_id), "site": site, "course_id": course_id, "name": None, "listed": False, "aliases": [], **fields}
        self.store.database.courses.insert_one(document)

    def row(self, table: str, key: Any, course_id: str = COURSE, site: str = "prod", **fields: Any) -> None:
        document = {"_id": row_id(site, course_id, str(key)), "site": site, "course_id": course_id, **fields}
        self.store.database[table].insert_one(document)

    def profile(self, user: int, course_id: str = COURSE, site: str = "prod", **fields: Any) -> None:
        self.row("auth_userprofile", user + 7000, course_id, site, user_id=user, **fields)

    def grade(self, user: int, modified: str | None, letter: str | None = "Pass", passed: str | None = "2020-01-01", course_id: str = COURSE) -> None:
        times: dict[str, Any] = {"modified": modified and moment(modified), "passed_timestamp": passed and moment(passed)}
        self.row("grades_persistentcoursegrade", user, course_id, user_id=user, letter_grade=letter, percent_grade=0.9, **times)

    def enrolled(self, user: int, active: bool | None = True, mode: str = "audit", created: str | None = None, course_id: str = COURSE) -> None:
        self.row("student_courseenrollment", user, course_id, user_id=user, is_active=active, mode=mode, created=moment(created) if created else None)

    def snapshot(self, day: str, course_id: str = COURSE, state: str = "loaded") -> None:
        """The ledger's record of the file with the enrolments of a course."""
        member = f"demox-{day}/{course_id}-student_courseenrollment-prod-analytics.sql.gpg"
        record = {"_id": f"demox-{day}.zip//{member}", "key": f"demox-{day}.zip", "member": member, "state": state, "date": day}
        self.store.database.imports.insert_one({**record, "site": "prod", "course_id": course_id, "collections": {"student_courseenrollment": 1}})

    def context(self, **options: Any) -> Context:
        return Context(Queries(self.store.database), **options)

    def answer(self, command: str, *columns: str, **options: Any) -> list[tuple[Any, ...]]:
        """The rows of a command: these columns, or all. Options of the context and of the command."""
        own = {name: options.pop(name) for name in ("geoip",) if name in options}
        report = load_command(command, [bundled_folder()]).run(self.context(**options), **own)
        names = [column.name for column in report.columns]
        wanted = [names.index(name) for name in columns or names]
        return [tuple(row[index] for index in wanted) for row in report.checked_rows()]


def days(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows with their dates as texts without the year and month, which all have in common: easier to read."""
    return [tuple(value.isoformat()[8:10] if hasattr(value, "isoformat") else value for value in row) for row in rows]
