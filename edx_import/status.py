"""What has been imported, what is missing or stale, and what was rejected: from the ledger and the reject log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from edx_import.courses import matches
from edx_import.model import ImportRecord, ImportState, ObjectKind
from edx_import.reports.report import Column, Report
from edx_import.store.connection import Store
from edx_import.store.ledger import Ledger, below_top, member_key
from edx_import.store.rejects import kept_rejects
from edx_import.sync.plan import MOST_FAILURES

_OBJECTS = (
    Column("object", str, "key of the delivered object"),
    Column("state", str, "pending, fetching, verifying, loading, loaded, failed, or given up (after five failed tries)"),
    Column("site", str, "the sites that were loaded of it"),
    Column("only_courses", str, "the courses that were asked for; empty: all"),
    Column("read", int, "rows read; of a weekly package, those of the members that were not the same as before"),
    Column("loaded", int, "rows loaded"),
    Column("duplicate", int, "rows that were there already"),
    Column("rejected", int, "rows rejected, see `edx-import rejects`"),
    Column("filtered", int, "rows of courses that were not asked for"),
    Column("superseded", int, "events of an earlier version of the file that the newest no longer has; they stay"),
    Column("members_failed", int, "members of the weekly package that could not be loaded"),
    Column("versions", int, "how often the object was delivered with another content before"),
    Column("attempts", int, "tries since it was last loaded"),
    Column("started", datetime, "when the last try began (UTC)"),
    Column("finished", datetime, "when it ended (UTC)"),
    Column("host", str, "the machine of the last try"),
    Column("tool_version", str, "the edx-import of the last try"),
    Column("error", str, "what went wrong"),
)

_MANIFEST = (
    Column("object", str, "key of the weekly package"),
    Column("course_id", str, "course key"),
    Column("site", str, "prod or edge"),
    Column("expected", int, "kinds of file that a course has in a package of today"),
    Column("found", int, "kinds that were there"),
    Column("absent", list, "expected kinds that were not there (ordinary where a course has no such rows)"),
    Column("extra", list, "kinds beyond the expected"),
    Column("failed", list, "kinds that edX failed to make, or that could not be loaded"),
    Column("empty", list, "kinds without a row"),
    Column("skipped", list, "kinds that were the same as before, or not asked for"),
)

_STALE = (
    Column("member", str, "the file of a course"),
    Column("stale_since", str, "the snapshot that its rows are of; newer ones did not have it, or had it broken"),
    Column("reason", str, "why the newer one was not taken"),
)

_REASONS = (
    Column("reason", str, "the rule that failed"),
    Column("object", str, "the object, or its member, it was read from"),
    Column("rows", int, "how many"),
)

_ROWS = (
    Column("object", str, "the object, or its member"),
    Column("line", int, "line (or ordinal) in the file"),
    Column("reason", str, "the rule that failed"),
    Column("detail", str, "what exactly"),
    Column("length", int, "bytes of the row", "bytes"),
    Column("raw", str, "the beginning of the row"),
)

_SHOWN = 500


def status_report(store: Store) -> Report:
    """One row for each object in the ledger, the weekly packages first, then event days, newest first."""
    return Report(_OBJECTS, _objects(Ledger(store)), title="Imported objects")


def manifest_report(store: Store) -> Report:
    """One row for each course of each weekly package: what of it was there."""
    rows = (
        [record.key, *(course.get(column.name) for column in _MANIFEST[1:])]
        for record in sorted(Ledger(store).records().values(), key=lambda record: record.key)
        for course in record.manifest
    )
    return Report(_MANIFEST, rows, title="Courses of the weekly packages")


def stale_report(store: Store) -> Report:
    """One row for each member whose rows are older than the newest weekly package of its organisation."""
    return Report(_STALE, _stale(Ledger(store)), title="Rows of an older snapshot")


def reject_reasons(store: Store, reason: str | None = None) -> Report:
    """How many rows of which object were rejected, by reason; those included that were too many to be kept."""
    rows = [
        [why, member_key(record.key, record.member), number]
        for record in _files(Ledger(store))
        for why, number in record.reasons.items()
        if reason in (None, why)
    ]
    return Report(_REASONS, sorted(rows, key=lambda row: (row[0], row[1])), title="Rejected rows")


def rejected_rows(store: Store, limit: int, reason: str | None = None) -> Report:
    """The rejected rows themselves, in the order of objects and lines."""
    rows = (
        [row["file"], row["line"], row["reason"], row["detail"], row["raw_length"], bytes(row["raw"])[:_SHOWN].decode("utf-8", "backslashreplace")]
        for row in kept_rejects(store, limit, reason)
    )
    return Report(_ROWS, rows, title="Rejected rows")


def _files(ledger: Ledger) -> Iterator[ImportRecord]:
    """The record of every file as it is loaded now: members of the newest ZIP they came in, and objects that have no members."""
    records = ledger.records().values()
    with_members = (ObjectKind.DATABASE, ObjectKind.EMAIL)
    for org in sorted({record.org for record in records}):
        yield from ledger.latest_members(org).values()
    yield from (record for record in records if record.kind not in with_members)


def _objects(ledger: Ledger) -> Iterator[Sequence[Any]]:
    newest_first = sorted(ledger.records().values(), key=lambda record: (record.date, record.key), reverse=True)
    for record in sorted(newest_first, key=lambda record: record.kind != ObjectKind.DATABASE):
        yield _object(record, ledger)


def _object(record: ImportRecord, ledger: Ledger) -> Sequence[Any]:
    counts = record.counts
    courses = ", ".join(record.filter.include) + "".join(f" not {glob}" for glob in record.filter.exclude)
    members = Counter(member.state for member in ledger.members(record.key).values()) if record.kind == ObjectKind.DATABASE else Counter()
    numbers = [counts.get(name, 0) for name in ("read", "loaded", "duplicate", "rejected", "filtered", "superseded")]
    tries = [members[ImportState.FAILED], len(record.versions), record.attempts]
    times = [moment.replace(microsecond=0) if moment else None for moment in (record.started, record.finished)]
    return [record.key, _state(record), record.site, courses, *numbers, *tries, *times, record.host, record.tool_version, record.error]


def _state(record: ImportRecord) -> str:
    """The state in a word; an object that is not tried any more says so."""
    return "given up" if record.state is ImportState.FAILED and record.failures >= MOST_FAILURES else str(record.state)


def _stale(ledger: Ledger) -> Iterator[Sequence[Any]]:
    packages = [record for record in ledger.records().values() if record.kind == ObjectKind.DATABASE]
    for org in sorted({record.org for record in packages}):
        newest = max(packages, key=lambda record: (record.org == org, record.date))
        latest = ledger.latest_members(org)
        for path, loaded in sorted(_last_loaded(ledger, packages, org).items()):
            if loaded.date < newest.date and latest[path].kind != "email_opt_in":
                yield [path, loaded.date, latest[path].error or _why_stale(loaded, newest)]


def _why_stale(loaded: ImportRecord, newest: ImportRecord) -> str:
    """Why a member is older than the newest package of its organisation, though nothing went wrong with the member itself."""
    if not newest.manifest:
        return "the newer package could not be read"
    if loaded.site not in newest.site.split(",") or (loaded.course_id and not matches(loaded.course_id, newest.filter)):
        return "not asked for when the newer package was loaded"
    return "it was not in the newer package"


def _last_loaded(ledger: Ledger, packages: Sequence[ImportRecord], org: str) -> dict[str, ImportRecord]:
    """The newest record of each member that says loaded, by its path below the top folder."""
    found: dict[str, ImportRecord] = {}
    for package in sorted(packages, key=lambda record: record.date):
        if package.org == org:
            members = ledger.members(package.key).values()
            found |= {below_top(member.member): member for member in members if member.state is ImportState.LOADED}
    return found
