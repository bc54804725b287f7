"""What JSON would take at least, known before it is parsed: a bomb is refused unparsed, and nothing that fits ever is."""

from __future__ import annotations

import json
import time
import tracemalloc

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edx_import.errors import PackageError
from edx_import.formats import json_size
from edx_import.formats.base import ReadContext
from edx_import.formats.column_fields import MAX_COLUMNS, ColumnFields
from edx_import.formats.email_opt_in import EmailOptInReader
from edx_import.formats.json_mapping import parse_json, parse_text, store_value
from edx_import.formats.json_size import TooLargeError, check_size
from edx_import.formats.table import TableReader, first_course_id
from edx_import.formats.table_lines import cells_of_bytes_literals
from edx_import.tables import AUTH_USER

KEYS = st.text('a"\\:,[{} ', max_size=3)
TEXTS = st.one_of(st.text(max_size=8), KEYS, st.sampled_from(["[]" * 20, "null" * 20, '"' * 20, "," * 20]))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXTS)
VALUES = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(KEYS, inner, max_size=6)))


@given(st.one_of(st.lists(VALUES, max_size=5), st.dictionaries(st.text(max_size=3), VALUES, max_size=5)), st.integers(1, 400), st.booleans())
def test_what_is_refused_would_not_fit(value: object, limit: int, compact: bool) -> None:
    raw = json.dumps(value, separators=(",", ":") if compact else None).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_size, "SURELY_FITS", 0)
        patched.setattr(json_size, "DOCUMENT_LIMIT", limit)
        try:
            check_size(raw)
        except TooLargeError:
            stored, replaced = store_value(value)
            assert len(bson.encode({"": stored, "r": replaced})) > limit


@pytest.mark.parametrize("piece", [b"{},", b"0,", b'"",', b"[0],"])
def test_a_bomb_is_refused_unparsed(piece: bytes) -> None:
    raw = b"[" + piece * (15 * 2**20 // len(piece)) + b"0]"
    text = raw.decode()
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            parse_json(raw)
        assert parse_text(text) is None
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()


def test_marks_within_strings_do_not_count() -> None:
    text = '[{"' + '[{,\\"' * 500_000
    assert parse_json(json.dumps({"a": text}).encode()) == {"a": text}


# --- headers


@given(st.lists(st.sampled_from(["a", "b", "a_2", "a_3", "b_2", "", "x.y", "x%2Ey"]), max_size=12), st.sets(st.sampled_from(["a", "b", "a_2"])))
def test_every_column_has_a_field_of_its_own(names: list[str], taken: set[str]) -> None:
    fields = ColumnFields(names, taken)
    given_out = [fields.field_for(name) for name in names]
    assert len(set(given_out)) == len(given_out)
    assert not set(given_out) & taken


@pytest.mark.parametrize("name", [b"", b"c", b"c_2"])
def test_a_header_of_very_many_columns_is_refused_and_one_of_many_is_read_at_once(name: bytes) -> None:
    """Numbers for equal names were once looked for anew, column by column: minutes for a few thousand."""
    context = ReadContext("prod", "course-v1:DemoX+D101+1T2020")
    started = time.process_time()
    for reader, separator in ((TableReader(AUTH_USER), b"\t"), (EmailOptInReader(), b",")):
        assert list(reader.read([separator.join([name] * MAX_COLUMNS), b"\n"], context)) == []
        with pytest.raises(PackageError, match="4,097 columns"):
            list(reader.read([separator.join([name] * (MAX_COLUMNS + 1)), b"\n"], context))
    assert first_course_id([b"\t" * 2**20 + b"\n"]) is None
    assert time.process_time() - started < 5


def test_a_cell_of_bytes_that_is_long_takes_little_memory() -> None:
    line = "b'1'\tb'" + "x\\n" * 2_000_000 + "'"
    tracemalloc.start()
    cells = cells_of_bytes_literals(line)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert cells is not None
    assert cells[1] == "x\n" * 2_000_000
    assert peak < 60 * 2**20
