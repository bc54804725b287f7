"""A day of events: verified, read, filtered by course, written once each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from edx_import.decryption import VerifiedContent, verified
from edx_import.formats.base import ReadContext
from edx_import.model import PROD, Counts, Document, ImportState, Items
from edx_import.packages.archive import inflate
from edx_import.progress import Step
from edx_import.store.course_metadata import save_course
from edx_import.store.superseded import superseded
from edx_import.store.writer import WriteTarget, write
from edx_import.sync.accounting import check_account
from edx_import.sync.attempt import Attempt
from edx_import.sync.member_readers import EVENT_READER
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Coverage, Task
from edx_import.sync.tools import Tools

#: Ids of courses seen in one file, remembered up to this many; a day of one organisation has a few hundred at most.
_MOST_COURSES = 10_000


@dataclass(slots=True)
class _Seen:
    """What a file has: its courses, and the least and the greatest id of its events."""

    courses: set[str] = field(default_factory=set)
    first: bytes = b""
    last: bytes = b""

    def add(self, course_id: str | None, event_id: bytes) -> None:
        if not self.first or event_id < self.first:
            self.first = event_id
        if event_id > self.last:
            self.last = event_id
        if course_id is not None and len(self.courses) < _MOST_COURSES:
            self.courses.add(course_id)


def load_events(attempt: Attempt, sealed: Path) -> str:
    """Loads the event file and gives the hash of its content. Raises the errors of decryption, archive and store, and Interrupted."""
    attempt.enter(ImportState.VERIFYING)
    content = verified(attempt.tools.keyring, partial(_open, sealed), inflate)
    attempt.tools.at(Step.VERIFIED, attempt.key)
    if _is_loaded(attempt, content.content_hash):
        attempt.outcome.unchanged = True
    else:
        attempt.enter(ImportState.LOADING)
        _load(attempt, content)
    return content.content_hash


def _load(attempt: Attempt, content: VerifiedContent) -> None:
    task, tools, outcome = attempt.task, attempt.tools, attempt.outcome
    site = task.delivered.name.site or PROD
    counts, seen = Counts(), _Seen()
    context = ReadContext(site=site, resolve=tools.catalog.resolve, note=counts.note)
    read = tools.stoppable(EVENT_READER.read(content.chunks(), context), attempt.key)
    target = WriteTarget(attempt.key, content.content_hash[:12], replace=False, force=task.force or task.renewed)
    written = write(tools.store, _of_courses(read, task, tools, counts, seen), target)
    tools.at(Step.WRITTEN, attempt.key)
    counts.read += counts.filtered
    counts.add(written.counts)
    _remember_range(attempt, seen)
    if attempt.record.versions:
        counts.superseded = superseded(tools.store, target, attempt.record.first_id, attempt.record.last_id)
    outcome.add(counts, written.by_collection, written.reasons)
    check_account(attempt.key, counts)
    _know_courses(tools, site, seen.courses, outcome)


def _open(sealed: Path) -> BinaryIO:
    return sealed.open("rb")


def _is_loaded(attempt: Attempt, content_hash: str) -> bool:
    """The object came again with the content that is in the database already (encrypted anew, or uploaded anew)."""
    task, record = attempt.task, attempt.record
    done = record.content_hash == content_hash and record.reader_version == EVENT_READER.version
    return done and not task.force and task.coverage.within(Coverage.of(record))


def _of_courses(items: Items, task: Task, tools: Tools, counts: Counts, seen: _Seen) -> Items:
    """Lets through the courses asked for, and what was rejected; counts the rest, and notes what there is."""
    courses = task.coverage.courses
    for item in items:
        if isinstance(item, Document):
            course_id = item.fields["course_id"]
            if not courses.takes_all and not tools.catalog.matches(course_id, courses):
                counts.filtered += 1
                continue
            seen.add(course_id, item.fields["_id"].binary)
        yield item


def _remember_range(attempt: Attempt, seen: _Seen) -> None:
    """Between which ids the events of the object lie, those of its earlier versions included, so that they can be found quickly."""
    record = attempt.record
    known = [record.first_id, record.last_id] if record.first_id or not record.versions else []
    if seen.first and (known or not record.versions):
        ids = [*filter(None, known), seen.first.hex(), seen.last.hex()]
        attempt.record = replace(record, first_id=min(ids), last_id=max(ids))


def _know_courses(tools: Tools, site: str, seen: set[str], outcome: ObjectOutcome) -> None:
    """Every course with events has its document, so that reports can join."""
    for course_id in sorted(seen):
        listed = tools.catalog.get(course_id)
        save_course(tools.store, site, course_id, listed, None)
        if listed is None:
            outcome.unlisted.add(course_id)
