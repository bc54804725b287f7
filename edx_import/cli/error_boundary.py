"""Where every exception ends: expected errors become two lines and their exit code, bugs keep their traceback, but not their words."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from edx_import.cli.terminal import Terminal
from edx_import.errors import EdxImportError, ExitCode, UnexpectedError
from edx_import.secrecy import close_to_others, keep_silent


def run(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Runs one command line and gives its exit code."""
    from edx_import.cli.app import app

    terminal = terminal or Terminal()
    terminal.signals.install()
    close_to_others()
    keep_silent(lambda error: terminal.error(UnexpectedError.of(error)))
    try:
        code = app(list(arguments), prog_name="edx-import", standalone_mode=False, obj=terminal)
    except EdxImportError as error:
        terminal.error(error)
        return int(error.exit_code)
    except KeyboardInterrupt:
        terminal.stopped()
        return int(terminal.signals.exit_code)
    except SystemExit as stop:
        # the command line library ends so when the reader of our output has seen enough (`| head`): that is no error
        return int(ExitCode.DONE) if type(sys.stdout).__name__ == "PacifyFlushWrapper" else int(stop.code or 0)
    except BrokenPipeError:
        # the reader of our output has seen enough (`| head`): that is no error, and the flush at exit must not fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except Exception as error:
        return _unexpected(error, terminal)
    if code == ExitCode.INTERRUPTED and not terminal.said_stopped:
        # the command line library has turned the interruption into its own code
        terminal.stopped()
        return int(terminal.signals.exit_code)
    return int(code or 0)


def _unexpected(error: Exception, terminal: Terminal) -> int:
    """A usage error of the command line library, or a bug."""
    show = getattr(error, "format_message", None)
    if callable(show):
        _show_usage(error, terminal)
        return int(ExitCode.USAGE)
    terminal.error(UnexpectedError.of(error))
    return int(ExitCode.BUG)


def _show_usage(error: Exception, terminal: Terminal) -> None:
    from edx_import.errors import UsageError

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "edx-import"
    message = str(error.format_message()).rstrip(".")  # type: ignore[attr-defined]
    terminal.error(UsageError(message, f"`{path} --help` shows what there is."))
