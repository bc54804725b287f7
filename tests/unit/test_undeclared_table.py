"""Table files that no declaration knows: every column is kept as text, and every row, equal ones too."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.errors import PackageError
from edx_import.formats import table
from edx_import.formats.base import ReadContext
from edx_import.formats.table import NOTE_NOT_REMEMBERED, UndeclaredTableReader, restore, undeclared_collection
from edx_import.ids import row_id
from edx_import.model import Document, Rejected
from edx_import.sample.table_files import write_table
from edx_import.store.collections import OTHER_PREFIX

COURSE = "course-v1:DemoX+D101+1T2020"
METADATA = {"name": "Demonstrations", "sme": None, "start_date": datetime(2020, 1, 5, tzinfo=UTC), "end_date": None}
READER = UndeclaredTableReader("completion_blockcompletion")


def read(data: bytes | str, notes: Counter[str] | None = None) -> list[dict[str, Any]]:
    counter = Counter[str]() if notes is None else notes
    context = ReadContext("prod", COURSE, METADATA, note=lambda name: counter.update([name]))
    items = list(READER.read([data if isinstance(data, bytes) else data.encode()], context))
    for item in items:
        assert isinstance(item, Document), item
    return [item.fields for item in items if isinstance(item, Document)]


def test_every_column_is_text_and_the_document_is_one_of_the_course() -> None:
    (item,) = READER.read([b"id\tcompletion\tblock.key\n007\tNULL\ta\\tb\n"], ReadContext("prod", COURSE, METADATA))
    assert isinstance(item, Document)
    assert item.collection == READER.collection == f"{OTHER_PREFIX}completion_blockcompletion"
    assert item.fields == {
        "_id": item.fields["_id"],
        "site": "prod",
        "course_id": COURSE,
        "id": "007",
        "completion": None,
        "block%2Ekey": "a\tb",
        "course": METADATA,
    }


def test_columns_named_as_fields_of_ours_do_not_touch_them() -> None:
    (fields,) = read("_id\tsite\tcourse_id\timport\nx\tedge\tDemoX/Other/R\ty\n")
    assert (fields["site"], fields["course_id"]) == ("prod", COURSE)
    assert restore(fields, READER.table) == {"_id": "x", "site": "edge", "course_id": "DemoX/Other/R", "import": "y"}


def test_equal_rows_are_all_kept_and_their_ids_never_change() -> None:
    first, other, second, third = (fields["_id"] for fields in read("a\tb\n1\t2\n1\t3\n1\t2\n1\t2\n"))
    assert first == row_id("prod", COURSE, "fae4b7989faefde00dc507a6cfa64b84", "1")
    assert [second, third] == [f"{first[:-1]}2", f"{first[:-1]}3"]
    assert other.endswith("|1")
    assert other[:-1] != first[:-1]


def test_a_row_keeps_its_id_wherever_it_stands() -> None:
    one, other = (sorted(fields["_id"] for fields in read("a\tb\n" + rows)) for rows in ("1\t2\n1\t3\n1\t2\n", "1\t3\n1\t2\n1\t2\n"))
    assert one == other


def test_beyond_what_is_remembered_equal_rows_share_an_id_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROWS_REMEMBERED", 2)
    notes = Counter[str]()
    ids = [fields["_id"] for fields in read("a\n1\n2\n3\n3\n1\n", notes)]
    assert ids[2] == ids[3]
    assert len(set(ids)) == 4
    assert notes == {NOTE_NOT_REMEMBERED: 2}


def test_a_row_of_another_width_is_rejected() -> None:
    (item,) = READER.read([b"a\tb\n1\n"], ReadContext("prod", COURSE))
    assert isinstance(item, Rejected)
    assert item.reason == "wrong number of fields"


@pytest.mark.parametrize("task", ["a", "auth_user2", "x" * 61])
def test_a_plain_name_makes_a_collection(task: str) -> None:
    assert undeclared_collection(task) == UndeclaredTableReader(task).collection == f"other_{task}"


@pytest.mark.parametrize("task", ["", "A", "_a", "1a", "a-b", "a.b", "a$", "système", "a\n", "x" * 62])
def test_any_other_name_makes_none(task: str) -> None:
    assert undeclared_collection(task) is None
    with pytest.raises(PackageError):
        UndeclaredTableReader(task)


names = st.text(st.sampled_from("abc_.$% é"), max_size=6)
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(["NULL", "\t\\", "\r\n", "1.50"])


@settings(max_examples=50)
@given(header=st.lists(names, min_size=2, max_size=4, unique=True), data=st.data())
def test_every_cell_comes_back(header: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(header, cells)), max_size=3))
    documents = read(b"".join(write_table(header, rows)))
    named = {name: name or f"column_{position}" for position, name in enumerate(header, 1)}
    assert [restore(fields, READER.table) for fields in documents] == [{named[name]: row[name] for name in header} for row in rows]
