"""The commands that come along, run as the command line runs them, but in this process: what each answers, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edx_import.reports.anonymity import anonymized
from edx_import.reports.context import Context
from edx_import.reports.discovery import bundled_folder, list_commands, load_command
from edx_import.reports.report import Report
from edx_import.settings import Secret
from edx_import.store.connection import Store
from edx_import.store.queries import Queries
from edx_import.wiring import writer_for

COMMANDS = tuple(info.name for info in list_commands([bundled_folder()]))

#: What must be said to commands that take an argument, or that would ask before they go on.
OPTIONS: dict[str, dict[str, Any]] = {
    "forget_learner": {"learner": "learner70000501@example.org", "dry_run": True},
    "remove_personal_details": {"dry_run": True},
}


def answer_of(name: str, store: Store, key: Secret | None = None, **asked: Any) -> Report:
    """The report of a command with its rows as a list; `key`: as `--anonymize` makes it. `asked`: fields of the context."""
    command = load_command(name, [bundled_folder()])
    with writer_for(store, command.writes) as writer:
        context = Context(Queries(store.database), changes=writer, **asked)
        report = command.run(context, **OPTIONS.get(name, {}))
        report = anonymized(report, context.site, key) if key else report
        return replace(report, rows=[list(row) for row in report.checked_rows()])
