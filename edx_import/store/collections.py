"""The collections of the database: their names, their indexes, and how a course's documents are found in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from edx_import.ids import course_range
from edx_import.model import Site
from edx_import.store.connection import Store
from edx_import.store.mongo_errors import is_passing
from edx_import.tables import TABLES, IndexSpec

COURSES = "courses"
EVENTS = "events"
FORUM = "forum"
COURSE_STRUCTURE = "course_structure"
COURSE_CONTENT = "course_content"
EMAIL_OPT_IN = "email_opt_in"
IMPORTS = "imports"
REJECTS = "rejects"
REPORTS = "reports"
LOCATED = "located_learners"
META = "meta"

#: Summaries per day that are made from the events, and the days of which they have to be made anew.
PERSON_COURSE_DAY = "person_course_day"
MODULE_COURSE_DAY = "module_course_day"
ROLLUP_TODO = "rollup_todo"

#: Tables that nobody declared have collections of this prefix.
OTHER_PREFIX = "other_"

#: What an event type begins with when it tells of an enrolment (activated, deactivated, mode_changed, upgrade...).
ENROLLMENT_EVENTS = "edx.course.enrollment."

#: Holds enrolment events only, by the course and the learner that their payloads name, each learner's in their order, and with all that a report
#: asks of them, so that no event is looked at. Used for queries that name event types of that kind with `$in` or as they are, not for regular
#: expressions.
ENROLLMENT_INDEX = IndexSpec("site_enrollment", ("site", "event.course_id", "event.user_id", "time", "time_microseconds", "event_type", "event.mode"))

INDEXES: Mapping[str, tuple[IndexSpec, ...]] = {
    EVENTS: (
        IndexSpec("site_course_time", ("site", "course_id", "time")),
        IndexSpec("site_user_time", ("site", "user_id", "time")),
        ENROLLMENT_INDEX,
    ),
    FORUM: (IndexSpec("site_course_thread", ("site", "course_id", "thread_id")),),
    COURSE_STRUCTURE: (IndexSpec("site_course", ("site", "course_id")),),
    PERSON_COURSE_DAY: (IndexSpec("site_course_learner", ("site", "course_id", "learner", "day")), IndexSpec("site_day", ("site", "day"))),
    MODULE_COURSE_DAY: (IndexSpec("site_day", ("site", "day")),),
    IMPORTS: (IndexSpec("member", ("member",)),),
    **{table.name: table.indexes for table in TABLES if table.indexes},
}

# A range instead of the three names, because MongoDB 5 knows no `$in` here; "/" is the character after ".".
_ENROLLMENT_FILTER = {"event_type": {"$gte": ENROLLMENT_EVENTS, "$lt": ENROLLMENT_EVENTS[:-1] + "/"}}

_EVENT_STORAGE = {"wiredTiger": {"configString": "block_compressor=zstd"}}

_NAMESPACE_EXISTS = 48
_INDEX_NOT_FOUND = 27


def course_filter(collection: str, site: Site, course_id: str) -> dict[str, Any]:
    """The filter for a course's documents: a range of ids wherever ids begin with the course."""
    if collection in (FORUM, EVENTS):
        return {"site": site, "course_id": course_id}
    first, beyond = course_range(site, course_id)
    return {"_id": {"$gte": first, "$lt": beyond}}


def ensure_collections(store: Store, *, without_indexes: Collection[str] = ()) -> None:
    """Makes what is missing; writes nothing when all is there. Raises StoreError.

    `without_indexes` names collections whose indexes come later (`ensure_indexes`): building them after a large load is far cheaper than
    keeping them up to date during it.
    """
    present = store.ride_out("looking for collections", store.database.list_collection_names)
    if EVENTS not in present:
        store.ride_out("creating the collection events", lambda: _create_events(store))
    for collection in INDEXES:
        if collection not in without_indexes:
            ensure_indexes(store, collection)


def ensure_indexes(store: Store, collection: str) -> None:
    """Builds the indexes of a collection that it does not have. Raises StoreError."""
    what = f"building the indexes of {collection}"
    present = store.ride_out(what, store.database[collection].index_information)
    missing = [_model(spec) for spec in INDEXES.get(collection, ()) if not _is_there(spec, present)]
    if missing:
        store.ride_out(what, lambda: store.database[collection].create_indexes(missing))


def drop_indexes(store: Store, collection: str) -> None:
    """Takes the indexes of a collection away, before so much is loaded that building them afterwards is cheaper. Raises StoreError."""
    what = f"dropping the indexes of {collection}"
    present = store.ride_out(what, store.database[collection].index_information)
    for spec in INDEXES.get(collection, ()):
        if spec.name in present:
            store.ride_out(what, partial(_drop, store, collection, spec.name))


def _drop(store: Store, collection: str, name: str) -> None:
    try:
        store.database[collection].drop_index(name)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:  # a try that was cut off may have dropped it
            raise


def is_empty(store: Store, collection: str) -> bool:
    """Whether there is no document in it. Raises StoreError."""
    return store.ride_out(f"looking into {collection}", lambda: store.database[collection].find_one({}, {"_id": 1})) is None


def _create_events(store: Store) -> None:
    """Events take by far the most space, and zstd halves it; a server that lets nobody choose stores them all the same."""
    try:
        store.database.create_collection(EVENTS, storageEngine=_EVENT_STORAGE)
    except CollectionInvalid:
        return  # another process was faster
    except OperationFailure as error:
        if is_passing(error):
            raise
        if error.code != _NAMESPACE_EXISTS:
            _create_plain_events(store)


def _create_plain_events(store: Store) -> None:
    try:
        store.database.create_collection(EVENTS)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


def _model(spec: IndexSpec) -> IndexModel:
    options = {"partialFilterExpression": _ENROLLMENT_FILTER} if spec is ENROLLMENT_INDEX else {}
    return IndexModel([(field, ASCENDING) for field in spec.fields], name=spec.name, **options)


def _is_there(spec: IndexSpec, present: Mapping[str, Any]) -> bool:
    """Under its name, or the same index under a name that somebody else gave it (MongoDB would refuse the second)."""
    keys = [(field, ASCENDING) for field in spec.fields]
    return spec.name in present or any(index["key"] == keys and "partialFilterExpression" not in index for index in present.values())
