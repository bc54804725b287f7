"""What a command that declares `WRITES = True` may change in the database, while it holds the lock that syncs take.

Everything here can be done twice: one that was cut off is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.collection import Collection

from edx_import.errors import UsageError
from edx_import.store.collections import EVENTS, IMPORTS, META, REPORTS
from edx_import.store.connection import CODEC, Store
from edx_import.store.lock import LockToken
from edx_import.store.privacy_books import PrivacyBooks
from edx_import.store.rollups import DayNotes, NotedDays

Fields = dict[str, Any]

#: What becomes of a document: the same object when it stays as it is, another one in its place, None when it goes.
Change = Callable[[Fields], Fields | None]

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument)
_PAGE_DOCUMENTS = 1000
_PAGE_BYTES = 8 * 2**20
_OURS = (IMPORTS, META)
_Write = ReplaceOne[Fields] | DeleteOne | UpdateOne


@dataclass(frozen=True, slots=True)
class Changes:
    """How many documents were looked at, changed and removed."""

    read: int = 0
    changed: int = 0
    removed: int = 0


class Writer:
    """Writes for a command. Raises StoreError, and LockHeldError when another process has taken the lock over."""

    def __init__(self, store: Store, lock: LockToken) -> None:
        self._store = store
        self._lock = lock

    @property
    def privacy(self) -> PrivacyBooks:
        """What the database is kept free of."""
        return PrivacyBooks(self._store)

    def collections(self) -> list[str]:
        """The names of all collections that hold documents (views do not), in order."""
        names = self._store.ride_out("looking for collections", lambda: self._store.database.list_collection_names(filter={"type": "collection"}))
        return sorted(name for name in names if not name.startswith("system."))

    @property
    def store(self) -> Store:
        """The database, for jobs of ours that write a lot. They call `check_lock` in between."""
        return self._store

    def check_lock(self) -> None:
        """Makes sure that the lock is still held."""
        self._lock.check(self._store)

    def save(self, collection: str, document: Mapping[str, Any]) -> None:
        """Puts a result in the place of the one that has its `_id`, whole or not at all. For `reports` and `report_...`; else UsageError."""
        if collection != REPORTS and not collection.startswith("report_"):
            raise UsageError(f"a result cannot be saved in {collection}", f"Save it in {REPORTS}, or in a collection whose name begins with report_.")
        self._write(collection, [ReplaceOne({"_id": document["_id"]}, dict(document), upsert=True)])

    def set_fields(self, collection: str, fields: Mapping[Any, Mapping[str, Any]]) -> int:
        """Sets fields of documents, given by `_id`; None takes a field away. Gives how many documents that changed."""
        writes = [UpdateOne({"_id": key}, _set_or_unset(values)) for key, values in fields.items()]
        return self._write(collection, writes) if writes else 0

    def rewrite(
        self,
        collection: str,
        change: Change,
        query: Mapping[str, Any] | None = None,
        *,
        may_concern: Callable[[bytes], bool] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Goes through the documents of a collection (those that `query` matches) in the order of their ids, and does what `change` says.

        `may_concern` looks at the BSON of a document, and spares `change` those that are none of its business. `dry_run` only counts. The days
        of events that change are noted for the roll-ups. Raises UsageError for the collections that the syncs keep their books in.
        """
        if collection in _OURS:
            raise UsageError(f"{collection} is not for commands to change", "Syncs keep their books there.")
        read = changed = removed = 0
        for page in self._pages(collection, query or {}):
            read += len(page)
            writes: list[_Write] = []
            touched: list[Fields] = []
            for raw in page:
                if may_concern is not None and not may_concern(bytes(raw.raw)):
                    continue
                old = bson.decode(raw.raw, CODEC)
                new = change(old)
                removed += new is None
                changed += new is not None and new is not old
                writes += _writes(old, new)
                if new is not old and collection == EVENTS:
                    touched.append(old)
            if writes and not dry_run:
                self._note_days(touched)
                self._write(collection, writes)
        return Changes(read, changed, removed)

    def _note_days(self, page: Sequence[Fields]) -> None:
        """Before events change: the roll-ups of their days have to be made anew."""
        for site in {event["site"] for event in page}:
            days = DayNotes(site, NotedDays())
            for event in page:
                if event["site"] == site:
                    days.add(event.get("course_id"), event["_id"].binary)
            days.save(self._store)

    def _pages(self, collection: str, query: Mapping[str, Any]) -> Iterator[list[RawBSONDocument]]:
        """The documents, some at a time, each time by a question of its own: a server that goes away meanwhile costs nothing."""
        last: Any = None
        while page := self._store.ride_out(f"reading {collection}", partial(self._page, collection, query, last)):
            yield page
            last = page[-1]["_id"]

    def _page(self, collection: str, query: Mapping[str, Any], last: Any) -> list[RawBSONDocument]:
        documents: Collection[RawBSONDocument] = self._store.database.get_collection(collection, codec_options=_RAW)  # type: ignore[assignment]
        found = documents.find(query, limit=_PAGE_DOCUMENTS + 1).sort("_id", 1).hint([("_id", 1)])
        if last is not None:
            found = found.min([("_id", last)])  # goes on past an id of another type, as a comparison would not
        page: list[RawBSONDocument] = []
        size = 0
        with found as cursor:
            for document in cursor:
                if last is None or document["_id"] != last:
                    page.append(document)
                    size += len(document.raw)
                if size >= _PAGE_BYTES:
                    break
        return page

    def _write(self, collection: str, writes: Sequence[_Write]) -> int:
        self._lock.check(self._store)
        documents = self._store.database[collection]
        done = self._store.ride_out(f"writing to {collection}", lambda: documents.bulk_write(list(writes)))
        return int(done.modified_count)


def _writes(old: Fields, new: Fields | None) -> list[_Write]:
    if new is old:
        return []
    gone = DeleteOne({"_id": old["_id"]})
    if new is None:
        return [gone]
    if new["_id"] == old["_id"]:
        return [ReplaceOne({"_id": old["_id"]}, new)]
    # under a new id: first there, then no longer here
    return [ReplaceOne({"_id": new["_id"]}, new, upsert=True), gone]


def _set_or_unset(values: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = {"$set": {name: value for name, value in values.items() if value is not None}}
    parts["$unset"] = {name: "" for name, value in values.items() if value is None}
    return {operator: fields for operator, fields in parts.items() if fields}
