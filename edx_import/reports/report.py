"""What a command returns: columns and rows. Knows neither the database nor how it is shown."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, the Python type of its values (each of which may also be None), what it means, and its unit if it has one."""

    name: str
    type: builtins.type[Any] = str
    meaning: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """An answer. `rows` may be a generator: it is gone through once, and is as long as it likes.

    Raises ValueError when two columns have one name.
    """

    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    title: str = ""

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"a report has two columns named {', '.join(twice)}")

    @classmethod
    def of(cls, columns: Sequence[Column], documents: Iterable[Mapping[str, Any]], title: str = "") -> Report:
        """A report from documents: each column takes the field of its name, which every document must have."""
        names = [column.name for column in columns]
        return cls(columns, ([document[name] for name in names] for document in documents), title)

    def checked_rows(self) -> Iterator[Sequence[Any]]:
        """The rows, each with one value per column. Raises ValueError at one that has not."""
        width = len(self.columns)
        for number, row in enumerate(self.rows, 1):
            if len(row) != width:
                raise ValueError(f"row {number} of the report has {len(row)} values for {width} columns")
            yield row
