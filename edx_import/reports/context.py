"""What a command gets: what the person asked for, and read-only questions to the database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edx_import.courses import matches, org_of
from edx_import.errors import UsageError
from edx_import.model import PROD, CourseFilter, Site

if TYPE_CHECKING:
    from edx_import.geography import Countries
    from edx_import.reports.report import Report
    from edx_import.store.changes import Writer
    from edx_import.store.queries import Queries


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How a command speaks with the person who runs it, beside its report: on stderr.

    `ask` shows a report, asks a question, and gives whether the answer was yes; None where nobody can be asked.
    """

    say: Callable[[str], None] = lambda text: None
    ask: Callable[[Report, str], bool] | None = None


@dataclass(frozen=True)
class Context:
    """The options that all commands share, and the database.

    `course` holds globs over course ids, each held against the id, its slash form and its file form; `orgs` are compared without regard to
    case. Empty means all. `since` and `until` are UTC days, both included. Raises UsageError when they are the wrong way round.

    `changes` is the `writer` of a command that declares `WRITES = True`, `geoip_database` what GEOIP_DATABASE says.
    """

    queries: Queries
    site: Site = PROD
    orgs: tuple[str, ...] = ()
    course: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    changes: Writer | None = None
    dialogue: Dialogue = Dialogue()
    geoip_database: Path | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise UsageError(f"--since {self.since} is after --until {self.until}", "Both days are included: give the earlier one to --since.")

    @cached_property
    def courses(self) -> tuple[Mapping[str, Any], ...]:
        """The documents of the selected courses, in the order of their ids."""
        return tuple(course for course in self.queries.courses(self.site) if self.takes(course["course_id"]))

    @cached_property
    def event_days(self) -> tuple[date, date] | None:
        """The first and the last day (UTC) of the site's events, whatever the options choose; None when there are no events.

        A daily report runs from the one to the other: its states are built from all of these days, `since` and `until` choose what is shown. The
        last day is never after that of the newest event file: a device whose clock is wrong makes no report run on to 2098.
        """
        return self.queries.event_days(self.site)

    @property
    def course_ids(self) -> tuple[str, ...] | None:
        """The ids of the selected courses; None when nothing was left out, which queries understand as all."""
        return tuple(course["course_id"] for course in self.courses) if self.orgs or self.course else None

    def takes(self, course_id: str) -> bool:
        """Whether a course is among those asked for."""
        orgs = {org.casefold() for org in self.orgs}
        return (not orgs or org_of(course_id).casefold() in orgs) and matches(course_id, CourseFilter(include=self.course))

    def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """The documents that a pipeline gives, one at a time. It reads only: UsageError for $out and $merge. Raises StoreError.

        It sees the whole collection: begin with a `$match` on `site` and, where courses were chosen, on `course_ids`. End with a `$sort`
        that leaves no two rows equal, else the order changes from run to run.
        """
        return self.queries.aggregate(collection, pipeline)

    def refuse_days(self, why: str) -> None:
        """For a command to which days mean nothing: raises UsageError when some were given, rather than answer another question."""
        if self.since or self.until:
            raise UsageError(f"--since and --until cannot be used here: {why}", "Leave them out.")

    @property
    def writer(self) -> Writer:
        """What a command writes with. Raises UsageError in one that does not declare `WRITES = True`."""
        if self.changes is None:
            raise UsageError("this command does not say that it writes", "Its module must declare WRITES = True.")
        return self.changes

    def say(self, text: str) -> None:
        """Tells the person something beside the report."""
        self.dialogue.say(text)

    def agreed(self, yes: bool, preview: Callable[[], Report], question: str) -> bool:
        """Whether to go on with what cannot be undone: because of `--yes`, or because the person, who has seen the preview, says so.

        Raises UsageError where nobody can be asked.
        """
        if yes:
            return True
        if self.dialogue.ask is None:
            raise UsageError("this cannot be undone, and nobody can be asked here", "`--dry-run` shows what would be done; `--yes` does it.")
        return self.dialogue.ask(preview(), question)

    def rebuild_rollups(self) -> int:
        """Makes the summaries per day anew; gives how many days of courses. Raises UsageError, StoreError, LockHeldError."""
        from edx_import.rollups.run import rebuild

        return rebuild(self.writer.store, os.cpu_count() or 1, self.writer.check_lock)

    def countries(self, database: Path | None = None) -> Countries:
        """Tells countries of IP addresses: by this MaxMind database, else that of GEOIP_DATABASE, else the one that came along.

        Raises ConfigurationError.
        """
        from edx_import.geography import open_countries

        return open_countries(database or self.geoip_database)
