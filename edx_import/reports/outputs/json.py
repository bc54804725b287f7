"""JSON for programs: an array of objects, or one object a line. Keys are the names of the columns, in their order.

Numbers, truth and null are JSON's own, integers of any size; times are text as in every other output; NaN and the infinities are null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from edx_import.reports.outputs.base import Page, plain, write_lines
from edx_import.reports.report import Report

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _objects(report: Report) -> Iterator[str]:
    names = [column.name for column in report.columns]
    for row in report.checked_rows():
        yield _encode({name: plain(value) for name, value in zip(names, row, strict=True)})


class JsonLines:
    """One object a line."""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes the rows, in flat memory."""
        return write_lines((line + "\n" for line in _objects(report)), stream)


class JsonArray:
    """An array with one object a line."""

    def write(self, report: Report, stream: BinaryIO, page: Page) -> int:
        """Writes the array, in flat memory."""
        return write_lines(self._lines(report), stream) - 1

    def _lines(self, report: Report) -> Iterator[str]:
        start = "["
        for line in _objects(report):
            yield f"{start}\n{line}"
            start = ","
        yield "[]\n" if start == "[" else "\n]\n"
