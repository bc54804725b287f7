"""The running of a sync as a person follows it: what will be done, how it goes, what came of it."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import Any

import typer

from edx_import.cli.selection import Selection
from edx_import.cli.terminal import Terminal
from edx_import.cli.text import human_size, printable
from edx_import.errors import ExitCode
from edx_import.model import ObjectKind
from edx_import.progress import Step
from edx_import.rollups.run import begin as begin_rollups
from edx_import.settings import Settings
from edx_import.store.disk import free_bytes
from edx_import.sync.estimate import estimate
from edx_import.sync.outcome import SyncSummary
from edx_import.sync.plan import Plan
from edx_import.sync.run import Preparation, execute, expect, indexed, prepare, refresh_metadata, roll_up_days
from edx_import.sync.stop import Stop
from edx_import.wiring import Means, Workplace, catalog_of, organisations, workplace

_KINDS = {
    ObjectKind.DATABASE: "weekly package",
    ObjectKind.EVENTS: "event file",
    ObjectKind.EMAIL: "e-mail report",
    ObjectKind.RDX: "research package",
}
_MOST_NAMED = 10
_BACKFILL = "first load of events: their indexes are built after them"


def run_sync(terminal: Terminal, settings: Settings, selection: Selection, means: Means, *, dry_run: bool, as_json: bool) -> int:
    """Runs one sync and gives its exit code."""
    catalog = catalog_of(settings)
    request = selection.request(organisations(settings, catalog, selection.org))
    with workplace(settings, catalog, means, terminal.progress()) as place:
        _say_where(terminal, place)
        if dry_run:
            return _show_plan(terminal, prepare(place.source, place.store, request), as_json)
        place.take_lock()
        place.progress.step("", Step.LOCKED)
        refreshed = refresh_metadata(place.store, place.catalog, request.sites)
        prepared = prepare(place.source, place.store, request)
        _announce(terminal, prepared, place)
        expect(prepared, place.store, place.progress)
        begin_rollups(place.store)
        with terminal.signals.asking(partial(_ask_to_stop, terminal, place.stop)):
            with indexed(prepared.plan, place.store, place.stop):
                summary = execute(prepared, place.executor_for, place.progress)
            roll_up_days(place.store, means.jobs, place.stop, terminal.say, summary)
        summary.courses_refreshed = refreshed
        summary.interrupted_code = terminal.signals.exit_code
    if summary.interrupted:
        terminal.stopped()
    _report(terminal, summary, as_json)
    return int(summary.exit_code)


def _ask_to_stop(terminal: Terminal, stop: Stop) -> None:
    stop.ask()
    terminal.stopping()


def _say_where(terminal: Terminal, place: Workplace) -> None:
    terminal.say(f"from {place.source.description} into {place.store.where}")
    if place.store.unprotected:
        terminal.warn("this MongoDB lets anybody in who reaches it; learners' data should be behind a login")


def _show_plan(terminal: Terminal, prepared: Preparation, as_json: bool) -> int:
    """The plan on stdout, exactly what a run would do."""
    plan = prepared.plan
    for error in prepared.errors:
        terminal.error(error)
    _warn_of_given_up(terminal, plan)
    would_be_partly = bool(prepared.errors and plan.tasks)
    code = int(ExitCode.PARTLY if would_be_partly else SyncSummary(plan, source_errors=list(prepared.errors)).exit_code)
    if as_json:
        errors = [{"what": error.what, "hint": error.hint} for error in prepared.errors]
        typer.echo(json.dumps(_plan_as_dict(plan) | {"errors": errors}, indent=2))
        return code
    for task in plan.tasks:
        typer.echo(f"load  {task.delivered.key}  {human_size(task.delivered.size)}  ({task.why})")
    for skip in plan.skips if terminal.verbosity > 0 else ():
        typer.echo(f"skip  {printable(skip.key)}  ({printable(skip.reason)})")
    typer.echo(f"{len(plan.tasks)} objects to load, {human_size(plan.size)}; {_skips(plan)}")
    if plan.indexes_after:
        typer.echo(_BACKFILL)
    return code


def _warn_of_given_up(terminal: Terminal, plan: Plan) -> None:
    given_up = [skip for skip in plan.skips if skip.given_up]
    for skip in given_up[:_MOST_NAMED]:
        terminal.warn(f"{skip.key}: {skip.reason}")
    if given_up:
        more = f"{len(given_up) - _MOST_NAMED} more were given up as well; " if len(given_up) > _MOST_NAMED else ""
        terminal.warn(f"{more}`edx-import sync --retry-failed` tries again what was given up")


def _plan_as_dict(plan: Plan) -> dict[str, Any]:
    return {
        "load": [{"key": task.delivered.key, "size": task.delivered.size, "why": task.why} for task in plan.tasks],
        "skip": [{"key": skip.key, "reason": skip.reason} for skip in plan.skips],
        "size": plan.size,
        "indexes_after": plan.indexes_after,
    }


def _skips(plan: Plan) -> str:
    """How many are left out, by reason."""
    reasons = Counter(_short(skip.reason) for skip in plan.skips)
    if not reasons:
        return "nothing left out"
    return "left out: " + ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))


def _short(reason: str) -> str:
    if reason.startswith("given up"):
        return "given up"
    return "older snapshots" if reason.startswith("an older snapshot") else reason


def _announce(terminal: Terminal, prepared: Preparation, place: Workplace) -> None:
    """How much will be done, what it needs and about how long it takes."""
    for error in prepared.errors:
        terminal.error(error)
    plan = prepared.plan
    _warn_of_given_up(terminal, plan)
    if not plan.tasks:
        return
    kinds = Counter(task.delivered.name.kind for task in plan.tasks)
    what = " and ".join(f"{number} {_KINDS[kind]}{'s' if number > 1 else ''}" for kind, number in sorted(kinds.items()))
    need = estimate(plan, place.settings.scratch, place.means.jobs, free_bytes(place.store))
    database_free = "" if need.database_free is None else f" ({human_size(need.database_free)} free)"
    terminal.say(f"{what} to load, {human_size(plan.size)} encrypted; {_skips(plan)}")
    if plan.indexes_after:
        terminal.say(_BACKFILL)
    terminal.say(
        f"needs about {human_size(need.scratch)} of scratch ({human_size(need.scratch_free)} free) and {human_size(need.database)} "
        f"in the database{database_free}, and takes about {_duration(need.seconds)}"
    )
    for name, needed, free in need.shortages:
        terminal.warn(f"there may be too little room in {name}: {human_size(needed)} needed, {human_size(free)} free")


def _duration(seconds: float) -> str:
    if seconds < 1.5:
        return "a second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _report(terminal: Terminal, summary: SyncSummary, as_json: bool) -> None:
    """What came of it: lines on stderr, or JSON on stdout."""
    for warning in summary.warnings:
        terminal.warn(warning)
    for outcome in summary.failed:
        if outcome.error is not None:
            terminal.error(outcome.error, outcome.key)
    if as_json:
        typer.echo(json.dumps(summary.as_dict(), indent=2))
    _close(terminal, summary)


def _close(terminal: Terminal, summary: SyncSummary) -> None:
    total = summary.total
    unlisted = sorted(total.unlisted)
    if unlisted:
        named = ", ".join(unlisted[:_MOST_NAMED]) + (f" and {len(unlisted) - _MOST_NAMED} more" if len(unlisted) > _MOST_NAMED else "")
        terminal.warn(f"not in courses.yaml, loaded all the same (listed: false): {named}")
    if summary.courses_refreshed:
        terminal.say(f"metadata of {summary.courses_refreshed} courses brought up to date")
    if summary.days_rolled_up:
        terminal.say(f"{summary.days_rolled_up:,} days of courses rolled up in {summary.rollup_seconds:.1f} s")
    if not summary.outcomes and not summary.interrupted:
        terminal.say(f"nothing new: {_skips(summary.plan)}")
        return
    done = len(summary.outcomes) - len(summary.failed)
    counts = total.counts
    terminal.say(f"done in {summary.seconds:.1f} s: {done} of {len(summary.outcomes)} objects loaded, {len(summary.failed)} failed")
    terminal.say(
        f"  rows: {counts.read:,} read = {counts.loaded:,} loaded + {counts.duplicate:,} duplicate + {counts.rejected:,} rejected + "
        f"{counts.filtered:,} filtered; {counts.removed:,} removed"
    )
    for name, number in sorted(total.collections.items()):
        terminal.say(f"  {name}: {number:,}")
    for reason, number in sorted(total.reasons.items()):
        terminal.say(f"  rejected, {reason}: {number:,}")
    if counts.rejected:
        terminal.say("  `edx-import rejects` shows which rows and why")
    for note, number in sorted(counts.notes.items()):
        terminal.say(f"  loaded and noted, {note}: {number:,}")
