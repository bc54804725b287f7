"""The tables of a research package: the rows of the weekly ZIP's, with other ids, emptied cells and scrubbed texts. Many tables are not in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edx_import.sample import rows_learner
from edx_import.sample.catalogue import TABLE_FILES, TableFile
from edx_import.sample.offering import Offering
from edx_import.sample.people import Learner
from edx_import.sample.rdx_disguise import Disguise
from edx_import.sample.table_files import Cell, Row, write_table

_TASKS: Final = frozenset(
    (
        "auth_user",
        "auth_userprofile",
        "certificates_generatedcertificate",
        "courseware_studentmodule",
        "student_courseenrollment",
        "student_languageproficiency",
        "teams",
        "teams_membership",
        "user_api_usercoursetag",
        "wiki_article",
        "wiki_articlerevision",
    )
)

#: The table files of a research package.
RDX_TABLE_FILES: Final = tuple(file for file in TABLE_FILES if file.task in _TASKS)

_OBSOLETE: Final = rows_learner.AUTH_USER[rows_learner.AUTH_USER.index("status") :]

#: What is emptied: an empty cell, not NULL, whatever the type of the column.
BLANKED: Final[dict[str, tuple[str, ...]]] = {
    "auth_user": ("first_name", "last_name", "email", "password", *_OBSOLETE),
    "auth_userprofile": tuple("name language location meta courseware mailing_address city bio".split()),
    "certificates_generatedcertificate": ("download_url", "verify_uuid", "download_uuid", "key", "name", "error_reason"),
    "wiki_article": ("owner_id", "group_id"),
    "wiki_articlerevision": ("user_message", "automatic_log", "ip_address"),
}

#: Where user ids stand; `user_id` in every table that has it.
_USER_COLUMNS: Final = {"auth_user": "id", "courseware_studentmodule": "student_id"}

_WRITTEN_BY_PEOPLE: Final = {
    "auth_userprofile": ("goals",),
    "teams": ("name", "description"),
    "wiki_articlerevision": ("content", "title"),
}


def table_lines(offering: Offering, file: TableFile, disguise: Disguise) -> Iterator[bytes]:
    """The lines of a table file, header first."""
    rows = (_disguised(row, file.task, disguise) for row in file.rows(offering))
    return write_table(file.header(offering.day), rows, file.dialect)


def _disguised(row: Row, task: str, disguise: Disguise) -> Row:
    column = _USER_COLUMNS.get(task, "user_id")
    user = row.get(column)
    author = disguise.learner(user, None)
    changed: dict[str, Cell] = dict(row)
    if isinstance(user, int):
        changed[column] = disguise.user_id(user)
    if task == "auth_user" and isinstance(user, int):
        changed["username"] = disguise.name_of(user)
    if task == "courseware_studentmodule":
        changed["state"] = disguise.json_text(_text(row["state"]), author)
    for name in _WRITTEN_BY_PEOPLE.get(task, ()):
        changed[name] = _scrubbed(row[name], disguise, author)
    return changed | dict.fromkeys(BLANKED.get(task, ()), "")


def _scrubbed(cell: Cell, disguise: Disguise, author: Learner | None) -> Cell:
    return disguise.text(cell, author) if isinstance(cell, str) else cell


def _text(cell: Cell) -> str | None:
    return cell if isinstance(cell, str) else None
