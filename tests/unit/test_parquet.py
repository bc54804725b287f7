"""Parquet, read back by pyarrow: types as declared, values exact, whole or not at all."""

from __future__ import annotations

import gc
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from awkward import COLUMNS, GOLDEN, ROWS, rendered
from pyarrow import parquet

from edx_import.errors import UsageError
from edx_import.reports.anonymity import anonymized
from edx_import.reports.outputs import parquet as parquet_module
from edx_import.reports.render import render
from edx_import.reports.report import Column, Personal, Report
from edx_import.settings import Secret

INTEGER = (Column("n", int),)


def table_of(rows: Any, columns: tuple[Column, ...] = COLUMNS, **options: Any) -> Any:
    return parquet.read_table(io.BytesIO(rendered(rows, "parquet", columns, **options)))


def told(table: Any) -> str:
    """Schema and rows as text, a line each."""
    fields = [f"{field.name}: {field.type}" for field in table.schema]
    return "\n".join([*fields, *(json.dumps(row, default=str, ensure_ascii=True) for row in table.to_pylist())]) + "\n"


@pytest.mark.parametrize(("name", "rows"), [("awkward", ROWS), ("empty", [])])
def test_what_is_read_back_is_as_the_golden_file_has_it(name: str, rows: list[list[Any]]) -> None:
    assert told(table_of(rows)) == (GOLDEN / f"{name}.parquet.txt").read_text(encoding="utf-8")


def test_types_are_those_that_the_columns_declare() -> None:
    columns = (
        Column("a", str),
        Column("b", int),
        Column("c", float),
        Column("d", bool),
        Column("e", datetime),
        Column("f", date),
        Column("g", dict),
        Column("h", list),
    )
    types = ["string", "int64", "double", "bool", "timestamp[us, tz=UTC]", "date32[day]", "string", "string"]
    rows = [["x", 1, 0.5, True, datetime(2020, 1, 1, tzinfo=UTC), date(2020, 1, 1), {}, []]]
    for found in (table_of([], columns), table_of(rows, columns), table_of([[None] * 8], columns)):
        assert [str(field.type) for field in found.schema] == types


def test_columns_carry_their_meaning_and_the_file_what_it_is() -> None:
    schema = table_of([], about=(("command", "awkward"),)).schema
    assert schema.field("points").metadata == {b"meaning": b"of any size", b"unit": b"pt"}
    assert {b"title": b"Awkward [b]values[/b]", b"command": b"awkward"}.items() <= schema.metadata.items()


@pytest.mark.parametrize(
    ("type", "given", "stored"),
    [
        (int, [2**63 - 1, -(2**63), 3.0, None], [2**63 - 1, -(2**63), 3, None]),
        (int, [1, 2**63], ["1", "9223372036854775808"]),
        (int, [1, 0.5, float("nan")], ["1", "0.5", "nan"]),
        (float, [1, 0.5], [1.0, 0.5]),
        (float, [10**400, "x"], ["1" + "0" * 400, "x"]),
        (bool, [True, 1], ["true", "1"]),
        (datetime, [date(2020, 1, 1), datetime(2020, 1, 1, 5)], [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, 5, tzinfo=UTC)]),
        (datetime, ["x"], ["x"]),
        (date, [datetime(2020, 1, 1), date(2020, 1, 2)], [date(2020, 1, 1), date(2020, 1, 2)]),
        (date, [datetime(2020, 1, 1, 5)], ["2020-01-01T05:00:00Z"]),
        (str, ["\ud800", 5, {"a": [1]}], ["\\ud800", "5", '{"a": [1]}']),
    ],
)
def test_a_column_with_a_value_that_its_type_has_no_room_for_is_text(type: type, given: list[Any], stored: list[Any]) -> None:
    assert table_of([[value] for value in given], (Column("a", type),))["a"].to_pylist() == stored


def test_a_value_that_comes_too_late_for_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "_GROUP_ROWS", 10)
    with pytest.raises(UsageError, match="the column n has a value after row 20 that is no int64") as raised:
        table_of(([number if number < 25 else 2**70] for number in range(40)), INTEGER)
    assert "csv" in raised.value.hint


def test_rows_are_written_in_groups_bounded_by_number_and_by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "_GROUP_ROWS", 10)
    monkeypatch.setattr(parquet_module, "_GROUP_CHARACTERS", 400)
    file = parquet.ParquetFile(io.BytesIO(rendered([["x"]] * 25 + [["x" * 300]] * 5, "parquet", (Column("a"),))))
    assert [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)] == [10, 10, 7, 2, 1]
    assert file.metadata.num_rows == 30


def test_hashed_learners_are_text() -> None:
    report = Report((Column("user_id", int, personal=Personal.LEARNER), Column("n", int)), [[501, 1]])
    stream = io.BytesIO()
    render(anonymized(report, "prod", Secret("sixteen letters!")), "parquet", stream)
    assert [str(field.type) for field in parquet.read_table(stream).schema] == ["string", "int64"]


def failing() -> Iterator[list[Any]]:
    for number in range(50):
        yield [number]
    raise RuntimeError("the database went away")


def test_a_report_that_fails_leaves_no_file_that_looks_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "_GROUP_ROWS", 10)
    stream = io.BytesIO()
    with pytest.raises(RuntimeError, match="went away"):
        render(Report(INTEGER, failing()), "parquet", stream)
    gc.collect()
    assert len(stream.getvalue()) > 100
    assert not stream.getvalue().endswith(b"PAR1")


def test_it_goes_through_a_pipe() -> None:
    reader, writer = os.pipe()
    with open(writer, "wb") as sink:
        assert render(Report(INTEGER, [[1], [2]]), "parquet", sink) == 2
    with open(reader, "rb") as source:
        assert parquet.read_table(io.BytesIO(source.read()))["n"].to_pylist() == [1, 2]
