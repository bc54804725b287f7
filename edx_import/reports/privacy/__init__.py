"""Personal details and learners, out of what the database holds."""

from __future__ import annotations

from edx_import.reports.privacy.details import remove_details
from edx_import.reports.privacy.learner import Learner, find_learner
from edx_import.reports.privacy.oblivion import forget, forgotten_before

__all__ = ["Learner", "find_learner", "forget", "forgotten_before", "remove_details"]
