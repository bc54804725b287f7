"""The one door from a report to a stream. A new format is one file in `outputs/` and one entry here."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping
from typing import BinaryIO, TextIO, cast

from edx_import.errors import ConfigurationError, UsageError
from edx_import.reports.outputs.base import ANY_PAGE, Output, Page
from edx_import.reports.outputs.delimited import CSV, TSV, csv_with, excel_csv
from edx_import.reports.outputs.html import HtmlOutput
from edx_import.reports.outputs.json import JsonArray, JsonLines
from edx_import.reports.outputs.parquet import ParquetOutput
from edx_import.reports.outputs.table import TableOutput
from edx_import.reports.outputs.xlsx import XlsxOutput
from edx_import.reports.report import Report

FORMATS: Mapping[str, Output] = {
    "table": TableOutput(),
    "csv": CSV,
    "tsv": TSV,
    "json": JsonArray(),
    "jsonl": JsonLines(),
    "parquet": ParquetOutput(),
    "xlsx": XlsxOutput(),
    "html": HtmlOutput(),
}

#: The packages that formats need beyond those of every installation, each in the extra of the format's name.
_EXTRAS = {"parquet": "pyarrow", "xlsx": "xlsxwriter"}

#: What a terminal cannot show.
_FILES = frozenset({"parquet", "xlsx", "html"})


def output_for(format: str, delimiter: str | None = None, excel: bool = False) -> Output:
    """The output of that name; of csv, one with another separator, or for spreadsheets. Raises UsageError for what does not exist."""
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"The formats are {', '.join(FORMATS)}.")
    if not excel and delimiter is None:
        return FORMATS[format]
    if format != "csv":
        option = "--excel" if excel else "--delimiter"
        raise UsageError(
            f"{option} says how csv is written, not {format}", f"Leave it out, or add --format csv{'; --format xlsx is a workbook' * excel}."
        )
    separator = "," if delimiter is None else "\t" if delimiter == r"\t" else delimiter
    return excel_csv(separator) if excel else csv_with(separator)


def check_format(format: str, to_terminal: bool = False) -> None:
    """Makes sure that a report can be written so.

    Raises UsageError (no such format, or none for a terminal) and ConfigurationError (a package is missing).
    """
    output_for(format)
    package = _EXTRAS.get(format)
    if package and importlib.util.find_spec(package) is None:
        what = f"--format {format} needs the package {package}, which is not installed"
        raise ConfigurationError(what, f"Install the extra: pip install 'edx-import[{format}]'. In the image it is there.")
    if to_terminal and format in _FILES:
        raise UsageError(f"{format} is no text for a terminal", f"Write it to a file (--output report.{format}), or to another program.")


def render(report: Report, format: str | Output, stream: BinaryIO | TextIO, page: Page = ANY_PAGE) -> int:
    """Writes a report to a stream, text always in UTF-8, and returns the number of its rows. `format` is a name, or what `output_for` gives.

    What a table shows is bounded by the page: columns of characters (None: as wide as the terminal that `stream` is, else as the data need) and
    rows (None: some hundred on a terminal, else all; 0: all); what is cut off is said below it. Raises UsageError for an unknown format; errors
    of the stream, such as BrokenPipeError, go through as they are.
    """
    output = output_for(format) if isinstance(format, str) else format
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
