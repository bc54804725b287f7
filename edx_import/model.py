"""The values that pass between the parts. Frozen, plain, picklable; no I/O.

Times are timezone-aware and UTC, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

#: `prod`, `edge` or `rdx:<request id>`: ids of two sites are unrelated, so a site is part of every key and join.
Site = str

#: Files of the site edx.org are called `edx` (in practice) or `prod` (in the guide); both mean `prod`.
PROD: Site = "prod"
EDGE: Site = "edge"

#: The date of an object whose name carries none; before every real one.
NO_DATE = date.min


class ObjectKind(StrEnum):
    """The kinds of delivered object; the words of `sync --only`."""

    DATABASE = "database"
    EVENTS = "events"
    EMAIL = "email"
    RDX = "rdx"


@dataclass(frozen=True, slots=True)
class ObjectName:
    """What the key of a delivered object says.

    `org` is in lower case. `site_token` is the token in an event key (`edx`, `prod`, `edge`, `patches`), empty for the weekly ZIP,
    which holds both sites. `date` is the snapshot date of a ZIP (the exporter's day) or the UTC day of an event file.

    A research package has no date in its name, `date` is NO_DATE; it has the id of the `request` it was made for (empty for a loose file, which
    does not tell it) and a `stem`, `{Org}_{Course}_{Run}` as it stands in the name.
    """

    kind: ObjectKind
    org: str
    date: date
    site_token: str = ""
    request: str = ""
    stem: str = ""

    @property
    def site(self) -> Site | None:
        """The site the object belongs to; None when it holds several, or an unknown one (patches, a research package of an unknown request)."""
        if self.kind is ObjectKind.RDX:
            return f"rdx:{self.request}" if self.request else None
        return {"edx": PROD, "prod": PROD, "edge": EDGE}.get(self.site_token)


@dataclass(frozen=True, slots=True)
class DeliveredObject:
    """One object as a listing shows it. `key` is the canonical S3 key, whatever the source; `location` is where this source keeps it."""

    name: ObjectName
    key: str
    size: int
    etag: str
    modified: datetime | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class MemberName:
    """What the name of a ZIP member says (`{course part}-{task}-{site}.{extension}.gpg`).

    `course_part` is the hyphenated `Org-Course-Run` as it stands in the name; the organisation for a member of the whole org.
    `task` is the table or file kind (`auth_user`, `course_structure`, `course` for OLX, `forum` for `.mongo`). `failed`: the member holds a
    traceback of the producer instead of data.
    """

    path: str
    course_part: str
    task: str
    extension: str
    site: Site
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A row, line or block that was read, ready to be written.

    `fields` holds BSON-compatible values under their final names, `_id` included. `line` is the 1-based line (or ordinal) in its file.
    """

    collection: str
    fields: dict[str, Any]
    line: int
    raw: bytes


@dataclass(slots=True)
class Encoded:
    """A row as the bytes of its document, for the two kinds of row that there are many of. Says what the `Document` of the same line says.

    `elements` are the document's BSON elements, `_id` first, without the length before them and the zero after them, so that what a writer adds can
    follow. (Not frozen: that would take a tenth of the time of reading.)
    """

    collection: str
    id: Any
    elements: bytes
    line: int
    raw: bytes
    course_id: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row or line that cannot be loaded, with the rule that failed (`reason`, a fixed short text; `detail` what exactly)."""

    line: int
    reason: str
    raw: bytes
    detail: str = ""


@dataclass(slots=True)
class Counts:
    """The account of one object: read = loaded + duplicate + rejected + filtered.

    Headers and blank lines are not read. A row written again is loaded. `notes` counts what was loaded but had to be mended
    (not UTF-8, cells that do not fit their type, ...). `superseded`: events of an earlier version of the file that this one no longer has; they stay.
    """

    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    rejected: int = 0
    filtered: int = 0
    removed: int = 0
    superseded: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, other: Counts) -> None:
        """Adds another account to this one."""
        self.read += other.read
        self.loaded += other.loaded
        self.duplicate += other.duplicate
        self.rejected += other.rejected
        self.filtered += other.filtered
        self.removed += other.removed
        self.superseded += other.superseded
        for note, number in other.notes.items():
            self.note(note, number)

    def note(self, name: str, number: int = 1) -> None:
        """Counts something that was mended."""
        self.notes[name] = self.notes.get(name, 0) + number

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for."""
        return self.read == self.loaded + self.duplicate + self.rejected + self.filtered

    def as_dict(self) -> dict[str, Any]:
        """The account as plain values, for the ledger and for `--json`."""
        return {
            "read": self.read,
            "loaded": self.loaded,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "filtered": self.filtered,
            "removed": self.removed,
            "superseded": self.superseded,
            "notes": dict(sorted(self.notes.items())),
        }


@dataclass(frozen=True, slots=True)
class CourseFilter:
    """Which courses a sync takes: shell globs over course ids. Nothing in `include` means all."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.include and not self.exclude

    def within(self, loaded: CourseFilter) -> bool:
        """Whether all that this filter takes is surely part of what `loaded` took (equal to it, or narrower)."""
        includes = not loaded.include or (bool(self.include) and set(self.include) <= set(loaded.include))
        return includes and set(loaded.exclude) <= set(self.exclude)


class ImportState(StrEnum):
    """The state of an object or member in the ledger."""

    PENDING = "pending"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """What the ledger knows of one delivered object (`member` empty) or of one member of it. `key` is the object's canonical key.

    `reasons` counts what was rejected by reason. `manifest` says of each course of a weekly ZIP what was expected, found, absent, failed, empty
    and skipped. `course_id` is that of a member's documents.

    `attempts` counts the tries since it was last loaded, `failures` those of them that failed for a reason of the object's own. `versions` are the
    deliveries of the same key before this one, oldest first: etag, size, state, content_hash, counts, finished. `first_id` and `last_id`: the range
    of the ids of its events, in hex, of all versions; empty when not known. `host` is the machine that wrote the record last.
    """

    key: str
    state: ImportState
    member: str = ""
    kind: str = ""
    org: str = ""
    site: str = ""
    date: str = ""
    course_id: str = ""
    size: int = 0
    etag: str = ""
    content_hash: str = ""
    filter: CourseFilter = CourseFilter()
    reader_version: int = 0
    counts: Mapping[str, Any] = field(default_factory=dict)
    collections: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    manifest: tuple[Mapping[str, Any], ...] = ()
    started: datetime | None = None
    finished: datetime | None = None
    attempts: int = 0
    failures: int = 0
    error: str = ""
    tool_version: str = ""
    host: str = ""
    versions: tuple[Mapping[str, Any], ...] = ()
    first_id: str = ""
    last_id: str = ""


class EnrollmentEvent(NamedTuple):
    """What an event says of one learner's enrolment in one course. They sort by time (UTC, to the microsecond), then by type, then by mode.

    `type` is one of the three event types below, `mode` what the payload says, which may be empty.
    """

    time: datetime
    type: str
    mode: str


ACTIVATED = "edx.course.enrollment.activated"
DEACTIVATED = "edx.course.enrollment.deactivated"
MODE_CHANGED = "edx.course.enrollment.mode_changed"


Item = Document | Rejected
#: What a reader gives that is in a hurry.
FastItem = Document | Encoded | Rejected
FastItems = Iterator[FastItem]
Items = Iterator[Item]
