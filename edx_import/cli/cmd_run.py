"""Running a command module: its options on the command line, its report on stdout or in a file."""

from __future__ import annotations

import inspect
import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from edx_import.cli.days import check_order, parse_day
from edx_import.cli.environment import read_settings
from edx_import.cli.terminal import Terminal
from edx_import.cli.text import printable
from edx_import.errors import UsageError
from edx_import.reports.context import Context
from edx_import.reports.discovery import Command, bundled_folder, list_commands, load_command
from edx_import.reports.options import CommandOption
from edx_import.reports.render import FORMATS, render
from edx_import.reports.report import Column
from edx_import.settings import Settings


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options that all reports share, as they were written. `limit` bounds a table (None: as fits a terminal)."""

    site: str = "prod"
    org: tuple[str, ...] = ()
    course: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    format: str | None = None
    output: Path | None = None
    limit: int | None = None


def folders_of(settings: Settings) -> list[Path]:
    """Where command modules are: ours, then those of COMMANDS_PATH."""
    return [bundled_folder(), *settings.commands_path]


def show_list(terminal: Terminal) -> None:
    """One line a command, on stdout."""
    found = list_commands(folders_of(read_settings()))
    width = max((len(info.name) for info in found), default=0)
    for info in found:
        typer.echo(f"  {info.name:<{width}}  {printable(info.summary)}{' (writes to the database)' if info.writes else ''}")


def command_line(terminal: Terminal, name: str, arguments: list[str]) -> int:
    """Parses the options of one command and runs it; gives the exit code."""
    settings = read_settings()
    command = load_command(name, folders_of(settings))

    def run(**values: Any) -> None:
        shared = {field: values.pop(field) for field in ("site", "org", "course", "since", "until", "format", "output")}
        shared |= {"org": tuple(shared["org"] or ()), "course": tuple(shared["course"] or ())}
        run_report(terminal, settings, name, ReportOptions(**shared), values)

    run.__signature__ = _signature(command)  # type: ignore[attr-defined]
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command(name, help=command.help, epilog=_columns_help(command.columns))(run)
    return int(app(arguments, prog_name=f"edx-import cmd {name}", standalone_mode=False) or 0)


def _signature(command: Command) -> inspect.Signature:
    """The shared options, then the command's own, as typer reads them."""
    shared = inspect.signature(_shared, eval_str=True).parameters.values()
    return inspect.Signature([*shared, *(_parameter(option) for option in command.options)])


def _shared(
    *,
    site: Annotated[str, typer.Option(metavar="SITE", help="prod, edge, or rdx:REQUEST-ID.")] = "prod",
    org: Annotated[list[str] | None, typer.Option(metavar="ORG", help="Only courses of this organisation, repeatable.")] = None,
    course: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Only courses whose id matches, repeatable.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="From this day on (UTC).")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Up to this day, included (UTC).")] = None,
    format: Annotated[
        str | None, typer.Option(metavar="|".join(FORMATS), help="Default: table on a terminal, csv otherwise.", show_default=False)
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to this file instead of stdout.")] = None,
) -> None: ...


def _parameter(option: CommandOption) -> inspect.Parameter:
    hint: Any = list[str] if option.many else option.type
    default = inspect.Parameter.empty if option.required else option.default
    if default is None:
        hint = hint | None
    annotation = Annotated[hint, typer.Option(option.flag, help=option.meaning)]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _columns_help(columns: tuple[Column, ...]) -> str:
    if not columns:
        return ""
    width = max(len(column.name) for column in columns)
    lines = [f"  {column.name:<{width}}  {column.meaning}{f' [{column.unit}]' if column.unit else ''}" for column in columns]
    return "\b\nColumns:\n" + "\n".join(lines)


def run_report(terminal: Terminal, settings: Settings, name: str, options: ReportOptions, own: Mapping[str, Any]) -> None:
    """Runs a command and renders its report. Raises UsageError before the database is touched, then the errors of the store."""
    from edx_import.store.queries import Queries
    from edx_import.wiring import opened_store, storage

    command = load_command(name, folders_of(settings))
    since, until = parse_day(options.since, "--since"), parse_day(options.until, "--until")
    check_order(since, until)
    chosen = options.format or ("table" if options.output is None and sys.stdout.isatty() else "csv")
    if chosen not in FORMATS:
        raise UsageError(f"there is no format {chosen!r}", f"The formats are {', '.join(FORMATS)}.")
    with storage(settings) as uri, opened_store(uri, settings) as store:
        context = Context(Queries(store.database), options.site, options.org, options.course, since, until)
        report = command.run(context, **own)
        rows = (
            _to_file(options.output, lambda stream: render(report, chosen, stream))
            if options.output
            else render(report, chosen, sys.stdout, limit=options.limit)
        )
        if not rows and not context.courses:
            terminal.warn(f"no course of site {options.site} in {store.where} matches; has a sync been run?")
        elif options.output:
            terminal.say(f"{rows:,} rows written to {options.output}")


def _to_file(path: Path, write: Callable[[Any], int]) -> int:
    """Writes beside the file and then puts it in its place, so that a report is never half there. Raises UsageError.

    It holds learners' data: a new file is for its owner alone, one that is replaced keeps its mode.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            rows = write(stream)
        if path.exists():
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "Give --output a file in a folder that exists and is yours.") from error
    finally:
        beside.unlink(missing_ok=True)
    return rows
