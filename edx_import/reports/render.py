"""The one door from a report to a stream. A new format is one file in `outputs/` and one entry here."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import BinaryIO, TextIO, cast

from edx_import.errors import UsageError
from edx_import.reports.outputs.base import Output, Page
from edx_import.reports.outputs.delimited import CSV, TSV
from edx_import.reports.outputs.json import JsonArray, JsonLines
from edx_import.reports.outputs.table import TableOutput
from edx_import.reports.report import Report

FORMATS: Mapping[str, Output] = {
    "table": TableOutput(),
    "csv": CSV,
    "tsv": TSV,
    "json": JsonArray(),
    "jsonl": JsonLines(),
}


def output_for(format: str) -> Output:
    """The output of that name. Raises UsageError with the names that exist."""
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"The formats are {', '.join(FORMATS)}.")
    return FORMATS[format]


def render(report: Report, format: str, stream: BinaryIO | TextIO, *, width: int | None = None, limit: int | None = None) -> int:
    """Writes a report to a stream, always in UTF-8, and returns the number of its rows.

    `width` and `limit` bound a table: columns of characters (None: as wide as the terminal that `stream` is, else as the data need) and rows
    (None: some hundred on a terminal, else all; 0: all); what is cut off is said below it. Raises UsageError for an unknown format; errors of
    the stream, such as BrokenPipeError, go through as they are.
    """
    output, page = output_for(format), Page(width, limit)
    if not isinstance(stream, io.TextIOBase):
        return _written(output, report, cast(BinaryIO, stream), page)
    binary = getattr(stream, "buffer", None)
    if binary is None:
        return _written_as_text(output, report, stream, page)
    stream.flush()  # what was written as text comes first
    return _written(output, report, binary, page)


def _written(output: Output, report: Report, stream: BinaryIO, page: Page) -> int:
    rows = output.write(report, stream, page)
    stream.flush()
    return rows


def _written_as_text(output: Output, report: Report, stream: io.TextIOBase, page: Page) -> int:
    """For text streams in memory, which have no bytes below them."""
    sink = io.BytesIO()
    rows = output.write(report, sink, page)
    stream.write(sink.getvalue().decode())
    return rows
