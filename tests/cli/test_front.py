"""The command line itself: instant help, pages that say what the program says, nothing secret where it does not belong."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from desk import Desk

from edx_import.cli.reference import cli_page, with_variables
from edx_import.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("boto3", "botocore", "pymongo", "bson", "gnupg", "yaml", "rich", "orjson", "isal", "moto", "hypothesis", "pyarrow", "xlsxwriter")


MY_REPORT = '''"""Mine."""

from __future__ import annotations

from typing import Annotated

from edx_import.api import Column, Context, Option, Report

COLUMNS = (Column("n", int, "a number"),)


def run(context: Context, *, times: Annotated[int, Option("how many")] = 2, loud: Annotated[bool, Option("louder")] = False) -> Report:
    return Report(COLUMNS, [[n * (10 if loud else 1)] for n in range(times)])
'''


def test_help_is_instant() -> None:
    """Under 0.3 s of work; the best of five, since the machine has other things to do as well."""
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "edx_import", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(seconds) < 0.3


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom edx_import.cli.error_boundary import run\nrun(['--help'])\nimport json\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded.isdisjoint(HEAVY)
    assert "typer" in loaded


def test_cli_page_is_what_the_program_says() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_page(), "make docs"


def test_readme_names_every_variable() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_variables(readme) == readme, "make docs"


def test_readme_names_every_exit_code() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [code for code in ExitCode if f"| {int(code)} | " not in readme] == []


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_asking_about_the_program_needs_no_settings(option: str) -> None:
    done = subprocess.run([sys.executable, "-m", "edx_import", option], capture_output=True, text=True, check=False, env={})
    assert (done.returncode, done.stderr) == (0, "")


def test_command_list(desk: Desk) -> None:
    said = desk.run("cmd", "--list", check=True)
    names = [line.split()[0] for line in said.out.splitlines()]
    assert names == sorted(names)
    assert {"list_courses", "report_enrollments", "report_general"} <= set(names)


def test_command_of_a_folder_of_ones_own(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "my_report.py").write_text(MY_REPORT)
    own = desk.with_variables(COMMANDS_PATH=str(tmp_path))
    assert re.search(r"^ *my_report +Mine\.$", own.run("cmd", "--list", check=True).out, re.MULTILINE)
    assert own.run("cmd", "my_report", "--times", "3", "--loud", "--format", "csv", check=True).out == "n\n0\n10\n20\n"
    said = own.run("cmd", "my_report", "--help", check=True)
    assert "how many" in said.out
    assert "a number" in said.out
    assert own.run("cmd", "my_report", "--times", "x").code == 2


def test_doctor_says_that_all_is_well(at_s3: Desk) -> None:
    said = at_s3.run("doctor", check=True)
    assert [line.split()[0] for line in said.out.splitlines()] == ["ok"] * 5


def test_doctor_names_each_problem_and_what_to_do(at_s3: Desk) -> None:
    said = at_s3.run("doctor", KEY_PASSPHRASE="wrong", EDX_COURSE_DATA_BUCKET="no-such-bucket")
    problems = [line.split(":")[0].removeprefix("PROBLEM").strip() for line in said.out.splitlines() if line.startswith("PROBLEM")]
    assert problems == ["key and passphrase", "source"]
    assert said.out.count("what to do: ") == 2
    assert said.code == 5


def test_quick_doctor_needs_neither_key_nor_s3_and_writes_nothing(desk: Desk) -> None:
    said = desk.run("doctor", "--quick", KEY_FILE="", KEY_PASSPHRASE="", AWS_ENDPOINT_URL="http://192.0.2.1:1", check=True)
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["ok       courses.yaml", "ok       MongoDB"]
    with desk.store() as store:
        assert store.database.list_collection_names() == []


def test_quick_doctor_tells_soon_that_mongodb_is_away(desk: Desk) -> None:
    began = monotonic()
    said = desk.run("doctor", "--quick", STORAGE_URI="mongodb://192.0.2.1:1")
    assert monotonic() - began < 10
    assert said.code == 6
    assert "PROBLEM  MongoDB: 192.0.2.1:1, database" in said.out


def test_quick_doctor_starts_no_server(desk: Desk, tmp_path: Path) -> None:
    said = desk.run("doctor", "--quick", STORAGE_URI="", EDX_IMPORT_HOME=str(tmp_path), check=True)
    assert "ok       MongoDB: a local one, started when it is needed" in said.out
    assert list(tmp_path.iterdir()) == []


def test_closed_pipe_is_no_error(at_folder: Desk) -> None:
    at_folder.sync()
    command = f"{sys.executable} -m edx_import cmd report_enrollments --format csv | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=at_folder.environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("course_name,course_id")


def test_demo_runs_the_whole_way_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    said = desk.run("demo", TMPDIR=str(tmp_path), STORAGE_URI="mongodb://192.0.2.1:1")
    assert said.code == 0, said.err
    assert "0 failed" in said.err
    assert "Data for Better Decisions" in said.out
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("edx-import-demo")] == []
