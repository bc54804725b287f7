"""One member of a ZIP: verified, compared with last time, guarded, written; recorded whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from edx_import.decryption import VerifiedContent
from edx_import.errors import EdxImportError, Interrupted, LockHeldError, PackageError, StoreError
from edx_import.formats.base import ReadContext
from edx_import.model import ImportRecord, ImportState, MemberName
from edx_import.progress import Step
from edx_import.store.ledger import member_key
from edx_import.store.located import put_located
from edx_import.store.writer import WriteTarget, remove_course, remove_gone
from edx_import.sync.accounting import check_account, check_not_all_rejected
from edx_import.sync.course_names import is_another
from edx_import.sync.delivery import Delivery
from edx_import.sync.load_rows import load_rows
from edx_import.sync.member_readers import MemberReader
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.pieces import Loaded, RowJob
from edx_import.sync.tools import Tools
from edx_import.tables import AUTH_USERPROFILE

#: A file that had this many rows or more, and now has less than half of them, is not believed.
GUARDED_ROWS = 50

#: What gives the course that a file's content names; None for files that name none.
CourseIn = Callable[[Iterable[bytes]], str | None] | None

#: Since this day a table without rows has its header line all the same; before, an empty result gave a file of no bytes.
HEADERS_SINCE = date(2015, 11, 23)


@dataclass(frozen=True, slots=True)
class KnownCourse:
    """A course whose members are loaded: its site, its exact id, and the metadata that goes onto its documents."""

    site: str
    course_id: str
    metadata: Mapping[str, Any]


def load_member(
    delivery: Delivery, member: MemberName, reader: MemberReader, course: KnownCourse, held: VerifiedContent | None = None, course_in: CourseIn = None
) -> str:
    """Loads one member and gives its outcome: loaded, unchanged, empty or failed. `held` is its content when it was looked at before, `course_in`
    gives the course that it names itself.

    An expected error is recorded and warned of, and ends only this member.
    """
    if delivery.is_done(member, reader.reader.version, course.course_id):
        return "unchanged"
    record = delivery.begun(member, course.course_id)
    try:
        content = held or delivery.verified(member.path, reader.unpack)
        delivery.tools.at(Step.VERIFIED, record.member)
        _check_course(delivery, content, course, course_in)
        return _load(delivery, member, reader, course, content, record)
    except (Interrupted, LockHeldError, StoreError):
        raise  # nothing of this member's making: the others would fare no better
    except EdxImportError as error:
        delivery.fail(record, error)
        return "failed"


def _check_course(delivery: Delivery, content: VerifiedContent, course: KnownCourse, course_in: CourseIn) -> None:
    """Raises PackageError for a file of another course, which bears the name of one of this."""
    found = course_in(content.chunks()) if course_in is not None else None
    if is_another(found, course.course_id, delivery.tools.catalog):
        raise PackageError(f"its rows are of {found}, not of {course.course_id}", "It was exchanged, or made to harm: fetch the package again.")


def _load(delivery: Delivery, member: MemberName, reader: MemberReader, course: KnownCourse, content: VerifiedContent, record: ImportRecord) -> str:
    before = delivery.last_time(member)
    if is_newer(before, record):
        delivery.outcome.warnings.append(f"{member.path}: left out: what is loaded is of {before.date if before else ''}, and newer")
        return "left out"
    moved = before is not None and before.course_id not in ("", course.course_id)
    if before is not None and not delivery.task.force and not moved and is_same(before, reader, content.content_hash):
        delivery.save(record, ImportState.LOADED, **carried_on(before))
        return "unchanged"
    if not delivery.task.force:
        guard(delivery, member, reader, content, course)
    reader.check(content.chunks())
    delivery.tools.ledger.save(record)
    target = snapshot_target(delivery, member, reader, content)
    job = RowJob(target, course.site, member, course.course_id, course.metadata)
    written = write_snapshot(delivery.tools, delivery.outcome, job, reader.collection, content)
    if before is not None and moved and (member.site, before.course_id) not in delivery.claimed:
        # courses.yaml has since said that the course is known by another id
        written.counts.removed += remove_course(delivery.tools.store, reader.collection, course.site, before.course_id)
    delivery.save(
        record,
        ImportState.LOADED,
        attempts=0,
        content_hash=content.content_hash,
        reader_version=reader.reader.version,
        counts=written.counts.as_dict(),
        collections=written.by_collection,
        reasons=written.reasons,
    )
    return "loaded" if written.counts.read else "empty"


def is_newer(before: ImportRecord | None, record: ImportRecord) -> bool:
    """Whether what was last loaded, or begun, of a member is of a newer snapshot: an older one never takes its place."""
    return before is not None and before.date > record.date and before.state in (ImportState.LOADED, ImportState.LOADING)


def carried_on(before: ImportRecord) -> dict[str, Any]:
    """What the record of a member that was not loaded again takes over from the time it was."""
    same = {"content_hash": before.content_hash, "reader_version": before.reader_version, "filter": before.filter}
    return {**same, "collections": before.collections, "reasons": before.reasons, "attempts": 0}


def is_same(before: ImportRecord, reader: MemberReader, content_hash: str) -> bool:
    """The member is what it was when it was last loaded (courses in the archive never change), and nothing else was tried since."""
    return before.state is ImportState.LOADED and before.content_hash == content_hash and before.reader_version == reader.reader.version


def guard(delivery: Delivery, member: MemberName, reader: MemberReader, content: VerifiedContent, course: KnownCourse) -> None:
    """Refuses what looks like an accident of the producer's, before anything is written. Raises PackageError."""
    before = delivery.last_time(member)
    rows_before = int(before.counts.get("read", 0)) if before is not None else 0
    if not content.size and not reader.may_be_empty and (rows_before or delivery.task.delivered.name.date >= HEADERS_SINCE):
        raise PackageError("the file has no bytes", "What was loaded before is kept; `--force` takes the file as it is.")
    if rows_before < GUARDED_ROWS:
        return
    rows = _rows(content, reader, member, course)
    if rows * 2 < rows_before:
        what = f"it has {rows:,} rows, after {rows_before:,} in the delivery before"
        raise PackageError(what, "What was loaded before is kept; if the new file is right, `--force` takes it.")


def _rows(content: VerifiedContent, reader: MemberReader, member: MemberName, course: KnownCourse) -> int:
    """How many rows the content has, without loading it."""
    if reader.headers is not None:
        return max(content.lines - reader.headers, 0)
    context = ReadContext(member.site, course.course_id)
    return sum(1 for _ in reader.reader.read(content.chunks(), context))


def write_snapshot(tools: Tools, outcome: ObjectOutcome, job: RowJob, collection: str, content: VerifiedContent | Iterable[bytes]) -> Loaded:
    """Writes a member's rows, then removes those of the course that are gone: only after its stream has ended well.

    Profiles get back what `cmd locate_users` has found.
    """
    target = job.target
    loaded = load_rows(tools, job, content)
    tools.at(Step.WRITTEN, target.import_key)
    outcome.add(loaded.counts, loaded.by_collection, loaded.reasons)
    check_account(target.import_key, loaded.counts)
    check_not_all_rejected(target.import_key, loaded.counts)
    tools.check_lock()
    removed = remove_gone(tools.store, collection, job.site, job.course_id, target)
    loaded.counts.removed += removed
    outcome.counts.removed += removed
    if collection == AUTH_USERPROFILE.name:
        put_located(tools.store, job.site, job.course_id)
    tools.at(Step.REMOVED, target.import_key)
    return loaded


def snapshot_target(delivery: Delivery, member: MemberName, reader: MemberReader, content: VerifiedContent) -> WriteTarget:
    """What says of a document that it comes from this content of this member, read by this reader."""
    key = member_key(delivery.task.delivered.key, member.path)
    content_tag = f"{content.content_hash[:12]}-{reader.reader.version}"
    fresh = delivery.last_time(member) is None
    return WriteTarget(key, content_tag, replace=True, reject_file=delivery.reject_file(member), fresh=fresh)
