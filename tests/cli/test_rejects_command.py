"""`edx-import rejects`: which rows were refused, by which rule, and what stood in them."""

from __future__ import annotations

from typing import Any

from desk import Desk

from edx_import.sample.dirt import SAME_KEY, WRONG_FIELD_COUNT
from edx_import.sample.package import make_package
from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey, Sealer


def test_nothing_rejected(at_folder: Desk) -> None:
    at_folder.sync("--only", "events", "--latest")
    said = at_folder.run("rejects", check=True)
    assert "no row was rejected" in said.err


def test_rejected_rows_say_which_rule_failed(make_desk: Any, institution: InstitutionKey, tmp_path: Any) -> None:
    tables = frozenset(("auth_user", "auth_userprofile", "student_courseenrollment", "user_id_map"))
    dirt = frozenset({WRONG_FIELD_COUNT, SAME_KEY, "cut_line", "no_time"})
    recipe = Recipe(seed=31, learners=30, days=1, events_per_day=60, dirt=dirt, tables=tables)
    with Sealer(institution) as sealer:
        totals = make_package(recipe, tmp_path / "package", sealer)
    with make_desk(EDX_IMPORT_SOURCE=str(tmp_path / "package")) as desk:
        desk.sync()
        reasons = desk.run("rejects", "--json", check=True).json
        by_reason: dict[str, int] = {}
        for row in reasons:
            by_reason[row["reason"]] = by_reason.get(row["reason"], 0) + row["rows"]
        assert {"wrong number of fields", "two rows with one key", "not JSON", "no time"} == by_reason.keys()
        assert sum(by_reason.values()) == sum(totals.rejected_rows.values()) + sum(file.rejected for file in totals.event_files.values())
        rows = desk.run("rejects", "--show", "5", "--reason", "wrong number of fields", "--json", check=True).json
        assert rows
        assert {row["reason"] for row in rows} == {"wrong number of fields"}
        assert all(row["line"] > 0 and row["raw"] and row["detail"] for row in rows)
