"""A sync from listing to summary: list, plan, bring course metadata up to date, load, add up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from edx_import.courses import CourseCatalog
from edx_import.errors import EdxImportError, Interrupted, SourceError
from edx_import.model import PROD, DeliveredObject, ImportRecord, ObjectKind
from edx_import.packages.base import PackageSource, Passed, Wanted
from edx_import.progress import Progress, Step
from edx_import.rollups.run import roll_up
from edx_import.store.collections import EVENTS, drop_indexes, ensure_indexes, is_empty
from edx_import.store.connection import Store
from edx_import.store.course_metadata import forget_course, known_courses, save_course
from edx_import.store.ledger import Ledger
from edx_import.sync.attempt import expected
from edx_import.sync.member_readers import READER_VERSIONS
from edx_import.sync.outcome import SyncSummary
from edx_import.sync.plan import Plan, Skip, SyncRequest, plan
from edx_import.sync.pool import Executor
from edx_import.sync.stop import Stop


@dataclass(frozen=True, slots=True)
class Preparation:
    """A plan, and what went wrong while the source was listed."""

    plan: Plan
    errors: tuple[EdxImportError, ...] = ()


def prepare(source: PackageSource, store: Store, request: SyncRequest) -> Preparation:
    """Lists the source and plans. A kind that cannot be listed is an error of its own; when nothing can, SourceError is raised."""
    listing: list[DeliveredObject] = []
    passed: list[Skip] = []
    errors: list[EdxImportError] = []
    records = Ledger(store).records()
    for org in request.orgs:
        before = len(errors), len(passed)
        found = _list_organisation(source, request, org, passed, errors)
        if not found and (len(errors), len(passed)) == before and _should_have_some(request, org, records):
            errors.append(_nothing_there(source, org))
        listing += found
    if errors and not listing:
        raise errors[0]
    planned = plan(listing, records, request, READER_VERSIONS, passed, no_events_yet=is_empty(store, EVENTS))
    return Preparation(planned, tuple(errors))


@contextmanager
def indexed(plan: Plan, store: Store, stop: Stop) -> Iterator[None]:
    """Where the plan says so, the indexes of events are built after them; if it does not come to that, by the next command. Raises StoreError."""
    if plan.indexes_after:
        drop_indexes(store, EVENTS)
    yield
    if plan.indexes_after and not stop.asked:
        ensure_indexes(store, EVENTS)


def expect(prepared: Preparation, store: Store, progress: Progress) -> None:
    """Puts what is planned into the ledger, so that `status` shows it even if it is never begun. Raises StoreError."""
    Ledger(store).expect(expected(task) for task in prepared.plan.tasks)
    progress.step("", Step.PLANNED)


def _should_have_some(request: SyncRequest, org: str, records: Mapping[str, ImportRecord]) -> bool:
    """Whether it is odd that nothing of an organisation is there: all was asked for, and nothing of it was ever seen."""
    asked_for_all = {ObjectKind.DATABASE, ObjectKind.EVENTS} <= set(request.kinds) and not request.since and not request.until
    return asked_for_all and not any(record.org == org for record in records.values())


def _list_organisation(
    source: PackageSource, request: SyncRequest, org: str, passed: list[Skip], errors: list[EdxImportError]
) -> list[DeliveredObject]:
    listing: list[DeliveredObject] = []
    for kind in request.kinds:
        try:
            for found in source.list(Wanted(kind, org, request.sites, request.since, request.until)):
                if isinstance(found, Passed):
                    passed.append(Skip(found.key, found.reason))
                else:
                    listing.append(found)
        except SourceError as error:
            errors.append(error)
    return listing


def _nothing_there(source: PackageSource, org: str) -> SourceError:
    return SourceError(
        f"there is nothing for the organisation {org!r} in {source.description}",
        "Check EDX_ORG: it must be the name in the S3 keys, in lower case. If it is right, ask your edX contact where your data is delivered.",
    )


def refresh_metadata(store: Store, catalog: CourseCatalog, sites: tuple[str, ...]) -> int:
    """Brings courses.yaml into `courses` and onto the documents of every course whose metadata changed; gives how many changed."""
    known = known_courses(store)
    # courses.yaml speaks of edx.org; a course of another site is known once a package brings it
    listed = {(PROD, course.id) for course in catalog.courses} if PROD in sites else set()
    changed = 0
    for site, course_id in sorted(known | listed):
        if catalog.resolve(course_id) != course_id and forget_course(store, site, course_id):
            continue  # an alias by now, and nothing is left under it
        changed += save_course(store, site, course_id, catalog.get(course_id), None)
    return changed


def roll_up_days(store: Store, jobs: int, stop: Stop, tell: Callable[[str], None], summary: SyncSummary) -> None:
    """Makes the roll-ups of the days that this sync has touched, or one before it that was cut off. Raises StoreError."""
    if summary.interrupted:
        return
    started = time.monotonic()
    try:
        summary.days_rolled_up = roll_up(store, jobs, stop.check, tell)
    except (Interrupted, KeyboardInterrupt):
        summary.interrupted = True
    summary.rollup_seconds = time.monotonic() - started


def execute(prepared: Preparation, executor_for: Callable[[Plan], Executor], progress: Progress) -> SyncSummary:
    """Does what was planned. `executor_for` decides who works, once it is known how much there is."""
    started = time.monotonic()
    summary = SyncSummary(prepared.plan, source_errors=list(prepared.errors))
    progress.begin(len(prepared.plan.tasks), prepared.plan.size)
    try:
        if prepared.plan.tasks:
            for outcome in executor_for(prepared.plan).run(prepared.plan.tasks):
                summary.outcomes.append(outcome)
                summary.warnings += outcome.warnings
    except (Interrupted, KeyboardInterrupt):
        summary.interrupted = True
    finally:
        progress.end()
        summary.seconds = time.monotonic() - started
    return summary
