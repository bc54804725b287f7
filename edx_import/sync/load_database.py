"""A weekly ZIP (and the e-mail opt-in ZIP, which has one member): every member verified, read and written; one bad member never stops the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from edx_import.errors import PackageError
from edx_import.model import ImportRecord, ImportState
from edx_import.packages.archive import Archive
from edx_import.sync.course_members import load_course
from edx_import.sync.cut_names import load_cut
from edx_import.sync.delivery import Delivery
from edx_import.sync.load_email import load_email
from edx_import.sync.member_readers import is_declared, reader_for
from edx_import.sync.members import UNKNOWN_NAME, Contents, sort_members
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Task
from edx_import.sync.tools import Tools


def load_database(task: Task, tools: Tools, record: ImportRecord, sealed: Path, outcome: ObjectOutcome) -> str:
    """Loads all members asked for. The ZIP has no content hash of its own (its members have), so that is empty.

    When members failed, `outcome.error` says how many; the others are in. Raises PackageError when the ZIP itself is broken.
    """
    tools.ledger.save(replace(record, state=ImportState.LOADING))
    with sealed.open("rb") as file, Archive(file) as archive:
        delivery = Delivery(task, tools, archive, outcome, tools.ledger.latest_members(task.delivered.name.org))
        paths = [member.path for member in archive.members()]
        contents = sort_members(paths, task.coverage.sites, lambda member: reader_for(member) is not None)
        _tell_of_left_out(contents, outcome)
        outcome.manifest += [load_course(delivery, members) for members in contents.courses]
        for path in contents.cut:
            load_cut(delivery, path)
        for member in contents.whole_org:
            load_email(delivery, member)
    failed = outcome.members.get("failed", 0)
    if failed:
        what = f"{failed} members of {task.delivered.key} failed, the others are loaded"
        outcome.error = PackageError(what, "Each is named above; the next sync tries them again.")
    return ""


def _tell_of_left_out(contents: Contents, outcome: ObjectOutcome) -> None:
    """Members of another site are counted; those that no rule knows are named as well."""
    for reason, number in Counter(contents.left_out.values()).items():
        outcome.count_members("unknown" if reason == UNKNOWN_NAME else "left out", number)
    outcome.warnings += [f"{path}: left out: {reason}" for path, reason in contents.left_out.items() if not reason.startswith("site ")]
    undeclared = {member.task for course in contents.courses for member in course.by_task.values() if not is_declared(member)}
    outcome.warnings += [f"the table {task} is not declared: it is loaded as text, into other_{task}" for task in sorted(undeclared)]
