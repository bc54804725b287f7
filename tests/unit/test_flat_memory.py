"""A long report needs no more memory than a short one, in every format. Measured from outside: libraries hold memory that Python does not see."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edx_import.reports.render import FORMATS

#: Megabytes that the longer report may take more: as rows held in memory, they would be some forty-five.
GROWTH = 22

PROGRAM = """
import resource, sys
from datetime import date
from edx_import.reports.outputs.base import Page
from edx_import.reports.render import render
from edx_import.reports.report import Chart, ChartKind, Column, Report

def peak(rows):
    columns = (Column("day", date), Column("n", int), Column("text"))
    found = ([date.fromordinal(730000 + n % 3000), n, f"a text of some length, {n:020}"] for n in range(rows))
    report = Report(columns, found, "long", Chart(ChartKind.LINE, "day", "n", None))
    with open("/dev/null", "wb") as sink:
        assert render(report, sys.argv[1], sink, Page(limit=200 if sys.argv[1] == "table" else None)) == rows
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

few = int(sys.argv[2])
print(peak(few), peak(few + 200_000))
"""


@pytest.mark.parametrize("format", FORMATS)
def test_a_long_report_takes_no_more_memory_than_a_short_one(format: str) -> None:
    few = 130_000 if format == "parquet" else 20_000  # more than two of its groups of rows: what they need is held from then on
    told = subprocess.run([sys.executable, "-c", PROGRAM, format, str(few)], capture_output=True, text=True, check=True).stdout
    short, long = map(int, told.split())
    assert long - short < GROWTH
