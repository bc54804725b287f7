"""What a sync will do, decided without doing any of it.

`plan` is pure: (listing, ledger, request) to tasks and skips with their reasons, so that a dry run prints exactly what a run does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from edx_import import __version__
from edx_import.model import PROD, CourseFilter, DeliveredObject, ImportRecord, ImportState, ObjectKind

ALREADY_LOADED = "already loaded"

#: So many sealed bytes of events (about half a million) are a back-fill.
BACKFILL_SIZE = 50_000_000

#: After so many failed tries at the same content an object is given up: a daily job must not fail for ever because of it.
MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What the user asked for. The days are those in the names of event files (UTC), both included."""

    orgs: tuple[str, ...]
    kinds: tuple[ObjectKind, ...] = (ObjectKind.DATABASE, ObjectKind.EVENTS, ObjectKind.EMAIL)
    sites: tuple[str, ...] = (PROD,)
    courses: CourseFilter = CourseFilter()
    since: date | None = None
    until: date | None = None
    latest: bool = False
    force: bool = False
    retry_failed: bool = False

    @property
    def coverage(self) -> Coverage:
        """What of an object this request takes."""
        return Coverage(self.sites, self.courses)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which part of an object was, or is to be, loaded: sites and courses."""

    sites: tuple[str, ...]
    courses: CourseFilter

    @classmethod
    def of(cls, record: ImportRecord) -> Coverage:
        """What the ledger says was loaded."""
        return cls(tuple(filter(None, record.site.split(","))), record.filter)

    def within(self, loaded: Coverage) -> bool:
        """Whether all of this is part of what was loaded."""
        return set(self.sites) <= set(loaded.sites) and self.courses.within(loaded.courses)

    def joined(self, earlier: Coverage) -> Coverage:
        """What is loaded when this is loaded after `earlier`, from the same content."""
        if self.within(earlier):
            return earlier
        if self.courses == earlier.courses:
            return Coverage(tuple(sorted({*self.sites, *earlier.sites})), self.courses)
        mine, theirs = self.courses, earlier.courses
        if set(self.sites) == set(earlier.sites) and mine.exclude == theirs.exclude and mine.include and theirs.include:
            return Coverage(self.sites, CourseFilter(tuple(sorted({*mine.include, *theirs.include})), mine.exclude))
        return self


@dataclass(frozen=True, slots=True)
class Task:
    """One object to be loaded, why, and what of it."""

    delivered: DeliveredObject
    why: str
    coverage: Coverage
    force: bool = False
    #: The reader of this version is newer than the one that loaded it: documents are replaced.
    renewed: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """One object that stays as it is, and why. `given_up`: it could not be loaded, and is not tried any more."""

    key: str
    reason: str
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks in their order (the weekly ZIP, then event days, newest first, then the rest), and what is left out."""

    tasks: tuple[Task, ...] = ()
    skips: tuple[Skip, ...] = ()
    #: So many events come into an empty collection that its indexes are built after them.
    indexes_after: bool = False
    size: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(task.delivered.size for task in self.tasks))


def plan(
    listing: Sequence[DeliveredObject],
    records: Mapping[str, ImportRecord],
    request: SyncRequest,
    versions: Mapping[ObjectKind, int],
    passed: Iterable[Skip] = (),
    *,
    no_events_yet: bool = False,
) -> Plan:
    """Decides for every listed object whether it is taken, and why (or why not).

    `records` are the ledger's entries of objects by key, `versions` the readers' versions by kind, `passed` what the source itself left out,
    `no_events_yet` that the database has no event at all.
    """
    tasks: list[Task] = []
    skips: list[Skip] = list(passed)
    chosen, left = _choose(listing, records, request)
    skips += left
    for found in chosen:
        decision = _decide(found, records.get(found.key), request, versions[found.name.kind])
        if isinstance(decision, Task):
            tasks.append(decision)
        else:
            skips.append(decision)
    tasks.sort(key=_order)
    events = sum(task.delivered.size for task in tasks if task.delivered.name.kind is ObjectKind.EVENTS)
    return Plan(tuple(tasks), tuple(skips), no_events_yet and events >= BACKFILL_SIZE)


def _order(task: Task) -> tuple[int, int, str]:
    rank = list(ObjectKind).index(task.delivered.name.kind)
    return rank, -task.delivered.name.date.toordinal(), task.delivered.key


def _choose(
    listing: Sequence[DeliveredObject], records: Mapping[str, ImportRecord], request: SyncRequest
) -> tuple[list[DeliveredObject], list[Skip]]:
    """Takes the newest ZIP of each organisation, and the event files of the days asked for."""
    chosen: list[DeliveredObject] = []
    skips: list[Skip] = []
    for org in request.orgs:
        for kind in (ObjectKind.DATABASE, ObjectKind.EMAIL):
            found = [item for item in listing if item.name.kind is kind and item.name.org == org]
            taken, left = _newest_snapshot(found, records)
            chosen += taken
            skips += left
        events = [item for item in listing if item.name.kind is ObjectKind.EVENTS and item.name.org == org]
        taken, left = _event_days(events, request)
        chosen += taken
        skips += left
        chosen += [item for item in listing if item.name.kind is ObjectKind.RDX and item.name.org == org]
    return chosen, skips


def _newest_snapshot(found: Sequence[DeliveredObject], records: Mapping[str, ImportRecord]) -> tuple[list[DeliveredObject], list[Skip]]:
    """Each snapshot is complete, so that only the newest counts; never one older than what is loaded."""
    if not found:
        return [], []
    ordered = sorted(found, key=lambda item: (item.name.date, item.key))
    newest = ordered[-1]
    skips = [Skip(item.key, f"an older snapshot than {newest.key}") for item in ordered[:-1]]
    loaded = _loaded_date(newest, records)
    if loaded > newest.name.date.isoformat():
        return [], [*skips, Skip(newest.key, f"an older snapshot than the one loaded, of {loaded}")]
    return [newest], skips


def _loaded_date(newest: DeliveredObject, records: Mapping[str, ImportRecord]) -> str:
    """The date of the newest snapshot of that kind and organisation that has been loaded, `""` for none."""
    name = newest.name
    dates = (record.date for record in records.values() if record.kind == name.kind and record.org == name.org and _has_rows(record))
    return max(dates, default="")


def _has_rows(record: ImportRecord) -> bool:
    """Whether rows of the snapshot may be in the database: it was loaded, in part at least, or its loading was cut off."""
    begun = record.state in (ImportState.LOADED, ImportState.LOADING)
    return begun or bool(record.manifest) or bool(record.counts.get("loaded"))


def _event_days(found: Sequence[DeliveredObject], request: SyncRequest) -> tuple[list[DeliveredObject], list[Skip]]:
    chosen: list[DeliveredObject] = []
    skips: list[Skip] = []
    for item in found:
        if item.name.site not in request.sites:
            skips.append(Skip(item.key, f"site {item.name.site or item.name.site_token}: not asked for"))
        elif (request.since and item.name.date < request.since) or (request.until and item.name.date > request.until):
            skips.append(Skip(item.key, "outside the days asked for"))
        else:
            chosen.append(item)
    if request.latest and chosen:
        newest = max(item.name.date for item in chosen)
        skips += [Skip(item.key, "not the newest day") for item in chosen if item.name.date != newest]
        chosen = [item for item in chosen if item.name.date == newest]
    return chosen, skips


def _decide(found: DeliveredObject, record: ImportRecord | None, request: SyncRequest, version: int) -> Task | Skip:
    """Done means: same content, same reader version, and nothing asked for beyond what was loaded."""
    wanted = request.coverage
    if found.name.kind in (ObjectKind.EVENTS, ObjectKind.RDX):
        wanted = Coverage((found.name.site or PROD,), request.courses)
    if record is None:
        return Task(found, "new", wanted, force=request.force)
    renewed = 0 < record.reader_version < version
    if request.force:
        return Task(found, "asked for again (--force)", wanted, force=True, renewed=renewed)
    if _is_given_up(found, record) and not request.retry_failed:
        return Skip(found.key, f"given up after {record.failures} failed tries: {record.error}", given_up=True)
    if record.state is not ImportState.LOADED:
        reason = _why_again(record)
        return Task(found, reason, wanted, renewed=renewed)
    if record.etag != found.etag or record.size != found.size:
        return Task(found, "changed since it was loaded", wanted, renewed=renewed)
    if renewed:
        return Task(found, f"read by an older version ({record.reader_version}, now {version})", wanted, renewed=True)
    if not wanted.within(Coverage.of(record)):
        return Task(found, "more of it is asked for than was loaded", wanted)
    return Skip(found.key, ALREADY_LOADED)


def _is_given_up(found: DeliveredObject, record: ImportRecord) -> bool:
    """Another content, or another version of the program, is a new chance."""
    same = (record.etag, record.size, record.tool_version) == (found.etag, found.size, __version__)
    return record.state is ImportState.FAILED and record.failures >= MOST_FAILURES and same


def _why_again(record: ImportRecord) -> str:
    if record.state is ImportState.FAILED:
        return "failed last time"
    return "new" if record.state is ImportState.PENDING and not record.started else f"left unfinished ({record.state})"
