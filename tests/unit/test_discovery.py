"""Commands are found by path, listed without being run, and loaded one at a time; a broken one breaks only itself."""

from __future__ import annotations

import pickle
import sys
import traceback
from datetime import date
from pathlib import Path

import pytest

from edx_import.errors import ConfigurationError, EdxImportError, ExitCode, UsageError
from edx_import.reports.discovery import BrokenCommandError, CommandInfo, bundled_folder, list_commands, load_command
from edx_import.reports.options import SHARED, CommandOption

WORKING = '''"""Learners per thing.

Told at length.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Optional

from edx_import.api import Argument, Column, Context, Option, Report

WRITES = True
COLUMNS = (Column("thing"), Column("learners", int, "distinct"))


def run(
    context: Context,
    *,
    least: Annotated[int, Option("smallest number")],
    share_of: Annotated[float, Option("share")] = 0.5,
    all_of: Annotated[bool, Option("all")] = False,
    start: Annotated[date | None, Option("from")] = None,
    where: Annotated[Optional[Path], Option("file")] = None,
    mode: Annotated[list[str], Option("modes")] = (),
    label: Annotated[str, Option("label")] = "x",
    whom: Annotated[str, Argument("learner")] = "all",
) -> Report:
    return Report(COLUMNS, [[label, least]])
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    return made


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_bundled_commands_are_listed_with_a_line_each() -> None:
    found = {info.name: info for info in list_commands([bundled_folder()])}
    assert {"list_courses", "report_enrollments", "report_general"} <= found.keys()
    assert all(info.summary.endswith(".") for info in found.values())
    assert found["rebuild_rollups"].writes
    assert not found["list_courses"].writes


@pytest.mark.parametrize("name", [info.name for info in list_commands([bundled_folder()])])
def test_every_bundled_command_loads_and_explains_its_columns(name: str) -> None:
    command = load_command(name, [bundled_folder()])
    assert command.columns
    assert all(column.name and column.meaning for column in command.columns)
    assert command.help.startswith(command.summary)


def test_listing_runs_nothing(folder: Path) -> None:
    put(folder, "loud", '"""Loud.\n\nMore."""\nraise SystemExit("imported")\n')
    put(folder, "writer", '"""Writes."""\nWRITES: bool = True\n')
    put(folder, "silent", "WRITES = False\n")
    assert list_commands([folder]) == [
        CommandInfo("loud", folder / "loud.py", "Loud."),
        CommandInfo("silent", folder / "silent.py", ""),
        CommandInfo("writer", folder / "writer.py", "Writes.", writes=True),
    ]


def test_a_file_that_cannot_be_read_is_listed_as_such_beside_the_others(folder: Path) -> None:
    put(folder, "broken", "x = (\n")
    (folder / "binary.py").write_bytes(b"\x00\xff")
    put(folder, "fine", '"""Fine."""\n')
    summaries = {info.name: info.summary for info in list_commands([folder])}
    assert summaries["fine"] == "Fine."
    assert summaries["broken"].startswith("(cannot be read: line 1: ")
    assert summaries["binary"].startswith("(cannot be read: ")


def test_only_public_python_files_are_commands(folder: Path) -> None:
    for name in ("_shared", ".hidden", "command"):
        put(folder, name, "")
    (folder / "notes.txt").write_text("")
    (folder / "folder.py").mkdir()
    assert [info.name for info in list_commands([folder])] == ["command"]


def test_a_command_tells_its_help_columns_options_and_that_it_writes(folder: Path) -> None:
    path = put(folder, "things", WORKING)
    command = load_command("things", [bundled_folder(), folder])
    assert (command.name, command.path, command.summary, command.writes) == ("things", path, "Learners per thing.", True)
    assert command.help == "Learners per thing.\n\nTold at length."
    assert [column.name for column in command.columns] == ["thing", "learners"]
    assert command.options == (
        CommandOption("least", int, "smallest number", required=True),
        CommandOption("share_of", float, "share", 0.5),
        CommandOption("all_of", bool, "all", False),
        CommandOption("start", date, "from"),
        CommandOption("where", Path, "file"),
        CommandOption("mode", str, "modes", (), many=True),
        CommandOption("label", str, "label", "x"),
        CommandOption("whom", str, "learner", "all", by_place=True),
    )
    assert command.options[1].flag == "--share-of"


def test_only_the_command_asked_for_is_imported(folder: Path) -> None:
    put(folder, "things", WORKING)
    put(folder, "broken", "raise RuntimeError('imported')\n")
    assert load_command("things", [folder]).name == "things"
    assert "edx_import_command_broken" not in sys.modules


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no command 'report-enrolments'") as raised:
        load_command("report-enrolments", [bundled_folder()])
    assert "report_enrollments" in raised.value.hint
    with pytest.raises(UsageError) as raised:
        load_command("zzz", [bundled_folder()])
    assert "cmd --list" in raised.value.hint


def test_two_files_of_one_name_are_an_error_that_names_both(folder: Path) -> None:
    mine = put(folder, "list_courses", "")
    for attempt in (lambda: list_commands([bundled_folder(), folder]), lambda: load_command("list_courses", [bundled_folder(), folder])):
        with pytest.raises(ConfigurationError) as raised:
            attempt()
        assert str(mine) in raised.value.what
        assert str(bundled_folder() / "list_courses.py") in raised.value.what


def test_a_folder_named_twice_is_one_folder(folder: Path) -> None:
    put(folder, "once", "")
    assert [info.name for info in list_commands([folder, folder / ".." / folder.name])] == ["once"]


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere cannot be read: no such file") as raised:
        list_commands([tmp_path / "nowhere"])
    assert "COMMANDS_PATH" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("import math\n\nmath.nothing\n", 3, "AttributeError: module 'math' has no attribute 'nothing'"),
        ("x = 1\nx = (\n", 2, "SyntaxError: '(' was never closed"),
        ("import no_such_module_anywhere\n", 1, "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("def f():\n    raise SystemExit('no')\n\nf()\n", 2, "SystemExit: no"),
        ("\nimport json\njson.loads('{')\n", 3, "JSONDecodeError"),
        ("\ndef run(context, *, least: int = 1):\n    ...\n", 2, "TypeError: option least does not say what it means"),
        ("def run():\n    ...\n", 1, "TypeError: run must take a context first"),
        ("def run(context: Nothing):\n    ...\n", 1, "NameError: name 'Nothing' is not defined"),
    ],
)
def test_a_broken_module_says_where_and_keeps_its_cause(folder: Path, text: str, line: int, reason: str) -> None:
    path = put(folder, "broken", text)
    with pytest.raises(BrokenCommandError) as raised:
        load_command("broken", [folder])
    error = raised.value
    assert error.what.startswith(f"{path}, line {line}: {reason}")
    assert error.exit_code is ExitCode.CONFIGURATION
    assert error.__cause__ is not None
    assert not any("discovery.py" in frame.filename for frame in traceback.extract_tb(error.__cause__.__traceback__))
    assert "edx_import_command_broken" not in sys.modules


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no function run"),
        ("run = 1\n", "there is no function run"),
        ("COLUMNS = ['a']\ndef run(context): ...\n", "COLUMNS must be"),
        ("from edx_import.api import *\ndef run(context, *, a: Annotated[dict, Option('x')]): ...\n", "name 'Annotated' is not defined"),
        (
            "from typing import Annotated\nfrom edx_import.api import Option\ndef run(context, *, a: Annotated[dict, Option('x')]): ...\n",
            "must be one of str",
        ),
        (
            "from typing import Annotated\nfrom edx_import.api import Option\ndef run(context, *, a: Annotated[int | str, Option('x')]): ...\n",
            "must be one of",
        ),
        *[
            (
                f"from typing import Annotated\nfrom edx_import.api import Option\ndef run(context, *, {name}: Annotated[str, Option('x')]): ...\n",
                "all commands",
            )
            for name in sorted(SHARED)
        ],
    ],
)
def test_a_module_that_is_no_command_is_refused_with_the_reason(folder: Path, text: str, reason: str) -> None:
    put(folder, "broken", text)
    with pytest.raises(BrokenCommandError, match=reason) as raised:
        load_command("broken", [folder])
    assert isinstance(pickle.loads(pickle.dumps(raised.value)), EdxImportError)


def test_a_module_may_define_dataclasses(folder: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\ndef run(context): ...\n"
    put(folder, "with_class", text)
    assert load_command("with_class", [folder]).columns == ()
