"""Running a command module: its options on the command line, its report on stdout or in a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer

from edx_import.cli.cmd_file import to_file
from edx_import.cli.cmd_options import ReportOptions, about, columns_help, own_options, record_of, signature_of
from edx_import.cli.cmd_save import Keeper
from edx_import.cli.days import check_order, parse_day
from edx_import.cli.dialogue import dialogue
from edx_import.cli.environment import read_settings
from edx_import.cli.terminal import Terminal
from edx_import.cli.text import printable
from edx_import.reports.anonymity import anonymized
from edx_import.reports.context import Context
from edx_import.reports.discovery import Command, bundled_folder, list_commands, load_command
from edx_import.reports.outputs.base import Output, Page
from edx_import.reports.render import FORMATS, check_format, output_for, render
from edx_import.reports.report import Report
from edx_import.settings import Settings

_WRITES = "It writes to the database, and holds the lock of the syncs while it does."


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
        options = ReportOptions.taken_from(values)
        run_report(terminal, settings, command, options, own_options(command, values))

    run.__signature__ = signature_of(command)  # type: ignore[attr-defined]
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    help = command.help + ("\n\n" + _WRITES if command.writes else "")
    app.command(name, help=help, epilog=columns_help(command.columns))(run)
    return int(app(arguments, prog_name=f"edx-import cmd {name}", standalone_mode=False) or 0)


def run_report(terminal: Terminal, settings: Settings, command: Command, options: ReportOptions, own: Mapping[str, Any]) -> None:
    """Runs a command and renders its report. Raises what the options or the settings lack before the database is touched, then the errors of
    the store.
    """
    from edx_import.store.queries import Queries
    from edx_import.wiring import opened_store, storage, writer_for

    since, until = parse_day(options.since, "--since"), parse_day(options.until, "--until")
    check_order(since, until)
    output = None if _is_only_saved(options) else _output_of(options)
    key = settings.require_anonymize_key() if options.anonymize else None
    with storage(settings) as uri, opened_store(uri, settings) as store, writer_for(store, command.writes) as writer:
        queries, person = Queries(store.database), dialogue(terminal)
        context = Context(queries, options.site, options.org, options.course, since, until, writer, person, settings.geoip_database)
        report = command.run(context, **own)
        report = anonymized(report, context.site, key) if key else report
        page = Page(limit=options.limit, about=about(command, options, own), note=terminal.warn)
        write = partial(_written, output=output, page=page, path=options.output) if output else None
        if options.save or not write:
            rows = Keeper(store, command, record_of(options, page.about), terminal.say).keep(report, write)
        else:
            rows = write(report)
        if not rows and not context.courses:
            terminal.warn(f"no course of site {options.site} in {store.where} matches; has a sync been run?")
        elif options.output:
            terminal.say(f"{rows:,} rows written to {options.output}")


def _is_only_saved(options: ReportOptions) -> bool:
    """A report that is kept is not written as well, unless somebody says how or where."""
    return options.save and not (options.format or options.output or options.excel or options.delimiter)


def _output_of(options: ReportOptions) -> Output:
    """What was asked for; else a table on a terminal, what the name of the file ends with, csv."""
    to_terminal = options.output is None and sys.stdout.isatty()
    ending = options.output.suffix.removeprefix(".").lower() if options.output else ""
    default = "table" if to_terminal and not options.excel and options.delimiter is None else ending if ending in FORMATS else "csv"
    format = options.format or default
    check_format(format, to_terminal)
    return output_for(format, options.delimiter, options.excel)


def _written(report: Report, *, output: Output, page: Page, path: Path | None) -> int:
    if path:
        return to_file(path, lambda stream: render(report, output, stream, page))
    return render(report, output, sys.stdout, page)
