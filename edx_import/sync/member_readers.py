"""Which reader takes which member of a package, and into which collection its rows go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from edx_import.formats.base import FormatReader, ReadContext
from edx_import.formats.course_structure import CourseStructureReader
from edx_import.formats.email_opt_in import EmailOptInReader
from edx_import.formats.forum import ForumReader
from edx_import.formats.olx import CourseContentReader, wanted
from edx_import.formats.table import TableReader, UndeclaredTableReader, undeclared_collection
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.model import FastItems, Items, MemberName, ObjectKind
from edx_import.packages.archive import inflate
from edx_import.packages.naming import FORUM_TASK, ORG_TASKS
from edx_import.packages.tarball import Skipped, tar_members
from edx_import.tables import TABLES

Unpack = Callable[[Iterable[bytes]], Iterator[bytes]]

EVENT_READER = TrackingLogReader()

STRUCTURE = "course_structure"
CONTENT = "course"
EMAIL = "email_opt_in"


class ContentArchiveReader:
    """The OLX of a course (already inflated): the wanted files of the tar to documents, the rest counted."""

    version = CourseContentReader.version

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        return CourseContentReader().read(self._files(chunks, context), context)

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext) -> FastItems:
        return self.read(chunks, context)

    def _files(self, chunks: Iterable[bytes], context: ReadContext) -> Iterator[tuple[str, bytes]]:
        for member in tar_members(chunks):
            if isinstance(member, Skipped):
                context.note(f"left out: {member.reason}")
            elif wanted(member.path):
                yield member.path, b"".join(member.chunks())
            else:
                yield member.path, b""


def _nothing_to_check(chunks: Iterable[bytes]) -> None: ...


def check_tar(chunks: Iterable[bytes]) -> None:
    """Goes through an archive to its end. Raises PackageError."""
    for _ in tar_members(chunks):
        pass


@dataclass(frozen=True, slots=True)
class MemberReader:
    """How a member is read. `headers` is the number of lines that are no rows; None when rows are not lines.

    `may_be_empty`: a file of no bytes is ordinary. `check` goes through the unpacked content before any of it is loaded, and raises PackageError.
    """

    reader: FormatReader
    collection: str
    unpack: Unpack = iter
    headers: int | None = 1
    may_be_empty: bool = False
    check: Callable[[Iterable[bytes]], None] = _nothing_to_check


_READERS: Mapping[tuple[str, str], MemberReader] = {
    **{(table.member_task, "sql"): MemberReader(TableReader(table), table.name, check=TableReader(table).check) for table in TABLES},
    (STRUCTURE, "json"): MemberReader(CourseStructureReader(), "course_structure", headers=None),
    (CONTENT, "xml.tar.gz"): MemberReader(ContentArchiveReader(), "course_content", unpack=inflate, headers=None, check=check_tar),
    (FORUM_TASK, "mongo"): MemberReader(ForumReader(), "forum", headers=0, may_be_empty=True),
    (EMAIL, "csv"): MemberReader(EmailOptInReader(), "email_opt_in", headers=None),
}

_NO_LONGER_MADE = {table.member_task for table in TABLES if table.period and not table.period.startswith("since")}

#: What a course has in every weekly package of today.
EXPECTED_TASKS = frozenset(task for task, _ in _READERS) - ORG_TASKS - _NO_LONGER_MADE

_UNDECLARED_VERSION = UndeclaredTableReader("any").version

#: The version of all that reads an object of a kind: it rises when one of its readers does, and when a reader is added.
READER_VERSIONS: Mapping[ObjectKind, int] = {
    ObjectKind.EVENTS: EVENT_READER.version,
    ObjectKind.DATABASE: sum(member.reader.version for member in _READERS.values()) + _UNDECLARED_VERSION,
    ObjectKind.EMAIL: _READERS[EMAIL, "csv"].reader.version,
    ObjectKind.RDX: sum(member.reader.version for member in _READERS.values()) + _UNDECLARED_VERSION + EVENT_READER.version,
}


def is_declared(member: MemberName) -> bool:
    """Whether the member is of a kind that we know by name."""
    return (member.task, member.extension) in _READERS


def reader_for(member: MemberName) -> MemberReader | None:
    """The reader of a member; for a table that nobody declared, one that keeps it as strings; None for what is no file of ours."""
    known = _READERS.get((member.task, member.extension))
    collection = undeclared_collection(member.task)
    if known is None and member.extension == "sql" and collection is not None:
        return MemberReader(UndeclaredTableReader(member.task), collection)
    return known
