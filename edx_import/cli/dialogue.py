"""How a command speaks with the person at the terminal, beside its report."""

from __future__ import annotations

import sys

import typer

from edx_import.cli.terminal import Terminal
from edx_import.reports.context import Dialogue
from edx_import.reports.render import render
from edx_import.reports.report import Report


def dialogue(terminal: Terminal) -> Dialogue:
    """Asks only where a person sits at both ends: the question is written on stderr, the answer read from stdin."""
    return Dialogue(terminal.say, _ask if sys.stdin.isatty() and sys.stderr.isatty() else None)


def _ask(about: Report, question: str) -> bool:
    render(about, "table", sys.stderr)
    return typer.confirm(question, default=False, err=True)
