"""MongoDB's Extended JSON: the objects that stand for types JSON has not, to BSON values and back.

    {"$oid": 24 hex digits}                           ObjectId
    {"$date": milliseconds, text or $numberLong}      date, UTC, in whole milliseconds
    {"$numberLong"/"$numberInt": digits}              integer of 64 bits, of 32 bits
    {"$numberDouble": text}                           double
    {"$numberDecimal": text}                          Decimal128

ObjectIds in lower case and dates in the form that the first date of the document has are rebuilt from their values; every other one has a replacement
record (see json_mapping) with exactly what stood there. An object that looks like one of these but cannot be read as such stays an object.

The driver's own converter (bson.json_util) is of no use here: it drops microseconds and forms without a trace, and raises on the first odd value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import DecimalException
from typing import Any

from bson import Decimal128, Int64, ObjectId

from edx_import.formats.event_time import parse_time
from edx_import.formats.json_mapping import MAX_LEVELS, REPLACED_LIMIT, NestedTooDeepError, Path, Replaced, TooManyReplacedError, replacement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True)
class Opened:
    """A value without its wrappers. `date_form` is the form of its dates (a key of DATE_FORMS), empty when it has none.

    `replaced` are the records of what that form does not give back; `unread`: there are wrappers that could not be read.
    """

    value: Any
    date_form: str = ""
    replaced: list[Replaced] = field(default_factory=list)
    unread: bool = False


def open_wrappers(value: Any, level: int = 1) -> Opened:
    """Turns the wrappers within a JSON value into what they stand for. The value itself is not changed.

    `level` is the one at which it will be stored. Raises NestedTooDeepError, TooManyReplacedError.
    """
    opening = _Opening()
    opening.opened.value = opening.open(value, (), level)
    return opening.opened


def close_wrappers(value: Any, date_form: str) -> Any:
    """Puts wrappers around the ObjectIds and dates within a value (the inverse, where there is no record), also for what the database gave back."""
    if isinstance(value, Mapping):
        return {key: close_wrappers(item, date_form) for key, item in value.items()}
    if isinstance(value, list):
        return [close_wrappers(item, date_form) for item in value]
    if isinstance(value, ObjectId):
        return {"$oid": str(value)}
    return {"$date": DATE_FORMS[date_form](value)} if isinstance(value, datetime) else value


def repair(text: str) -> str | None:
    """The JSON of a text in the notation of MongoDB's shell (`ObjectId("...")`, `ISODate("...")`, ...); None when it has nothing of that."""
    repaired, calls = _STRING_OR_CALL.subn(_as_json, text)
    return repaired if calls and repaired != text else None


# --- dates


def _zulu(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _offset(moment: datetime) -> str:
    return _zulu(moment)[:-1] + "+0000"


def _trimmed(moment: datetime) -> str:
    """Without the zeros at the end of the fraction, as one release of mongoexport writes it."""
    return _zulu(moment)[:-1].rstrip("0").rstrip(".") + "Z" if moment.microsecond else _zulu(moment)[:19] + "Z"


def _milliseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def _number_long(moment: datetime) -> dict[str, str]:
    return {"$numberLong": str(_milliseconds(moment))}


#: How exports have written dates. Each makes what stands under `$date` from the moment, which is UTC with or without its zone.
DATE_FORMS: Mapping[str, Callable[[datetime], str | int | dict[str, str]]] = {
    "zulu": _zulu,
    "offset": _offset,
    "trimmed": _trimmed,
    "milliseconds": _milliseconds,
    "number_long": _number_long,
}


def _read_date(inner: Any) -> datetime | None:
    if isinstance(inner, dict) and inner.keys() == {"$numberLong"}:
        inner = _read_integer(inner["$numberLong"], 64)
    if isinstance(inner, str):
        time = parse_time(inner)
        return time.date if time else None
    if not isinstance(inner, int) or isinstance(inner, bool):
        return None
    try:
        return _EPOCH + inner * _MILLISECOND
    except OverflowError:
        return None


# --- other values

_OID = re.compile(r"[0-9a-fA-F]{24}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|-?Infinity|NaN")


def _read_oid(inner: Any) -> ObjectId | None:
    return ObjectId(inner) if isinstance(inner, str) and _OID.fullmatch(inner) else None


def _read_integer(inner: Any, bits: int) -> int | None:
    if not isinstance(inner, str) or not _INTEGER.fullmatch(inner):
        return None
    value = int(inner)
    return value if -(2 ** (bits - 1)) <= value < 2 ** (bits - 1) else None


def _read_long(inner: Any) -> int | None:
    value = _read_integer(inner, 64)
    return None if value is None else Int64(value)


def _read_int(inner: Any) -> int | None:
    return _read_integer(inner, 32)


def _read_double(inner: Any) -> float | None:
    return float(inner) if isinstance(inner, str) and _DOUBLE.fullmatch(inner) else None


def _read_decimal(inner: Any) -> Decimal128 | None:
    if not isinstance(inner, str) or not _DOUBLE.fullmatch(inner):
        return None
    try:
        return Decimal128(inner)
    except DecimalException:  # more digits than it can hold
        return None


_READ: Mapping[str, Callable[[Any], Any]] = {
    "$oid": _read_oid,
    "$date": _read_date,
    "$numberLong": _read_long,
    "$numberInt": _read_int,
    "$numberDouble": _read_double,
    "$numberDecimal": _read_decimal,
}


class _Opening:
    """One value on its way; what is learnt about it is in `opened`."""

    def __init__(self) -> None:
        self.opened = Opened(None)
        self._size = 0

    def open(self, value: Any, at: Path, level: int) -> Any:
        if isinstance(value, dict):
            return self._open_object(value, at, level)
        if isinstance(value, list):
            _check_level(level)
            return [self.open(item, (*at, index), level + 1) if isinstance(item, dict | list) else item for index, item in enumerate(value)]
        return value

    def _open_object(self, value: dict[str, Any], at: Path, level: int) -> Any:
        if len(value) == 1 and (name := next(iter(value))) in _READ:
            opened = _READ[name](value[name])
            if opened is not None:
                if not self._can_be_rebuilt(opened, value[name]):
                    self._record(at, value)
                return opened
            self.opened.unread = True
        _check_level(level)
        return {key: self.open(item, (*at, key), level + 1) if isinstance(item, dict | list) else item for key, item in value.items()}

    def _can_be_rebuilt(self, opened: Any, inner: Any) -> bool:
        if isinstance(opened, ObjectId):
            return bool(str(opened) == inner)
        if not isinstance(opened, datetime):
            return False
        if not self.opened.date_form:
            self.opened.date_form = next((name for name, write in DATE_FORMS.items() if write(opened) == inner), "")
        write = DATE_FORMS.get(self.opened.date_form)
        return write is not None and bool(write(opened) == inner)

    def _record(self, at: Path, value: Any) -> None:
        record = replacement(at, value)
        self._size += len(record["at"]) + len(record["json"])
        if self._size > REPLACED_LIMIT:
            raise TooManyReplacedError
        self.opened.replaced.append(record)


def _check_level(level: int) -> None:
    if level > MAX_LEVELS:
        raise NestedTooDeepError


# --- the shell's notation

# Strings are matched too, so that nothing within one is taken for a call. One that never ends is matched to the end of the text: no part of it is
# looked at twice.
_STRING_OR_CALL = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
    r'|\b(?P<name>ObjectId|ISODate|NumberLong|NumberInt)\(\s*(?P<quote>["\']?)(?P<inner>[^"\'()\\\s]*)(?P=quote)\s*\)',
    re.DOTALL,
)
_WRAPPER_OF_CALL = {"ObjectId": "$oid", "ISODate": "$date", "NumberLong": "$numberLong", "NumberInt": "$numberInt"}


def _as_json(found: re.Match[str]) -> str:
    return found[0] if found["name"] is None else f'{{"{_WRAPPER_OF_CALL[found["name"]]}": "{found["inner"]}"}}'
