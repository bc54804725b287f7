"""`edx-import cmd NAME`: the options that all reports share, and those of the one module asked for."""

from __future__ import annotations

import typer

from edx_import.cli.terminal import Terminal

_HELP = ("--help", "-h")


def cmd(context: typer.Context) -> None:
    """Run a command module: `cmd NAME`. `cmd --list` names them, `cmd NAME --help` shows a command's options and columns."""
    from edx_import.cli.cmd_run import command_line, show_list

    terminal: Terminal = context.obj
    arguments = list(context.args)
    if arguments and arguments[0] == "--list":
        show_list(terminal)
    elif not arguments or arguments[0] in _HELP:
        typer.echo(context.get_help())
        typer.echo("\nCommands:")
        show_list(terminal)
    else:
        raise typer.Exit(command_line(terminal, arguments[0], arguments[1:]))
