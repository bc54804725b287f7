"""All that a command module imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edx_import.errors import UsageError
from edx_import.reports import activity, compatibility, course_report, enrollment, locating, privacy
from edx_import.reports.context import Context
from edx_import.reports.options import Argument, Option
from edx_import.reports.report import Chart, ChartKind, Column, Personal, Report

if TYPE_CHECKING:
    from edx_import.store.changes import Writer

__all__ = [
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
]


def __getattr__(name: str) -> object:
    """`Writer` is for annotations: what it needs is loaded when somebody asks for it, and so not for the help."""
    if name == "Writer":
        from edx_import.store.changes import Writer

        return Writer
    raise AttributeError(name)
