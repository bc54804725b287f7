"""Table files with whatever a file may hold, usual and odd, for property tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from hypothesis import strategies as st

from edx_import.tables import ColumnType, Dialect, Table

COURSE = "course-v1:DemoX+D101+1T2020"

PIECES = [
    "\t",
    "\r",
    "\n",
    "\u2028",
    "\x0b",
    "\\",
    "\\\\",
    "\\n",
    "\\\t",
    '"',
    "'",
    "NULL",
    "\ufeff",
    "é",
    "\U0001f600",
    "n",
    " ",
    "\0",
    "%",
    "|",
    "b'",
]
nasty = st.lists(st.sampled_from(PIECES), max_size=4).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)

keys = st.sampled_from(["a", "b", "a.b", "$set", "x$", "", "_id", "%", "k\0", "é", 'q"k', 'q."k']) | nasty
json_values = st.recursive(
    st.sampled_from([None, True, 0, -1, 2**31, 2**63, -(2**63) - 1, 0.1, -0.0, 1e16, 1e-5, float("nan"), "", "2020-01-06T09:05:00Z", "see 1.5"])
    | nasty,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
json_texts = st.one_of(
    json_values.map(json.dumps),
    json_values.map(json.dumps),
    json_values.map(lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)),
    json_values.map(lambda value: json.dumps(value, indent=1)),
    json_values.map(lambda value: json.dumps(json.dumps(value))),
)
ODD_JSON = [
    '{"cut": ',
    '{"half": "\\ud83d"}',
    '{"a": 1, "a": 2}',
    '{"a": 1, "b":2}',
    "{} ",
    " []",
    "[1,]",
    "[1]",
    "[[]]",
    '{"b": 0, "_id": 1}',
    "[" * 99 + "]" * 99,
    "[" * 100 + "]" * 100,
    '{"n": 100000000000000000000}',
    '{"n": 1.0e5}',
    '{"n": -0}',
    '{"a": "\x7f"}',
    '{"a\\u002eb": 1}',
    '{"a": "\\u0000"}',
    '{"": ""}',
    '{"a": "b\\".c", "d": 1}',
    '{"a\\".c": 1}',
    '{"state": {"draft.v1": null}}',
    '{"x": "1.5", "y": 2.5}',
    "[" + "[], " * 120 + "[]]",
    "{'a': 1}",
    '"{}"',
]
seconds = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.replace(microsecond=0).isoformat(" "))

#: Cells as the producers write them, for which the fast way is made.
USUAL: dict[ColumnType, st.SearchStrategy[str]] = {
    ColumnType.STRING: st.sampled_from(["", "audit", "NULL", "é", "a\\b\n\tc"]) | nasty,
    ColumnType.JSON: json_texts | st.sampled_from(["", "NULL", "{}", '{"position": 3}']),
    ColumnType.INT: st.integers(0, 2**31 + 5).map(str) | st.sampled_from(["0", str(2**31 - 1), str(2**31), str(10**17)]),
    ColumnType.FLOAT: st.sampled_from(["0.5", "1.0", "1", "NULL", "0.1"]) | st.floats().map(str),
    ColumnType.BOOL: st.sampled_from(["0", "1"]),
    ColumnType.DATE: st.one_of(
        seconds, st.builds("{}.{:06}".format, seconds, st.sampled_from([0, 1, 999, 1000, 123000, 999999]) | st.integers(0, 999999)), st.just("NULL")
    ),
}
#: Other cells: each of them is tried.
ODD_CELLS: dict[ColumnType, list[str]] = {
    ColumnType.STRING: PIECES,
    ColumnType.JSON: ODD_JSON,
    ColumnType.INT: [
        *"007 -0 +1 1_0 1.0 -5 1e3 0x1 \u0663 -2147483648 -2147483649 2147483647 2147483648 9223372036854775807 9223372036854775808".split(),
        *(" 1", "1 ", "1\t2", "1\n2", "9" * 18, "9" * 19, "-" + "9" * 18),
    ],
    ColumnType.FLOAT: [*"1e400 0.10 .5 5. 1E5 -0 -0.0 nan -Infinity 1,5 1_0.5 \u0663.5 1e16 1e-5 100000000000000000000 0x1p3".split(), " 1"],
    ColumnType.BOOL: ["2", "True", "00", "-0", " 1", "1\t0"],
    ColumnType.DATE: [
        *("2015-09-31 21:32:17", "0000-00-00 00:00:00", "2020-01-05 24:00:00", "2020-01-05 10:00:60.000001", "2020-01-05T10:00:00", "2020-01-05"),
        *("2020-01-05 10:00:00\t2020-01-05 10:00:00", "\u0662\u0660\u0662\u0660-01-05 10:00:00", "2020-W01-1 10:00:00", "20200105 10:00:00.12"),
        *(f"2020-01-05 10:00:00{end}" for end in (".1", ".1234567", ".", "+00:00", "Z", ",123456", ".12345x", ".000000", ".000001", ".001000", "\n")),
        *("-020-01-05 10:00:00", "1969-12-31 23:59:59.999999", "0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"),
    ],
}
ODD: dict[ColumnType, st.SearchStrategy[str]] = {kind: st.sampled_from(cells) for kind, cells in ODD_CELLS.items()}
anything = st.sampled_from(["", "NULL", "null", "\\N"]) | nasty


def escape_standard(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\r", "\\r").replace("\t", "\\t").replace("\n", "\\n")


def escape_student_module(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\t", "\\\t").replace("\n", "n")


ESCAPE: dict[Dialect, Callable[[str], str]] = {Dialect.STANDARD: escape_standard, Dialect.STUDENT_MODULE: escape_student_module}

#: What may be wrong with a line.
DAMAGE: list[Callable[[bytes], bytes]] = [
    lambda line: line + b"\t",
    lambda line: line.rpartition(b"\t")[0],
    lambda line: line[:-3],
    lambda line: line + b"\xff",
    lambda line: b"\xc3" + line,
    lambda line: line + b"\\",
    lambda line: line.replace(b"\t", b"\\\t", 1),
    lambda line: line.replace(b"\t", b"\\\\\t", 1),
    lambda line: line + b"\r",
    lambda line: b"",
    lambda line: b"\r",
    lambda line: b"\t".join(repr(cell).encode() for cell in line.split(b"\t")),
    lambda line: b"b'" + line,
    lambda line: b"\xef\xbb\xbf" + line,
]

#: Columns that nobody declared, names that are taken, and none.
STRANGE_NAMES = ("new", "new", "a.b", "$x", "", "site", "_id", "course", "original", "line", "course_id", "id", "é\0")


@st.composite
def headers(draw: st.DrawFn, table: Table) -> list[str]:
    names = [draw(st.sampled_from((column.name, *column.aliases))) if column.aliases else column.name for column in table.columns]
    if draw(st.booleans()):
        return names
    kept = draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    needed = [name for name in table.key if name not in table.optional_key and draw(st.integers(0, 9))]
    return draw(st.permutations(list(dict.fromkeys(kept + needed)) + draw(st.lists(st.sampled_from(STRANGE_NAMES), max_size=3))))


@st.composite
def files(draw: st.DrawFn, table: Table) -> bytes:
    header = draw(headers(table))
    types = {name: column.type for column in table.columns for name in (column.name, *column.aliases)}
    is_odd = draw(st.lists(st.integers(0, 3), min_size=len(header), max_size=len(header)))
    cells = []
    for name, odd in zip(header, is_odd, strict=True):
        kind = types.get(name, ColumnType.STRING)
        cell = USUAL[kind] if odd else USUAL[kind] | ODD[kind] | anything
        cells.append(cell | st.just(COURSE) if name in ("course_id", "course_key") else cell)
    rows = draw(st.lists(st.tuples(*cells), min_size=1, max_size=4))
    escape: Callable[[str], str] = ESCAPE[table.dialect] if draw(st.integers(0, 3)) else str
    lines = ["\t".join(map(escape, row)).encode() for row in rows]
    lines = [draw(st.sampled_from(DAMAGE))(line) if not draw(st.integers(0, 7)) else line for line in lines]
    end = draw(st.sampled_from((b"\n", b"\n", b"\r\n")))
    return end.join(["\t".join(header).encode(), *lines]) + draw(st.sampled_from((b"", end)))
