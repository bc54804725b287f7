"""Short ways to write the columns of a declaration."""

from __future__ import annotations

from edx_import.tables.spec import ColumnSpec, ColumnType, IndexSpec

OBSOLETE = "obsolete, a constant"


def integer(name: str, meaning: str, *aliases: str) -> ColumnSpec:
    """A whole number of up to 64 bits."""
    return ColumnSpec(name, ColumnType.INT, meaning, aliases=aliases)


def decimal(name: str, meaning: str) -> ColumnSpec:
    """A floating-point number."""
    return ColumnSpec(name, ColumnType.FLOAT, meaning)


def flag(name: str, meaning: str) -> ColumnSpec:
    """Yes or no; 1 or 0 in files."""
    return ColumnSpec(name, ColumnType.BOOL, meaning)


def date(name: str, meaning: str) -> ColumnSpec:
    """A moment in UTC."""
    return ColumnSpec(name, ColumnType.DATE, meaning + " (UTC)")


def text(name: str, meaning: str, *aliases: str, required: bool = False) -> ColumnSpec:
    """Text that names nobody."""
    return ColumnSpec(name, ColumnType.STRING, meaning, required, False, aliases)


def personal(name: str, meaning: str, *, required: bool = False) -> ColumnSpec:
    """Text that says who somebody is, or that a learner wrote."""
    return ColumnSpec(name, ColumnType.STRING, meaning, required, True)


def json_text(name: str, meaning: str, *, personal: bool = False) -> ColumnSpec:
    """Text that holds JSON."""
    return ColumnSpec(name, ColumnType.JSON, meaning, personal=personal)


def row_number() -> ColumnSpec:
    """The id that the table's own database gives to its rows."""
    return integer("id", "number of the row")


def course_key(*aliases: str) -> ColumnSpec:
    """The column that names the course. Its file belongs to that course, which is what the field says; see `original`."""
    return text("course_id", "course key", *aliases)


def learner(name: str = "user_id") -> ColumnSpec:
    """Whose row it is."""
    return integer(name, "auth_user.id")


def by_user(field: str = "user_id") -> tuple[IndexSpec, ...]:
    """The index for finding a learner's rows."""
    return (IndexSpec("site_user", ("site", field)),)
