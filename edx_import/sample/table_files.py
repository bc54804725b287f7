"""How the producers of a package write table files and the e-mail opt-in CSV. Written from their rules alone: it shares nothing with our readers.

A row is a mapping of column names to what the producer's database holds: None (NULL), bool, int, float, text, a UTC datetime. JSON is text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from edx_import.tables import Dialect

Cell = None | bool | int | float | str | datetime
Row = Mapping[str, Cell]

_STANDARD_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\r": "\\r", "\t": "\\t", "\n": "\\n", "\0": None})

#: The other exporter doubles backslashes and puts one before a raw TAB; what ends a line has always come out as a letter.
_STUDENT_MODULE_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\\t", "\n": "n", "\r": "r", "\0": "0"})


def write_table(columns: Sequence[str], rows: Iterable[Row], dialect: Dialect = Dialect.STANDARD) -> Iterator[bytes]:
    """The lines of a table file, header first, each with its line end. A column that a row does not have is NULL."""
    cell = _standard_cell if dialect is Dialect.STANDARD else _student_module_cell
    yield ("\t".join(columns) + "\n").encode()
    for row in rows:
        yield ("\t".join([cell(row.get(column)) for column in columns]) + "\n").encode()


def _standard_cell(value: Cell) -> str:
    """A cell as Python's `str` shows it, escaped."""
    if isinstance(value, str):
        return value.translate(_STANDARD_ESCAPES)
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    return _date(value, "") if isinstance(value, datetime) else str(value)


def _student_module_cell(value: Cell) -> str:
    """A cell as MySQL shows it: no `.0` on whole numbers, six digits of a second always."""
    if isinstance(value, str):
        return value.translate(_STUDENT_MODULE_ESCAPES)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _date(value, ".000000") if isinstance(value, datetime) else _standard_cell(value)


def _date(value: datetime, whole_second: str) -> str:
    local = value.astimezone(UTC) if value.tzinfo else value
    return local.strftime("%Y-%m-%d %H:%M:%S") + (f".{local.microsecond:06d}" if local.microsecond else whole_second)


EMAIL_COLUMNS: Final = ("user_id", "username", "email", "full_name", "course_id", "is_opted_in_for_email", "preference_set_datetime")


def write_email_csv(chunks: Iterable[Iterable[Row]]) -> Iterator[bytes]:
    """The e-mail opt-in CSV: CRLF, double quotes where needed, and the header again before every chunk of courses."""
    for chunk in chunks:
        yield _csv_line(EMAIL_COLUMNS)
        for row in chunk:
            yield _csv_line([_email_cell(row.get(column)) for column in EMAIL_COLUMNS])


def _email_cell(value: Cell) -> str:
    if value is None:
        return ""
    return f"{_date(value, '')}+00:00" if isinstance(value, datetime) else str(value)


def _csv_line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
