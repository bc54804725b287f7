"""The activity family: what commands answer from the roll-ups. All functions give rows as dictionaries, as they come."""

from __future__ import annotations

from edx_import.reports.activity.course_events import course_events
from edx_import.reports.activity.course_profile import profiles
from edx_import.reports.activity.daily_count import daily_counts
from edx_import.reports.activity.insights import by_user, weekly
from edx_import.reports.activity.learner_days import person_days, sessions, time_on_task, time_on_task_totals
from edx_import.reports.activity.modules import module_days
from edx_import.reports.activity.person_course import person_courses

__all__ = [
    "by_user",
    "course_events",
    "daily_counts",
    "module_days",
    "person_courses",
    "person_days",
    "profiles",
    "sessions",
    "time_on_task",
    "time_on_task_totals",
    "weekly",
]
