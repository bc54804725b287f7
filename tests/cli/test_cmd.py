"""`cmd NAME` as a person uses it: formats, files, a terminal, a pipe that closes, and the options that go together."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import openpyxl
import pytest
from desk import Desk
from pyarrow import parquet

from edx_import.cli.cmd_file import to_file
from edx_import.reports.render import FORMATS

REPORT = '''"""What learners write."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from edx_import.api import Chart, ChartKind, Column, Context, Option, Report

COLUMNS = (Column("day", date, "a day"), Column("n", int, "a number", "pt"), Column("text", str, "what they wrote"))
TEXTS = ["[/x]", "[red]", "=1+1", "a;b", "\\x1b[31mred", "https://example.org/"]


def run(
    context: Context,
    *,
    rows: Annotated[int, Option("how many")] = 6,
    first: Annotated[date, Option("the first day")] = date(2020, 1, 1),
) -> Report:
    found = ([date.fromordinal(first.toordinal() + number), number, TEXTS[number % 6]] for number in range(rows))
    return Report(COLUMNS, found, "Texts", Chart(ChartKind.LINE, "day", "n"))
'''

WRITING = '''"""Writes."""

from edx_import.api import Column, Context, Report

WRITES = True
COLUMNS = (Column("n", int, "a number"),)


def run(context: Context) -> Report:
    return Report(COLUMNS, [[1]])
'''


@pytest.fixture
def texts(desk: Desk, tmp_path: Path) -> Desk:
    """A desk with two commands of its own."""
    folder = tmp_path / "commands"
    folder.mkdir()
    (folder / "texts.py").write_text(REPORT, encoding="utf-8")
    (folder / "writing.py").write_text(WRITING, encoding="utf-8")
    return desk.with_variables(COMMANDS_PATH=str(folder))


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet", "xlsx", "html", "txt"])
def test_the_ending_of_the_file_decides_the_format(texts: Desk, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"report.{ending}"
    said = texts.run("cmd", "texts", "--output", str(path), check=True)
    assert (said.out, said.err) == ("", f"6 rows written to {path}\n")
    content = path.read_bytes()
    if ending == "parquet":
        assert parquet.read_table(path).num_rows == 6
        assert parquet.read_schema(path).metadata[b"command"] == b"texts"
    elif ending == "xlsx":
        book = openpyxl.load_workbook(path)
        assert [cell.value for cell in book["Report"][4]][1:] == [2, "=1+1"]
        assert [cell.value for cell in book["About"]["B"]][:3] == ["Texts", "What learners write.", "texts"]
    else:
        starts = {
            "csv": b"day,n,text\n",
            "txt": b"day,n,text\n",
            "tsv": b"day\tn\ttext\n",
            "json": b"[\n{",
            "jsonl": b"{",
            "html": b"<!DOCTYPE html>",
        }
        assert content.startswith(starts[ending])


def test_what_a_killed_process_left_beside_the_file_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report[1].csv"
    left, others = tmp_path / ".report[1].csv.123.part", [tmp_path / ".report1.csv.123.part", tmp_path / "report[1].csv.part"]
    for file in (left, *others):
        file.write_bytes(b"learners")

    beside = {file.name for file in tmp_path.iterdir()}
    with (tmp_path / ".report[1].csv.7.part").open("wb") as at_work:
        fcntl.flock(at_work, fcntl.LOCK_EX)
        assert to_file(path, lambda stream: stream.write(b"rows")) == 4
        assert {file.name for file in tmp_path.iterdir()} == beside - {left.name} | {path.name, ".report[1].csv.7.part"}
    assert path.read_bytes() == b"rows"


def test_another_format_than_the_ending_says_is_taken_at_its_word(texts: Desk, tmp_path: Path) -> None:
    texts.run("cmd", "texts", "--format", "jsonl", "--output", str(tmp_path / "report.csv"), check=True)
    assert (tmp_path / "report.csv").read_bytes().startswith(b"{")


def test_csv_for_spreadsheets(texts: Desk) -> None:
    arguments = [sys.executable, "-m", "edx_import", "cmd", "texts", "--excel", "--delimiter", ";"]
    out = subprocess.run(arguments, env=texts.environment, capture_output=True, check=True).stdout
    assert out.startswith(b"\xef\xbb\xbfday;n;text\r\n2020-01-01;0;[/x]\r\n")
    assert out.splitlines()[3:5] == [b"2020-01-03;2;'=1+1", b'2020-01-04;3;"a;b"']


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--excel", "--format", "json"], "--excel says how csv is written, not json"),
        (["--delimiter", "::"], "--delimiter '::': a separator is one character of ASCII"),
        (["--format", "xml"], "there is no format 'xml'"),
        (["--first", "2020-02-30"], "--first 2020-02-30: not a day"),
        (["--since", "2020-02-01", "--until", "2020-01-01"], "--since 2020-02-01 comes after --until 2020-01-01"),
        (["--limit", "-1"], "Invalid value for '--limit'"),
        (["--rows", "x"], "Invalid value for '--rows'"),
        (["--no-such"], "No such option: --no-such"),
    ],
)
def test_what_makes_no_sense_is_told_before_the_database_is_asked(texts: Desk, options: list[str], said: str) -> None:
    answer = texts.run("cmd", "texts", *options, STORAGE_URI="mongodb://192.0.2.1:1")
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert "what to do: " in answer.err


def test_options_of_its_own_are_values_of_their_types(texts: Desk) -> None:
    assert (
        texts.run("cmd", "texts", "--rows", "1", "--first", "2020-02-29", "--format", "tsv", check=True).out == "day\tn\ttext\n2020-02-29\t0\t[/x]\n"
    )


def test_help_shows_options_with_their_values_and_columns_with_type_and_unit(texts: Desk) -> None:
    said = texts.run("cmd", "texts", "--help", check=True).out
    assert "--rows NUMBER" in said
    assert "--first DATE" in said
    assert "n     integer  a number [pt]" in said
    assert "writes to the database" not in said
    assert "It writes to the database, and holds the lock" in texts.run("cmd", "writing", "--help", check=True).out


def test_a_list_marks_what_writes(texts: Desk) -> None:
    lines = {line.split()[0]: line for line in texts.run("cmd", "--list", check=True).out.splitlines()}
    assert lines["writing"].endswith("Writes. (writes to the database)")
    assert lines["texts"].endswith("What learners write.")


def on_terminal(desk: Desk, *arguments: str, columns: int = 60) -> tuple[int, str]:
    """Exit code, and what a terminal of that width is shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "edx_import", *arguments]
    with subprocess.Popen(command, env=desk.environment, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True) as started:
        os.close(theirs)
        shown = io.BytesIO()
        while piece := _read(ours):
            shown.write(piece)
        _, err = started.communicate(timeout=60)
    os.close(ours)
    return started.returncode, shown.getvalue().decode().replace("\r\n", "\n") + err


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody writes any more
        return b""


def test_a_terminal_is_shown_a_table_that_fits_with_text_as_it_is(texts: Desk) -> None:
    code, shown = on_terminal(texts, "cmd", "texts", "--rows", "512", "--limit", "40")
    lines = shown.splitlines()
    assert code == 0
    assert "40 of 512 rows" in lines
    assert max(map(len, lines[: lines.index("40 of 512 rows")])) <= 60
    assert lines[0] == "Texts"
    assert lines[3].split() == ["2020-01-01", "0", "[/x]"]
    assert lines[4].split() == ["2020-01-02", "1", "[red]"]
    assert lines[7].split() == ["2020-01-05", "4", "\\x1b[31mred"]
    assert "\x1b" not in shown


@pytest.mark.parametrize("format", ["parquet", "xlsx", "html"])
def test_a_terminal_gets_no_file(texts: Desk, format: str) -> None:
    code, shown = on_terminal(texts, "cmd", "texts", "--format", format)
    assert code == 2
    assert f"error: {format} is no text for a terminal" in shown
    assert f"--output report.{format}" in shown


def test_a_closed_pipe_is_no_error_in_any_format(texts: Desk) -> None:
    program = f"{sys.executable} -m edx_import cmd texts --rows 8000 --format $0 | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    shells = {
        format: subprocess.Popen(["bash", "-c", program, format], env=texts.environment, stderr=subprocess.PIPE, text=True) for format in FORMATS
    }
    ended = {format: (shell.communicate(timeout=60)[1], shell.returncode) for format, shell in shells.items()}
    assert ended == dict.fromkeys(FORMATS, ("", 0))


def test_who_sees_only_the_beginning_has_all_saved(texts: Desk) -> None:
    program = f"{sys.executable} -m edx_import cmd texts --rows 3000 --save --format csv | head -2; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], env=texts.environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "day,n,text\n2020-01-01,0,[/x]\n")
    assert done.stderr.startswith("3,000 rows saved in the collection report_texts")
    assert texts.count("report_texts") == 3000
