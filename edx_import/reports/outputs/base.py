"""What an output is, and the one place where values become text.

None is empty, truth is true/false, numbers are plain (a float with all its digits), times are ISO 8601 in UTC, lists and mappings are JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any, BinaryIO, Protocol

from edx_import.reports.report import Report

_LINES_AT_ONCE = 1000


def silent(note: str) -> None:
    """For who wants no notes."""


@dataclass(frozen=True, slots=True)
class Page:
    """The room there is, for outputs that are read by eye: `width` in characters; `limit`: how many rows are shown. None: as the output does it.

    `about` says what the report is (command, site, days, ...) as pairs of name and text, for outputs that have a place for it. `note` is told
    what a person must know of the file that was written.
    """

    width: int | None = None
    limit: int | None = None
    about: Sequence[tuple[str, str]] = ()
    note: Callable[[str], None] = silent


ANY_PAGE = Page()


class Output(Protocol):
    """A way to write a report. One file each in this package, one entry in `render.FORMATS`."""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes the report and returns the number of its rows, whether shown or not. Errors of the stream go through as they are."""


def text_of(value: Any) -> str:
    """A value as text. A time without a zone is UTC."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)  # the database's 64-bit integers are a subclass with a repr of its own
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(plain(value), ensure_ascii=False)
    return str(value)


def unicode_text(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, as escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain(value: Any) -> Any:
    """A value as JSON has it: what JSON has no word for becomes text, NaN and the infinities null."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {text_of(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return text_of(value)


def _moment(value: datetime) -> str:
    utc = value.astimezone(UTC) if value.tzinfo else value
    return utc.replace(tzinfo=None).isoformat() + "Z"


def write_lines(lines: Iterable[str], stream: BinaryIO) -> int:
    """Writes lines (each with its end) in UTF-8, many at a time, and returns how many. A lone surrogate is written as its escape."""
    remaining = iter(lines)
    written = 0
    while batch := list(islice(remaining, _LINES_AT_ONCE)):
        stream.write("".join(batch).encode("utf-8", "backslashreplace"))
        written += len(batch)
    return written
