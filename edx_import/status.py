"""What has been imported, from the ledger: one row an object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from edx_import.model import ImportRecord, ImportState, ObjectKind
from edx_import.reports.report import Column, Report
from edx_import.store.connection import Store
from edx_import.store.ledger import Ledger

_COLUMNS = (
    Column("object", str, "key of the delivered object"),
    Column("state", str, "loaded, failed, or how far it came"),
    Column("site", str, "the sites that were loaded of it"),
    Column("courses", str, "the courses that were asked for; empty: all"),
    Column("read", int, "rows read; of a weekly package, those of the members that were not the same as before"),
    Column("loaded", int, "rows loaded"),
    Column("duplicate", int, "rows that were there already"),
    Column("rejected", int, "rows rejected, see the collection rejects"),
    Column("filtered", int, "rows of courses that were not asked for"),
    Column("members_failed", int, "members of the weekly package that could not be loaded"),
    Column("finished", str, "when it ended, UTC"),
    Column("error", str, "what went wrong"),
)


def status_report(store: Store) -> Report:
    """One row for each object in the ledger, the weekly packages first, then event days, newest first."""
    return Report(_COLUMNS, _rows(Ledger(store)), title="Imported objects")


def _rows(ledger: Ledger) -> Iterator[Sequence[Any]]:
    newest_first = sorted(ledger.records().values(), key=lambda record: (record.date, record.key), reverse=True)
    for record in sorted(newest_first, key=lambda record: record.kind != ObjectKind.DATABASE):
        yield _row(record, ledger)


def _row(record: ImportRecord, ledger: Ledger) -> Sequence[Any]:
    counts = record.counts
    courses = ", ".join(record.filter.include) + "".join(f" not {glob}" for glob in record.filter.exclude)
    members = Counter(member.state for member in ledger.members(record.key).values()) if record.kind == ObjectKind.DATABASE else Counter()
    numbers = [counts.get(name, 0) for name in ("read", "loaded", "duplicate", "rejected", "filtered")]
    finished = record.finished.strftime("%Y-%m-%d %H:%M:%S") if record.finished else ""
    return [record.key, str(record.state), record.site, courses, *numbers, members[ImportState.FAILED], finished, record.error]
