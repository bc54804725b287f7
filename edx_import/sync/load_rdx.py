"""A research package (RDX): events and state of one course in one sealed tar, under a site of its own.

Its ids are remapped and its cells blanked, so that nothing of it may ever meet the true rows: `rdx:<request>` is part of every key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import BinaryIO

from edx_import.courses import guess_course_id, is_course_id
from edx_import.decryption import VerifiedContent, verified
from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.course_structure import HELD_LIMIT, CourseSummary, course_summary
from edx_import.formats.json_mapping import is_storable_text
from edx_import.model import Counts, Document, FastItems, ImportState
from edx_import.packages.archive import FREE_SIZE, MAX_RATIO, inflate
from edx_import.packages.rdx_naming import RdxMember, RdxMemberKind, parse_rdx_member
from edx_import.packages.tarball import TarMember, tar_members
from edx_import.progress import Step
from edx_import.store.ledger import member_key
from edx_import.store.rejects import RejectLog
from edx_import.store.rollups import DayNotes
from edx_import.store.writer import WriteTarget, write
from edx_import.sync.accounting import check_account
from edx_import.sync.attempt import Attempt
from edx_import.sync.course_members import ID_SOURCES, know_course
from edx_import.sync.course_names import LONGEST_ID
from edx_import.sync.load_member import KnownCourse, write_snapshot
from edx_import.sync.member_readers import EVENT_READER, STRUCTURE, reader_for
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.pieces import RowJob
from edx_import.sync.plan import Coverage, Task
from edx_import.sync.screening import screened
from edx_import.sync.tools import Tools

#: So many members that are left out are named; all are counted.
_MOST_NAMED = 100


@dataclass(slots=True)
class _Survey:
    """What a first look at all members tells: which course it is, what its structure says, the date of the newest state, and the bytes of events."""

    course_id: str = ""
    summary: CourseSummary | None = None
    state_date: date | None = None
    size: int = 0


def load_rdx(attempt: Attempt, sealed: Path) -> str:
    """Loads the package and gives the hash of its content. Raises the errors of decryption, archive and store, and Interrupted."""
    task, tools = attempt.task, attempt.tools
    site = task.delivered.name.site
    if site is None:
        raise PackageError("the request it was made for is not in its name", "Put it where edX delivers it: ORG/rdx/REQUEST/NAME.tar.gz.gpg")
    attempt.enter(ImportState.VERIFYING)
    content = verified(tools.keyring, partial(_open, sealed), inflate)
    if _is_loaded(attempt, content.content_hash):
        attempt.outcome.unchanged = True
        return content.content_hash
    survey = _survey(content, task.delivered.size)
    tools.at(Step.VERIFIED, attempt.key)
    found = survey.course_id if is_course_id(survey.course_id) and len(survey.course_id) <= LONGEST_ID else ""
    course_id = tools.catalog.resolve(found or guess_course_id(task.delivered.name.stem.replace("_", "-")))
    if tools.catalog.matches(course_id, task.coverage.courses):
        attempt.enter(ImportState.LOADING)
        course = know_course(tools, site, course_id, survey.summary, attempt.outcome.unlisted)
        _load(task, tools, attempt.outcome, content, course, survey.state_date)
    return content.content_hash


def _is_loaded(attempt: Attempt, content_hash: str) -> bool:
    task, record = attempt.task, attempt.record
    done = record.content_hash == content_hash and bool(record.reader_version) and not task.force and not task.renewed
    return done and task.coverage.within(Coverage.of(record))


def _open(sealed: Path) -> BinaryIO:
    return sealed.open("rb")


def _members(content: VerifiedContent, outcome: ObjectOutcome | None = None) -> Iterator[tuple[TarMember, RdxMember]]:
    """The members whose names we know; what is left out is warned of."""
    for member in tar_members(content.chunks(), size_limit=None):
        known = parse_rdx_member(member.path) if isinstance(member, TarMember) and is_storable_text(member.path) else None
        if isinstance(member, TarMember) and known is not None:
            yield member, known
        elif outcome is not None:
            reason = "unknown name" if isinstance(member, TarMember) else member.reason
            outcome.count_members("unknown")
            if outcome.members["unknown"] <= _MOST_NAMED:
                outcome.warnings.append(f"{member.path}: left out: {reason}")


def _survey(content: VerifiedContent, sealed_size: int) -> _Survey:
    """Goes through the whole package once, so that it is known to be whole to its end, with every archive in it. Raises PackageError."""
    survey = _Survey()
    for member, known in _members(content):
        if known.kind is RdxMemberKind.EVENTS:
            _inflate_to_nowhere(member, survey, sealed_size)
        elif known.state is not None and not known.state.failed:
            survey.state_date = max(filter(None, (survey.state_date, known.date)))
            _look_into(member, known, survey)
    return survey


def _inflate_to_nowhere(member: TarMember, survey: _Survey, sealed_size: int) -> None:
    """An archive in an archive may inflate to a million times the size of the outer one, and each of many archives does so anew."""
    for piece in inflate(member.chunks()):
        survey.size += len(piece)
        if survey.size > FREE_SIZE and survey.size > MAX_RATIO * sealed_size:
            raise PackageError(f"its events inflate to more than {MAX_RATIO:,} times its size", "edX makes no such file: do not import it.")


def _look_into(member: TarMember, known: RdxMember, survey: _Survey) -> None:
    assert known.state is not None
    task = known.state.task
    if task == STRUCTURE:
        if member.size > HELD_LIMIT:
            raise PackageError(f"{member.path}: a course structure of {member.size:,} bytes", "No course is that large: do not import it.")
        data = b"".join(member.chunks())
        survey.summary = course_summary([data])
        survey.course_id = survey.course_id or ID_SOURCES[STRUCTURE]([data]) or ""
    elif task in ID_SOURCES and not survey.course_id:
        survey.course_id = ID_SOURCES[task](member.chunks()) or ""
    elif reader := reader_for(known.state):
        reader.check(reader.unpack(member.chunks()))


def _load(task: Task, tools: Tools, outcome: ObjectOutcome, content: VerifiedContent, course: KnownCourse, newest: date | None) -> None:
    for member, known in _members(content, outcome):
        key = member_key(task.delivered.key, member.path)
        if known.kind is RdxMemberKind.EVENTS:
            target = WriteTarget(key, f"{content.content_hash[:12]}-{EVENT_READER.version}", replace=False, force=task.force or task.renewed)
            _load_events(tools, outcome, member, course, target)
            outcome.count_members("loaded")
        elif known.state is not None and known.date == newest:
            outcome.count_members(_load_state(tools, outcome, member, known, course, content.content_hash, key))
        elif known.kind is RdxMemberKind.STATE:
            outcome.count_members("left out")


def _load_events(tools: Tools, outcome: ObjectOutcome, member: TarMember, course: KnownCourse, target: WriteTarget) -> None:
    counts = Counts()
    context = ReadContext(course.site, course.course_id, resolve=tools.catalog.resolve, note=counts.note)
    days = DayNotes(course.site, tools.noted_days, target.force)
    rows = tools.stoppable(EVENT_READER.read(inflate(member.chunks()), context), target.import_key)
    log = RejectLog(tools.store, target.import_key, screen=tools.screen)
    log.clear()
    written = write(tools.store, _noted(screened(rows, tools.screen, counts), days), target, log, days.save)
    counts.read += counts.filtered
    written.counts.add(counts)
    outcome.add(written.counts, written.by_collection, written.reasons)
    check_account(target.import_key, written.counts)


def _noted(items: FastItems, days: DayNotes) -> FastItems:
    """The same items; their days are to be rolled up."""
    for item in items:
        if isinstance(item, Document):
            days.add(item.fields["course_id"], item.fields["_id"].binary)
        yield item


def _load_state(tools: Tools, outcome: ObjectOutcome, member: TarMember, known: RdxMember, course: KnownCourse, content_hash: str, key: str) -> str:
    assert known.state is not None
    reader = reader_for(known.state)
    if known.state.failed or reader is None:
        outcome.warnings.append(f"{member.path}: left out: {'edX failed to make it' if known.state.failed else 'unknown name'}")
        return "failed by the producer" if known.state.failed else "unknown"
    target = WriteTarget(key, f"{content_hash[:12]}-{reader.reader.version}", replace=True)
    job = RowJob(target, course.site, known.state, course.course_id, course.metadata)
    written = write_snapshot(tools, outcome, job, reader.collection, reader.unpack(member.chunks()))
    return "loaded" if written.counts.read else "empty"
