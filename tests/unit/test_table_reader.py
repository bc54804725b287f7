"""Table files as the producers write them, and what goes wrong with them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.table import NOTE_BYTES_LITERALS, NOTE_NOT_UTF8, NOTE_OTHER_TYPE, TableReader, first_course_id, restore
from edx_import.model import Document, Rejected
from edx_import.tables import (
    AUTH_USER,
    AUTH_USERPROFILE,
    CERTIFICATES,
    ENROLLMENT,
    STUDENT_MODULE,
    TABLES,
    USER_ID_MAP,
    ColumnSpec,
    ColumnType,
    Dialect,
    Table,
)

COURSE = "course-v1:DemoX+D101+1T2020"
METADATA = {"name": "Demonstrations", "sme": None, "start_date": datetime(2020, 1, 5, tzinfo=UTC), "end_date": None}
ENROLLMENT_HEADER = "id\tuser_id\tcourse_id\tcreated\tis_active\tmode\n"


# --- the producers' side: how each of them writes a file


def escape_standard(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\r", "\\r").replace("\t", "\\t").replace("\n", "\\n")


def escape_student_module(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\t", "\\\t")


ESCAPE: dict[Dialect, Callable[[str], str]] = {Dialect.STANDARD: escape_standard, Dialect.STUDENT_MODULE: escape_student_module}


def written(table: Table, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    lines = ["\t".join(columns), *("\t".join(map(ESCAPE[table.dialect], row)) for row in rows)]
    return "".join(line + "\n" for line in lines).encode()


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


# --- our side


def read(table: Table, data: bytes | str, notes: Counter[str] | None = None, **context: Any) -> list[Document | Rejected]:
    raw = data if isinstance(data, bytes) else data.encode()
    counter = Counter[str]() if notes is None else notes
    asked = ReadContext(**{"site": "prod", "course_id": COURSE, "note": lambda name: counter.update([name]), **context})
    return list(TableReader(table).read([raw], asked))


def fields_of(item: Document | Rejected) -> dict[str, Any]:
    assert isinstance(item, Document), item
    return item.fields


def one(table: Table, data: bytes | str, notes: Counter[str] | None = None, **context: Any) -> dict[str, Any]:
    (item,) = read(table, data, notes, **context)
    return fields_of(item)


def rejected(table: Table, data: bytes | str) -> Rejected:
    (item,) = read(table, data)
    assert isinstance(item, Rejected), item
    return item


def from_database(fields: dict[str, Any]) -> dict[str, Any]:
    return bson.decode(bson.encode(fields))


# --- exactness, whatever people typed

ENDS = ["\t", "\r", "\n", "\r\n", "\u2028", "\x0b", "\x0c", "\x85"]
PIECES = [*ENDS, "\\", "\\\\", "\\n", "\\\t", '"', "'", "NULL", "\ufeff", "é", "\U0001f600", "n", " ", "\0"]
nasty = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
text = nasty | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text | st.sampled_from(["a.b", "$set", ""]), inner, max_size=3),
    max_leaves=6,
)
json_texts = st.one_of(
    json_values.map(json.dumps),
    json_values.map(lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)),
    json_values.map(lambda value: json.dumps(value, indent=1)),
    json_values.map(lambda value: json.dumps(json.dumps(value))),
    st.sampled_from(['{"cut": ', '{"half": "\\ud83d"}', '{"n": NaN}', "{}", "[]"]),
)
moments = st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1))
CELLS: dict[ColumnType, st.SearchStrategy[str]] = {
    ColumnType.STRING: text,
    ColumnType.JSON: json_texts,
    ColumnType.INT: st.integers(-(2**65), 2**65).map(str) | st.sampled_from(["007", "-0"]),
    ColumnType.FLOAT: st.floats().map(str) | st.integers(-9, 9).map(str) | st.sampled_from(["1e400", "0.10", ".5"]),
    ColumnType.BOOL: st.sampled_from(["0", "1", "2", "True"]),
    ColumnType.DATE: moments.map(str) | st.sampled_from(["2015-09-31 21:32:17", "0000-00-00 00:00:00", "2020-01-05 10:00:00.000000"]),
}


def cells_of(table: Table, column: ColumnSpec) -> st.SearchStrategy[str]:
    if column.name in table.key:
        return st.integers(-(2**63), 2**63 - 1).map(str)
    cells = CELLS[column.type] | text | st.sampled_from(["", "NULL"])
    # What the student module producer cannot write: a line end or a NUL inside a cell.
    return cells.map(lambda cell: cell.translate({10: None, 13: None, 0: None})) if table.dialect is Dialect.STUDENT_MODULE else cells


def rows_of(table: Table) -> st.SearchStrategy[list[tuple[str, ...]]]:
    return st.lists(st.tuples(*(cells_of(table, column) for column in table.columns)), min_size=1, max_size=3)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_cell_comes_back_exactly_even_from_the_database(table: Table, data: st.DataObject) -> None:
    rows = data.draw(rows_of(table))
    names = [column.name for column in table.columns]
    pieces = in_pieces(written(table, names, rows), data.draw(st.integers(1, 200)))
    items = list(TableReader(table).read(pieces, ReadContext("prod", COURSE)))
    for row, item in zip(rows, items, strict=True):
        fields = fields_of(item)
        assert restore(fields, table) == dict(zip(names, row, strict=True))
        assert restore(from_database(fields), table) == dict(zip(names, row, strict=True))


@given(cells=st.lists(st.text(st.sampled_from("\t\\a\"'n"), max_size=6), min_size=11, max_size=11))
def test_the_student_module_dialect_reads_as_csv_with_an_escape_character(cells: list[str]) -> None:
    line = "\t".join(map(escape_student_module, ["1", *cells[1:]]))
    (oracle,) = csv.reader([line], delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, escapechar="\\")
    names = [column.name for column in STUDENT_MODULE.columns]
    fields = one(STUDENT_MODULE, "\t".join(names) + "\n" + line + "\n")
    assert restore(fields, STUDENT_MODULE) == dict(zip(names, oracle, strict=True))


@settings(max_examples=50)
@given(
    user=st.integers(1, 2**63 - 1),
    active=st.booleans(),
    created=moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)),
    mode=text.filter(lambda mode: mode != "NULL"),
)
def test_values_are_typed(user: int, active: bool, created: datetime, mode: str) -> None:
    row = ["1", str(user), COURSE, str(created), str(int(active)), mode]
    fields = one(ENROLLMENT, written(ENROLLMENT, [column.name for column in ENROLLMENT.columns], [row]))
    assert (fields["user_id"], fields["is_active"], fields["created"], fields["mode"]) == (user, active, created.replace(tzinfo=UTC), mode)
    assert "original" not in fields


# --- the document


def test_a_row_is_a_document_of_its_course() -> None:
    (item,) = read(ENROLLMENT, ENROLLMENT_HEADER + f"11\t501\t{COURSE}\t2020-01-05 10:00:00\t1\taudit\n", course=METADATA)
    assert item == Document(
        collection="student_courseenrollment",
        fields={
            "_id": f"prod|{COURSE}|501",
            "site": "prod",
            "course_id": COURSE,
            "id": 11,
            "user_id": 501,
            "created": datetime(2020, 1, 5, 10, tzinfo=UTC),
            "is_active": True,
            "mode": "audit",
            "course": METADATA,
        },
        line=2,
        raw=f"11\t501\t{COURSE}\t2020-01-05 10:00:00\t1\taudit".encode(),
    )


def test_a_course_that_is_not_listed_has_no_metadata() -> None:
    assert one(ENROLLMENT, ENROLLMENT_HEADER + f"11\t501\t{COURSE}\tNULL\t1\taudit\n")["course"] is None


def test_the_student_modules_carry_no_metadata() -> None:
    assert "course" not in one(STUDENT_MODULE, "id\tdone\tcourse_id\n1\tna\t" + COURSE + "\n", course=METADATA)


def test_a_row_that_bears_another_id_keeps_it() -> None:
    def resolve(course_id: str) -> str:
        return COURSE if course_id == "DemoX/D101/1T2020" else course_id

    rows = ["1\t1\tDemoX/D101/1T2020\tNULL\t1\t\n", "2\t2\tDemoX/Other/R\tNULL\t1\t\n"]
    other_form, other_course = (fields_of(item) for item in read(ENROLLMENT, ENROLLMENT_HEADER + "".join(rows), resolve=resolve))
    assert other_form["course_id"] == other_course["course_id"] == COURSE
    assert other_form["original"] == {"course_id": "DemoX/D101/1T2020"}
    assert other_course["original"] == {"course_id": "DemoX/Other/R"}


# --- headers


def test_columns_are_read_by_name_in_any_order_and_may_be_missing() -> None:
    fields = one(ENROLLMENT, f"mode\tcourse_id\tuser_id\naudit\t{COURSE}\t501\n")
    assert (fields["mode"], fields["user_id"]) == ("audit", 501)
    assert "created" not in fields
    assert restore(fields, ENROLLMENT) == {"mode": "audit", "course_id": COURSE, "user_id": "501"}


def test_a_missing_course_column_is_not_invented_when_the_cells_are_restored() -> None:
    assert restore(one(ENROLLMENT, "user_id\tmode\n501\taudit\n"), ENROLLMENT) == {"user_id": "501", "mode": "audit"}


def test_unknown_columns_are_kept_as_strings_under_safe_keys() -> None:
    fields = one(ENROLLMENT, "user_id\tnew.column\t$x\tcount\n501\ta\tNULL\t007\n")
    assert {name: fields[name] for name in ("new%2Ecolumn", "%24x", "count")} == {"new%2Ecolumn": "a", "%24x": None, "count": "007"}
    assert restore(fields, ENROLLMENT) == {"user_id": "501", "new.column": "a", "$x": "NULL", "count": "007"}


def test_an_older_name_of_a_column_is_understood() -> None:
    fields = one(USER_ID_MAP, "hash_id\tid\tusername\n0123abcd\t501\tann\n")
    assert fields["user_id"] == 501
    assert fields["_id"] == f"prod|{COURSE}|501"


def test_an_older_name_is_an_unknown_column_beside_the_newer_one() -> None:
    fields = one(USER_ID_MAP, "id\thash_id\tuser_id\tusername\n7\t0123abcd\t501\tann\n")
    assert (fields["user_id"], fields["id"]) == (501, "7")


def test_columns_that_share_a_name_are_all_kept() -> None:
    fields = one(ENROLLMENT, "user_id\tx\tmode\tx\tmode\tx_2\t\n501\ta\tb\tc\td\te\tf\n")
    assert {name: value for name, value in fields.items() if isinstance(value, str) and len(value) == 1} == {
        "x": "a",
        "mode": "b",
        "x_3": "c",
        "mode_2": "d",
        "x_2": "e",
        "column_7": "f",
    }


def test_columns_named_as_fields_of_ours_do_not_touch_them() -> None:
    fields = one(ENROLLMENT, "user_id\t_id\tsite\tcourse\timport\toriginal\n501\ta\tedge\tc\td\tNULL\n", course=METADATA)
    assert (fields["_id"], fields["site"], fields["course"]) == (f"prod|{COURSE}|501", "prod", METADATA)
    assert restore(fields, ENROLLMENT) == {"user_id": "501", "_id": "a", "site": "edge", "course": "c", "import": "d", "original": "NULL"}


def test_a_course_column_that_nobody_declared_is_kept() -> None:
    fields = one(AUTH_USER, f"id\tcourse_id\n501\t{COURSE}\n")
    assert restore(fields, AUTH_USER) == {"id": "501", "course_id": COURSE}


@pytest.mark.parametrize("name", ["line", "meta_form"])
def test_an_unknown_column_is_not_mistaken_for_what_is_kept_of_the_original(name: str) -> None:
    data = f"id\tname\tmeta\t{name}\n7\t".encode() + b'\xff\t{"a":1}\tmine\n'
    assert restore(one(AUTH_USERPROFILE, data), AUTH_USERPROFILE) == {"id": "7", "name": "\ufffd", "meta": '{"a":1}', name: "mine"}


def test_a_header_over_the_limit_is_no_table() -> None:
    with pytest.raises(PackageError):
        read(ENROLLMENT, b"x" * (16 * 2**20 + 1))


# --- files


@pytest.mark.parametrize("data", [b"", ENROLLMENT_HEADER.encode(), b"\xef\xbb\xbf", b"\n\n"], ids=["empty", "header only", "BOM only", "blank"])
def test_a_file_without_rows_gives_none(data: bytes) -> None:
    assert read(ENROLLMENT, data) == []


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert one(ENROLLMENT, b"\xef\xbb\xbfuser_id\tmode\n501\taudit\n")["user_id"] == 501


def test_a_file_saved_with_crlf_reads_the_same() -> None:
    unix = "user_id\tmode\n1\taudit\n2\t\n"
    items = read(ENROLLMENT, unix.replace("\n", "\r\n"))
    assert [fields_of(item) for item in items] == [fields_of(item) for item in read(ENROLLMENT, unix)]


def test_a_bare_carriage_return_is_data_where_line_ends_have_none() -> None:
    assert one(ENROLLMENT, "user_id\tmode\n1\taudit\r\n")["mode"] == "audit\r"


def test_the_last_row_needs_no_line_end() -> None:
    assert one(ENROLLMENT, "user_id\tmode\n1\taudit")["mode"] == "audit"


def test_blank_lines_are_not_read_but_counted_as_lines() -> None:
    items = read(ENROLLMENT, "user_id\tmode\n1\ta\n\n2\tb\n\n")
    assert [item.line for item in items] == [2, 4]


def test_quotes_are_ordinary_characters() -> None:
    items = read(ENROLLMENT, 'user_id\tmode\n1\t"a\n2\t\'b\n3\tc"\n')
    assert [fields_of(item)["mode"] for item in items] == ['"a', "'b", 'c"']


def test_nul_is_kept() -> None:
    assert one(ENROLLMENT, "user_id\tmode\n1\ta\0b\n")["mode"] == "a\0b"


def test_an_unknown_escape_stands_for_itself() -> None:
    assert one(ENROLLMENT, "user_id\tmode\n1\tC:\\\\new\\q\\\\\\n\\\n")["mode"] == "C:\\new\\q\\\n\\"


# --- rows that cannot be loaded


@pytest.mark.parametrize(("row", "number"), [("1", 1), ("1\ta\tb", 3), ("1\ta\\\tb", 3)])
def test_a_row_of_another_width_is_rejected_alone(row: str, number: int) -> None:
    items = read(ENROLLMENT, f"user_id\tmode\n{row}\n2\tb\n")
    assert items[0] == Rejected(2, "wrong number of fields", row.encode(), f"{number} instead of 2")
    assert fields_of(items[1])["user_id"] == 2


@pytest.mark.parametrize("key", ["", "NULL", "ann", "1.5", "99999999999999999999"])
def test_a_row_whose_key_is_no_key_is_rejected(key: str) -> None:
    found = rejected(ENROLLMENT, f"user_id\tmode\n{key}\ta\n")
    assert (found.reason, found.detail) == ("unusable key", "column user_id")


def test_a_file_without_its_key_column_has_only_rejected_rows() -> None:
    found = rejected(ENROLLMENT, "id\tmode\n1\ta\n")
    assert (found.reason, found.detail) == ("unusable key", "there is no column user_id")


def test_a_rejected_row_counts_no_notes() -> None:
    notes = Counter[str]()
    read(ENROLLMENT, b"user_id\tcreated\tmode\nann\tbad\t\xff\n", notes)
    assert not notes


def test_a_row_over_the_limit_is_rejected_and_the_next_is_read() -> None:
    chunks = [b"user_id\tmode\n1\t", *[b"x" * 2**20] * 17, b"\n2\tb\n"]
    too_long, next_row = TableReader(ENROLLMENT).read(chunks, ReadContext("prod", COURSE))
    assert isinstance(too_long, Rejected)
    assert (too_long.line, too_long.reason) == (2, "row over 16 MB")
    assert fields_of(next_row)["user_id"] == 2


# --- cells


def test_a_cell_that_does_not_fit_its_type_is_null_and_kept_and_counted() -> None:
    notes = Counter[str]()
    fields = one(AUTH_USER, "id\tis_staff\tlast_login\tshow_country\n1\tyes\t2015-09-31 21:32:17\tCL\n", notes)
    assert (fields["is_staff"], fields["last_login"], fields["show_country"]) == (None, None, None)
    assert fields["original"] == {"is_staff": "yes", "last_login": "2015-09-31 21:32:17", "show_country": "CL"}
    assert notes == {f"{NOTE_OTHER_TYPE}: auth_user.{name}": 1 for name in fields["original"]}


@pytest.mark.parametrize("cell", ["2020-01-05", "20200105 10:00:00", "2020-01-05T10:00:00", "2020-01-05 10:00:00+00:00", "2020-01-05 25:00:00"])
def test_only_the_producers_way_of_writing_a_date_is_a_date(cell: str) -> None:
    fields = one(AUTH_USER, f"id\tlast_login\n1\t{cell}\n")
    assert (fields["last_login"], fields["original"]) == (None, {"last_login": cell})


def test_microseconds_are_kept_beside_the_date_and_are_no_fault() -> None:
    notes = Counter[str]()
    fields = one(AUTH_USER, "id\tlast_login\n1\t2020-01-05 10:00:00.123456\n", notes)
    assert fields["last_login"] == datetime(2020, 1, 5, 10, 0, 0, 123000, tzinfo=UTC)
    assert fields["original"] == {"last_login": "2020-01-05 10:00:00.123456"}
    assert not notes


def test_empty_and_null_are_told_apart() -> None:
    empty, null = (fields_of(item) for item in read(AUTH_USERPROFILE, "id\tgender\tyear_of_birth\tmeta\n1\t\t\t\n2\tNULL\tNULL\tNULL\n"))
    assert (empty["gender"], empty["year_of_birth"], empty["meta"], empty["original"]) == ("", None, "", {"year_of_birth": ""})
    assert (null["gender"], null["year_of_birth"], null["meta"]) == (None, None, None)
    assert "original" not in null


def test_a_learner_may_be_called_null_and_have_a_username_of_digits() -> None:
    fields = one(AUTH_USER, "id\tusername\tfirst_name\n1\tNULL\tNULL\n")
    assert (fields["username"], fields["first_name"]) == ("NULL", None)
    assert one(AUTH_USER, "id\tusername\n1\t00123\n")["username"] == "00123"


def test_each_dialect_has_its_own_usual_text_of_a_number() -> None:
    module = one(STUDENT_MODULE, "id\tgrade\tmax_grade\tcourse_id\n1\t1\t1.0\t" + COURSE + "\n")
    assert (module["grade"], module["max_grade"]) == (1.0, 1.0)
    assert module["original"] == {"max_grade": "1.0"}


def test_the_state_of_a_block_is_stored_as_an_object_that_can_be_queried() -> None:
    state = {"student_answers": {"ab12_2_1": "a\nb\t\\"}, "done": True}
    row = ["3", "{}", json.dumps(state), COURSE]
    fields = one(STUDENT_MODULE, written(STUDENT_MODULE, ["id", "module_id", "state", "course_id"], [row]))
    assert fields["state"] == state
    assert "original" not in fields


@pytest.mark.parametrize("cell", ['{"cut": ', "text", "5", "null", '"quoted"', "{'a': 1}"])
def test_json_that_is_no_object_stays_text(cell: str) -> None:
    assert one(AUTH_USERPROFILE, f"id\tmeta\n1\t{cell}\n")["meta"] == cell


def test_json_nested_deeper_than_a_document_stays_text() -> None:
    cell = "[" * 200 + "]" * 200
    assert one(AUTH_USERPROFILE, f"id\tmeta\n1\t{cell}\n")["meta"] == cell


def test_a_row_that_is_not_utf8_is_loaded_with_its_bytes_beside() -> None:
    notes = Counter[str]()
    fields = one(CERTIFICATES, b"user_id\tname\tcourse_id\n501\tJos\xe9\t" + COURSE.encode() + b"\n", notes)
    assert fields["name"] == "Jos\ufffd"
    assert fields["original"] == {"line": b"501\tJos\xe9\t" + COURSE.encode()}
    assert notes == {NOTE_NOT_UTF8: 1}


def test_rows_written_as_bytes_literals_are_understood() -> None:
    notes = Counter[str]()
    row = "\t".join(repr(cell.encode()) for cell in ["501", "NULL", "it's \\t \\\\ é"])
    fields = one(ENROLLMENT, f"user_id\tcreated\tmode\n{row}\n", notes)
    assert (fields["user_id"], fields["created"], fields["mode"]) == (501, None, "it's \t \\ é")
    assert fields["original"]["line"] == row.encode()
    assert notes == {NOTE_BYTES_LITERALS: 1}


def test_a_row_that_only_begins_like_a_bytes_literal_is_taken_as_it_is() -> None:
    assert one(ENROLLMENT, "mode\tuser_id\nb'audit'\t501\n")["mode"] == "b'audit'"


# --- the course of a file


@pytest.mark.parametrize("table", [ENROLLMENT, STUDENT_MODULE], ids=lambda table: table.name)
def test_the_course_of_a_file_is_told_by_its_first_row(table: Table) -> None:
    columns = [column.name for column in table.columns]
    row = ["a\tb\\" if name == "state" else COURSE if name == "course_id" else "1" for name in columns]
    assert first_course_id([written(table, columns, [row])]) == COURSE


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (f"id\tcourse_key\n1\t{COURSE}\n", COURSE),
        (f"id\tcourse_id\r\n1\t{COURSE}\r\n", COURSE),
        (f"id\tcourse_id\nbroken\n2\tNULL\n3\t\n4\t{COURSE}\n", COURSE),
        ("id\tmode\n1\ta\n", None),
        ("id\tcourse_id\n", None),
        ("", None),
    ],
)
def test_the_course_is_in_the_column_that_has_it(data: str, expected: str | None) -> None:
    assert first_course_id([data.encode()]) == expected
