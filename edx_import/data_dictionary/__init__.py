"""The data dictionary: what every collection and every field of the database means. Tables come from their declarations, the rest is told here."""

from __future__ import annotations

from edx_import.data_dictionary.content import CONTENT_ENTRY, EMAIL_ENTRY, FORUM_ENTRY, OTHER_ENTRY, STRUCTURE_ENTRY
from edx_import.data_dictionary.declared import TABLE_ENTRIES
from edx_import.data_dictionary.entry import Entry, Field
from edx_import.data_dictionary.events import EVENTS_ENTRY
from edx_import.data_dictionary.markdown import dictionary_page
from edx_import.data_dictionary.ours import (
    COURSES_ENTRY,
    IMPORTS_ENTRY,
    META_ENTRY,
    MODULE_COURSE_DAY_ENTRY,
    PERSON_COURSE_DAY_ENTRY,
    REJECTS_ENTRY,
    ROLLUP_TODO_ENTRY,
    SAVED_ENTRY,
)
from edx_import.data_dictionary.results import LOCATED_ENTRY, REPORTS_ENTRY

__all__ = ["BY_NAME", "ENTRIES", "Entry", "Field", "dictionary_page"]

#: In the order of the page.
ENTRIES: tuple[Entry, ...] = (
    COURSES_ENTRY,
    EVENTS_ENTRY,
    *TABLE_ENTRIES,
    OTHER_ENTRY,
    FORUM_ENTRY,
    STRUCTURE_ENTRY,
    CONTENT_ENTRY,
    EMAIL_ENTRY,
    PERSON_COURSE_DAY_ENTRY,
    MODULE_COURSE_DAY_ENTRY,
    ROLLUP_TODO_ENTRY,
    LOCATED_ENTRY,
    REPORTS_ENTRY,
    SAVED_ENTRY,
    IMPORTS_ENTRY,
    REJECTS_ENTRY,
    META_ENTRY,
)

BY_NAME = {entry.name: entry for entry in ENTRIES}
