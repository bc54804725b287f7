"""What a person reads while edx-import works: messages on stderr, as text or as one JSON object a line. Data goes to stdout, never from here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from edx_import.cli.signals import Signals
from edx_import.cli.text import printable
from edx_import.errors import ConfigurationError, EdxImportError, UnexpectedError
from edx_import.progress import Progress
from edx_import.secrecy import masked


class LogFormat(StrEnum):
    """How messages are written."""

    TEXT = "text"
    JSON = "json"


@dataclass(slots=True)
class Terminal:
    """Where messages go. `verbosity` is -1 (errors and warnings only), 0, or 1 and more."""

    verbosity: int = 0
    log_format: LogFormat = LogFormat.TEXT
    stream: TextIO | None = None
    said_stopped: bool = False
    signals: Signals = field(default_factory=Signals)

    def stopped(self) -> None:
        """That a signal ended the work."""
        if not self.said_stopped:
            self.warn("stopped: what was loaded is kept, the next sync goes on from there")
        self.said_stopped = True

    def stopping(self) -> None:
        """That a signal was heard, and what happens until the work has ended. For a signal handler: what else is being written is not waited for."""
        text = self._written("warning", "stopping: what is under way is brought to where the next sync can go on; once more to stop at once")
        with suppress(OSError, ValueError):
            os.write(self._out.fileno(), f"{text}\n".encode())

    def say(self, text: str) -> None:
        """Something worth reading in an ordinary run."""
        if self.verbosity >= 0:
            self._write("info", text)

    def detail(self, text: str) -> None:
        """Something for -v."""
        if self.verbosity > 0:
            self._write("debug", text)

    def warn(self, text: str) -> None:
        """Something that a person must know though the work goes on."""
        self._write("warning", text)

    def error(self, error: EdxImportError, about: str = "") -> None:
        """One line of what happened (and one a problem, when there are several), one of what to do. `about`: the object it happened to."""
        what = error.what if about in error.what else f"{about}: {error.what}"
        problems: Sequence[str] = error.problems if isinstance(error, ConfigurationError) else ()
        if self.log_format is LogFormat.JSON:
            trace = error.trace if isinstance(error, UnexpectedError) else ""
            self._write("error", what, hint=error.hint, problems=list(problems), trace=trace)
            return
        if isinstance(error, ConfigurationError) and error.where and len(problems) > 1:
            self._write("error", f"{error.where}: {len(problems)} problems")
            for problem in problems:
                self._line(f"  - {problem}")
        else:
            self._write("error", what)
        if isinstance(error, UnexpectedError):
            for line in error.trace.splitlines():
                self._line(line)
        if error.hint:
            self._line(f"  what to do: {error.hint}")

    def progress(self) -> Progress:
        """A bar on a terminal, a line an object otherwise, only warnings with -q."""
        from edx_import.cli.progress_lines import ProgressLines, WarningsOnly

        if self.verbosity < 0:
            return WarningsOnly(self.warn)
        if self.log_format is LogFormat.TEXT and self._out.isatty():
            from edx_import.cli.progress_bar import ProgressBar

            return ProgressBar()
        return ProgressLines(self.say, self.detail, self.warn)

    def _write(self, level: str, text: str, **more: object) -> None:
        self._line(self._written(level, text, **more))

    def _written(self, level: str, text: str, **more: object) -> str:
        if self.log_format is LogFormat.JSON:
            fields = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": masked(text)}
            return json.dumps(fields | {name: value for name, value in more.items() if value}, ensure_ascii=False)
        return f"{level}: {text}" if level in ("warning", "error") else text

    def _line(self, text: str) -> None:
        # names in a package are untrusted: no control character of theirs reaches the terminal; nor does a secret of ours
        print(printable(text), file=self._out, flush=True)

    @property
    def _out(self) -> TextIO:
        return self.stream or sys.stderr
