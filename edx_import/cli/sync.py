"""`edx-import sync`: options to a request, a summary to lines or JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from edx_import.cli.selection import Only, Selection, Site
from edx_import.cli.terminal import Terminal


def sync(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="A folder with the same keys below it, or with loose files. Default: S3.", envvar="EDX_IMPORT_SOURCE"),
    ] = None,
    org: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORG", help="Organisation in the keys, repeatable. Default: EDX_ORG, else those in courses.yaml.", envvar="EDX_IMPORT_ORG"
        ),
    ] = None,
    site: Annotated[
        Site, typer.Option(metavar="prod|edge|all", help="edx.org (prod), edge.edx.org (edge), or both.", envvar="EDX_IMPORT_SITE")
    ] = Site.PROD,
    only: Annotated[
        list[Only] | None,
        typer.Option(
            metavar="KIND",
            help="database, events, email, rdx or metadata; repeatable. Default: the first three.",
            envvar="EDX_IMPORT_ONLY",
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Event files from this UTC day on.", envvar="EDX_IMPORT_SINCE")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Event files up to this UTC day, included.", envvar="EDX_IMPORT_UNTIL")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Just the newest event day.", envvar="EDX_IMPORT_LATEST")] = False,
    course: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Only courses whose id matches, repeatable.", envvar="EDX_IMPORT_COURSE")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Not the courses whose id matches, repeatable.", envvar="EDX_IMPORT_EXCLUDE")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Objects loaded side by side. Default: the number of cores.", envvar="EDX_IMPORT_JOBS")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Load again what is loaded already.", envvar="EDX_IMPORT_FORCE")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what was given up after five failed tries.", envvar="EDX_IMPORT_RETRY_FAILED")
    ] = False,
    allow_unprotected: Annotated[
        bool,
        typer.Option(
            "--allow-unprotected",
            help="Take messages without integrity protection, too (deliveries of 2012-14 may lack it).",
            envvar="EDX_IMPORT_ALLOW_UNPROTECTED",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be loaded, and load nothing.", envvar="EDX_IMPORT_DRY_RUN")] = False,
    keep: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep a copy of the encrypted originals here.", envvar="EDX_IMPORT_KEEP")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary (or the plan) as JSON on stdout.", envvar="EDX_IMPORT_JSON")] = False,
) -> None:
    """Fetch the newest package, decrypt it and load it into MongoDB.

    Takes the newest weekly ZIP and every event file that is not loaded yet. Run it as often as you like: what is loaded already stays as it is.
    """
    from edx_import.cli.environment import read_settings
    from edx_import.cli.sync_run import run_sync
    from edx_import.wiring import Means

    terminal: Terminal = context.obj
    settings = read_settings()
    selection = Selection(
        tuple(org or ()), site, tuple(only or ()), since, until, latest, tuple(course or ()), tuple(exclude or ()), force, retry_failed
    )
    means = Means(source, jobs or os.cpu_count() or 1, keep, allow_unprotected)
    code = run_sync(terminal, settings, selection, means, dry_run=dry_run, as_json=as_json)
    raise typer.Exit(code)
