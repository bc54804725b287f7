"""The pages that are made from the program itself: docs/cli.md, docs/commands.md, and the tables of variables and exit codes in the README.

`python -m edx_import.cli.reference` writes them; a test compares.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

from edx_import.cli.app import app
from edx_import.cli.commands_page import commands_page
from edx_import.settings import VARIABLES

_COMMANDS = ("sync", "cmd", "status", "rejects", "doctor", "demo")


def cli_page() -> str:
    """docs/cli.md: the help of every command, as it is printed."""
    parts = ["# Command line\n", "Made from the program's own help; `make docs` makes it anew.\n", _section("edx-import")]
    parts += [_section(f"edx-import {name}") for name in _COMMANDS if _exists(name)]
    parts += [_section("edx-import cmd list_courses"), "The other commands: [commands.md](commands.md).\n"]
    return "\n".join(parts)


def _exists(name: str) -> bool:
    return any(registered.name == name for registered in app.registered_commands)


def _section(command: str) -> str:
    return f"## {command}\n\n```text\n{_help(command.split()[1:])}\n```\n"


def _help(arguments: list[str]) -> str:
    from edx_import.cli.terminal import Terminal

    said = io.StringIO()
    with redirect_stdout(said):
        app([*arguments, "--help"], prog_name="edx-import", standalone_mode=False, obj=Terminal())
    lines = [line.rstrip() for line in said.getvalue().strip().splitlines()]
    return "\n".join(lines)


def variables_table() -> str:
    """The rows of the README's table of environment variables."""
    return "".join(f"| `{variable.name}` | {variable.meaning} | {variable.default} |\n" for variable in VARIABLES)


def with_variables(readme: str) -> str:
    """The README with its table of variables made anew."""
    return re.sub(
        r"(\| variable \| meaning \| default \|\n\|---\|---\|---\|\n)(?:\|.*\n)*", lambda found: found.group(1) + variables_table(), readme, count=1
    )


def main() -> None:
    """Writes the pages into the clone that this runs in."""
    root = Path(__file__).resolve().parents[2]
    (root / "docs" / "cli.md").write_text(cli_page(), encoding="utf-8")
    (root / "docs" / "commands.md").write_text(commands_page(), encoding="utf-8")
    readme = root / "README.md"
    readme.write_text(with_variables(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
