"""Which field of a document each column of a file goes to, when the file's own header is not to be trusted with it."""

from __future__ import annotations

from collections.abc import Iterable

from edx_import.errors import PackageError
from edx_import.formats.json_mapping import escape_key

#: More columns than MySQL allows a table are no table's.
MAX_COLUMNS = 4096


def check_columns(number: int) -> None:
    """Raises PackageError when a header has more columns than a table can have."""
    if number > MAX_COLUMNS:
        raise PackageError(f"the header has {number:,} columns, more than {MAX_COLUMNS:,}", "The file is no table; have it delivered again.")


class ColumnFields:
    """Gives out fields, each once. `names` are all the columns of the file, `taken` the fields that no column may get by its name alone."""

    def __init__(self, names: Iterable[str], taken: Iterable[str] = ()) -> None:
        self._names = frozenset(names)
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def field_for(self, name: str) -> str:
        """The column's name, escaped; where that is taken, the name and the first number from 2 that makes it unlike all others."""
        field = escape_key(name)
        while field in self._taken:
            field = escape_key(self._numbered(name))
        self._taken.add(field)
        return field

    def _numbered(self, name: str) -> str:
        number = self._numbers.get(name, 2)
        while f"{name}_{number}" in self._names:
            number += 1
        self._numbers[name] = number + 1
        return f"{name}_{number}"
