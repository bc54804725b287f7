"""All that a command module imports."""

from __future__ import annotations

from edx_import.errors import UsageError
from edx_import.reports.context import Context
from edx_import.reports.options import Option
from edx_import.reports.report import Chart, ChartKind, Column, Personal, Report

__all__ = ["Chart", "ChartKind", "Column", "Context", "Option", "Personal", "Report", "UsageError"]
