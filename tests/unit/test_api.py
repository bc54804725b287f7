"""What command modules may rely on: these names, no others, and quickly there."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import edx_import.api
from edx_import.errors import UsageError
from edx_import.reports.context import Context
from edx_import.reports.discovery import bundled_folder

HEAVY = {"pymongo", "bson", "rich", "typer", "click", "boto3", "botocore", "gnupg", "yaml", "orjson", "isal", "ijson", "pyarrow", "xlsxwriter"}


def test_the_api_is_exactly_this() -> None:
    assert sorted(edx_import.api.__all__) == [
        *(
            "Argument",
            "Chart",
            "ChartKind",
            "Column",
            "Context",
            "Option",
            "Personal",
            "Report",
            "UsageError",
            "Writer",
            "activity",
            "compatibility",
            "course_report",
            "enrollment",
            "locating",
            "privacy",
        ),
    ]
    public = {name for name in vars(edx_import.api) if not name.startswith("_")} - {"annotations", "TYPE_CHECKING"}
    assert public | {"Writer"} == set(edx_import.api.__all__)
    assert edx_import.api.Writer.__name__ == "Writer"


@pytest.mark.parametrize("module", ["edx_import.api", "edx_import.reports.discovery", "edx_import.reports.render"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("path", sorted(bundled_folder().glob("*.py")), ids=lambda path: path.stem)
def test_a_bundled_command_imports_the_api_and_the_standard_library_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or ".")
    assert "edx_import.api" in imported
    assert {name.split(".")[0] for name in imported - {"edx_import.api"}} <= sys.stdlib_module_names


def context(**values: Any) -> Context:
    return Context(None, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("orgs", "globs", "taken"),
    [
        ((), (), True),
        (("demox",), (), True),
        (("DEMOX", "other"), (), True),
        (("other",), (), False),
        ((), ("course-v1:DemoX+D101+*",), True),
        ((), ("DemoX/D101/1T2020",), True),
        ((), ("DemoX-D101-*",), True),
        ((), ("demox/*",), False),
        ((), ("*/X/*", "*D101*"), True),
        (("other",), ("*D101*",), False),
    ],
)
def test_courses_are_chosen_by_organisation_and_glob(orgs: tuple[str, ...], globs: tuple[str, ...], taken: bool) -> None:
    assert context(orgs=orgs, course=globs).takes("course-v1:DemoX+D101+1T2020") is taken


def test_nothing_left_out_means_all_courses_without_asking_for_them() -> None:
    assert context().course_ids is None


def test_days_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(UsageError, match="2020-02-01 is after --until 2020-01-31"):
        context(since=date(2020, 2, 1), until=date(2020, 1, 31))
    assert context(since=date(2020, 2, 1), until=date(2020, 2, 1)).since == date(2020, 2, 1)


def test_a_command_to_which_days_mean_nothing_refuses_them() -> None:
    context().refuse_days("counts a snapshot")
    with pytest.raises(UsageError, match="counts a snapshot"):
        context(until=date(2020, 1, 1)).refuse_days("counts a snapshot")
