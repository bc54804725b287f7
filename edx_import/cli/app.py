"""The command line: which commands there are. Each command's module imports what it needs only when it runs, so that help is instant."""

from __future__ import annotations

from typing import Annotated

import typer

from edx_import import __version__
from edx_import.cli import cmd, demo, doctor, rejects, status, sync
from edx_import.cli.terminal import LogFormat, Terminal

app = typer.Typer(
    help="Brings the edX data package from S3 into MongoDB, and answers questions from it.",
    epilog="Settings come from the environment; see the README for the list. Exit codes: 0 done, 1 a bug, 2 usage, 3 configuration, "
    "4 source, 5 decryption, 6 MongoDB, 7 partly done, 75 another sync is running, 130 and 143 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"edx-import {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors.")] = False,
    log_format: Annotated[LogFormat, typer.Option(metavar="text|json", help="How messages are written on stderr.")] = LogFormat.TEXT,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    """Brings the edX data package from S3 into MongoDB, and answers questions from it."""
    terminal: Terminal = context.obj
    terminal.verbosity = -1 if quiet else verbose
    terminal.log_format = log_format


app.command("sync")(sync.sync)
app.command("cmd", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)(cmd.cmd)
app.command("status")(status.status)
app.command("rejects")(rejects.rejects)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
