"""The fast way of table rows gives, byte by byte, the documents of the exact way: for good rows, bad ones, and whatever else a file may hold."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import bson
import pytest
from bson.errors import BSONError
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_tables import COURSE, ESCAPE, ODD_CELLS, ODD_JSON, escape_standard, files, json_texts

from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.table import TableReader, UndeclaredTableReader
from edx_import.formats.table_lines import SPLIT, UNESCAPE, without_escaped_tabs
from edx_import.model import Document, Encoded, FastItem, Item, Rejected
from edx_import.packages.naming import parse_member
from edx_import.sample.dirt import DIRT
from edx_import.sample.package import database_members
from edx_import.sample.recipe import Recipe
from edx_import.sample.totals import Tally
from edx_import.tables import (
    AUTH_USER,
    AUTH_USERPROFILE,
    BY_NAME,
    BY_TASK,
    ENROLLMENT,
    STUDENT_MODULE,
    TABLES,
    ColumnSpec,
    ColumnType,
    Dialect,
    Table,
)

METADATA = {"name": "Démonstration", "sme": None, "start_date": datetime(2020, 1, 5, tzinfo=UTC), "end_date": datetime(1969, 7, 20, tzinfo=UTC)}

# --- both ways


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def context_with(notes: Counter[str], **context: Any) -> ReadContext:
    return ReadContext(**{"site": "prod", "course_id": COURSE, "course": METADATA, "note": lambda name: notes.update([name]), **context})


def exact(table: Table, data: bytes, **context: Any) -> tuple[list[Item], Counter[str]]:
    notes = Counter[str]()
    return list(TableReader(table).read([data], context_with(notes, **context))), notes


def fast(table: Table, data: bytes, size: int = 2**20, **context: Any) -> tuple[list[FastItem], Counter[str]]:
    notes = Counter[str]()
    return list(TableReader(table).read_fast(in_pieces(data, size), context_with(notes, **context))), notes


def encoded(document: Document) -> Encoded | Document:
    """What the fast way should give for a document; itself when BSON cannot hold it."""
    try:
        elements = bson.encode(document.fields)[4:-1]
    except (BSONError, ValueError, OverflowError):
        return document
    return Encoded(document.collection, document.fields["_id"], elements, document.line, document.raw, document.fields["course_id"])


def assert_same(found: Sequence[FastItem], expected: Sequence[Item]) -> None:
    for item, wanted in zip(found, expected, strict=True):
        if isinstance(item, Encoded):
            assert isinstance(wanted, Document)
            assert item == encoded(wanted)
        else:
            assert repr(item) == repr(wanted)  # NaN is equal to nothing


def assert_both_ways_agree(table: Table, data: bytes, size: int = 2**20, **context: Any) -> list[FastItem]:
    expected, expected_notes = exact(table, data, **context)
    found, notes = fast(table, data, size, **context)
    assert_same(found, expected)
    assert notes == expected_notes
    return found


def number_encoded(items: Sequence[FastItem]) -> int:
    return sum(isinstance(item, Encoded) for item in items)


# --- whatever a file may hold


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_both_ways_give_the_same_documents(table: Table, data: st.DataObject) -> None:
    course_id = data.draw(st.sampled_from([COURSE, "", "a|b%", "é"]))
    course = data.draw(st.sampled_from([METADATA, None]))
    assert_both_ways_agree(table, data.draw(files(table)), data.draw(st.sampled_from([7, 100, 2**20])), course_id=course_id, course=course)


#: A column of each type.
COLUMNS = {
    ColumnType.STRING: (AUTH_USER, "first_name"),
    ColumnType.JSON: (AUTH_USERPROFILE, "meta"),
    ColumnType.INT: (AUTH_USERPROFILE, "year_of_birth"),
    ColumnType.FLOAT: (BY_NAME["grades_persistentcoursegrade"], "percent_grade"),
    ColumnType.BOOL: (AUTH_USER, "is_staff"),
    ColumnType.DATE: (AUTH_USER, "last_login"),
}
PLAIN = {
    ColumnType.STRING: "Ann",
    ColumnType.JSON: "{}",
    ColumnType.INT: "3",
    ColumnType.FLOAT: "0.5",
    ColumnType.BOOL: "1",
    ColumnType.DATE: "2020-01-05 10:00:00",
}


@pytest.mark.parametrize("kind", list(ColumnType))
def test_each_odd_cell_is_the_same_in_both_ways_alone_beside_usual_ones_and_beside_null(kind: ColumnType) -> None:
    table, name = COLUMNS[kind]
    (key,) = table.key
    for odd in [*ODD_CELLS[kind], *ODD_CELLS[ColumnType.STRING], "", "NULL"]:
        for column in ([odd], [PLAIN[kind], odd, PLAIN[kind]], [odd, odd, "NULL", "", PLAIN[kind]]):
            rows = "".join(f"{number}\t{escape_standard(cell)}\n" for number, cell in enumerate(column))
            assert_both_ways_agree(table, f"{key}\t{name}\n{rows}".encode())


def test_integers_of_both_lengths_are_the_same_in_both_ways() -> None:
    for column in (["0", "2147483647"], ["2147483648", "99999999999"], ["2147483647", "2147483648"], ["5", "NULL", "-7"], ["0", "00"]):
        rows = "".join(f"{number}\t{cell}\n" for number, cell in enumerate(column))
        assert_both_ways_agree(AUTH_USERPROFILE, f"id\tyear_of_birth\n{rows}".encode())


@settings(max_examples=100, deadline=None)
@given(cells=st.lists(json_texts | st.sampled_from(ODD_JSON), min_size=1, max_size=4), long=st.booleans())
def test_json_is_the_same_in_both_ways(cells: list[str], long: bool) -> None:
    if long:
        cells = [json.dumps({"text": "x" * 1100, "more": cell}) + cell[:1] for cell in cells] + cells
    for table, name in ((AUTH_USERPROFILE, "meta"), (STUDENT_MODULE, "state")):
        rows = "".join(f"{number}\tna\t{ESCAPE[table.dialect](cell)}\n" for number, cell in enumerate(cells))
        assert_both_ways_agree(table, f"id\tdone\t{name}\n{rows}".encode())


@pytest.mark.parametrize("cell", ODD_JSON)
def test_odd_json_is_the_same_in_both_ways(cell: str) -> None:
    assert_both_ways_agree(AUTH_USERPROFILE, f"id\tmeta\n1\t{escape_standard(cell)}\n2\t{{}}\n".encode())


#: A table whose keys are no numbers, so that rows in another notation have keys, too.
WORDS = Table(
    "words",
    "what no package has",
    key=("word", "kind"),
    optional_key=("kind",),
    columns=(
        ColumnSpec("word", ColumnType.STRING, "", required=True),
        ColumnSpec("kind", ColumnType.STRING, ""),
        ColumnSpec("line", ColumnType.DATE, ""),
    ),
)


@pytest.mark.parametrize("first", [b"plain\tx", b"b'in bytes'\tb'x'", b'b"it\'s"\tb"x"', b"b'half\tx", b"b'\\xc3\\xa9'\tb'\\\\t'"])
def test_rows_in_another_notation_are_the_same_in_both_ways(first: bytes) -> None:
    for rows in ([first], [first, b"a\tb"], [b"a\tb", first, b"NULL\tNULL"]):
        assert_both_ways_agree(WORDS, b"\n".join([b"word\tkind", *rows]))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_escaped_tabs_are_the_same_in_both_ways(end: str) -> None:
    rows = ["1\tna\t{}", '2\ta\\\tb\t{"a":\\\t1}', "3\ta\\\\\tb\\\\\\\tc", "4\tna\t\\", "5\t\\\t\t\\n"]
    items = assert_both_ways_agree(STUDENT_MODULE, end.join(["id\tdone\tstate", *rows, ""]).encode())
    assert number_encoded(items) == len(rows)


@given(st.text(st.sampled_from("\\\tntrq\né"), max_size=12))
def test_a_cell_in_bytes_says_what_it_says_in_text(line: str) -> None:
    standard = line.replace("\t", "")
    assert [UNESCAPE[Dialect.STANDARD](standard.encode()).decode()] == SPLIT[Dialect.STANDARD](standard)
    module = line.replace("\n", "")
    cells = without_escaped_tabs(module.encode()).split(b"\t")
    assert [UNESCAPE[Dialect.STUDENT_MODULE](cell).decode() for cell in cells] == SPLIT[Dialect.STUDENT_MODULE](module)


# --- it is the fast way that reads what is usual


def test_usual_rows_are_encoded_and_only_the_others_are_documents() -> None:
    rows = [f"{number}\tuser{number}\t2020-01-05 10:00:00.123456\n" for number in range(1, 3000)]
    rows[5], rows[1500], rows[2500] = "6\tu\tyesterday\n", "too\tfew\n", "\tno key\tNULL\n"
    items = assert_both_ways_agree(AUTH_USER, ("id\tusername\tlast_login\n" + "".join(rows)).encode(), 10_000)
    assert [type(items[number]) for number in (5, 1500, 2500)] == [Document, Rejected, Rejected]
    assert number_encoded(items) == len(rows) - 3


def test_the_sample_of_all_dirt_is_the_same_in_both_ways_and_nearly_all_of_it_is_encoded() -> None:
    rows = seen = 0
    recipe = Recipe(learners=40, courses=1, last_day=date(2023, 1, 8), dirt=DIRT)
    for member in database_members(recipe, recipe.last_day, Tally()):
        name = parse_member(member.path)
        if name is None or name.task not in BY_TASK or name.extension != "sql" or not member.content:
            continue
        items = assert_both_ways_agree(BY_TASK[name.task], member.content, 5000)
        rows, seen = rows + len(items), seen + number_encoded(items)
    assert rows > 800
    assert rows - seen < rows / 100


# --- sizes


@pytest.mark.parametrize("size", [2**20 - 2**12, 2**20 + 2**12])
@pytest.mark.parametrize("table", [AUTH_USERPROFILE, STUDENT_MODULE], ids=lambda table: table.name)
def test_long_rows_are_the_same_in_both_ways(table: Table, size: int) -> None:
    names = ("id", "done", "state") if table is STUDENT_MODULE else ("id", "goals", "meta")
    cell = ESCAPE[table.dialect]("é" + "some words. " * 40 + '"\\\t')
    state = ESCAPE[table.dialect](json.dumps({"text": ("some words. " * 40 + '"\\\t') * (size // 490)}))
    rows = [f"1\t{cell * (size // len(cell.encode()))}\t{{}}", f"2\t\t{state}", "3\t" + "\t" * size, "4\tna\t{}"]
    items = assert_both_ways_agree(table, "\n".join(["\t".join(names), *rows]).encode())
    assert [isinstance(item, Encoded) for item in items] == [len(items[0].raw) <= 2**20, len(items[1].raw) <= 2**20, False, True]


def test_a_row_over_the_limit_is_rejected_and_the_next_is_encoded() -> None:
    data = b"user_id\tmode\n1\t" + b"x" * (16 * 2**20) + b"\n2\tb\n"
    items = assert_both_ways_agree(ENROLLMENT, data)
    assert [type(item) for item in items] == [Rejected, Encoded]


# --- files


@pytest.mark.parametrize(
    "data", [b"", b"user_id\tmode\n", b"\xef\xbb\xbf", b"\n\n", b"\n\r\n\nuser_id\tmode\n\n1\ta", b"user_id\r\n1\r\n\r\n2\r\n", b"user_id\n1\n\n"]
)
def test_a_file_is_the_same_in_both_ways_however_little_it_holds(data: bytes) -> None:
    assert_both_ways_agree(ENROLLMENT, data, 3)


def test_a_course_column_that_nobody_declared_is_the_same_in_both_ways() -> None:
    for table, name in ((AUTH_USER, "course_id"), (ENROLLMENT, "course_id"), (ENROLLMENT, "mode")):
        for cells in ([COURSE], [COURSE, "DemoX/Other/R", "NULL"]):
            rows = "".join(f"{number}\t{cell}\n" for number, cell in enumerate(cells))
            items = assert_both_ways_agree(table, f"{table.key[0]}\t{name}\n{rows}".encode())
            assert number_encoded(items) == len(items)


def test_a_file_without_its_key_column_has_only_rejected_rows() -> None:
    items = assert_both_ways_agree(ENROLLMENT, b"id\tmode\n1\ta\n2\tb\n")
    assert [type(item) for item in items] == [Rejected, Rejected]


def test_what_no_document_can_hold_of_a_course_is_left_to_the_writer_to_reject() -> None:
    items = assert_both_ways_agree(ENROLLMENT, b"user_id\tmode\n1\ta\n", course_id="half an emoji \ud83d")
    assert isinstance(items[0], Document)


def test_the_parts_of_a_key_are_escaped_and_may_be_missing() -> None:
    roles, tags = BY_NAME["student_courseaccessrole"], BY_NAME["user_api_usercoursetag"]
    rows = "501\ta|b\tDemoX\n502\t100%\tNULL\n503\tn\0l\t\n504\tNULL\té\n505\t\tDemoX\n"
    ids = [item.id for item in assert_both_ways_agree(roles, f"user_id\trole\torg\n{rows}".encode()) if isinstance(item, Encoded)]
    assert ids == [f"prod|{COURSE}|{key}" for key in ("501|a%7Cb|DemoX", "502|100%25|", "503|n%00l|", "504|NULL|é")]
    assert number_encoded(assert_both_ways_agree(roles, b"user_id\trole\n501\tstaff\n")) == 1
    assert number_encoded(assert_both_ways_agree(tags, b"user_id\tkey\tvalue\n501\tk\tNULL\n")) == 1


def test_no_two_columns_of_a_table_keep_something_under_one_name() -> None:
    for table in TABLES:
        kept = {column.name for column in table.columns if column.type is not ColumnType.STRING}
        assert not kept & {f"{column.name}_form" for column in table.columns} | kept & {"line"}


# --- by several processes


@pytest.mark.parametrize("table", [ENROLLMENT, STUDENT_MODULE], ids=lambda table: table.name)
def test_parts_of_a_file_can_be_read_in_any_order_by_anybody(table: Table) -> None:
    name = "state" if table is STUDENT_MODULE else "mode"
    rows = [f"{number}\t{COURSE}\t{ESCAPE[table.dialect](cell)}" for number, cell in enumerate(["a\tb", "\\", "{}", "\n", "\ufeff", "", "NULL"] * 20)]
    rows[7], rows[30] = "\ufeff1\t2", ""
    id_column = "id" if table is STUDENT_MODULE else "user_id"
    data = "\n".join([f"\ufeff{id_column}\tcourse_id\t{name}", *rows]).encode()
    lines = data.splitlines(keepends=True)
    header = pickle.loads(pickle.dumps(TableReader(table).header_of(b"".join(lines[:10]))))
    assert header == TableReader(table).header_of(lines[0])
    notes, found = Counter[str](), list[FastItem]()
    for first in reversed(range(1, len(lines), 10)):
        part = b"".join(lines[first : first + 10])
        found[:0] = TableReader(table).read_rows(header, in_pieces(part, 7), context_with(notes), first + 1)
    expected, expected_notes = exact(table, data)
    assert_same(found, expected)
    assert notes == expected_notes


def test_a_part_of_a_file_of_blank_lines_has_no_header_yet() -> None:
    assert TableReader(ENROLLMENT).header_of(b"\n\r\n") is None
    with pytest.raises(PackageError):
        TableReader(ENROLLMENT).header_of(b"x" * (16 * 2**20 + 1))


def test_a_table_that_nobody_declared_is_read_in_one_go() -> None:
    reader = UndeclaredTableReader("completion_blockcompletion")
    data, context = b"a\tb\n1\t2\n1\t2\n", ReadContext("prod", COURSE)
    assert list(reader.read_fast([data], context)) == list(reader.read([data], context))
    assert (TableReader.reads_blocks, reader.reads_blocks) == (True, False)
