"""The tables of a package, one declaration each: what reads, stores, documents and protects them.

Column types follow the data package's reference: `int` (64 bits), `float`, `bool` (0/1), `date` (UTC, `YYYY-MM-DD HH:MM:SS[.ffffff]`), `string`,
`json` (text that holds JSON). A cell that is the four letters NULL becomes null, except in a column that is `required` and holds text: there it can
only be the text itself (a learner may be called NULL).
"""

from __future__ import annotations

from edx_import.tables.assessment import ASSESSMENT_TABLES
from edx_import.tables.learners import ANONYMOUS_USER_ID, AUTH_USER, AUTH_USERPROFILE, LANGUAGE_PROFICIENCY, LEARNER_TABLES, USER_ID_MAP
from edx_import.tables.participation import (
    ACCESS_ROLE,
    COHORT_MEMBERSHIP,
    COURSE_TAG,
    ENROLLMENT,
    FORUM_ROLE,
    PARTICIPATION_TABLES,
    TEAM,
    TEAM_MEMBERSHIP,
)
from edx_import.tables.results import (
    CERTIFICATES,
    COURSE_GRADE,
    CREDIT_ELIGIBILITY,
    RESULT_TABLES,
    STUDENT_MODULE,
    SUBSECTION_GRADE,
    VERIFICATION_STATUS,
)
from edx_import.tables.spec import ColumnSpec, ColumnType, Dialect, IndexSpec, Table
from edx_import.tables.wiki import WIKI_ARTICLE, WIKI_REVISION, WIKI_TABLES

__all__ = [
    "ACCESS_ROLE",
    "ANONYMOUS_USER_ID",
    "ASSESSMENT_TABLES",
    "AUTH_USER",
    "AUTH_USERPROFILE",
    "BY_NAME",
    "BY_TASK",
    "CERTIFICATES",
    "COHORT_MEMBERSHIP",
    "COURSE_GRADE",
    "COURSE_TAG",
    "CREDIT_ELIGIBILITY",
    "ENROLLMENT",
    "FORUM_ROLE",
    "LANGUAGE_PROFICIENCY",
    "LEARNER_TABLES",
    "PARTICIPATION_TABLES",
    "RESULT_TABLES",
    "STUDENT_MODULE",
    "SUBSECTION_GRADE",
    "TABLES",
    "TEAM",
    "TEAM_MEMBERSHIP",
    "USER_ID_MAP",
    "VERIFICATION_STATUS",
    "WIKI_ARTICLE",
    "WIKI_REVISION",
    "WIKI_TABLES",
    "ColumnSpec",
    "ColumnType",
    "Dialect",
    "IndexSpec",
    "Table",
]

TABLES: tuple[Table, ...] = (*LEARNER_TABLES, *PARTICIPATION_TABLES, *RESULT_TABLES, *WIKI_TABLES, *ASSESSMENT_TABLES)

BY_NAME = {table.name: table for table in TABLES}
BY_TASK = {table.member_task: table for table in TABLES}
