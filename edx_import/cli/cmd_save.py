"""`--save`: a report that is kept in the database, and may be written at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edx_import.reports.discovery import Command
from edx_import.reports.report import Report
from edx_import.reports.saving import columns_told, kept_rows

if TYPE_CHECKING:
    from edx_import.store.connection import Store


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the report of a command. `record` is what `meta` says of it besides its columns, `tell` is told where it is."""

    store: Store
    command: Command
    record: Mapping[str, Any]
    tell: Callable[[str], None]

    def keep(self, report: Report, write: Callable[[Report], int] | None) -> int:
        """Keeps the rows, which `write` gets as they come; gives their number. Raises StoreError, UsageError.

        Who has seen enough of what is written (`| head`) has all of it kept none the less.
        """
        from edx_import.store.saved_reports import saving_report

        with saving_report(self.store, self.command.name, holds_lock=self.command.writes) as saving:
            rows = kept_rows(report, self.record["site"], saving.add)
            seen_enough = _written(write, replace(report, rows=rows)) if write else None
            deque(rows, maxlen=0)
            saving.commit({**self.record, "command": self.command.name, "columns": columns_told(report.columns)})
        self.tell(f"{saving.rows:,} rows saved in the collection {saving.name} of {self.store.where}")
        if seen_enough:
            raise seen_enough
        return saving.rows


def _written(write: Callable[[Report], int], report: Report) -> BrokenPipeError | None:
    try:
        write(report)
    except BrokenPipeError as error:
        return error
    return None
