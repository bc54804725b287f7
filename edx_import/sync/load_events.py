"""A day of events: verified, read, filtered by course, written once each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from edx_import.decryption import VerifiedContent, verified
from edx_import.model import PROD, ImportState
from edx_import.packages.archive import inflate
from edx_import.progress import Step
from edx_import.store.course_metadata import save_course
from edx_import.store.superseded import superseded
from edx_import.store.writer import WriteTarget
from edx_import.sync.accounting import check_account
from edx_import.sync.attempt import Attempt
from edx_import.sync.load_rows import load_rows
from edx_import.sync.member_readers import EVENT_READER
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.pieces import RowJob, Seen
from edx_import.sync.plan import Coverage
from edx_import.sync.tools import Tools

#: An object up to this size, in bytes, is verified in less time than it takes to put on record that it is about to be.
_SOON_VERIFIED = 64 * 2**10


def load_events(attempt: Attempt, sealed: Path) -> str:
    """Loads the event file and gives the hash of its content. Raises the errors of decryption, archive and store, and Interrupted."""
    if attempt.task.delivered.size > _SOON_VERIFIED:
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
    fresh = attempt.earlier is None or not attempt.earlier.started
    target = WriteTarget(attempt.key, content.content_hash[:12], replace=False, force=task.force or task.renewed, fresh=fresh)
    loaded = load_rows(tools, RowJob(target, site, courses=task.coverage.courses), content)
    tools.at(Step.WRITTEN, attempt.key)
    _remember_range(attempt, loaded.seen)
    if attempt.record.versions:
        loaded.counts.superseded = superseded(tools.store, target, attempt.record.first_id, attempt.record.last_id)
    outcome.add(loaded.counts, loaded.by_collection, loaded.reasons)
    check_account(attempt.key, loaded.counts)
    _know_courses(tools, site, loaded.seen.courses, outcome)


def _open(sealed: Path) -> BinaryIO:
    return sealed.open("rb")


def _is_loaded(attempt: Attempt, content_hash: str) -> bool:
    """The object came again with the content that is in the database already (encrypted anew, or uploaded anew)."""
    task, record = attempt.task, attempt.record
    done = record.content_hash == content_hash and record.reader_version == EVENT_READER.version
    return done and not task.force and task.coverage.within(Coverage.of(record))


def _remember_range(attempt: Attempt, seen: Seen) -> None:
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
        if (site, course_id) not in tools.known_courses:
            save_course(tools.store, site, course_id, listed, None)
            tools.known_courses.add((site, course_id))
        if listed is None:
            outcome.unlisted.add(course_id)
