"""The e-mail opt-in CSV: rows come back as they were written, and no bad quote swallows its neighbours."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.email_opt_in import MAX_ROW_LINES, EmailOptInReader, restore
from edx_import.formats.lines import LINE_LIMIT
from edx_import.model import PROD, Document, Item, Rejected
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.rows_learner import email_rows
from edx_import.sample.table_files import EMAIL_COLUMNS, write_email_csv

COURSE = "course-v1:DemoX+D101+1T2020"
HEADER = ",".join(EMAIL_COLUMNS).encode() + b"\r\n"
ANN = b"501,ann,ann@example.org,Ann Lee,course-v1:DemoX+D101+1T2020,True,2020-01-05 10:00:00+00:00\r\n"
BOB = ANN.replace(b"501", b"502").replace(b"ann", b"bob").replace(b"Ann", b"Bob")


def read(data: bytes, notes: Counter[str] | None = None, size: int = 2**16, **context: Any) -> list[Item]:
    counter = Counter[str]() if notes is None else notes
    known: dict[str, Any] = {"site": PROD, "note": lambda name: counter.update([name])}
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return list(EmailOptInReader().read(chunks, ReadContext(**(known | context))))


def documents(data: bytes, notes: Counter[str] | None = None, **context: Any) -> list[dict[str, Any]]:
    items = read(data, notes, **context)
    assert all(isinstance(item, Document) and item.collection == "email_opt_in" for item in items)
    return [item.fields for item in items if isinstance(item, Document)]


def row(**cells: str) -> bytes:
    usual = dict(zip(EMAIL_COLUMNS, ANN.decode().removesuffix("\r\n").split(","), strict=True))
    return written([list((usual | cells).values())])


def written(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


# --- nothing lost

CELLS = st.text(st.sampled_from('a,"\r\n\0 é'), max_size=5)
KNOWN = {
    "user_id": st.sampled_from(["501", "0501", "", "x", "9" * 20]) | CELLS,
    "is_opted_in_for_email": st.sampled_from(["True", "False", "", "true", "1"]) | CELLS,
    "preference_set_datetime": st.sampled_from(
        ["", "2020-01-05 10:00:00+00:00", "2020-01-05 10:00:00.120000+00:00", "2020-01-05 10:00:00.120034+00:00", "2014-12-01 00:00:00", "soon"]
    ),
    "course_id": st.sampled_from([COURSE, "DemoX/D101/1T2020"]),
    "email": st.sampled_from(["ann@example.org", "é|%@example.org"]),
}
NAMES = st.permutations([*KNOWN, "site", "import", "email", "extra.column", "user_id", "", "email_2", "original"]).map(lambda names: [*names[:9]])


@st.composite
def files(draw: st.DrawFn) -> list[list[str]]:
    names = draw(NAMES)
    names += [name for name in ("course_id", "email") if name not in names]
    return [names, *([draw(KNOWN.get(name, CELLS)) for name in names] for _ in range(draw(st.integers(0, 3))))]


@settings(deadline=None)
@given(files(), st.integers(1, 20))
@example([["email", "course_id", "email"], ["a@example.org", COURSE, "b@example.org"]], 3)
def test_the_cells_come_back_from_the_database(rows: list[list[str]], size: int) -> None:
    names, *others = rows
    found = read(written(rows), size=size, resolve=lambda course_id: COURSE)
    expected = [cells for cells in others if cells != names]
    back = [restore(bson.decode(bson.encode(item.fields))) for item in found if isinstance(item, Document)]
    assert [sorted(cells.values()) for cells in back] == [sorted(cells) for cells in expected]
    assert all(cells[name] == given[names.index(name)] for cells, given in zip(back, expected, strict=True) for name in names if name)


@settings(deadline=None)
@given(st.lists(st.sampled_from(['"', '""', ",", "\r", "\n", "a", ANN.decode(), '"x\n']), max_size=25).map("".join), st.integers(1, 9))
def test_whatever_follows_the_header_every_line_is_accounted_for(text: str, size: int) -> None:
    data = text.encode()
    items = read(HEADER + data, size=size)
    covered = [item.line + number for item in items for number in range(item.raw.count(b"\n") + 1)]
    assert covered == sorted(set(covered))
    missing = {number for number, line in enumerate(data.split(b"\n"), 2) if line not in (b"", b"\r")} - set(covered)
    assert not missing


def test_a_row_is_a_document() -> None:
    assert documents(HEADER + ANN) == [
        {
            "_id": f"prod|{COURSE}|501",
            "site": "prod",
            "user_id": 501,
            "username": "ann",
            "email": "ann@example.org",
            "full_name": "Ann Lee",
            "course_id": COURSE,
            "is_opted_in_for_email": True,
            "preference_set_datetime": datetime(2020, 1, 5, 10, tzinfo=UTC),
        }
    ]


def test_a_learner_who_never_chose_is_neither_in_nor_out() -> None:
    (fields,) = documents(HEADER + row(is_opted_in_for_email="", preference_set_datetime=""))
    assert (fields["is_opted_in_for_email"], fields["preference_set_datetime"]) == (None, None)
    assert "original" not in fields


@pytest.mark.parametrize(
    ("text", "milliseconds", "kept"),
    [
        ("2020-01-05 10:00:00+00:00", 0, False),
        ("2020-01-05 10:00:00.120000+00:00", 120, False),
        ("2020-01-05 10:00:00.120034+00:00", 120, True),
        ("2020-01-05 10:00:00", 0, True),
        ("2020-01-05T12:00:00+02:00", 0, True),
    ],
)
def test_a_date_is_utc_and_its_text_is_kept_where_it_cannot_be_rebuilt(text: str, milliseconds: int, kept: bool) -> None:
    (fields,) = documents(HEADER + row(preference_set_datetime=text))
    assert fields["preference_set_datetime"] == datetime(2020, 1, 5, 10, 0, 0, milliseconds * 1000, tzinfo=UTC)
    assert fields.get("original", {}) == ({"preference_set_datetime": text} if kept else {})


@pytest.mark.parametrize(("column", "cell"), [("is_opted_in_for_email", "perhaps"), ("preference_set_datetime", "0000-00-00"), ("user_id", "x")])
def test_a_cell_of_another_type_is_null_and_kept(column: str, cell: str) -> None:
    notes = Counter[str]()
    (fields,) = documents(HEADER + row(**{column: cell}), notes)
    assert (fields[column], fields["original"], notes) == (None, {column: cell}, {f"cell of another type: email_opt_in.{column}": 1})


def test_columns_are_known_by_name_whatever_their_order() -> None:
    (fields,) = documents(b"course_id,is_opted_in_for_email,extra,user_id\n" + COURSE.encode() + b",False,x,7\n")
    assert (fields["_id"], fields["is_opted_in_for_email"], fields["extra"]) == (f"prod|{COURSE}|7", False, "x")


def test_an_old_file_without_user_ids_is_keyed_by_the_address() -> None:
    data = b"email,full_name,course_id,is_opted_in_for_email,preference_set_datetime\r\n"
    (fields,) = documents(data + b"ann@example.org,Ann,DemoX/D101/1T2013,True,2014-12-01 00:00:00\r\n")
    assert fields["_id"] == "prod|DemoX/D101/1T2013|ann@example.org"
    assert fields["preference_set_datetime"] == datetime(2014, 12, 1, tzinfo=UTC)
    assert "user_id" not in fields


def test_each_row_names_its_course() -> None:
    found = documents(HEADER + ANN + row(course_id="DemoX/D90/1T2013"), resolve=lambda course_id: course_id.replace("/", "-"))
    assert [(fields["course_id"], fields.get("original")) for fields in found] == [
        (COURSE, None),
        ("DemoX-D90-1T2013", {"course_id": "DemoX/D90/1T2013"}),
    ]


def test_a_header_in_the_middle_of_the_file_is_no_row() -> None:
    assert [item.line for item in read(HEADER + ANN + HEADER + HEADER + BOB)] == [2, 5]


def test_blank_lines_are_not_read() -> None:
    assert [item.line for item in read(b"\r\n" + HEADER + b"\r\n\n" + ANN + b"\r\n")] == [5]


@pytest.mark.parametrize("data", [b"", b"\r\n", HEADER])
def test_a_file_without_rows_is_empty(data: bytes) -> None:
    assert read(data) == []


def test_a_cell_in_quotes_may_hold_lines_commas_and_quotes() -> None:
    name = 'Ann "Nan" Lee,\r\n\r\nof\nDemo'
    first, second = read(HEADER + row(full_name=name) + BOB, size=7)
    assert isinstance(first, Document)
    assert (first.fields["full_name"], first.line, second.line) == (name, 2, 6)
    assert first.raw + b"\n" == row(full_name=name)


def test_quotes_within_a_cell_that_has_none_around_it_are_text() -> None:
    (fields,) = documents(HEADER + ANN.replace(b"Ann Lee", b'Ann "Nan" Lee'))
    assert fields["full_name"] == 'Ann "Nan" Lee'


def test_a_nul_is_kept() -> None:
    (fields,) = documents(HEADER + row(full_name="A\0nn", user_id="", email="a\0@example.org"))
    assert (fields["full_name"], fields["_id"]) == ("A\0nn", f"prod|{COURSE}|a%00@example.org")


def test_a_row_that_is_not_utf8_is_loaded_with_its_bytes() -> None:
    notes = Counter[str]()
    raw = ANN.replace(b"Ann", b"Ren\xe9")
    (fields,) = documents(HEADER + raw, notes)
    assert (fields["full_name"], fields["original"], notes) == ("Ren\ufffd Lee", {"line": raw[:-1]}, {"not UTF-8": 1})


# --- dirt


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"501,ann,ann@example.org", "wrong number of fields"),
        (ANN[:-2] + b",more", "wrong number of fields"),
        (ANN.replace(COURSE.encode(), b"")[:-2], "unusable key"),
        (ANN.replace(b"501", b"x").replace(b"ann@example.org", b"")[:-2], "unusable key"),
        (ANN.replace(b"Ann Lee", b'"Ann" Lee')[:-2], "text after a closing quote"),
        (ANN.replace(b"Ann Lee", b'"Ann Lee')[:-2], "quote never closed"),
    ],
)
def test_a_bad_row_is_rejected_and_the_next_is_read(raw: bytes, reason: str) -> None:
    first, second = read(HEADER + raw + b"\n" + BOB)
    assert isinstance(first, Rejected)
    assert (first.line, first.reason, first.raw) == (2, reason, raw)
    assert isinstance(second, Document)
    assert (second.line, second.fields["user_id"]) == (3, 502)


def test_a_quote_that_the_next_row_closes_costs_one_row() -> None:
    stray = ANN.replace(b"Ann", b'"Ann')
    quoted = row(full_name="Lee, Ann", user_id="503")
    items = read(HEADER + stray + BOB + quoted + BOB)
    assert [(item.line, isinstance(item, Document)) for item in items] == [(2, False), (3, True), (4, True), (5, True)]


def test_a_file_whose_quotes_never_match_fails_before_long() -> None:
    with pytest.raises(PackageError, match="quotes"):
        read(HEADER + b'x","\n' * 10_000)


def test_a_row_has_no_more_lines_than_a_name_can_have() -> None:
    lines = b'"' + b"\n" * MAX_ROW_LINES
    items = read(HEADER + ANN.replace(b"Ann Lee", lines[:-1] + b'"') + ANN.replace(b"Ann Lee", lines + b'"') + BOB)
    assert isinstance(items[0], Document)
    assert isinstance(items[1], Rejected)
    assert (items[1].reason, items[1].line) == ("quote never closed", MAX_ROW_LINES + 2)
    assert isinstance(items[-1], Document)


def test_a_row_over_the_limit_is_rejected_and_the_next_is_read() -> None:
    items = read(HEADER + ANN.replace(b"Ann", b"A" * LINE_LIMIT) + ANN.replace(b"Ann", b'"A\n' + b"A" * LINE_LIMIT + b'"') + BOB, size=2**20)
    reasons = [item.reason if isinstance(item, Rejected) else "" for item in items]
    assert reasons == ["row over 16 MB", "quote never closed", "row over 16 MB", ""]


def test_lines_that_add_up_to_more_than_the_limit_are_no_row() -> None:
    half = b"A" * (LINE_LIMIT // 2)
    items = read(HEADER + ANN.replace(b"Ann", b'"A\n' + half + b"\n" + half + b'"') + BOB, size=2**20)
    assert [item.reason if isinstance(item, Rejected) else "" for item in items] == ["row over 16 MB", *["wrong number of fields"] * 2, ""]


@pytest.mark.parametrize("header", [b'"user_id', b'"user_id"x,email', b"x" * (LINE_LIMIT + 1)])
def test_a_header_that_cannot_be_read_fails_the_file(header: bytes) -> None:
    with pytest.raises(PackageError, match="header"):
        read(header + b"\n" + ANN)


def test_a_quote_that_is_never_closed_is_read_in_bounded_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield HEADER + b'"x\n'
        for _ in range(40):
            yield (b"y" * 999 + b"\n") * 200

    tracemalloc.start()
    try:
        number = sum(1 for item in EmailOptInReader().read(endless(), ReadContext(PROD)) if isinstance(item, Rejected))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert number == 8001
    assert peak < 2**22


# --- the sample


def test_the_rows_of_the_sample_come_back_equal() -> None:
    recipe = Recipe(learners=60)
    chunks = [list(email_rows(Offering(recipe, PROD, course, recipe.snapshots[-1]))) for course in courses_of(recipe)]
    data = b"".join(write_email_csv(chunks))
    found = documents(data)
    reference = [cells for cells in csv.reader(io.StringIO(data.decode(), newline="")) if cells != list(EMAIL_COLUMNS)]
    assert [list(restore(bson.decode(bson.encode(fields))).values()) for fields in found] == reference
    expected = [(given["user_id"], given["course_id"], given["is_opted_in_for_email"]) for chunk in chunks for given in chunk]
    assert [(fields["user_id"], fields["course_id"], fields["is_opted_in_for_email"]) for fields in found] == expected
