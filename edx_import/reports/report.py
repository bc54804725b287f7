"""What a command returns: columns and rows. Knows neither the database nor how it is shown."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Personal(StrEnum):
    """What `--anonymize` makes of a column that tells who a learner is."""

    #: a learner's number on the site: becomes a keyed hash, the same for the same learner in every report
    LEARNER = "learner"
    #: a name, username, e-mail or IP address, or text in which one may stand: becomes null
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, the Python type of its values (each of which may also be None), what it means, its unit if it has one, and whether
    it tells who a learner is.
    """

    name: str
    type: builtins.type[Any] = str
    meaning: str = ""
    unit: str = ""
    personal: Personal | None = None


#: The most particular type first: a bool is an int as well, a datetime a date.
_TYPE_WORDS: tuple[tuple[builtins.type[Any], str], ...] = (
    (bool, "true/false"),
    (int, "integer"),
    (float, "number"),
    (datetime, "time"),
    (date, "day"),
    (Mapping, "object"),
    (list, "list"),
    (tuple, "list"),
)


def type_word(column: Column) -> str:
    """What a person calls the values of a column."""
    return next((word for known, word in _TYPE_WORDS if issubclass(column.type, known)), "text")


class ChartKind(StrEnum):
    """How a chart shows its numbers."""

    LINE = "line"
    BAR = "bar"


@dataclass(frozen=True, slots=True)
class Chart:
    """What the html output draws above the table: column `y` over column `x`, one line or set of bars for each value of column `series`."""

    kind: ChartKind
    x: str
    y: str
    series: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """An answer. `rows` may be a generator: it is gone through once, and is as long as it likes.

    Raises ValueError when two columns have one name, or the chart names one that is not there.
    """

    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    title: str = ""
    chart: Chart | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"a report has two columns named {', '.join(twice)}")
        missing = {self.chart.x, self.chart.y, self.chart.series or self.chart.y} - set(names) if self.chart else set()
        if missing:
            raise ValueError(f"the chart of a report names columns that it has not: {', '.join(sorted(missing))}")

    @classmethod
    def of(cls, columns: Sequence[Column], documents: Iterable[Mapping[str, Any]], title: str = "", chart: Chart | None = None) -> Report:
        """A report from documents: each column takes the field of its name, which every document must have."""
        names = [column.name for column in columns]
        return cls(columns, ([document[name] for name in names] for document in documents), title, chart)

    def checked_rows(self) -> Iterator[Sequence[Any]]:
        """The rows, each with one value per column. Raises ValueError at one that has not."""
        width = len(self.columns)
        for number, row in enumerate(self.rows, 1):
            if len(row) != width:
                raise ValueError(f"row {number} of the report has {len(row)} values for {width} columns")
            yield row
