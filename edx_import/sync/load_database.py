"""A weekly ZIP: every member of every course verified, read and written; one bad member never stops the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from edx_import import __version__
from edx_import.courses import guess_course_id
from edx_import.decryption import VerifiedContent, verified
from edx_import.errors import EdxImportError, PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.course_structure import CourseSummary, course_id_of, course_summary
from edx_import.formats.table import first_course_id
from edx_import.model import Counts, ImportRecord, ImportState, MemberName
from edx_import.packages.archive import Archive
from edx_import.store.course_metadata import document_metadata, refresh_course, save_course
from edx_import.store.ledger import below_top, member_key
from edx_import.store.writer import WriteResult, WriteTarget, remove_gone, write
from edx_import.sync.accounting import check_account
from edx_import.sync.members import ID_TASKS, CourseMembers, sort_members
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Task
from edx_import.sync.tools import MEMBER_READERS, Tools

_STRUCTURE = "course_structure"


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What the loading of one ZIP has at hand."""

    task: Task
    tools: Tools
    record: ImportRecord
    archive: Archive
    outcome: ObjectOutcome
    #: What was last done with each member in any snapshot, by its path below the top folder.
    earlier: Mapping[str, ImportRecord]


def load_database(task: Task, tools: Tools, record: ImportRecord, sealed: Path, outcome: ObjectOutcome) -> str:
    """Loads all members asked for. The ZIP has no content hash of its own (its members have), so that is empty.

    When members failed, `outcome.error` says how many; the others are in. Raises PackageError when the ZIP itself is broken.
    """
    tools.ledger.save(replace(record, state=ImportState.LOADING))
    with sealed.open("rb") as file, Archive(file) as archive:
        delivery = _Delivery(task, tools, record, archive, outcome, tools.ledger.latest_members(task.delivered.name.org))
        contents = sort_members([member.path for member in archive.members()], task.coverage.sites, MEMBER_READERS)
        for reason, number in sorted(Counter(contents.left_out.values()).items()):
            outcome.members["left out"] = outcome.members.get("left out", 0) + number
            outcome.warnings.append(f"{task.delivered.key}: {number} members left out: {reason}")
        for course in contents.courses:
            _load_course(delivery, course)
    failed = outcome.members.get("failed", 0)
    if failed:
        what = f"{failed} members of {task.delivered.key} failed, the others are loaded"
        outcome.error = PackageError(what, "Each is named above; the next sync tries them again.")
    return ""


def _load_course(delivery: _Delivery, course: CourseMembers) -> None:
    """Finds out which course it is, then loads its members: the structure first, for the course's metadata."""
    held: dict[str, VerifiedContent] = {}
    course_id = _course_id(delivery, course, held)
    if not delivery.tools.catalog.matches(course_id, delivery.task.coverage.courses):
        delivery.outcome.members["filtered"] = delivery.outcome.members.get("filtered", 0) + len(course.by_task)
        return
    metadata = _know_course(delivery, course, course_id, held)
    for task in sorted(course.by_task, key=lambda task: (task != _STRUCTURE, task)):
        _load_member(delivery, course.by_task[task], course_id, metadata, held.pop(task, None))


def _course_id(delivery: _Delivery, course: CourseMembers, held: dict[str, VerifiedContent]) -> str:
    """The exact course id: from content first, then from courses.yaml by name, then by the pieces of the name."""
    catalog = delivery.tools.catalog
    for task in (*ID_TASKS, _STRUCTURE):
        content = _peek(delivery, course, task, held)
        if content is not None:
            found = course_id_of(content.chunks()) if task == _STRUCTURE else first_course_id(content.chunks())
            if found:
                return catalog.resolve(found)
    return catalog.by_file_name(course.course_part) or guess_course_id(course.course_part)


def _peek(delivery: _Delivery, course: CourseMembers, task: str, held: dict[str, VerifiedContent]) -> VerifiedContent | None:
    """The verified content of a member, kept for its own turn. One that is broken is told of then, not now."""
    member = course.by_task.get(task)
    if member is None:
        return None
    if task not in held:
        try:
            held[task] = _verify(delivery, member)
        except EdxImportError:
            return None
    return held[task]


def _verify(delivery: _Delivery, member: MemberName) -> VerifiedContent:
    return verified(delivery.tools.keyring, partial(delivery.archive.open, member.path), iter)


def _know_course(delivery: _Delivery, course: CourseMembers, course_id: str, held: dict[str, VerifiedContent]) -> Mapping[str, Any]:
    """Puts the course into `courses`, with what the package says of it; gives the metadata for its documents."""
    listed = delivery.tools.catalog.get(course_id)
    if listed is None:
        delivery.outcome.unlisted.add(course_id)
    summary: CourseSummary | None = None
    content = _peek(delivery, course, _STRUCTURE, held)
    if content is not None:
        try:
            summary = course_summary(content.chunks())
        except PackageError:
            summary = None  # told of when the member has its turn
    changed = save_course(delivery.tools.store, course.site, course_id, listed, summary)
    if changed:
        refresh_course(delivery.tools.store, course.site, course_id)
    return document_metadata(delivery.tools.store, course.site, course_id)


def _load_member(delivery: _Delivery, member: MemberName, course_id: str, metadata: Mapping[str, Any], content: VerifiedContent | None) -> None:
    """One member into its collection, recorded; an expected error is recorded too and ends only this member."""
    record = _begun(delivery, member)
    try:
        content = content or _verify(delivery, member)
        earlier = delivery.earlier.get(below_top(member.path))
        if earlier is not None and not delivery.task.force and _is_same(earlier, member, content.content_hash):
            delivery.outcome.member("unchanged")
            delivery.tools.ledger.save(_carried_on(record, earlier))
            return
        delivery.tools.ledger.save(record)
        written = _write(delivery, member, course_id, metadata, content)
    except EdxImportError as error:
        delivery.outcome.member("failed")
        delivery.outcome.warnings.append(f"{member.path}: {error.what}")
        delivery.tools.ledger.save(replace(record, state=ImportState.FAILED, finished=datetime.now(UTC), error=error.what))
        return
    delivery.outcome.member("loaded" if written.counts.read else "empty")
    delivery.tools.ledger.save(
        replace(
            record,
            state=ImportState.LOADED,
            finished=datetime.now(UTC),
            attempts=0,
            content_hash=content.content_hash,
            reader_version=MEMBER_READERS[member.task].reader.version,
            counts=written.counts.as_dict(),
            collections=written.by_collection,
        )
    )


def _write(delivery: _Delivery, member: MemberName, course_id: str, metadata: Mapping[str, Any], content: VerifiedContent) -> WriteResult:
    """Writes the member's rows, then removes those of the course that are gone: only after its stream has ended well."""
    counts = Counts()
    resolve = delivery.tools.catalog.resolve
    context = ReadContext(member.site, course_id, metadata, resolve, counts.note)
    key = member_key(delivery.task.delivered.key, member.path)
    reader = MEMBER_READERS[member.task].reader
    target = WriteTarget(key, f"{content.content_hash[:12]}-{reader.version}", replace=True)
    written = write(delivery.tools.store, reader.read(content.chunks(), context), target)
    written.counts.add(counts)
    delivery.outcome.add(written.counts, written.by_collection, written.reasons)
    check_account(member.path, written.counts)
    removed = remove_gone(delivery.tools.store, MEMBER_READERS[member.task].collection, member.site, course_id, target)
    written.counts.removed += removed
    delivery.outcome.counts.removed += removed
    return written


def _is_same(earlier: ImportRecord, member: MemberName, content_hash: str) -> bool:
    """The member is what it was when it was last loaded (courses in the archive never change), and nothing else was tried since."""
    read_alike = earlier.reader_version == MEMBER_READERS[member.task].reader.version
    return earlier.state is ImportState.LOADED and earlier.content_hash == content_hash and read_alike


def _carried_on(record: ImportRecord, earlier: ImportRecord) -> ImportRecord:
    """The record of a member that did not have to be loaded again."""
    return replace(
        record,
        state=ImportState.LOADED,
        finished=datetime.now(UTC),
        attempts=0,
        content_hash=earlier.content_hash,
        reader_version=earlier.reader_version,
        counts=earlier.counts,
        collections=earlier.collections,
    )


def _begun(delivery: _Delivery, member: MemberName) -> ImportRecord:
    key, name = delivery.task.delivered.key, delivery.task.delivered.name
    earlier = delivery.earlier.get(below_top(member.path))
    attempts = earlier.attempts if earlier is not None and earlier.key == key else 0
    return ImportRecord(
        key,
        ImportState.LOADING,
        member=member.path,
        kind=member.task,
        org=name.org,
        site=member.site,
        date=name.date.isoformat(),
        started=datetime.now(UTC),
        attempts=attempts + 1,
        tool_version=__version__,
    )
