"""One object from the source into the database, start to finish. Safe to repeat: the same object gives the same documents.

The order is fetch, verify, load, and only then mark as loaded, so that a crash anywhere before means doing it again and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from edx_import import __version__
from edx_import.errors import EdxImportError, LockHeldError
from edx_import.model import ImportRecord, ImportState, ObjectKind
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
    tools.ledger.save(_ended(record, task, outcome, earlier))
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


def _ended(record: ImportRecord, task: Task, outcome: ObjectOutcome, earlier: ImportRecord | None) -> ImportRecord:
    if outcome.error is not None:
        error = f"{outcome.error.what} {outcome.error.hint}".strip()
        return replace(record, state=ImportState.FAILED, finished=datetime.now(UTC), error=error, **_account(outcome))
    covered = task.coverage
    if earlier is not None and earlier.content_hash and earlier.content_hash == record.content_hash:
        covered = covered.joined(Coverage.of(earlier))
    account = {} if outcome.unchanged else _account(outcome)
    return replace(
        record,
        state=ImportState.LOADED,
        finished=datetime.now(UTC),
        attempts=0,
        site=",".join(covered.sites),
        filter=covered.courses,
        reader_version=READER_VERSIONS[task.delivered.name.kind],
        **account,
    )


def _account(outcome: ObjectOutcome) -> Mapping[str, Any]:
    return {
        "counts": outcome.counts.as_dict(),
        "collections": dict(outcome.collections),
        "reasons": dict(outcome.reasons),
        "manifest": tuple(outcome.manifest),
    }
