"""Members whose names were too long for the producer and were cut: what they are is read from their content.

The end of the name, which tells table and site, is replaced by a hash. The table shows in the header, the course in the rows. The site shows
nowhere; it is taken from the other members of the course, when these are all of one site: rows of two sites must never meet.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from edx_import.courses import is_course_id
from edx_import.decryption import VerifiedContent
from edx_import.errors import EdxImportError
from edx_import.formats import forum
from edx_import.formats.column_fields import MAX_COLUMNS
from edx_import.formats.course_structure import course_id_of
from edx_import.formats.lines import split_lines
from edx_import.formats.table import first_course_id
from edx_import.model import MemberName
from edx_import.packages.naming import FORUM_EXTENSION, FORUM_TASK
from edx_import.sync.course_members import know_course
from edx_import.sync.delivery import Delivery
from edx_import.sync.load_member import load_member
from edx_import.sync.member_readers import STRUCTURE, reader_for
from edx_import.tables import TABLES


def load_cut(delivery: Delivery, path: str) -> None:
    """Loads a member with a cut name if table, course and site are beyond doubt; else it is left out with a warning."""
    try:
        content = delivery.verified(path)
    except EdxImportError as error:
        delivery.outcome.count_members("failed")
        delivery.outcome.warnings.append(f"{path}: {error.what}")
        return
    member, course_id = _recognised(delivery, path, content)
    reader = reader_for(member) if member is not None else None
    if member is None or reader is None:
        delivery.outcome.count_members("unknown")
        delivery.outcome.warnings.append(f"{path}: left out: its name is cut, and its content does not tell table, course and site beyond doubt")
        return
    if not _is_missing(delivery.outcome.manifest, member, course_id):
        delivery.outcome.count_members("left out")
        delivery.outcome.warnings.append(f"{path}: left out: second file of a kind for its course")
    elif member.site in delivery.task.coverage.sites and delivery.tools.catalog.matches(course_id, delivery.task.coverage.courses):
        course = know_course(delivery.tools, member.site, course_id, None, delivery.outcome.unlisted)
        delivery.outcome.count_members(load_member(delivery, member, reader, course, content))
        _found_after_all(delivery.outcome.manifest, member, course_id)


def _found_after_all(manifests: list[dict[str, Any]], member: MemberName, course_id: str) -> None:
    for course in manifests:
        if _is_missing([course], member, course_id):
            course["absent"].remove(member.task)
            course["found"] += 1


def _is_missing(manifests: list[dict[str, Any]], member: MemberName, course_id: str) -> bool:
    return any((course["site"], course["course_id"]) == (member.site, course_id) and member.task in course["absent"] for course in manifests)


def _recognised(delivery: Delivery, path: str, content: VerifiedContent) -> tuple[MemberName | None, str]:
    extension = path.removesuffix(".gpg").rpartition(".")[2]
    task, found = _task_and_course(extension, content)
    course_id = delivery.tools.catalog.resolve(found) if found and is_course_id(found) else ""
    sites = {str(course["site"]) for course in delivery.outcome.manifest if course["course_id"] == course_id}
    if not task or not course_id or len(sites) != 1:
        return None, ""
    return MemberName(path, "", task, extension, sites.pop()), course_id


def _task_and_course(extension: str, content: VerifiedContent) -> tuple[str, str | None]:
    if extension == FORUM_EXTENSION:
        return FORUM_TASK, forum.first_course_id(content.chunks())
    if extension == "json":
        return STRUCTURE, course_id_of(content.chunks())
    return _table_of(content), first_course_id(content.chunks())


def _table_of(content: VerifiedContent) -> str:
    """The one declared table that has all columns of the header; empty when there is none, or more than one."""
    header = {name for _, line, _ in islice(split_lines(content.chunks()), 1) for name in line.decode("utf-8", "replace").split("\t", MAX_COLUMNS)}
    fitting = {}
    for table in TABLES:
        names = {name for column in table.columns for name in (column.name, *column.aliases)}
        if header and header <= names:
            fitting[table.member_task] = len(header) / len(table.columns)
    best = max(fitting.values(), default=0)
    chosen = [task for task, share in fitting.items() if share == best]
    return chosen[0] if len(chosen) == 1 else ""
