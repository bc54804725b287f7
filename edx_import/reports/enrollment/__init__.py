"""The enrolment family: what commands answer from enrolment events. All functions give rows as dictionaries, as they come."""

from __future__ import annotations

from edx_import.reports.enrollment.by_day import by_learner, daily, on_last_day
from edx_import.reports.enrollment.location import by_country
from edx_import.reports.enrollment.passing import by_mode, meta_summary
from edx_import.reports.enrollment.summary import summaries
from edx_import.reports.enrollment.validation import missing_events

__all__ = ["by_country", "by_learner", "by_mode", "daily", "meta_summary", "missing_events", "on_last_day", "summaries"]
