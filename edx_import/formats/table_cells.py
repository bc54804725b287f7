"""Cells of a type: their value, and the text that the producers write for a value.

Each reader gives the value and the text that `cell_text` would make of it; None and None for a text that is not of the type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from edx_import.tables import ColumnType, Dialect

#: A value (None: the cell is not of the type), and its usual text.
Read = tuple[Any, str | None]

_INT = re.compile(r"-?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")

_NONE: Read = (None, None)


def _read_int(cell: str, dialect: Dialect) -> Read:
    if not _INT.fullmatch(cell):
        return _NONE
    value = int(cell)
    return (value, str(value)) if -(2**63) <= value < 2**63 else _NONE


def _read_float(cell: str, dialect: Dialect) -> Read:
    if not _FLOAT.fullmatch(cell):
        return _NONE
    value = float(cell)
    return value, _float_text(value, dialect)


def _float_text(value: float, dialect: Dialect) -> str:
    """As Python writes it; MySQL, which wrote the other dialect's numbers, has no `.0`."""
    text = repr(float(value))
    return text.removesuffix(".0") if dialect is Dialect.STUDENT_MODULE else text


def _read_bool(cell: str, dialect: Dialect) -> Read:
    return (cell == "1", cell) if cell in ("0", "1") else _NONE


def _read_date(cell: str, dialect: Dialect) -> Read:
    if not _DATE.fullmatch(cell):
        return _NONE
    try:
        moment = datetime.fromisoformat((cell if len(cell) == 19 else cell.ljust(26, "0")) + "+00:00")
    except ValueError:
        return _NONE
    if not moment.microsecond:
        return moment, cell[:19]
    value = moment.replace(microsecond=moment.microsecond // 1000 * 1000)  # BSON has milliseconds
    return value, _date_text(value)


def _date_text(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(" ")


READ: dict[ColumnType, Callable[[str, Dialect], Read]] = {
    ColumnType.INT: _read_int,
    ColumnType.FLOAT: _read_float,
    ColumnType.BOOL: _read_bool,
    ColumnType.DATE: _read_date,
}


def cell_text(value: Any, dialect: Dialect) -> str:
    """The text that the producers write for a value, also for one that came back from the database."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return _date_text(value)
    return _float_text(value, dialect) if isinstance(value, float) else str(value)
