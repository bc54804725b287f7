"""Reports that are kept in the database: each in a collection of its own, `report_NAME`, which changes from one moment to the next.

The rows go into a collection that nobody knows, which then takes the place of the old one; a process that dies meanwhile leaves the old one as
it was, and what it had written is dropped by the next one. In `meta`:

saved|report_NAME       what was saved: command, site, columns, rows, created, ...; written before the rows take their place
saving|saving_...       which process is writing a collection, and since when
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import BulkWriteError, CollectionInvalid, OperationFailure

from edx_import.errors import StoreError, UsageError
from edx_import.store.collections import META
from edx_import.store.connection import Store, whole_milliseconds
from edx_import.store.holder import is_gone, myself
from edx_import.store.privacy_books import privacy_state

SAVED_PREFIX = "report_"
UNFINISHED_PREFIX = "saving_"

#: Where nobody can see whether the process that wrote it is still there.
_LONGEST_SAVE = timedelta(days=2)

_NAMESPACE_NOT_FOUND = 26
_DUPLICATE_KEY = 11000
_SAVING = {"_id": {"$gte": "saving|", "$lt": "saving}"}}  # "}" is the character after "|"


def saved_name(command: str) -> str:
    """The collection in which a command's report is saved: `report_` and its name, which may begin so already."""
    return command if command.startswith(SAVED_PREFIX) else SAVED_PREFIX + command


class Saving:
    """A report that is being saved. Its rows are in no collection that anybody reads until `commit`."""

    def __init__(self, store: Store, name: str, watch: bool) -> None:
        self._store = store
        self._watch = watch
        self._kept_free_of = _kept_free_of(store)
        self._unfinished = f"{UNFINISHED_PREFIX}{name}_{secrets.token_hex(4)}"
        self.name = name
        self.rows = 0

    @property
    def unfinished(self) -> str:
        """The collection that is being written."""
        return self._unfinished

    def add(self, documents: Sequence[dict[str, Any]]) -> None:
        """Adds rows, each with an `_id` of its own. Raises StoreError."""
        rows = self._store.database[self._unfinished]

        def insert() -> None:
            try:
                rows.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                if any(wrong["code"] != _DUPLICATE_KEY for wrong in error.details["writeErrors"]) or error.details["writeConcernErrors"]:
                    raise  # what is there already was written by a try that was cut off

        if documents:
            self._store.ride_out(f"saving {self.name}", insert)
            self.rows += len(documents)

    def commit(self, about: Mapping[str, Any]) -> None:
        """Puts the rows in the place of those that were saved before.

        Raises StoreError, and UsageError when learners were forgotten meanwhile, or when several rows had one `_id`.
        """
        if self._watch and _kept_free_of(self._store) != self._kept_free_of:
            what = f"{self.name} was not saved: meanwhile learners were forgotten or remembered, or personal details removed"
            raise UsageError(what, "Run the command again.")
        self._make_sure_all_are_there()
        record = {"_id": f"saved|{self.name}", **about, "rows": self.rows, "created": whole_milliseconds(datetime.now(UTC))}
        meta = self._store.database[META]
        self._store.ride_out("writing to meta", lambda: meta.replace_one({"_id": record["_id"]}, record, upsert=True))
        self._store.ride_out(f"saving {self.name}", self._take_place)

    def _make_sure_all_are_there(self) -> None:
        rows = self._store.database[self._unfinished]
        there = self._store.ride_out(f"counting {self.name}", lambda: rows.count_documents({}, hint="_id_"))
        if there != self.rows:
            raise UsageError(f"{self.name} was not saved: {self.rows:,} rows have {there:,} different _id", "Write the report to a file instead.")

    def begin(self) -> None:
        """Makes the collection, empty, with a note of who writes it."""
        note = {"_id": f"saving|{self._unfinished}", "holder": myself(), "created": whole_milliseconds(datetime.now(UTC))}
        meta = self._store.database[META]
        self._store.ride_out("writing to meta", lambda: meta.replace_one({"_id": note["_id"]}, note, upsert=True))
        self._store.ride_out(f"saving {self.name}", self._create)

    def _create(self) -> None:
        with suppress(CollectionInvalid):  # a try that was cut off may have made it
            self._store.database.create_collection(self._unfinished)

    def _take_place(self) -> None:
        try:
            self._store.database[self._unfinished].rename(self.name, dropTarget=True)
        except OperationFailure as error:
            if error.code != _NAMESPACE_NOT_FOUND:  # a try that was cut off may have done it
                raise


def _kept_free_of(store: Store) -> object:
    """What a report that is being saved must not bring back."""
    state = privacy_state(store)
    return (state.keep_removed, state.kept, state.forgotten) if state else (False, frozenset(), frozenset())


@contextmanager
def saving_report(store: Store, command: str, *, holds_lock: bool = False) -> Iterator[Saving]:
    """Saves the report of a command; without a `commit` everything stays as it was. Raises StoreError, and UsageError for a collection that is
    not ours to replace.

    Learners who are forgotten meanwhile must not stay in it. `holds_lock`: nobody else can have one forgotten, for the command holds the lock.
    """
    name = saved_name(command)
    _make_sure_it_is_ours(store, name, command)
    _sweep(store)
    saving = Saving(store, name, watch=not holds_lock)
    saving.begin()
    try:
        yield saving
    finally:
        _drop(store, saving.unfinished)


def _make_sure_it_is_ours(store: Store, name: str, command: str) -> None:
    record = store.ride_out("reading meta", lambda: store.database[META].find_one({"_id": f"saved|{name}"}, {"command": 1}))
    there = store.ride_out("looking for collections", lambda: store.database.list_collection_names(filter={"name": name}))
    if there and record is None:
        raise UsageError(f"the collection {name} was not saved by edx-import, and stays as it is", "Rename or drop it, then save again.")
    if record is not None and record.get("command") != command:
        what = f"the collection {name} holds the report of another command, {record.get('command')}"
        raise UsageError(what, "Rename one of the two commands, or drop the collection and its entry in meta.")


def _sweep(store: Store) -> None:
    """Drops what processes have left that were killed while they saved."""
    for note in store.ride_out("reading meta", lambda: list(store.database[META].find(_SAVING))):
        if is_gone(note.get("holder", {})) or datetime.now(UTC) - note["created"] > _LONGEST_SAVE:
            _drop(store, note["_id"].removeprefix("saving|"))


def _drop(store: Store, unfinished: str) -> None:
    """The collection first: what a note tells of can be found again. Where it fails, the next one who saves does it."""
    with suppress(StoreError):
        store.ride_out(f"dropping {unfinished}", lambda: store.database.drop_collection(unfinished))
        store.ride_out("writing to meta", lambda: store.database[META].delete_one({"_id": f"saving|{unfinished}"}))
