"""`edx-import rejects`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from edx_import.cli.terminal import Terminal


def rejects(
    context: typer.Context,
    show: Annotated[int | None, typer.Option("--show", metavar="N", min=1, help="Show the first N rejected rows themselves.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only rows rejected for this reason.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Show which rows were rejected: how many for which reason, or the rows themselves.

    A rejected row is kept with the rule that failed and its first bytes, up to 10,000 rows of one object; the counts include those beyond.
    """
    from edx_import.cli.environment import read_settings
    from edx_import.reports.render import render
    from edx_import.status import reject_reasons, rejected_rows
    from edx_import.wiring import opened_store, storage

    terminal: Terminal = context.obj
    settings = read_settings()
    with storage(settings) as uri, opened_store(uri, settings) as store:
        report = rejected_rows(store, show, reason) if show else reject_reasons(store, reason)
        rows = render(report, "json" if as_json else "table" if sys.stdout.isatty() else "csv", sys.stdout)
        if not rows:
            terminal.say("no row was rejected" + (f" for the reason {reason!r}" if reason else ""))
