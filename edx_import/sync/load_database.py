"""A weekly ZIP (and the e-mail opt-in ZIP, which has one member): every member verified, read and written; one bad member never stops the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from edx_import.errors import PackageError
from edx_import.model import ImportState, MemberName
from edx_import.packages.archive import Archive
from edx_import.sync.attempt import Attempt
from edx_import.sync.course_members import Identified, identify, load_course, takes
from edx_import.sync.cut_names import load_cut
from edx_import.sync.delivery import Delivery
from edx_import.sync.load_email import load_email
from edx_import.sync.member_readers import is_declared, reader_for
from edx_import.sync.members import UNKNOWN_NAME, Contents, CourseMembers, sort_members
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.threads import all_of

#: So many kinds of table that nobody declared are taken from one package.
MAX_UNDECLARED = 200


def load_database(attempt: Attempt, sealed: Path) -> str:
    """Loads all members asked for. The ZIP has no content hash of its own (its members have), so that is empty.

    When members failed, `outcome.error` says how many; the others are in. Raises PackageError when the ZIP itself is broken.
    """
    task, tools, outcome = attempt.task, attempt.tools, attempt.outcome
    attempt.enter(ImportState.LOADING)
    with sealed.open("rb") as file, Archive(file) as archive:
        delivery = Delivery(task, tools, archive, outcome, tools.ledger.latest_members(task.delivered.name.org))
        paths = [member.path for member in archive.members()]
        contents = sort_members(paths, task.coverage.sites, _Readable())
        _tell_of_left_out(contents, outcome)
        _look_into_left_out(delivery, contents)
        _load_courses(delivery, contents.courses)
        for path in contents.cut:
            load_cut(delivery, path)
        for member in contents.whole_org:
            load_email(delivery, member)
    failed = outcome.members.get("failed", 0)
    if failed:
        what = f"{failed} members of {task.delivered.key} failed, the others are loaded"
        outcome.error = PackageError(what, "Each is named above; the next sync tries them again.")
    return ""


class _Readable:
    """Whether there is a reader for a member. Each table that nobody declared asks for a collection of its own, hence a limit."""

    def __init__(self) -> None:
        self._undeclared: set[str] = set()

    def __call__(self, member: MemberName) -> bool:
        if is_declared(member) or reader_for(member) is None:
            return is_declared(member)
        if len(self._undeclared) < MAX_UNDECLARED:
            self._undeclared.add(member.task)
        return member.task in self._undeclared


def _look_into_left_out(delivery: Delivery, contents: Contents) -> None:
    """A member that is left out for its name: is that its name? One whose name was damaged on the way fails, so that it is tried again."""
    for path in contents.left_out:
        try:
            delivery.archive.open(path).close()
        except PackageError as error:
            delivery.outcome.count_members("failed")
            delivery.outcome.warnings.append(f"{path}: {error.what}")


def _load_courses(delivery: Delivery, courses: Sequence[CourseMembers]) -> None:
    """Side by side, in three steps: which course is which, who stands for it, and only then the loading, which may remove rows.

    The largest courses are begun first, so that none of them is left alone at the end.
    """
    threads = delivery.tools.threads
    sizes = {member.path: member.size for member in delivery.archive.members()}
    courses = sorted(courses, key=lambda course: -sum(sizes[member.path] for member in course.by_task.values()))
    found = all_of(partial(identify, delivery), courses, threads)
    for one in found:
        if takes(delivery, one):
            delivery.claim(one.members.site, one.course_id, one.members.course_part)

    def load(one: Identified) -> ObjectOutcome:
        outcome = ObjectOutcome(delivery.outcome.key, delivery.outcome.state)
        outcome.manifest.append(load_course(replace(delivery, outcome=outcome), one))
        return outcome

    for outcome in all_of(load, found, threads):
        delivery.outcome.join(outcome)


def _tell_of_left_out(contents: Contents, outcome: ObjectOutcome) -> None:
    """Members of another site are counted; those that no rule knows are named as well."""
    for reason, number in Counter(contents.left_out.values()).items():
        outcome.count_members("unknown" if reason == UNKNOWN_NAME else "left out", number)
    outcome.warnings += [f"{path}: left out: {reason}" for path, reason in contents.left_out.items() if not reason.startswith("site ")]
    undeclared = {member.task for course in contents.courses for member in course.by_task.values() if not is_declared(member)}
    outcome.warnings += [f"the table {task} is not declared: it is loaded as text, into other_{task}" for task in sorted(undeclared)]
