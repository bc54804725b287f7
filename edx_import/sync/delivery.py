"""What the loading of one ZIP has at hand, and the ledger's entries of its members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from edx_import import __version__
from edx_import.decryption import VerifiedContent, verified
from edx_import.errors import EdxImportError
from edx_import.model import ImportRecord, ImportState, MemberName
from edx_import.packages.archive import Archive
from edx_import.store.ledger import below_top
from edx_import.sync.member_readers import Unpack
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Task
from edx_import.sync.tools import Tools


@dataclass(frozen=True, slots=True)
class Delivery:
    """One ZIP being loaded. `earlier`: what was last done with each member in any snapshot, by its path below the top folder."""

    task: Task
    tools: Tools
    archive: Archive
    outcome: ObjectOutcome
    earlier: Mapping[str, ImportRecord]
    #: Which part of member names stands for a course: two parts for one course would remove each other's rows.
    claimed: dict[tuple[str, str], str] = field(default_factory=dict)

    def claim(self, site: str, course_id: str, course_part: str) -> str:
        """The course part that stands for the course: the first that said so."""
        return self.claimed.setdefault((site, course_id), course_part)

    def reject_file(self, member: MemberName) -> str:
        """The name under which a member's rejected rows are kept: the same every week, so that new ones take the place of old ones."""
        return f"{self.task.delivered.name.org}//{below_top(member.path)}"

    def verified(self, path: str, unpack: Unpack = iter) -> VerifiedContent:
        """The unpacked content of a member, known to be whole. Raises the errors of decryption and archive."""
        return verified(self.tools.keyring, partial(self.archive.open, path), unpack)

    def last_time(self, member: MemberName) -> ImportRecord | None:
        """What was last done with this member, this week or an earlier one."""
        return self.earlier.get(below_top(member.path))

    def is_done(self, member: MemberName, reader_version: int, course_id: str) -> bool:
        """Whether an earlier try at this very delivery has loaded the member: nothing of it needs to be looked at again."""
        before = self.last_time(member)
        if before is None or self.task.force or before.state is not ImportState.LOADED:
            return False
        same_delivery = (before.key, before.etag) == (self.task.delivered.key, self.task.delivered.etag)
        return same_delivery and (before.reader_version, before.course_id) == (reader_version, course_id)

    def expect(self, members: Iterable[MemberName], course_id: str) -> None:
        """Records the members that are going to be loaded."""
        self.tools.ledger.expect(replace(self.begun(member, course_id), state=ImportState.PENDING, started=None, attempts=0) for member in members)

    def begun(self, member: MemberName, course_id: str = "") -> ImportRecord:
        """The ledger's entry of a member while it is taken up; what was loaded of it before stays in its counts."""
        key, name = self.task.delivered.key, self.task.delivered.name
        before = self.last_time(member)
        return ImportRecord(
            key,
            ImportState.LOADING,
            member=member.path,
            kind=member.task,
            org=name.org,
            site=member.site,
            date=name.date.isoformat(),
            course_id=course_id,
            etag=self.task.delivered.etag,
            counts=before.counts if before is not None else {},
            started=datetime.now(UTC),
            attempts=1 + (before.attempts if before is not None and before.key == key else 0),
            tool_version=__version__,
        )

    def fail(self, record: ImportRecord, error: EdxImportError) -> None:
        """Records that a member could not be loaded, and warns of it."""
        self.outcome.warnings.append(f"{record.member}: {error.what}{f' ({error.hint})' if error.hint else ''}")
        self.save(record, ImportState.FAILED, error=error.what)

    def save(self, record: ImportRecord, state: ImportState, **changes: Any) -> None:
        """Records how a member ended."""
        self.tools.ledger.save(replace(record, state=state, finished=datetime.now(UTC), **changes))
