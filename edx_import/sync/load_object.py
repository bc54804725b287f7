"""One object from the source into the database, start to finish. Safe to repeat: the same object gives the same documents.

The order is fetch, verify, load, and only then mark as loaded, so that a crash anywhere before means doing it again and nothing else.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from edx_import import __version__
from edx_import.errors import EdxImportError, LockHeldError
from edx_import.model import Counts, ImportRecord, ImportState, ObjectKind
from edx_import.sync.fetch import fetched
from edx_import.sync.load_database import load_database
from edx_import.sync.load_events import load_events
from edx_import.sync.load_rdx import load_rdx
from edx_import.sync.member_readers import READER_VERSIONS
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Coverage, Task
from edx_import.sync.tools import Tools

_LOADERS = {ObjectKind.EVENTS: load_events, ObjectKind.DATABASE: load_database, ObjectKind.EMAIL: load_database, ObjectKind.RDX: load_rdx}


def load_object(task: Task, tools: Tools) -> ObjectOutcome:
    """Loads one object and records it. An expected error becomes a failed outcome, so that the other objects go on."""
    tools.check_lock()
    started = time.monotonic()
    outcome = ObjectOutcome(task.delivered.key, ImportState.PENDING)
    earlier = tools.ledger.records().get(task.delivered.key)
    record = _begun(task, earlier)
    tools.progress.start(task.delivered.key, task.delivered.size)
    try:
        content_hash = _deliver(task, tools, record, outcome)
        outcome.state = ImportState.LOADED
        if outcome.error:
            outcome.state = ImportState.FAILED
        record = replace(record, content_hash=content_hash or record.content_hash)
    except LockHeldError:
        raise
    except EdxImportError as error:
        outcome.state, outcome.error = ImportState.FAILED, error
    outcome.seconds = time.monotonic() - started
    tools.check_lock()
    tools.ledger.save(_ended(record, task, outcome, earlier, _account(task, tools, outcome)))
    tools.progress.finish(outcome.key, outcome.line)
    return outcome


def _deliver(task: Task, tools: Tools, record: ImportRecord, outcome: ObjectOutcome) -> str:
    """Fetches, then hands the sealed file to the loader of its kind; gives the hash of its content, if it has one as a whole."""
    key = task.delivered.key
    tools.ledger.save(replace(record, state=ImportState.FETCHING))
    with fetched(tools.source, task.delivered, tools.scratch, tools.keep, lambda size: tools.progress.advance(key, size)) as sealed:
        return _LOADERS[task.delivered.name.kind](task, tools, record, sealed, outcome)


def _begun(task: Task, earlier: ImportRecord | None) -> ImportRecord:
    """The ledger's entry while work is under way; what was loaded before stays on record until the new is in."""
    name, delivered = task.delivered.name, task.delivered
    base = earlier or ImportRecord(delivered.key, ImportState.PENDING)
    return replace(
        base,
        state=ImportState.PENDING,
        kind=str(name.kind),
        org=name.org,
        date=name.date.isoformat(),
        size=delivered.size,
        etag=delivered.etag,
        started=datetime.now(UTC),
        attempts=base.attempts + 1,
        error="",
        tool_version=__version__,
    )


def _ended(record: ImportRecord, task: Task, outcome: ObjectOutcome, earlier: ImportRecord | None, account: Mapping[str, Any]) -> ImportRecord:
    ended = replace(record, finished=datetime.now(UTC), **account)
    if outcome.error is not None:
        return replace(ended, state=ImportState.FAILED, error=f"{outcome.error.what} {outcome.error.hint}".strip())
    covered = task.coverage.joined(Coverage.of(earlier)) if earlier is not None and _same_content(record, earlier) else task.coverage
    return replace(
        ended,
        state=ImportState.LOADED,
        attempts=0,
        site=",".join(covered.sites),
        filter=covered.courses,
        reader_version=READER_VERSIONS[task.delivered.name.kind],
    )


def _same_content(record: ImportRecord, earlier: ImportRecord) -> bool:
    """Whether what was loaded of the object before still counts: the same content, loaded well, by the readers of today."""
    if earlier.reader_version != READER_VERSIONS[ObjectKind(record.kind)]:
        return False
    if record.content_hash or earlier.content_hash:
        return earlier.content_hash == record.content_hash
    return earlier.state is ImportState.LOADED and (earlier.etag, earlier.size) == (record.etag, record.size)


def _account(task: Task, tools: Tools, outcome: ObjectOutcome) -> Mapping[str, Any]:
    """What the ledger says of the object from now on. An attempt that read nothing leaves the account of the one that did.

    A ZIP's account is the sum of its members', those included that were the same as before.
    """
    manifest = {"manifest": tuple(outcome.manifest)} if outcome.manifest else {}
    if task.delivered.name.kind in (ObjectKind.DATABASE, ObjectKind.EMAIL):
        members = tools.ledger.members(task.delivered.key).values()
        return {**_sum_of([member for member in members if member.state is ImportState.LOADED]), **manifest}
    if outcome.unchanged or (outcome.error is not None and not outcome.counts.read):
        return {}
    return {"counts": outcome.counts.as_dict(), "collections": dict(outcome.collections), "reasons": dict(outcome.reasons), **manifest}


def _sum_of(members: list[ImportRecord]) -> Mapping[str, Any]:
    counts, collections, reasons = Counts(), Counter[str](), Counter[str]()
    for member in members:
        counts.add(Counts(**member.counts))
        collections.update(member.collections)
        reasons.update(member.reasons)
    return {"counts": counts.as_dict(), "collections": dict(collections), "reasons": dict(reasons)}
