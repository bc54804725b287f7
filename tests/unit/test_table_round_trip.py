"""Every table there and back: what a producer's database holds, written by the producer's rules, is what our reader gives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.formats.base import ReadContext
from edx_import.formats.json_mapping import escape_key, restore_value
from edx_import.formats.table import TableReader
from edx_import.model import Document
from edx_import.sample.catalogue import TABLE_FILES, TableFile
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.table_files import Cell, write_table
from edx_import.tables import AUTH_USERPROFILE, BY_NAME, BY_TASK, STUDENT_MODULE, TABLES, WIKI_REVISION, ColumnSpec, ColumnType, Dialect, Table

COURSE = "course-v1:DemoX+D101+1T2020"

#: Columns that no declaration has.
UNKNOWN = ("new_column", "$odd.name")

# --- what a database may hold

PIECES = [
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\u2028",
    "\x0b",
    "\x0c",
    "\x85",
    "\\",
    "\\\\",
    "\\n",
    "\\\t",
    '"',
    "'",
    "NULL",
    "\0",
    "\ufeff",
    "é",
    "\U0001f600",
    " ",
    "b'",
]
texts = st.lists(st.sampled_from(PIECES), max_size=5).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_texts = st.dictionaries(texts, texts | st.integers(-9, 9) | st.none() | st.lists(texts, max_size=2), max_size=2).map(json.dumps)
CELLS: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.STRING: texts,
    ColumnType.JSON: json_texts,
    ColumnType.INT: st.integers(-(2**63), 2**63 - 1),
    ColumnType.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    ColumnType.BOOL: st.booleans(),
    ColumnType.DATE: st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)),
}


def cells_of(table: Table, column: ColumnSpec) -> st.SearchStrategy[Any]:
    """Values of a column: any of its type, and NULL where it may be null. A key that every row has is no empty text."""
    cells = CELLS[column.type]
    if column.type is ColumnType.STRING:
        # Of this the producers leave nothing, or a letter: NUL, and line ends in the student modules.
        lost = "\0\r\n" if table.dialect is Dialect.STUDENT_MODULE else "\0"
        cells = cells.map(lambda text: text.translate(dict.fromkeys(map(ord, lost))))
    if column.name in table.key and column.name not in table.optional_key:
        return cells.filter(lambda value: value != "")
    return cells if column.required else cells | st.none()


@st.composite
def files(draw: st.DrawFn, table: Table) -> tuple[list[str], list[dict[str, Any]], bool]:
    """A header in any order, with other names that columns have had, columns that nobody knows and without some that may be missing; its rows;
    and whether it was made in the weeks when cells were bytes literals."""
    may_be_missing = [column for column in table.columns if column.name not in table.key or column.name in table.optional_key]
    missing = draw(st.sets(st.sampled_from(may_be_missing), max_size=3))
    present = [column for column in table.columns if column not in missing]
    names = {column.name: draw(st.sampled_from((column.name, *column.aliases))) for column in present}
    header = draw(st.permutations([*names.values(), *draw(st.sets(st.sampled_from(UNKNOWN)))]))
    row = st.fixed_dictionaries(
        {names[column.name]: cells_of(table, column) for column in present}
        | {name: texts.map(lambda text: text.replace("\0", "")) for name in UNKNOWN}
    )
    rows = draw(st.lists(row, min_size=1, max_size=3))
    if table.dialect is Dialect.STUDENT_MODULE:
        rows = [{name: undivided(value) if name in UNKNOWN else value for name, value in row.items()} for row in rows]
        return header, rows, False
    return header, rows, draw(st.booleans())


def undivided(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def as_bytes_literals(lines: Iterator[bytes]) -> Iterator[bytes]:
    """What a careless move to Python 3 made of every cell; the header was right."""
    yield next(lines)
    for line in lines:
        yield "\t".join(repr(cell) for cell in line.removesuffix(b"\n").split(b"\t")).encode() + b"\n"


# --- what our reader makes of it


def read(table: Table, data: bytes, size: int = 2**20) -> list[dict[str, Any]]:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    items = list(TableReader(table).read(pieces, ReadContext("prod", COURSE)))
    assert not [item for item in items if not isinstance(item, Document)]
    return [item.fields for item in items if isinstance(item, Document)]


def value_of(fields: Mapping[str, Any], column: ColumnSpec) -> Any:
    """The value of a field, to the microsecond."""
    original = fields.get("original", {})
    if column.name == "course_id":
        text = original.get("course_id", fields["course_id"])
        return None if text == "NULL" else text
    value = fields[column.name]
    if column.type is ColumnType.DATE and column.name in original:
        return datetime.fromisoformat(original[column.name]).replace(tzinfo=UTC)
    return restore_value(value) if column.type is ColumnType.JSON else value


def meant(value: Any, column: ColumnSpec) -> Any:
    """What a document should say for a value of the database."""
    if column.type is ColumnType.JSON and value:
        return json.loads(value)
    return None if value == "NULL" and not column.required else value


def header_names(table: Table, header: Sequence[str]) -> dict[str, ColumnSpec]:
    return {name: column for column in table.columns for name in (column.name, *column.aliases) if name in header}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_table_comes_back_value_by_value(table: Table, data: st.DataObject) -> None:
    header, rows, literals = data.draw(files(table))
    lines = write_table(header, rows, table.dialect)
    content = b"".join(as_bytes_literals(lines) if literals else lines)
    documents = read(table, content, data.draw(st.integers(1, 300)))
    columns = header_names(table, header)
    for row, fields in zip(rows, documents, strict=True):
        for name, column in columns.items():
            assert value_of(fields, column) == meant(row[name], column), name
        for name in set(UNKNOWN) & set(header):
            assert fields[escape_key(name)] == (None if row[name] == "NULL" else row[name])
        assert fields["_id"].startswith(f"prod|{COURSE}|")
        assert fields["_id"].count("|") == 1 + len(table.key)


BIG = "0123456789abcdef\t\\\u2028\U0001f600\"'NULL\x0b" * 2**16


@pytest.mark.parametrize(
    ("table", "name"),
    [(AUTH_USERPROFILE, "goals"), (WIKI_REVISION, "content"), (STUDENT_MODULE, "state"), (BY_NAME["submissions_submission"], "raw_answer")],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_cell_of_a_megabyte_is_nothing_special(table: Table, name: str) -> None:
    column = next(column for column in table.columns if column.name == name)
    cell = json.dumps({"text": BIG}, ensure_ascii=False) if column.type is ColumnType.JSON else BIG + "\r\n"
    assert len(cell) > 10**6
    lines = write_table(("id", name, "course_id"), [{"id": 1, name: cell, "course_id": COURSE}], table.dialect)
    (fields,) = read(table, b"".join(lines), 2**16)
    assert value_of(fields, column) == meant(cell, column)


# --- keys that a row may lack


def test_a_part_of_the_key_that_may_be_missing_is_empty_in_the_id() -> None:
    roles = BY_NAME["student_courseaccessrole"]
    row: dict[str, Cell] = {"org": "DemoX", "course_id": COURSE, "user_id": 501, "role": "staff"}
    headers = [("org", "course_id", "user_id", "role"), ("course_id", "user_id", "role")]
    ids = [read(roles, b"".join(write_table(header, [row])))[0]["_id"] for header in headers]
    ids += [read(roles, b"".join(write_table(headers[0], [row | {"org": org}])))[0]["_id"] for org in (None, "")]
    assert ids == [f"prod|{COURSE}|501|staff|DemoX", *[f"prod|{COURSE}|501|staff|"] * 3]


def test_a_check_of_identity_is_known_by_its_checkpoint_under_either_name() -> None:
    checks = BY_NAME["verify_student_verificationstatus"]
    row: dict[str, Cell] = {"timestamp": datetime(2016, 2, 3, 4, 5, 6, tzinfo=UTC), "status": "approved", "user_id": 501}
    for name in ("checkpoint_location", "checkpoint_name"):
        (fields,) = read(checks, b"".join(write_table(("timestamp", "status", name, "user_id"), [row | {name: "block"}])))
        assert fields["_id"] == f"prod|{COURSE}|501|2016-02-03 04:05:06|approved|block"
        assert fields["checkpoint_location"] == "block"


def test_a_check_of_identity_with_an_odd_time_is_loaded_under_what_it_says() -> None:
    (fields,) = read(BY_NAME["verify_student_verificationstatus"], b"timestamp\tstatus\tuser_id\n0000-00-00 00:00:00\tNULL\t501\n")
    assert (fields["_id"], fields["timestamp"]) == (f"prod|{COURSE}|501|0000-00-00 00:00:00||", None)


def test_credit_names_its_course_in_either_column() -> None:
    credit = BY_NAME["credit_crediteligibility"]
    for name in ("course_id", "course_key"):
        (fields,) = read(credit, f"id\tusername\t{name}\n1\tann\t{COURSE}\n".encode())
        assert fields["course_id"] == COURSE
        assert "original" not in fields


# --- the sample package

PYTHON: dict[ColumnType, type | tuple[type, ...]] = {
    ColumnType.INT: int,
    ColumnType.FLOAT: float,
    ColumnType.BOOL: bool,
    ColumnType.DATE: datetime,
    ColumnType.STRING: str,
    ColumnType.JSON: (dict, list, str),
}


@pytest.mark.parametrize("file", TABLE_FILES, ids=lambda file: file.task)
def test_every_row_of_the_sample_comes_back_typed_and_equal(file: TableFile) -> None:
    recipe = Recipe(learners=30, last_day=date(2023, 1, 8))
    table, seen = BY_TASK[file.task], 0
    for course in courses_of(recipe):
        offering = Offering(recipe, "prod", course, recipe.last_day)
        columns = header_names(table, file.header(recipe.last_day))
        documents = read(table, b"".join(file.lines(offering)))
        for row, fields in zip(file.rows(offering), documents, strict=True):
            seen += 1
            for name, column in columns.items():
                check(value_of(fields, column), row[name], column, course.id)
            assert set(file.header(recipe.last_day)) == columns.keys()
    assert seen


def check(value: Any, held: Cell, column: ColumnSpec, course_id: str) -> None:
    if column.name == "course_id":
        assert value == course_id == held
    else:
        assert value == meant(held, column), column.name
    assert value is None or (isinstance(value, PYTHON[column.type]) and (column.type is not ColumnType.INT or type(value) is int))
