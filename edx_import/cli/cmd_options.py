"""The options of a command on the command line: those that all reports share, then the command's own, and what `--help` says of its columns."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from edx_import import __version__
from edx_import.cli.days import parse_day
from edx_import.reports.discovery import Command
from edx_import.reports.options import CommandOption
from edx_import.reports.outputs.base import text_of
from edx_import.reports.render import FORMATS
from edx_import.reports.report import Column, Personal, type_word

_UNDER_ANONYMIZE = {Personal.LEARNER: "--anonymize: a hash", Personal.REMOVED: "--anonymize: left empty", None: ""}


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
    excel: bool = False
    delimiter: str | None = None
    anonymize: bool = False
    save: bool = False
    limit: int | None = None

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> ReportOptions:
        """Takes the shared options out of those of a command line, and leaves the command's own."""
        shared = {field.name: values.pop(field.name) for field in fields(cls) if field.name in values}
        return cls(**shared | {name: tuple(shared[name] or ()) for name in ("org", "course")})


def about(command: Command, options: ReportOptions, own: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a file says of the report in it: command, time, site, and what was chosen. Of an anonymised one not what the command's own options
    say: they may name a learner.
    """
    said = {
        "what": command.summary,
        "command": command.name,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "site": options.site,
        "organisations": ", ".join(options.org),
        "courses": ", ".join(options.course),
        "since": options.since or "",
        "until": options.until or "",
        "learners": "anonymised" if options.anonymize else "",
    }
    if not options.anonymize:
        chosen = [option for option in command.options if own.get(option.name) not in (None, [], option.default)]
        said |= {option.flag: text_of(own[option.name]) for option in chosen}
    return [(name, text) for name, text in said.items() if text]


def record_of(options: ReportOptions, said: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What the database says of a report that is kept in it."""
    return {"site": options.site, "anonymized": options.anonymize, "about": dict(said), "tool_version": __version__}


def signature_of(command: Command) -> inspect.Signature:
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
        str | None, typer.Option(metavar="|".join(FORMATS), help="Default: table on a terminal, what FILE ends with, else csv.", show_default=False)
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to this file instead of stdout.")] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the rows in the collection report_NAME; write them as well only if --format or --output is given.")
    ] = False,
    excel: Annotated[bool, typer.Option("--excel", help="csv for spreadsheets: byte order mark, CR LF, no text that becomes a formula.")] = False,
    delimiter: Annotated[str | None, typer.Option(metavar="C", help="Between the cells of csv, instead of a comma.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Rows that a table or html page shows; 0: all. Default: 200 on a terminal.", show_default=False),
    ] = None,
    anonymize: Annotated[
        bool, typer.Option("--anonymize", help="Learners' numbers as hashes made with ANONYMIZE_KEY; no names, e-mail or IP addresses.")
    ] = False,
) -> None: ...


def shared_options() -> list[tuple[str, str]]:
    """How each shared option is written, and what it means."""
    found = []
    for parameter in inspect.signature(_shared, eval_str=True).parameters.values():
        (info,) = parameter.annotation.__metadata__
        value = f" {info.metavar}" if info.metavar else ""
        default = f" [default: {parameter.default}]" if parameter.default and info.show_default else ""
        found.append((f"--{parameter.name}{value}", f"{info.help}{default}"))
    return found


def _parameter(option: CommandOption) -> inspect.Parameter:
    hint: Any = list[str] if option.many else str if option.type is date else option.type
    default = inspect.Parameter.empty if option.required else option.default
    if isinstance(default, date):
        default = default.isoformat()
    if default is None:
        hint = hint | None
    metavar = option.value or None
    info = (
        typer.Argument(metavar=metavar, help=option.meaning) if option.by_place else typer.Option(option.flag, metavar=metavar, help=option.meaning)
    )
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, info])


def own_options(command: Command, values: Mapping[str, Any]) -> dict[str, Any]:
    """The command's own options as its `run` takes them. Raises UsageError for what is not a day."""
    days = {option.name: parse_day(values[option.name], option.flag) for option in command.options if option.type is date}
    return {**values, **days}


def columns_help(columns: tuple[Column, ...]) -> str:
    """What the end of `--help` says: a line for each column."""
    if not columns:
        return ""
    names, types = (max(map(len, words)) for words in ([column.name for column in columns], [type_word(column) for column in columns]))
    lines = [f"  {column.name:<{names}}  {type_word(column):<{types}}  {_told(column)}".rstrip() for column in columns]
    return "\b\nColumns:\n" + "\n".join(lines)


def _told(column: Column) -> str:
    """Meaning, unit, and what is made of it for other eyes."""
    further = [text for text in (column.unit, _UNDER_ANONYMIZE[column.personal]) if text]
    return f"{column.meaning} [{', '.join(further)}]" if further else column.meaning
