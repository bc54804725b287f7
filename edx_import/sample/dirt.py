"""What is wrong with real deliveries, each thing by name, and what a sync makes of it.

Dirt in event files is made of the file's own lines. Dirt in table files and ZIPs sits with the first course of each site. What a ZIP has lost
(`LOSSES`) it has lost since the one of the week before: only the newest has this dirt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import chain
from random import Random
from typing import Any, Final

from edx_import.errors import UsageError
from edx_import.model import Site
from edx_import.sample.events import Line, Outcome
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe

WRONG_FIELD_COUNT: Final = "wrong_field_count"
BAD_DATE: Final = "bad_date"
SAME_KEY: Final = "same_key"
FAILED_MEMBER: Final = "failed_member"
ZERO_BYTE_MEMBER: Final = "zero_byte_member"
TRUNCATED_TABLE: Final = "truncated_table"
UNKNOWN_MEMBER: Final = "unknown_member"
DIRECTORY_ENTRY: Final = "directory_entry"

#: The tables that dirt is put in.
FAILED_TASK: Final = "wiki_article"
ZERO_BYTE_TASK: Final = "teams"
TRUNCATED_TASK: Final = "user_id_map"

#: Dirt of the newest ZIP alone: a member that failed, one without a byte, a table that has lost five rows of six.
LOSSES: Final = frozenset((FAILED_MEMBER, ZERO_BYTE_MEMBER, TRUNCATED_TABLE))

LineDirt = Callable[[Line, Random], list[Line]]


def _rejected(data: bytes) -> list[Line]:
    return [Line(data, "", Outcome.REJECTED)]


def _cut(line: Line, rng: Random) -> list[Line]:
    return _rejected(line.data[: rng.randrange(20, len(line.data) - 1)])


def _prefix(line: Line, rng: Random) -> list[Line]:
    return [line._replace(data=b"Jan 10 00:00:48 localhost " + line.data)]


def _bad_utf8(line: Line, rng: Random) -> list[Line]:
    return [line._replace(data=line.data.replace(b'"agent": "', b'"agent": "caf\xe9 \xff', 1))]


def _without_time(line: Line, rng: Random) -> list[Line]:
    event = json.loads(line.data)
    del event["time"]
    return _rejected(json.dumps(event).encode())


def _bad_time(line: Line, rng: Random) -> list[Line]:
    return _rejected(json.dumps(json.loads(line.data) | {"time": rng.choice(("yesterday", "2020-13-45T00:00:00+00:00", "12.5"))}).encode())


def _duplicate(line: Line, rng: Random) -> list[Line]:
    return [line, line._replace(outcome=Outcome.DUPLICATE)]


def _double_encoded(line: Line, rng: Random) -> list[Line]:
    event = _with_course(line)
    payload = event["event"]
    event["event"] = json.dumps(payload if isinstance(payload, str) else json.dumps(payload))
    return [line._replace(data=json.dumps(event).encode())]


def _with_client(client: dict[str, Any]) -> LineDirt:
    """Puts something into the free part of a line."""

    def dirty(line: Line, rng: Random) -> list[Line]:
        event = _with_course(line)
        event["context"]["client"] = client
        return [line._replace(data=json.dumps(event).encode())]

    return dirty


def _with_course(line: Line) -> dict[str, Any]:
    """The event; where something else than its context tells the course, its context does now."""
    event: dict[str, Any] = json.loads(line.data)
    if line.course_id:
        event["context"]["course_id"] = line.course_id
    return event


def _long(size: int, outcome: Outcome) -> LineDirt:
    def dirty(line: Line, rng: Random) -> list[Line]:
        made = _with_client({"text": "long text " * (size // 10)})(line, rng)[0]
        return [made._replace(outcome=outcome)]

    return dirty


_DOTTED: Final = {"a.b": {"$set": {"": 1, "5b60._2_1": [{"$": ".", "c.d.": None}]}}, "$date": "2020-01-01", "%24x": 1}

#: Lines of a length that strains readers come on the last day only.
LONG_LINES: Final[dict[str, LineDirt]] = {
    "line_of_5_mb": _long(5_000_000, Outcome.LOADED),
    "line_of_20_mb": _long(20_000_000, Outcome.REJECTED),
}

#: Dirt of event files: each takes a line's place.
LINES: Final[dict[str, LineDirt]] = {
    "cut_line": _cut,
    "prefix": _prefix,
    "not_json": lambda line, rng: _rejected(b"tracking: connection reset by peer"),
    "null_line": lambda line, rng: _rejected(b"null"),
    "list_line": lambda line, rng: _rejected(b"[1]"),
    "empty_object": lambda line, rng: _rejected(b"{}"),
    "no_time": _without_time,
    "bad_time": _bad_time,
    "bad_utf8": _bad_utf8,
    "lone_surrogate": _with_client({"cut emoji": "\ud83d", "\udc00": 1}),
    "huge_int": _with_client({"big": 2**70, "negative": -(2**63) - 1, "unsigned": 2**64 - 1}),
    "nan": _with_client({"speed": float("nan"), "ends": [float("inf"), float("-inf")]}),
    "duplicate_line": _duplicate,
    "blank_line": lambda line, rng: [line, Line(rng.choice((b"", b"  \t")), "", Outcome.BLANK)],
    "nul": _with_client({"text": "a\0b", "key\0": {"\0": "\0"}}),
    "dotted_keys": _with_client(_DOTTED),
    "double_encoded": _double_encoded,
}

#: Every name of dirt.
DIRT: Final = frozenset((*LINES, *LONG_LINES, *LOSSES, WRONG_FIELD_COUNT, BAD_DATE, SAME_KEY, UNKNOWN_MEMBER, DIRECTORY_ENTRY))


def named_dirt(recipe: Recipe) -> frozenset[str]:
    """The names of dirt that a recipe asks for; none when it asks for a share. Raises UsageError for a name that does not exist."""
    if not isinstance(recipe.dirt, frozenset):
        return frozenset()
    if unknown := recipe.dirt - DIRT:
        raise UsageError(f"no dirt is called {', '.join(sorted(unknown))}", f"There is: {', '.join(sorted(DIRT))}.")
    return recipe.dirt


def table_dirt(offering: Offering) -> frozenset[str]:
    """The names of dirt that a recipe asks for in the table files of a course, as of a day. Raises UsageError for a name that does not exist."""
    if offering.course.index:
        return frozenset()
    names = named_dirt(offering.recipe)
    return names if offering.day == offering.recipe.snapshots[-1] else names - LOSSES


def dirty_lines(lines: Iterable[Line], recipe: Recipe, day: date, site: Site) -> Iterator[Line]:
    """The lines of an event file with the dirt that the recipe asks for: by name among the first lines, or as a share of all."""
    rng = recipe.rng("dirt", site, day)
    if not isinstance(recipe.dirt, frozenset):
        return _share(lines, recipe.dirt, rng)
    makers = LINES | (LONG_LINES if day == recipe.last_day else {})
    names = sorted(named_dirt(recipe) & makers.keys())
    rest = iter(lines)
    dirty = (made for name, line in zip(names, rest, strict=False) for made in makers[name](line, rng))
    return chain(dirty, rest)


def _share(lines: Iterable[Line], share: float, rng: Random) -> Iterator[Line]:
    makers = list(LINES.values())
    for line in lines:
        if rng.random() < share:
            yield from rng.choice(makers)(line, rng)
        else:
            yield line


def dirty_table(task: str, lines: list[bytes], names: frozenset[str]) -> tuple[list[bytes], int]:
    """The lines of a table file (header first) with its dirt, and how many of its rows cannot be loaded. A table without rows stays clean."""
    if len(lines) < 2:
        return lines, 0
    if task == TRUNCATED_TASK and TRUNCATED_TABLE in names:
        lines = lines[: 1 + max(1, (len(lines) - 1) // 6)]
    if task == "auth_user" and BAD_DATE in names:
        return [lines[0], _with_bad_date(lines[0], lines[1]), *lines[2:]], 0
    if task == "auth_userprofile" and WRONG_FIELD_COUNT in names:
        return [*lines, b"1\t2\tthe rest of this row is missing\n"], 1
    if task == "user_id_map" and SAME_KEY in names:
        return [*lines, b"0" * 32 + lines[1][32:]], 1
    return lines, 0


def _with_bad_date(header: bytes, row: bytes) -> bytes:
    cells = row.split(b"\t")
    cells[header.split(b"\t").index(b"last_login")] = b"0000-00-00 00:00:00"
    return b"\t".join(cells)
