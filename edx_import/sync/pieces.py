"""A piece of a file into the database: read, sorted by course, written. A worker process does this, and the first process where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edx_import.courses import CourseCatalog
from edx_import.errors import PackageError
from edx_import.formats.base import FormatReader, ReadContext
from edx_import.formats.table import TableReader
from edx_import.formats.table_lines import Header
from edx_import.model import Counts, CourseFilter, Document, FastItems, MemberName, Rejected
from edx_import.privacy.screen import Screen
from edx_import.store.connection import Store
from edx_import.store.rejects import KeptReject, RejectSink
from edx_import.store.rollups import DayNotes, NotedDays
from edx_import.store.writer import WriteTarget, write
from edx_import.sync.member_readers import EVENT_READER, reader_for
from edx_import.sync.screening import screened

#: Ids of courses seen in one file, remembered up to this many; a day of one organisation has a few hundred at most.
_MOST_COURSES = 10_000


@dataclass(frozen=True, slots=True)
class RowTools:
    """What the loading of rows needs: a connection (a worker has its own), the courses, and what may not be written."""

    store: Store
    catalog: CourseCatalog
    screen: Screen | None = None
    noted_days: NotedDays = field(default_factory=NotedDays)


@dataclass(frozen=True, slots=True)
class RowJob:
    """What is to be done with the rows of one file; picklable.

    `member` tells the reader: None is a day of events. `course_id` and `course` (its metadata) are those of a course's file. Of `courses` only the
    rows that match are loaded. `header`: that of a table which comes in several pieces, for those after the first.
    """

    target: WriteTarget
    site: str
    member: MemberName | None = None
    course_id: str = ""
    course: Mapping[str, Any] | None = None
    courses: CourseFilter = CourseFilter()
    header: Header | None = None

    @property
    def is_events(self) -> bool:
        """Whether the rows are events, which can be read and written in any order."""
        return self.member is None


@dataclass(slots=True)
class Seen:
    """What the events of a file are of: their courses, and the least and the greatest of their ids."""

    courses: set[str] = field(default_factory=set)
    first: bytes = b""
    last: bytes = b""

    def add(self, course_id: str | None, event_id: bytes) -> None:
        """Takes note of an event."""
        self.widen(event_id)
        if course_id is not None and len(self.courses) < _MOST_COURSES:
            self.courses.add(course_id)

    def widen(self, event_id: bytes) -> None:
        """Takes note of an event of a course that was seen."""
        if not self.first or event_id < self.first:
            self.first = event_id
        if event_id > self.last:
            self.last = event_id

    def join(self, other: Seen) -> None:
        """Takes note of all that another has seen."""
        for event_id in filter(None, (other.first, other.last)):
            self.add(None, event_id)
        self.courses |= other.courses


@dataclass(slots=True)
class Loaded:
    """What came of the rows: the account, what was loaded by collection, what was rejected by reason; of a piece also the rejected rows to keep."""

    counts: Counts = field(default_factory=Counts)
    by_collection: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    rejects: list[KeptReject] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)

    def join(self, other: Loaded) -> None:
        """Adds what came of another piece, but for its rejected rows."""
        self.counts.add(other.counts)
        for total, part in ((self.by_collection, other.by_collection), (self.reasons, other.reasons)):
            for name, number in part.items():
                total[name] = total.get(name, 0) + number
        self.seen.join(other.seen)


def rows_of(job: RowJob, catalog: CourseCatalog, chunks: Iterable[bytes], first_line: int, loaded: Loaded) -> FastItems:
    """The rows of a file, or of whole lines of it. What was mended is counted."""
    context = ReadContext(job.site, job.course_id, job.course, catalog.resolve, loaded.counts.note)
    if job.member is None:
        return EVENT_READER.read_fast(chunks, context, first_line)
    table = table_of(job)
    if first_line > 1 and table is not None and job.header is not None:
        return table.read_rows(job.header, chunks, context, first_line)
    return _reader_of(job.member).read_fast(chunks, context)


def table_of(job: RowJob) -> TableReader | None:
    """The reader of a table whose file can be read in pieces; None for any other file."""
    reader = _reader_of(job.member) if job.member is not None else None
    return reader if isinstance(reader, TableReader) and reader.reads_blocks else None


def with_header(job: RowJob, start: bytes) -> RowJob:
    """The job for the pieces of a table, whose file begins with these bytes. Raises PackageError."""
    table = table_of(job)
    header = table.header_of(start) if table is not None else None
    if header is None:
        raise PackageError("the file does not begin with a line of column names", "Fetch it again; if it stays so, ask edX to deliver it again.")
    return replace(job, header=header)


def _reader_of(member: MemberName) -> FormatReader:
    reader = reader_for(member)
    if reader is None:
        raise AssertionError(f"{member.path} has no reader")
    return reader.reader


def load_piece(tools: RowTools, job: RowJob, rows: FastItems, loaded: Loaded, rejects: RejectSink) -> Loaded:
    """Writes the rows of the courses asked for, and before that the days of events that are to be rolled up; gives `loaded`, with their account.

    Raises StoreError, and what `rows` raises.
    """
    days = DayNotes(job.site, tools.noted_days, job.target.force)
    wanted = _of_courses(screened(rows, tools.screen, loaded.counts), job, tools.catalog, loaded, days)
    written = write(tools.store, wanted, job.target, rejects, days.save)
    loaded.counts.read += loaded.counts.filtered
    loaded.counts.add(written.counts)
    loaded.by_collection, loaded.reasons = written.by_collection, written.reasons
    return loaded


def _of_courses(rows: FastItems, job: RowJob, catalog: CourseCatalog, loaded: Loaded, days: DayNotes) -> FastItems:
    """Lets through the courses asked for, and what was rejected; counts the rest, and notes what events there are."""
    takes_all, is_events, counts, seen = job.courses.takes_all, job.is_events, loaded.counts, loaded.seen
    if takes_all and not is_events:
        yield from rows
        return
    stretches = days.stretches
    for row in rows:
        if not isinstance(row, Rejected):
            course_id = row.fields["course_id"] if isinstance(row, Document) else row.course_id
            if not takes_all and not catalog.matches(course_id, job.courses):
                counts.filtered += 1
                continue
            if is_events:
                event_id = (row.fields["_id"] if isinstance(row, Document) else row.id).binary
                if (course_id, event_id[:3]) in stretches:
                    seen.widen(event_id)
                else:
                    seen.add(course_id, event_id)
                    days.add(course_id, event_id)
        yield row
