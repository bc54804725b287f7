"""The tables, as their declarations have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edx_import.data_dictionary.entry import OF_COURSE_FILES, Entry, Field
from edx_import.tables import AUTH_USERPROFILE, TABLES, ColumnSpec, ColumnType, Dialect, Table


def table_entry(table: Table) -> Entry:
    """The entry of a declared table."""
    return Entry(
        name=table.name,
        holds=table.meaning,
        id="|".join(["site", "course id", *table.key]),
        fields=tuple(_field(column) for column in table.columns if column.name != "course_id"),
        source=f"`{{course}}-{table.member_task}-{{site}}.sql`",
        common=OF_COURSE_FILES if table.annotated else tuple(name for name in OF_COURSE_FILES if name != "course"),
        indexes=table.indexes,
        period=table.period,
        shared=table.shared,
        broken=table.broken,
        notes=tuple(_notes(table)),
        is_open=True,
    )


def _field(column: ColumnSpec) -> Field:
    return Field(
        path=column.name,
        type=_type(column),
        meaning=column.meaning,
        source=_names((column.name, *column.aliases)),
        personal=column.personal,
        is_open=column.type is ColumnType.JSON,
    )


def _type(column: ColumnSpec) -> str:
    if column.type is ColumnType.JSON:
        return "object or array; string where the JSON is broken"
    return "string, never null" if column.required else str(column.type)


def _notes(table: Table) -> Iterator[str]:
    if table.optional_key:
        yield f"Parts of `_id` that are empty where a row has nothing there: {_names(table.optional_key)}."
    if table.shared:
        yield f"To take each row once: one per `site` and {_names(table.key)}."
    if not table.annotated:
        yield "Documents have no `course`: join with `courses` by `site` and `course_id`."
    if table.dialect is Dialect.STUDENT_MODULE:
        yield "Made by another program than the other tables, with escapes of its own."
    if table is AUTH_USERPROFILE:
        yield "`cmd locate_users` adds `located_country`, where the learner says no country: from the IP addresses of the learner's events."
    own = next((column for column in table.columns if column.name == "course_id"), None)
    if own is None:
        yield "Rows name no course: `course_id` is that of the file."
    elif own.aliases:
        yield f"`course_id` has also been called {_names(own.aliases)}."


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


TABLE_ENTRIES = tuple(table_entry(table) for table in TABLES)
