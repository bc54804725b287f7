"""A day of events: verified, read, filtered by course, written once each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from edx_import.decryption import verified
from edx_import.formats.base import ReadContext
from edx_import.model import PROD, Counts, Document, ImportRecord, ImportState, Items
from edx_import.packages.archive import inflate
from edx_import.store.course_metadata import save_course
from edx_import.store.writer import WriteTarget, write
from edx_import.sync.accounting import check_account
from edx_import.sync.member_readers import EVENT_READER
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Coverage, Task
from edx_import.sync.tools import Tools

#: Ids of courses seen in one file, remembered up to this many; a day of one organisation has a few hundred at most.
_MOST_COURSES = 10_000


def load_events(task: Task, tools: Tools, record: ImportRecord, sealed: Path, outcome: ObjectOutcome) -> str:
    """Loads the event file and gives the hash of its content. Raises the errors of decryption, archive and store."""
    tools.ledger.save(replace(record, state=ImportState.VERIFYING))
    content = verified(tools.keyring, partial(_open, sealed), inflate)
    if _is_loaded(task, record, content.content_hash):
        outcome.unchanged = True
        return content.content_hash
    tools.ledger.save(replace(record, state=ImportState.LOADING))
    site = task.delivered.name.site or PROD
    counts, seen = Counts(), set[str]()
    context = ReadContext(site=site, resolve=tools.catalog.resolve, note=counts.note)
    items = _of_courses(EVENT_READER.read(content.chunks(), context), task, tools, counts, seen)
    target = WriteTarget(task.delivered.key, content.content_hash[:12], replace=False, force=task.force or task.renewed)
    written = write(tools.store, items, target)
    counts.read += counts.filtered
    counts.add(written.counts)
    outcome.add(counts, written.by_collection, written.reasons)
    check_account(task.delivered.key, counts)
    _know_courses(tools, site, seen, outcome)
    return content.content_hash


def _open(sealed: Path) -> BinaryIO:
    return sealed.open("rb")


def _is_loaded(task: Task, record: ImportRecord, content_hash: str) -> bool:
    """The object came again with the content that is in the database already (encrypted anew, or uploaded anew)."""
    done = record.content_hash == content_hash and record.reader_version == EVENT_READER.version
    return done and not task.force and task.coverage.within(Coverage.of(record))


def _of_courses(items: Items, task: Task, tools: Tools, counts: Counts, seen: set[str]) -> Items:
    """Lets through the courses asked for, and what was rejected; counts the rest, and notes which courses there are."""
    courses = task.coverage.courses
    for item in items:
        if isinstance(item, Document):
            course_id = item.fields["course_id"]
            if not courses.takes_all and not tools.catalog.matches(course_id, courses):
                counts.filtered += 1
                continue
            if course_id is not None and len(seen) < _MOST_COURSES:
                seen.add(course_id)
        yield item


def _know_courses(tools: Tools, site: str, seen: set[str], outcome: ObjectOutcome) -> None:
    """Every course with events has its document, so that reports can join."""
    for course_id in sorted(seen):
        listed = tools.catalog.get(course_id)
        save_course(tools.store, site, course_id, listed, None)
        if listed is None:
            outcome.unlisted.add(course_id)
