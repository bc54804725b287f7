"""The e-mail opt-in report: one file for all courses of an organisation, delivered in a ZIP of its own or in the weekly one."""

from __future__ import annotations

import re

from edx_import.decryption import VerifiedContent
from edx_import.errors import EdxImportError, Interrupted, LockHeldError, StoreError
from edx_import.model import ImportRecord, ImportState, MemberName
from edx_import.progress import Step
from edx_import.store.writer import courses_from, remove_gone
from edx_import.sync.accounting import check_account, check_not_all_rejected
from edx_import.sync.delivery import Delivery
from edx_import.sync.load_member import KnownCourse, carried_on, guard, is_newer, is_same, snapshot_target
from edx_import.sync.load_rows import load_rows
from edx_import.sync.member_readers import EMAIL, MemberReader, reader_for
from edx_import.sync.pieces import Loaded, RowJob


def load_email(delivery: Delivery, member: MemberName) -> None:
    """Loads the report unless a newer one is in already. An expected error is recorded and warned of."""
    record = delivery.begun(member)
    try:
        outcome = _load(delivery, member, record)
    except (Interrupted, LockHeldError, StoreError):
        raise  # nothing of this member's making: the others would fare no better
    except EdxImportError as error:
        outcome = "failed"
        delivery.fail(record, error)
    delivery.outcome.count_members(outcome)


def _load(delivery: Delivery, member: MemberName, record: ImportRecord) -> str:
    reader, before = _reader(member), delivery.last_time(member)
    if is_newer(before, record):
        delivery.outcome.warnings.append(f"{member.path}: left out: the report of {before.date if before else ''} is loaded already, and is newer")
        return "left out"
    content = delivery.verified(member.path, reader.unpack)
    courses = delivery.task.coverage.courses
    if not delivery.task.force and before is not None:
        if is_same(before, reader, content.content_hash) and courses.within(before.filter):
            delivery.save(record, ImportState.LOADED, **carried_on(before))
            return "unchanged"
        guard(delivery, member, reader, content, KnownCourse(member.site, "", {}))
    delivery.tools.ledger.save(record)
    written = _write(delivery, member, reader, content)
    account = {"counts": written.counts.as_dict(), "collections": written.by_collection, "reasons": written.reasons}
    facts = {"content_hash": content.content_hash, "reader_version": reader.reader.version, "filter": courses}
    delivery.save(record, ImportState.LOADED, attempts=0, **account, **facts)
    return "loaded"


def _reader(member: MemberName) -> MemberReader:
    reader = reader_for(member)
    if reader is None or member.task != EMAIL:
        raise AssertionError(f"{member.path} is no e-mail opt-in report")
    return reader


def _write(delivery: Delivery, member: MemberName, reader: MemberReader, content: VerifiedContent) -> Loaded:
    """Writes the rows of the courses asked for; then removes what the report no longer has of them."""
    store, catalog, courses = delivery.tools.store, delivery.tools.catalog, delivery.task.coverage.courses
    target = snapshot_target(delivery, member, reader, content)
    loaded = load_rows(delivery.tools, RowJob(target, member.site, member, courses=courses), content)
    delivery.tools.at(Step.WRITTEN, target.import_key)
    delivery.outcome.add(loaded.counts, loaded.by_collection, loaded.reasons)
    check_account(member.path, loaded.counts)
    check_not_all_rejected(member.path, loaded.counts)
    org = delivery.task.delivered.name.org
    delivery.tools.check_lock()
    for course_id in courses_from(store, reader.collection, member.site, rf"^(email-opt-in/email-opt-in-)?{re.escape(org)}-\d{{4}}-\d\d-\d\d\.zip//"):
        if catalog.matches(course_id, courses):
            removed = remove_gone(store, reader.collection, member.site, course_id, target)
            loaded.counts.removed += removed
            delivery.outcome.counts.removed += removed
    return loaded
