"""`edx-import status`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from edx_import.cli.terminal import Terminal


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Show what has been imported: when, how much, what failed."""
    from edx_import.cli.environment import read_settings
    from edx_import.reports.render import render
    from edx_import.status import status_report
    from edx_import.wiring import opened_store, storage

    terminal: Terminal = context.obj
    settings = read_settings()
    with storage(settings) as uri, opened_store(uri, settings) as store:
        chosen = "json" if as_json else "table" if sys.stdout.isatty() else "csv"
        rows = render(status_report(store), chosen, sys.stdout)
        if not rows:
            terminal.say(f"nothing has been imported into {store.where} yet")
