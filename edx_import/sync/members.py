"""The members of a weekly ZIP, sorted into courses. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from edx_import.model import MemberName
from edx_import.packages.naming import parse_member

#: Members that hold the exact course id in their first row, smallest first.
ID_TASKS = ("student_courseenrollment", "certificates_generatedcertificate", "courseware_studentmodule")


@dataclass(frozen=True, slots=True)
class CourseMembers:
    """The members of one course on one site, by task."""

    site: str
    course_part: str
    by_task: Mapping[str, MemberName]


@dataclass(frozen=True, slots=True)
class Contents:
    """All members of a ZIP: those that are loaded, by course, and what is left out with the reason (and how often)."""

    courses: tuple[CourseMembers, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def sort_members(paths: Iterable[str], sites: Collection[str], readable: Collection[str]) -> Contents:
    """Groups member paths by site and course. `sites` are those asked for, `readable` the tasks there is a reader for."""
    groups: dict[tuple[str, str], dict[str, MemberName]] = {}
    left_out: dict[str, str] = {}
    for path in paths:
        member = parse_member(path)
        reason = _reason_to_leave(member, sites, readable)
        if member is None or reason:
            left_out[path] = reason
            continue
        tasks = groups.setdefault((member.site, member.course_part), {})
        if member.task in tasks:
            left_out[path] = "second file of a kind for its course"
        else:
            tasks[member.task] = member
    courses = tuple(CourseMembers(site, part, tasks) for (site, part), tasks in sorted(groups.items()))
    return Contents(courses, left_out)


def _reason_to_leave(member: MemberName | None, sites: Collection[str], readable: Collection[str]) -> str:
    if member is None:
        return "unknown name"
    if member.site not in sites:
        return f"site {member.site}: not asked for"
    if member.failed:
        return "the producer failed to make it"
    if member.task not in readable:
        return "a kind that is not loaded yet"
    return ""
