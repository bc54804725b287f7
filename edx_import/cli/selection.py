"""What the options of a sync ask for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from edx_import.cli.days import check_order, parse_day

if TYPE_CHECKING:
    from edx_import.sync.plan import SyncRequest


class Site(StrEnum):
    """The words of --site."""

    PROD = "prod"
    EDGE = "edge"
    ALL = "all"


class Only(StrEnum):
    """The words of --only."""

    DATABASE = "database"
    EVENTS = "events"
    EMAIL = "email"
    RDX = "rdx"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects and rows the options ask for, as they were written."""

    org: tuple[str, ...]
    site: Site
    only: tuple[Only, ...]
    since: str | None
    until: str | None
    latest: bool
    course: tuple[str, ...]
    exclude: tuple[str, ...]
    force: bool
    retry_failed: bool = False

    def request(self, orgs: tuple[str, ...]) -> SyncRequest:
        """The request for those organisations. Raises UsageError."""
        from edx_import.model import CourseFilter, ObjectKind
        from edx_import.sync.plan import SyncRequest

        since, until = parse_day(self.since, "--since"), parse_day(self.until, "--until")
        check_order(since, until)
        words = self.only or (Only.DATABASE, Only.EVENTS, Only.EMAIL)
        return SyncRequest(
            orgs=orgs,
            kinds=tuple(kind for kind in ObjectKind if kind.value in words),
            sites=("prod", "edge") if self.site is Site.ALL else (self.site.value,),
            courses=CourseFilter(tuple(sorted(set(self.course))), tuple(sorted(set(self.exclude)))),
            since=since,
            until=until,
            latest=self.latest,
            force=self.force,
            retry_failed=self.retry_failed,
        )
