"""The bundle of edges that loading an object needs. Built by the front, used by `load_object` in this process or in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edx_import.courses import CourseCatalog
from edx_import.decryption import Keyring
from edx_import.formats.base import FormatReader
from edx_import.formats.course_structure import CourseStructureReader
from edx_import.formats.table import TableReader
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.model import ObjectKind
from edx_import.packages.base import PackageSource
from edx_import.progress import Progress, SilentProgress
from edx_import.store.connection import Store
from edx_import.store.ledger import Ledger
from edx_import.tables import TABLES

EVENT_READER = TrackingLogReader()


@dataclass(frozen=True, slots=True)
class MemberReader:
    """How a member of a ZIP is read, and into which collection it goes."""

    reader: FormatReader
    collection: str


#: By task name.
MEMBER_READERS: Mapping[str, MemberReader] = {
    "course_structure": MemberReader(CourseStructureReader(), "course_structure"),
    **{table.member_task: MemberReader(TableReader(table), table.name) for table in TABLES},
}

#: The version of all that reads an object of a kind: it rises when one of its readers does, and when a reader is added.
READER_VERSIONS: Mapping[ObjectKind, int] = {
    ObjectKind.EVENTS: EVENT_READER.version,
    ObjectKind.DATABASE: sum(member.reader.version for member in MEMBER_READERS.values()),
}


@dataclass(frozen=True, slots=True)
class Tools:
    """What `load_object` works with. `keep`: a folder that gets a copy of every sealed object."""

    source: PackageSource
    keyring: Keyring
    store: Store
    catalog: CourseCatalog
    scratch: Path
    keep: Path | None = None
    progress: Progress = field(default_factory=SilentProgress)

    @property
    def ledger(self) -> Ledger:
        """The record of what has been imported."""
        return Ledger(self.store)
