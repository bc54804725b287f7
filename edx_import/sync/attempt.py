"""One try at one object, as the ledger follows it: pending, fetching, verifying, loading, then loaded or failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from edx_import import __version__
from edx_import.errors import EdxImportError, StoreError
from edx_import.model import Counts, ImportRecord, ImportState, ObjectKind
from edx_import.progress import Step
from edx_import.sync.member_readers import READER_VERSIONS
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Coverage, Task
from edx_import.sync.tools import Tools

_WITH_MEMBERS = (ObjectKind.DATABASE, ObjectKind.EMAIL)
#: What was there of so many courses is remembered: it must fit into one document.
_COURSES_KEPT = 5000
#: So many earlier deliveries of a key are remembered.
_VERSIONS_KEPT = 50


@dataclass(slots=True)
class Attempt:
    """The task, what it is done with, what the ledger says of it now (`record`) and said before (`earlier`), and what comes of it."""

    task: Task
    tools: Tools
    record: ImportRecord
    earlier: ImportRecord | None
    outcome: ObjectOutcome

    @classmethod
    def begin(cls, task: Task, tools: Tools) -> Attempt:
        """Takes up a task. Nothing is recorded yet. Raises LockHeldError, StoreError."""
        tools.check_lock()
        earlier = tools.ledger.record(task.delivered.key)
        return cls(task, tools, _begun(task, earlier), earlier, ObjectOutcome(task.delivered.key, ImportState.PENDING))

    @property
    def key(self) -> str:
        """The key of the object."""
        return self.task.delivered.key

    def enter(self, state: ImportState) -> None:
        """Records how far it has come. Raises Interrupted where the work is to end, StoreError."""
        self.tools.stop.check()
        self.record = replace(self.record, state=state)
        self.tools.ledger.save(self.record)

    def stopped(self, error: EdxImportError) -> None:
        """Leaves the record as it is, but for why it went no further."""
        with suppress(StoreError):
            self.tools.ledger.save(replace(self.record, finished=datetime.now(UTC), error=error.what))

    def end(self) -> None:
        """Records what came of it, last of all. Raises LockHeldError, StoreError."""
        self.tools.progress.step(self.key, Step.RECORDING)
        self.tools.check_lock()
        self.tools.ledger.save(self._ended())
        self.tools.progress.step(self.key, Step.RECORDED)

    def _ended(self) -> ImportRecord:
        ended = replace(self.record, finished=datetime.now(UTC), **self._account())
        error = self.outcome.error
        if error is not None:
            failures = self.record.failures + (not error.passing)
            return replace(ended, state=ImportState.FAILED, failures=failures, error=f"{error.what} {error.hint}".strip())
        covered = self._covered()
        return replace(
            ended,
            state=ImportState.LOADED,
            attempts=0,
            failures=0,
            site=",".join(covered.sites),
            filter=covered.courses,
            reader_version=READER_VERSIONS[self.task.delivered.name.kind],
        )

    def _covered(self) -> Coverage:
        """What of the object is in the database now: what earlier tries at the same content brought, too."""
        if self.earlier is not None and _same_content(self.record, self.earlier):
            return self.task.coverage.joined(Coverage.of(self.earlier))
        return self.task.coverage

    def _account(self) -> Mapping[str, Any]:
        """What the ledger says of the object from now on. An attempt that read nothing leaves the account of the one that did.

        A ZIP's account is the sum of its members', those included that were the same as before.
        """
        outcome = self.outcome
        manifest = {"manifest": tuple(outcome.manifest[:_COURSES_KEPT])} if outcome.manifest else {}
        if self.task.delivered.name.kind in _WITH_MEMBERS:
            members = self.tools.ledger.members(self.key).values()
            return {**_sum_of(member for member in members if member.state is ImportState.LOADED), **manifest}
        if outcome.unchanged or (outcome.error is not None and not outcome.counts.read):
            return {}
        return {"counts": outcome.counts.as_dict(), "collections": dict(outcome.collections), "reasons": dict(outcome.reasons), **manifest}


def expected(task: Task) -> ImportRecord:
    """The ledger's entry of a task that nobody has begun."""
    name, delivered = task.delivered.name, task.delivered
    return ImportRecord(
        delivered.key,
        ImportState.PENDING,
        kind=str(name.kind),
        org=name.org,
        date=name.date.isoformat(),
        size=delivered.size,
        etag=delivered.etag,
        tool_version=__version__,
    )


def _begun(task: Task, earlier: ImportRecord | None) -> ImportRecord:
    """The entry while work is under way; what was loaded before stays on record until the new is in."""
    new = expected(task)
    if earlier is None:
        return replace(new, started=datetime.now(UTC), attempts=1)
    facts = {name: getattr(new, name) for name in ("state", "kind", "org", "date", "size", "etag", "tool_version")}
    begun = replace(earlier, **facts, started=datetime.now(UTC), attempts=earlier.attempts + 1, error="")
    if (earlier.etag, earlier.size) == (new.etag, new.size):
        return begun
    versions = (*earlier.versions, _version(earlier)) if earlier.started else earlier.versions
    return replace(begun, attempts=1, failures=0, versions=versions[-_VERSIONS_KEPT:])


def _version(earlier: ImportRecord) -> Mapping[str, Any]:
    """What stays on record of a delivery that another took the place of."""
    kept = {"etag": earlier.etag, "size": earlier.size, "state": str(earlier.state), "finished": earlier.finished}
    return {**kept, "content_hash": earlier.content_hash, "counts": dict(earlier.counts)}


def _same_content(record: ImportRecord, earlier: ImportRecord) -> bool:
    """Whether what was loaded of the object before still counts: the same content, loaded well, by the readers of today."""
    if earlier.reader_version != READER_VERSIONS[ObjectKind(record.kind)]:
        return False
    if record.content_hash or earlier.content_hash:
        return earlier.content_hash == record.content_hash
    return earlier.state is ImportState.LOADED and (earlier.etag, earlier.size) == (record.etag, record.size)


def _sum_of(members: Iterable[ImportRecord]) -> Mapping[str, Any]:
    counts, collections, reasons = Counts(), Counter[str](), Counter[str]()
    for member in members:
        counts.add(Counts(**member.counts))
        collections.update(member.collections)
        reasons.update(member.reasons)
    return {"counts": counts.as_dict(), "collections": dict(collections), "reasons": dict(reasons)}
