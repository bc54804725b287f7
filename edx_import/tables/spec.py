"""What a declaration of a table says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """What a cell means."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    STRING = "string"
    JSON = "json"


class Dialect(StrEnum):
    """The two ways in which table files are escaped (both are tab-separated with a header; neither knows quotes).

    STANDARD writes backslash, TAB, LF and CR as two characters. STUDENT_MODULE doubles backslashes and puts one before a raw TAB.
    """

    STANDARD = "standard"
    STUDENT_MODULE = "student_module"


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column: its name in the database, its type, its meaning, and other names it has had in files.

    `required`: the column is never null, so that in one of text the cell NULL is the text itself. `personal`: it says who somebody is, or what
    a learner wrote; anonymous ids count, since others know whose they are.
    """

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    personal: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """A named secondary index over fields, ascending."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table file of a course. `task` is its name in member names where that differs from the collection's.

    `key` names the columns that make a row unique within its course file; the document's `_id` is `site|course id|key`. `optional_key` are those
    of them that a row may lack (null, empty, or no such column): their part of the id is then empty.
    `shared`: the same rows repeat in files of several courses, so that reports take one per natural key.
    `annotated`: documents carry the course's metadata.
    `broken`: why nobody should use the rows. `period`: when packages had the table (empty: always, as far as is known).
    """

    name: str
    meaning: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    optional_key: tuple[str, ...] = ()
    task: str = ""
    dialect: Dialect = Dialect.STANDARD
    indexes: tuple[IndexSpec, ...] = ()
    shared: bool = False
    annotated: bool = True
    broken: str = ""
    period: str = ""

    @property
    def member_task(self) -> str:
        """The name of the table in member names."""
        return self.task or self.name
