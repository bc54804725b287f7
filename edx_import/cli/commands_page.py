"""docs/commands.md: every command that comes along, with its options and columns, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edx_import.cli.cmd_options import shared_options
from edx_import.reports.discovery import Command, bundled_folder, list_commands, load_command
from edx_import.reports.options import CommandOption
from edx_import.reports.report import Column, Personal, type_word

_INTRODUCTION = """# Commands

Made from the commands themselves; `make docs` makes it anew. `edx-import cmd NAME --help` shows the same of one command. A command of your own is one
Python file: [writing-a-command.md](writing-a-command.md).
"""
_COMMON = """## Options that all commands share

Days are UTC days, both ends included. They choose the rows that are shown, never the history that a state is built from; without them a
daily report runs from the first to the last day of events in the database.
"""
_ANONYMIZED = {Personal.LEARNER: "hash", Personal.REMOVED: "empty", None: ""}


def commands_page() -> str:
    """The whole page."""
    folders = [bundled_folder()]
    commands = [load_command(info.name, folders) for info in list_commands(folders)]
    overview = _table(("command", "what"), [(f"[`{command.name}`](#{command.name})", _summary(command)) for command in commands])
    common = _table(("option", "meaning"), [(f"`{_cell(written)}`", _cell(meaning)) for written, meaning in shared_options()])
    return "\n".join([_INTRODUCTION, overview, f"{_COMMON}\n{common}", *map(_section, commands)])


def _summary(command: Command) -> str:
    return _cell(command.summary) + (" **Writes to the database.**" if command.writes else "")


def _section(command: Command) -> str:
    parts = [f"## {command.name}\n", f"{_prose(command.help)}\n"]
    if command.writes:
        parts.append("Writes to the database, and holds the lock of the syncs while it does.\n")
    if command.options:
        parts.append(_table(("option", "meaning", "default"), map(_option, command.options)))
    if command.columns:
        parts.append(_table(("column", "type", "unit", "meaning", "`--anonymize`"), map(_column, command.columns)))
    return "\n".join(parts)


def _option(option: CommandOption) -> Sequence[str]:
    written = option.value if option.by_place else f"{option.flag} {option.value}".rstrip()
    meaning = option.meaning + (", repeatable" if option.many else "") + (" (must be given)" if option.required else "")
    default = "" if option.default in (None, False, (), []) else str(option.default)
    return f"`{written}`", _cell(meaning), f"`{default}`" if default else ""


def _column(column: Column) -> Sequence[str]:
    return f"`{column.name}`", type_word(column), _cell(column.unit), _cell(column.meaning), _ANONYMIZED[column.personal]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|").replace("\n", " ")


def _prose(text: str) -> str:
    """As Markdown: nothing in it is HTML."""
    return text.replace("<", "&lt;")
