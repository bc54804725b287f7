"""Writes a research package (RDX) of a sample: one sealed tar per course, with the people and events of the weekly ZIP and the event files.

    edx-course-data/{org}/rdx/{request}/{Org}_{Course}_{Run}.tar.gz.gpg

What tells who somebody is has been taken out by the producer's rules; some kinds of file are not in it at all. Of edx.org only, and without dirt.
The same recipe and request give the same clear content. Nothing clear is written to disk; in memory is one member at a time.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edx_import.errors import UsageError
from edx_import.model import NO_DATE, PROD, MemberName, ObjectKind, ObjectName, Site
from edx_import.packages.naming import build_key, parse_key
from edx_import.packages.rdx_naming import METADATA_FILE, RdxMember, RdxMemberKind, build_rdx_member
from edx_import.sample.courses import Course
from edx_import.sample.offering import Offering
from edx_import.sample.package import EVENT_BUCKET
from edx_import.sample.rdx_content import rdx_content, rdx_forum, rdx_structure
from edx_import.sample.rdx_disguise import Disguise
from edx_import.sample.rdx_events import rdx_lines
from edx_import.sample.rdx_tables import RDX_TABLE_FILES, table_lines
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.totals import Tally, collection_of
from edx_import.sample.zipped import gzip_pieces, seal_zipped

if TYPE_CHECKING:
    from edx_import.sample.sealing import Sealer

REQUEST: Final = "r-2020-001"

#: So many learners of each course are among the totals by name.
_KNOWN: Final = 3


@dataclass(frozen=True, slots=True)
class RdxLearner:
    """A learner in a course as the package shows them. `original_id` is the user id in the weekly ZIP; an unknown country or gender is empty."""

    course_id: str
    original_id: int
    user_id: int
    username: str
    gender: str
    country: str
    mode: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class RdxTotals:
    """What a database holds after one sync of the package.

    `site` is that of all its documents, `keys` are the S3 keys by course id, `documents` their numbers by collection (`courses` and course
    content do not count), `events` the numbers of lines by course id. A line belongs to the course of the tar it is in: some name no course
    themselves, for the page that did has been taken out. `learners` are the first few of each course.
    """

    site: Site
    keys: Mapping[str, str]
    documents: Mapping[str, int]
    events: Mapping[str, int]
    learners: tuple[RdxLearner, ...]

    def as_dict(self) -> dict[str, Any]:
        """The totals as plain values."""
        return asdict(self)


class TarMember(NamedTuple):
    """A member of the tar: its path and its content."""

    path: str
    content: bytes


def make_rdx(recipe: Recipe, folder: Path, sealer: Sealer, request: str = REQUEST) -> RdxTotals:
    """Makes the package below `folder` (made if need be; files there are replaced) and says what a sync of it gives.

    Raises UsageError for a request id that cannot stand in a key, and what the sealer raises.
    """
    tally = Tally()
    keys = {course.id: rdx_key(recipe, course, request) for course in courses_of(recipe)}
    for course in courses_of(recipe):
        path = folder / EVENT_BUCKET / keys[course.id]
        path.parent.mkdir(parents=True, exist_ok=True)
        seal_zipped(_tar(rdx_members(recipe, course, request, tally)), path, sealer)
    learners = tuple(known for course in courses_of(recipe) for known in _known_learners(recipe, course, request))
    return RdxTotals(f"rdx:{request}", keys, dict(sorted(tally.documents.items())), dict(sorted(tally.events.items())), learners)


def rdx_key(recipe: Recipe, course: Course, request: str = REQUEST) -> str:
    """The S3 key of a course's tar. Raises UsageError for a request id that cannot stand in a key."""
    key = build_key(ObjectName(ObjectKind.RDX, recipe.key_org, NO_DATE, request=request, stem=_stem(course))) if request else ""
    if parse_key(key) is None:
        raise UsageError(f"no request for research data is called {request!r}", "Use letters, digits, hyphens and dots.")
    return key


def rdx_members(recipe: Recipe, course: Course, request: str = REQUEST, tally: Tally | None = None) -> Iterator[TarMember]:
    """The members of a course's tar in their order, in the clear, one at a time; what they hold is counted in `tally`."""
    tally = tally or Tally()
    disguise = Disguise(recipe, request)
    metadata = {"format_version": "1.0", "pipeline_version": "sample"}
    yield TarMember(METADATA_FILE, json.dumps(metadata, sort_keys=True).encode())
    yield from _event_members(recipe, course, disguise, tally)
    yield from _state_members(Offering(recipe, PROD, course, recipe.snapshots[-1]), disguise, tally)


def _stem(course: Course) -> str:
    return f"{course.org}_{course.number}_{course.run}"


def _event_members(recipe: Recipe, course: Course, disguise: Disguise, tally: Tally) -> Iterator[TarMember]:
    """A file for each day on which the course has events at all."""
    tally.events.setdefault(course.id, 0)
    for day in recipe.event_days:
        before = tally.events[course.id]
        packed = b"".join(gzip_pieces(_counted(rdx_lines(course, day, disguise), course, tally)))
        if tally.events[course.id] > before:
            yield TarMember(build_rdx_member(RdxMember("", RdxMemberKind.EVENTS, day, stem=_stem(course))), packed)


def _counted(lines: Iterable[bytes], course: Course, tally: Tally) -> Iterator[bytes]:
    for line in lines:
        tally.events[course.id] += 1
        tally.rows("events", 1)
        yield line


def _state_members(offering: Offering, disguise: Disguise, tally: Tally) -> Iterator[TarMember]:
    for file in RDX_TABLE_FILES:
        lines = list(table_lines(offering, file, disguise))
        if len(lines) > 1 or file.task != "courseware_studentmodule":
            tally.rows(collection_of(file.task), len(lines) - 1)
            yield _state(offering, file.task, "sql", b"".join(lines))
    posts = rdx_forum(offering, disguise)
    tally.rows("forum", len(posts))
    yield _state(offering, "forum", "mongo", b"".join(posts))
    tally.rows("course_structure", len(offering.blocks))
    yield _state(offering, "course_structure", "json", rdx_structure(offering.course))
    yield _state(offering, "course", "xml.tar.gz", rdx_content(offering.course))


def _state(offering: Offering, task: str, extension: str, content: bytes) -> TarMember:
    name = MemberName("", offering.course.file_part, task, extension, offering.site)
    return TarMember(build_rdx_member(RdxMember("", RdxMemberKind.STATE, offering.day, state=name)), content)


def _tar(members: Iterable[TarMember]) -> Iterator[bytes]:
    """A tar, in pieces: no folders, no clock, no owner."""
    for member in members:
        entry = tarfile.TarInfo(member.path)
        entry.size = len(member.content)
        yield entry.tobuf(tarfile.PAX_FORMAT)
        yield member.content
        yield bytes(-entry.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _known_learners(recipe: Recipe, course: Course, request: str) -> Iterator[RdxLearner]:
    disguise = Disguise(recipe, request)
    offering = Offering(recipe, PROD, course, recipe.snapshots[-1])
    for one in offering.enrollments[:_KNOWN]:
        learner = one.learner
        gender, country = (learner.gender or "", learner.country or "") if learner.has_profile else ("", "")
        is_active, mode = one.state(offering.until)
        name = disguise.name_of(learner.id)
        yield RdxLearner(course.id, learner.id, disguise.user_id(learner.id), name, gender, country, mode, is_active)
