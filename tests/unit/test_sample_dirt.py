"""The dirt of a sample: each kind is what its name says, and is in the totals."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from zipfile import ZipFile

import pytest
from in_the_clear import Unsealed

from edx_import.errors import UsageError
from edx_import.sample import dirt
from edx_import.sample.events import Outcome, iter_events, iter_lines
from edx_import.sample.package import database_members, dirty_lines, make_package
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.totals import Tally

DEFAULT = Recipe()
SMALL = Recipe(learners=40, events_per_day=60, days=2)
RUNNING, HYPHENATED, ARCHIVED = courses_of(DEFAULT)


@cache
def members(recipe: Recipe) -> dict[str, bytes | None]:
    """The content of the members of the newest ZIP, by base name."""
    return {member.path.rpartition("/")[2]: member.content for member in database_members(recipe, recipe.snapshots[-1], Tally())}


def test_every_dirt_of_lines_comes_once_a_day_and_changes_nothing_else() -> None:
    small = replace(SMALL, dirt=frozenset(dirt.LINES))
    clean = Counter(line.data for line in iter_lines(SMALL, SMALL.last_day))
    dirty = [*dirty_lines(small, SMALL.last_day)]
    outcomes = Counter(line.outcome for line in dirty)
    assert outcomes[Outcome.REJECTED] == 7
    assert outcomes[Outcome.DUPLICATE] == outcomes[Outcome.BLANK] == 1
    assert outcomes[Outcome.LOADED] == clean.total() - 7
    assert sum((clean - Counter(line.data for line in dirty)).values()) == len(dirt.LINES) - 2  # a duplicate and a blank line take nothing away


@pytest.mark.parametrize("name", sorted(dirt.LINES))
def test_dirt_is_what_its_name_says(name: str) -> None:
    sign: dict[str, Callable[[list[bytes]], bool]] = {
        "cut_line": lambda lines: lines[0].startswith(b'{"username"') and not lines[0].endswith(b"}"),
        "prefix": lambda lines: lines[0].endswith(b"}") and not lines[0].startswith(b"{"),
        "not_json": lambda lines: lines[0].isascii() and b"{" not in lines[0],
        "null_line": lambda lines: lines[0] == b"null",
        "list_line": lambda lines: lines[0] == b"[1]",
        "empty_object": lambda lines: lines[0] == b"{}",
        "no_time": lambda lines: "time" not in json.loads(lines[0]),
        "bad_time": lambda lines: not re.match(r"20\d\d-(0\d|1[012])-[0-3]", json.loads(lines[0])["time"]),
        "bad_utf8": lambda lines: b"\xff" in lines[0],
        "lone_surrogate": lambda lines: b'"\\ud83d"' in lines[0],
        "huge_int": lambda lines: json.loads(lines[0])["context"]["client"]["big"] > 2**64,
        "nan": lambda lines: b"NaN" in lines[0] and b"-Infinity" in lines[0],
        "duplicate_line": lambda lines: lines[0] == lines[1],
        "blank_line": lambda lines: not lines[1].strip(),
        "nul": lambda lines: b"\\u0000" in lines[0],
        "dotted_keys": lambda lines: b'"a.b"' in lines[0],
        "double_encoded": lambda lines: isinstance(json.loads(json.loads(lines[0])["event"]), str),
    }
    assert sign[name]([line.data for line in dirty_lines(replace(SMALL, dirt=frozenset({name})), SMALL.last_day)])


def test_long_lines_come_on_the_last_day() -> None:
    recipe = replace(SMALL, dirt=frozenset(dirt.LONG_LINES))
    sizes = [sorted(len(line.data) // 10**6 for line in dirty_lines(recipe, day))[-2:] for day in recipe.event_days]
    assert sizes == [[0, 0], [5, 20]]


def test_a_share_of_dirt_is_about_that_share() -> None:
    lines = [*dirty_lines(replace(SMALL, events_per_day=1000, dirt=0.3), SMALL.last_day)]
    clean = set(iter_events(replace(SMALL, events_per_day=1000), SMALL.last_day))
    assert 0.2 < sum(line.data not in clean for line in lines) / len(lines) < 0.35
    assert {line.outcome for line in lines} == set(Outcome)


def test_dirt_of_tables_and_members_sits_with_the_first_course() -> None:
    recipe = replace(SMALL, dirt=dirt.DIRT - dirt.LINES.keys() - dirt.LONG_LINES.keys())
    clean, dirty = members(SMALL), members(recipe)
    first = f"{RUNNING.file_part}-"
    assert dirty.keys() - clean.keys() == {f"{first}wiki_article-prod-analytics.sql.failed.gpg", "READ_ME.txt.gpg"}
    assert clean.keys() - dirty.keys() == {f"{first}wiki_article-prod-analytics.sql.gpg"}
    changed = {name: dirty[name] for name in clean.keys() & dirty.keys() if dirty[name] != clean[name]}
    assert {name.split("-")[3] for name in changed} == {"teams", "auth_user", "auth_userprofile", "user_id_map"}
    assert changed[f"{first}teams-prod-analytics.sql.gpg"] is None
    assert b"0000-00-00" in (changed[f"{first}auth_user-prod-analytics.sql.gpg"] or b"")
    ids = [row.split(b"\t")[1] for row in (changed[f"{first}user_id_map-prod-analytics.sql.gpg"] or b"").splitlines()]
    assert len(ids) == len(set(ids)) + 1


def test_dirt_is_in_the_totals(tmp_path: Path) -> None:
    recipe = replace(SMALL, dirt=dirt.DIRT - dirt.LONG_LINES.keys())
    clean, dirty = make_package(SMALL, tmp_path / "clean", Unsealed()), make_package(recipe, tmp_path / "dirty", Unsealed())
    assert dirty.rejected_rows == {"auth_userprofile": 1, "user_id_map": 1}
    assert {file.rejected for file in dirty.event_files.values()} == {7}
    assert {file.duplicate for file in dirty.event_files.values()} == {1}
    assert dirty.documents["events"] == clean.documents["events"] - 14
    assert dirty.documents["auth_user"] == clean.documents["auth_user"]
    with ZipFile(tmp_path / "dirty/course-data/demox-2020-01-12.zip") as archive:
        assert [info.filename for info in archive.infolist() if info.is_dir()] == ["demox-2020-01-12/"]
        assert [info.filename.split("-")[6] for info in archive.infolist() if not info.file_size and not info.is_dir()] == ["teams"]


def test_an_unknown_dirt_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no dirt is called mud"):
        make_package(replace(SMALL, dirt=frozenset({"mud"})), tmp_path, Unsealed())
