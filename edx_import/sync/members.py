"""The members of a ZIP, sorted into courses. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edx_import.model import MemberName
from edx_import.packages.naming import ORG_TASKS, parse_member

#: A name that was too long for the producer: cut, with a hash of the whole name before the extension.
_CUT_NAME = re.compile(r"-[0-9a-f]{32}\.(sql|json|mongo)\.gpg$")

UNKNOWN_NAME = "unknown name"
CUT_NAME = "cut name"


@dataclass(frozen=True, slots=True)
class CourseMembers:
    """The members of one course on one site, by task. `failed`: those that hold the producer's traceback instead of data."""

    site: str
    course_part: str
    by_task: dict[str, MemberName] = field(default_factory=dict)
    failed: dict[str, MemberName] = field(default_factory=dict)


@dataclass(slots=True)
class Contents:
    """All members of a ZIP: by course, of the whole organisation, with a cut name, and left out (path to reason)."""

    courses: tuple[CourseMembers, ...] = ()
    whole_org: list[MemberName] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def unknown(self) -> list[str]:
        """The members that no rule knows."""
        return [path for path, reason in self.left_out.items() if reason == UNKNOWN_NAME]


def sort_members(paths: Iterable[str], sites: Collection[str], readable: Callable[[MemberName], bool]) -> Contents:
    """Groups member paths by site and course. `sites` are those asked for; `readable` tells whether there is a reader."""
    contents = Contents()
    groups: dict[tuple[str, str], CourseMembers] = {}
    for path in paths:
        member = parse_member(path)
        if member is None or not readable(member):
            _unreadable(path, contents)
        elif member.site not in sites:
            contents.left_out[path] = f"site {member.site}: not asked for"
        elif member.task in ORG_TASKS:
            contents.whole_org.append(member)
        else:
            key = member.site, member.course_part
            _add(groups.setdefault(key, CourseMembers(*key)), member, contents)
    contents.courses = tuple(group for _, group in sorted(groups.items()))
    return contents


def _unreadable(path: str, contents: Contents) -> None:
    if _CUT_NAME.search(path):
        contents.cut.append(path)
    else:
        contents.left_out[path] = UNKNOWN_NAME


def _add(group: CourseMembers, member: MemberName, contents: Contents) -> None:
    tasks = group.failed if member.failed else group.by_task
    if member.task in tasks:
        contents.left_out[member.path] = "second file of a kind for its course"
    else:
        tasks[member.task] = member


def manifest(group: CourseMembers, course_id: str, expected: Collection[str], outcomes: Mapping[str, str]) -> dict[str, Any]:
    """What of the expected was there and what came of it. `outcomes` tells by task: loaded, unchanged, empty, failed, filtered.

    `expected` = `found` + `absent`; `extra` are the files beyond what is expected today (kinds no longer made, tables nobody declared).
    """
    there = {*group.by_task, *group.failed}
    return {
        "site": group.site,
        "course_id": course_id,
        "expected": len(expected),
        "found": len(there & set(expected)),
        "absent": sorted(set(expected) - there),
        "extra": sorted(there - set(expected)),
        "failed": sorted({*group.failed, *(task for task, outcome in outcomes.items() if outcome == "failed")}),
        "empty": sorted(task for task, outcome in outcomes.items() if outcome == "empty"),
        "skipped": sorted(task for task, outcome in outcomes.items() if outcome in ("unchanged", "filtered")),
    }
