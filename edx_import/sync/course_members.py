"""The members of one course: which course it is, what the package says of it, and the loading of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edx_import.courses import guess_course_id
from edx_import.decryption import VerifiedContent
from edx_import.errors import EdxImportError, PackageError
from edx_import.formats import forum
from edx_import.formats.course_structure import CourseSummary, course_id_of, course_summary
from edx_import.formats.table import first_course_id
from edx_import.model import ImportState, MemberName
from edx_import.packages.naming import FORUM_TASK
from edx_import.store.course_metadata import document_metadata, save_course
from edx_import.sync.course_names import is_another, is_named
from edx_import.sync.delivery import Delivery
from edx_import.sync.load_member import KnownCourse, load_member
from edx_import.sync.member_readers import EXPECTED_TASKS, STRUCTURE, MemberReader, reader_for
from edx_import.sync.members import CourseMembers, manifest
from edx_import.sync.tools import Tools

_TRACEBACK_LIMIT = 64 * 1024
#: A content up to this size is kept between the first look at it and its loading, in bytes.
_HELD_LIMIT = 2**20

#: Members that hold the exact course id, in the order in which they are asked: the small ones first.
ID_SOURCES: Mapping[str, Callable[[Iterable[bytes]], str | None]] = {
    "student_courseenrollment": first_course_id,
    "certificates_generatedcertificate": first_course_id,
    "student_anonymoususerid": first_course_id,
    "grades_persistentcoursegrade": first_course_id,
    "student_courseaccessrole": first_course_id,
    "django_comment_client_role_users": first_course_id,
    "course_groups_cohortmembership": first_course_id,
    "teams": first_course_id,
    STRUCTURE: course_id_of,
    FORUM_TASK: forum.first_course_id,
    "courseware_studentmodule": first_course_id,
}


@dataclass(slots=True)
class Identified:
    """The members of a course, which one it is, and what was looked at to know that."""

    members: CourseMembers
    course_id: str
    held: dict[str, VerifiedContent]


def identify(delivery: Delivery, members: CourseMembers) -> Identified:
    """Finds out which course it is. What is short of what was looked at is kept for its turn."""
    held: dict[str, VerifiedContent] = {}
    course_id = _course_id(delivery, members, held)
    return Identified(members, course_id, {task: content for task, content in held.items() if content.size <= _HELD_LIMIT})


def load_course(delivery: Delivery, identified: Identified) -> dict[str, Any]:
    """Loads all members of a course, the structure first, and gives its manifest. All courses of the package have made their claims before."""
    members, course_id, held = identified.members, identified.course_id, identified.held
    if not takes(delivery, identified):
        delivery.outcome.count_members("filtered", len(members.by_task))
        return manifest(members, course_id, EXPECTED_TASKS, dict.fromkeys(members.by_task, "filtered"))
    if delivery.claimed[members.site, course_id] != members.course_part:
        return _refuse(delivery, members, course_id)
    course = _known(delivery, members, course_id, held)
    delivery.expect(members.by_task.values(), course_id)
    outcomes: dict[str, str] = {}
    for task in sorted(members.by_task, key=lambda task: (task != STRUCTURE, task)):
        member = members.by_task[task]
        outcomes[task] = load_member(delivery, member, _reader(member), course, held.pop(task, None), ID_SOURCES.get(task))
        delivery.outcome.count_members(outcomes[task])
    for member in members.failed.values():
        _tell_of_failed(delivery, member)
    return manifest(members, course_id, EXPECTED_TASKS, outcomes)


def takes(delivery: Delivery, identified: Identified) -> bool:
    """Whether the course is asked for."""
    return delivery.tools.catalog.matches(identified.course_id, delivery.task.coverage.courses)


def _refuse(delivery: Delivery, members: CourseMembers, course_id: str) -> dict[str, Any]:
    """A second course of this package that courses.yaml makes the same as one before it: loaded, each would remove the other's rows."""
    other = delivery.claimed[members.site, course_id]
    why = f"{members.course_part} and {other} are both {course_id}, by courses.yaml"
    delivery.outcome.warnings.append(f"{members.course_part}: not loaded: {why}; take the alias out, or give each its own entry")
    for member in members.by_task.values():
        delivery.save(delivery.begun(member, course_id), ImportState.FAILED, error=why)
    delivery.outcome.count_members("failed", len(members.by_task))
    return manifest(members, course_id, EXPECTED_TASKS, dict.fromkeys(members.by_task, "failed"))


def _known(delivery: Delivery, members: CourseMembers, course_id: str, held: dict[str, VerifiedContent]) -> KnownCourse:
    """The course, known from now on if anything of it is whole: names alone, which anybody can change, make no course."""
    if not any(_is_whole(delivery, members, task, course_id, held) for task in (*held, *members.by_task)):
        return KnownCourse(members.site, course_id, {})
    return know_course(delivery.tools, members.site, course_id, _summary(delivery, members, held), delivery.outcome.unlisted)


def _is_whole(delivery: Delivery, members: CourseMembers, task: str, course_id: str, held: dict[str, VerifiedContent]) -> bool:
    """Whether a member is in order, and of that course as far as it tells."""
    content = _peek(delivery, members, task, held)
    if content is None:
        return False
    try:
        _reader(members.by_task[task]).check(content.chunks())
    except PackageError:
        return False
    return task not in ID_SOURCES or not is_another(ID_SOURCES[task](content.chunks()), course_id, delivery.tools.catalog)


def know_course(tools: Tools, site: str, course_id: str, summary: CourseSummary | None, unlisted: set[str]) -> KnownCourse:
    """Puts the course into `courses`, with what the package says of it; gives what its documents need."""
    listed = tools.catalog.get(course_id)
    if listed is None:
        unlisted.add(course_id)
    save_course(tools.store, site, course_id, listed, summary)
    return KnownCourse(site, course_id, document_metadata(tools.store, site, course_id))


def _reader(member: MemberName) -> MemberReader:
    reader = reader_for(member)
    if reader is None:
        raise AssertionError(f"{member.path} was sorted in without a reader")
    return reader


def _course_id(delivery: Delivery, members: CourseMembers, held: dict[str, VerifiedContent]) -> str:
    """The exact course id: from content first, as long as the name can be its, then from courses.yaml by name, then the one that it was
    loaded under before, then by the pieces of the name."""
    catalog = delivery.tools.catalog
    for task, course_id_in in ID_SOURCES.items():
        content = _peek(delivery, members, task, held)
        found = course_id_in(content.chunks()) if content is not None else None
        if found and is_named(found, members.course_part, catalog):
            return catalog.resolve(found)
    return catalog.by_file_name(members.course_part) or _earlier_id(delivery, members) or guess_course_id(members.course_part)


def _earlier_id(delivery: Delivery, members: CourseMembers) -> str | None:
    """The id under which the files of these names were loaded before, if it was one: that nothing tells it today does not change it."""
    earlier = (delivery.last_time(member) for member in members.by_task.values())
    ids = {record.course_id for record in earlier if record is not None and record.course_id}
    return delivery.tools.catalog.resolve(ids.pop()) if len(ids) == 1 else None


def _peek(delivery: Delivery, members: CourseMembers, task: str, held: dict[str, VerifiedContent]) -> VerifiedContent | None:
    """The verified content of a member, kept for its own turn. One that is broken is told of then, not now."""
    member = members.by_task.get(task)
    if member is None:
        return None
    if task not in held:
        try:
            held[task] = delivery.verified(member.path, _reader(member).unpack)
        except EdxImportError:
            return None
    return held[task]


def _summary(delivery: Delivery, members: CourseMembers, held: dict[str, VerifiedContent]) -> CourseSummary | None:
    content = _peek(delivery, members, STRUCTURE, held)
    if content is None:
        return None
    try:
        return course_summary(content.chunks())
    except PackageError:
        return None  # told of when the member has its turn


def _tell_of_failed(delivery: Delivery, member: MemberName) -> None:
    """The producer's own failure: its name and the last line of its traceback. What was loaded before stays."""
    record = delivery.begun(member)
    try:
        text = _end_of(delivery.verified(member.path).chunks())
        reason = (text.strip().splitlines() or ["it says nothing"])[-1]
    except EdxImportError as error:
        reason = f"and what it says cannot be read: {error.what}"
    delivery.outcome.count_members("failed by the producer")
    delivery.outcome.warnings.append(f"{member.path}: edX failed to make this file: {reason}")
    delivery.save(record, ImportState.SKIPPED, error=f"edX failed to make this file: {reason}"[:1000])


def _end_of(chunks: Iterable[bytes]) -> str:
    data = b""
    for chunk in chunks:
        data = (data + chunk)[-_TRACEBACK_LIMIT:]
    return data.decode("utf-8", "replace")
