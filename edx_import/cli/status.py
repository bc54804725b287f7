"""`edx-import status`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from edx_import.cli.terminal import Terminal


def status(
    context: typer.Context,
    courses: Annotated[bool, typer.Option("--courses", help="What of each course was in the weekly packages, and what was not.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Show what has been imported: when, how much, what failed, what is stale."""
    from edx_import.cli.environment import read_settings
    from edx_import.reports.render import render
    from edx_import.status import manifest_report, stale_report, status_report
    from edx_import.wiring import opened_store, storage

    terminal: Terminal = context.obj
    settings = read_settings()
    with storage(settings) as uri, opened_store(uri, settings) as store:
        chosen = "json" if as_json else "table" if sys.stdout.isatty() else "csv"
        rows = render(manifest_report(store) if courses else status_report(store), chosen, sys.stdout)
        if not rows:
            terminal.say(f"nothing has been imported into {store.where} yet")
        for member, since, reason in stale_report(store).rows:
            terminal.warn(f"{member}: stale since {since}: {reason}")
