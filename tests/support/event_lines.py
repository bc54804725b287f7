"""Lines of tracking logs with all that can be odd about them, for property tests.

They are made as text, not from values, so that every way to write a value occurs. What makes the exact way the only one, or the line no JSON, is the
rarer the more there is of it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TypeVar

import orjson
from hypothesis import strategies as st

from edx_import.formats.event_document import ADDED_FIELDS
from edx_import.formats.json_mapping import rebuild_text

TIME = "2020-01-06T09:01:02.345678+00:00"
COURSE = "course-v1:DemoX+D101+1T2020"

T = TypeVar("T")

#: Name, value, blanks before and after each.
Pair = tuple[str, str, str, str]


def mostly(usual: st.SearchStrategy[T], odd: st.SearchStrategy[T], times: int = 9) -> st.SearchStrategy[T]:
    """The odd one, and so many times as often the usual one."""
    return st.integers(0, times).flatmap(lambda number: odd if number == times else usual)


# --- values

BLANKS = st.sampled_from(["", "", "", " ", "  ", "\t", "\r"])
USUAL_PIECES = [*"a.$%1-é😀\u2028\x7f{}[],:'\ufeff", ", ", ": ", '\\"', "\\\\", "\\n", "\\/", '\\":', '\\": ', '\\"\\":']
USUAL_PIECES += [
    "\\u0025",
    "\\u002e",
    "\\u002E",
    "\\u0024",
    "\\u0000",
    "\\u0031",
    "\\u00e9",
    "\\u005c",
    "\\u0022",
    "\\u007f",
    "\\ud83d\\ude00",
    "\\\\u0025",
]
ODD_PIECES = ["\\ud83d", "\\ude00", "\\\\ud83d", "\x01", "\ud83d"]
WRITTEN = st.lists(mostly(st.sampled_from(USUAL_PIECES), st.sampled_from(ODD_PIECES), 29), max_size=4).map("".join)

USUAL_NUMBERS = """
    0 -0 1 -1 1.0 -0.0 0.0 0.1 1.50 310.949633 1E5 1e5 1e+2 0.0001 0.00012 999999999999999.9 0.1234567890123456789012 12345678901234567890e-9
    2147483647 2147483648 -2147483648 -2147483649 123456789012345678 1234567890123456789 9007199254740993 9223372036854775807 -9223372036854775808
"""
ODD_NUMBERS = """
    9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616 123456789012345678901234567890 12345678901234567890.5
    1e-5 0.00001 1e15 1e16 1e22 1e400 -1e400 1e-400 5e-324 NaN Infinity -Infinity
"""
NO_NUMBERS = "01 1. +1 .5 0x1 tru nul"
NUMBERS = mostly(
    st.sampled_from(USUAL_NUMBERS.split()) | st.one_of(st.integers(), st.floats(-1e9, 1e9)).map(repr),
    mostly(st.sampled_from(ODD_NUMBERS.split()), st.sampled_from(NO_NUMBERS.split())),
)

FIELDS = ["event", "context", "path", "event_type", "page", "name", "values", "line"]
KEYS = mostly(
    mostly(st.sampled_from(["", "k", "xblock.partition_service.partition_0", "$oid", "a%2Eb", *FIELDS]), WRITTEN, 2),
    st.sampled_from(["time", *sorted(ADDED_FIELDS)]),
    19,
)


def quoted(written: str) -> str:
    return f'"{written}"'


def object_of(pairs: list[Pair]) -> str:
    return "{" + ",".join(f'{before}"{key}"{after}:{before}{value}{after}' for key, value, before, after in pairs) + "}"


def array_of(values: list[tuple[str, str]]) -> str:
    return "[" + ",".join(blank + value for value, blank in values) + "]"


def nest(depth: int, kind: int) -> str:
    begin, end = [("[", "]"), ('{"k":', "}"), ('[{"a.b":', "}]")][kind]
    return begin * depth + "1" + end * depth


SCALARS = st.one_of(st.sampled_from(["null", "true", "false", '""', "{}", "[]"]), NUMBERS, WRITTEN.map(quoted))
DEEP = st.builds(nest, st.sampled_from([2, 48, 49, 50, 97, 98, 99, 100, 101, 255, 1000, 1100]), st.integers(0, 2))
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(st.tuples(KEYS, inner, BLANKS, BLANKS), max_size=3).map(object_of) | st.lists(st.tuples(inner, BLANKS), max_size=3).map(array_of)
    ),
    max_leaves=6,
)

# --- payloads

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(-1e6, 1e6),
    st.text(st.sampled_from('a.é😀"\\\n\x7f, :'), max_size=4),
)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from("a.$%é"), max_size=3), inner, max_size=3),
    max_leaves=6,
)
OBJECTS_AND_ARRAYS = st.dictionaries(st.sampled_from(["a", "b.c", "id", ""]), PLAIN, max_size=3) | st.lists(PLAIN, max_size=3)
HELD = st.one_of(
    st.builds(json.dumps, OBJECTS_AND_ARRAYS),
    st.builds(rebuild_text, OBJECTS_AND_ARRAYS, st.just("compact")),
    OBJECTS_AND_ARRAYS.map(orjson.dumps).map(bytes.decode),
    st.builds(lambda value, indent: json.dumps(value, indent=indent), OBJECTS_AND_ARRAYS, st.integers(0, 1)),
    PLAIN.map(json.dumps).map(json.dumps),
    VALUES,
    DEEP,
    st.builds(lambda start, text: (start + text).ljust(512, "x")[:512], st.sampled_from(['{"POST": {"', '{"GET": "', "{"]), VALUES),
    st.sampled_from(["", " ", "{}", "[]", "{} ", ' {"a":1}', "a=b&c=d", '"a=b"', '{"POST": {}, "GET": {}}', "{", "[1}"]),
)
PAYLOADS = mostly(st.builds(lambda text, ascii_only: json.dumps(text, ensure_ascii=ascii_only), HELD, st.booleans()), VALUES, 3)

# --- the fields that are looked at

DAYS = st.sampled_from(["2020-01-06", "2106-02-07", "1970-01-01", "1969-12-31", "2020-02-30", "0000-01-01", "2020-W01-1"])
CLOCKS = "09:01:02.345678 09:01:59.999999 09:01:60.000000 24:00:00.000000 06:28:15.999999 06:28:16.000000 09:01:02 09:01:02.5 09:01:02,5".split()
ZONES = st.sampled_from(["+00:00", "+00:00", "", "Z", "+05:30", "-00:00", "+00:00 ", "+0000"])
NO_TIMES = ["2020-01-06T09:01:٠٢.345678+00:00", "2020-01-06T09:01:02.34567٨+00:00", "2020-01-06T09:01:02.-45678+00:00", "yesterday", ""]
ODD_TIMES = st.one_of(
    st.builds("{}{}{}{}".format, DAYS, st.sampled_from("TTT t"), st.sampled_from(CLOCKS), ZONES).map(quoted),
    st.sampled_from(NO_TIMES).map(quoted),
    SCALARS,
)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2106, 1, 1))
TIMES = mostly(
    mostly(st.just(TIME), MOMENTS.map(lambda moment: f"{moment.isoformat(timespec='microseconds')}+00:00"), 1).map(quoted),
    mostly(st.sampled_from(["2020-01-06T09:01:02.345678", "2020-01-06T09:01:03+00:00", "2106-02-07T06:28:15.9Z"]).map(quoted), ODD_TIMES, 2),
    4,
)

COURSES = [COURSE, "DemoX/D101/1T2020", f" {COURSE}", f"{COURSE}\\n", "ccx-v1:DemoX+D101+1T2020+ccx@7", "library-v1:DemoX+Lib", "", "bogus", "é/b/c"]
USERS = ["501", '"123"', '" 123\\n"', '""', "null", "true", "5.0", "[5]", '"12a"', "2147483648", "9223372036854775807", "-9223372036854775808", '"٣"']
URLS = [
    f"/courses/{COURSE}/info",
    "/dashboard",
    "https://courses.example.org/courses/DemoX/D101/1T2020/",
    "/xblock/block-v1:DemoX+D101+1T2020+type@html",
]


def field(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[Pair]:
    return st.tuples(st.just(name), values, BLANKS, BLANKS)


CONTEXTS = mostly(
    st.lists(
        st.one_of(
            field("course_id", mostly(st.sampled_from(COURSES).map(quoted), SCALARS)),
            field("user_id", mostly(st.sampled_from(USERS), SCALARS)),
            field("course_user_tags", st.just('{"xblock.partition_service.partition_0": "1"}')),
            field("path", st.sampled_from(URLS).map(quoted)),
            st.tuples(KEYS, VALUES, BLANKS, BLANKS),
        ),
        max_size=4,
    ).map(object_of),
    VALUES,
)
OTHERS = st.lists(
    st.one_of(
        field("event_type", st.sampled_from(URLS).map(quoted)),
        field("page", st.sampled_from(URLS).map(quoted) | st.just("null")),
        field("event_source", st.sampled_from(["server", "browser", "mobile"]).map(quoted)),
        st.tuples(KEYS, mostly(VALUES, DEEP), BLANKS, BLANKS),
    ),
    max_size=3,
)

# --- lines

KNOWN = st.tuples(field("time", TIMES), field("event", PAYLOADS), field("context", CONTEXTS))
OBJECTS = st.builds(lambda known, others, random: object_of(random.sample([*known, *others], len(known) + len(others))), KNOWN, OTHERS, st.randoms())


def as_line(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass").replace(b"\n", b"")


def spoilt(line: bytes, prefix: bytes, suffix: bytes, cut: int, bad: int) -> bytes:
    line = line[: len(line) - cut]
    if bad >= 0:
        line = line[:bad] + b"\xff" + line[bad:]
    return prefix + line + suffix


PREFIXES = st.sampled_from([b"", b"", b" ", b"\v\t", b"\xef\xbb\xbf", b"Sep  9 00:00:48 localhost ", b"[tracking] \xc3\xa9 - ", b"\0"])
SUFFIXES = st.sampled_from([b"", b"", b"\r", b" ", b"\x1c", b"}", b"\0"])
SPOILT = st.builds(spoilt, OBJECTS.map(as_line), PREFIXES, SUFFIXES, st.sampled_from([0, 0, 0, 1]), st.integers(-120, 60))
LINES = mostly(OBJECTS.map(as_line), SPOILT | SPOILT | VALUES.map(as_line) | st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), 4)
