"""The ledger, collection `imports`: what is known of each delivered object and of each member of one.

A document's `_id` is the object's key, or that, `//` and the member's path; its fields are those of an `ImportRecord`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from pymongo import UpdateOne, WriteConcern

from edx_import.model import CourseFilter, ImportRecord, ImportState
from edx_import.store.collections import IMPORTS
from edx_import.store.connection import Store, whole_milliseconds

_FIELDS = tuple(field.name for field in fields(ImportRecord))


def member_key(key: str, member: str) -> str:
    """The name of a member's record: the object's key when there is no member. Also the import that a member's documents name."""
    return f"{key}//{member}" if member else key


def below_top(path: str) -> str:
    """The path of a member without the top folder, which bears the snapshot's date: the same member every week."""
    return path.partition("/")[2] or path


class Ledger:
    """Reads and writes the records of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._collection = store.database[IMPORTS]

    def records(self) -> dict[str, ImportRecord]:
        """The records of all objects, by key. Raises StoreError."""
        return {record.key: record for record in self._found({"member": ""})}

    def record(self, key: str) -> ImportRecord | None:
        """The record of an object; None when nothing is known of it. Raises StoreError."""
        return next(iter(self._found({"_id": key})), None)

    def members(self, key: str) -> dict[str, ImportRecord]:
        """The records of the members of an object, by path. Raises StoreError."""
        # "0" is the character after "/"
        return {record.member: record for record in self._found({"_id": {"$gte": f"{key}//", "$lt": f"{key}/0"}, "key": key})}

    def latest_members(self, org: str) -> dict[str, ImportRecord]:
        """What was last done with each member of the organisation's weekly ZIPs, whatever the snapshot, by its path below the top folder.

        Raises StoreError.
        """
        found = self._found({"org": org, "member": {"$ne": ""}})
        ordered = sorted(found, key=lambda record: (record.started is not None and record.started.timestamp(), record.key))
        return {below_top(record.member): record for record in ordered}

    def save(self, record: ImportRecord) -> None:
        """Puts a record in the place of the one of that object or member. Raises StoreError.

        A record of work under way is not waited for until it is on disk: whatever is written after it gets there after it.
        """
        document = record_to_document(record)
        under_way = record.state not in (ImportState.LOADED, ImportState.FAILED, ImportState.SKIPPED)
        collection = self._collection.with_options(write_concern=WriteConcern(w=1)) if under_way else self._collection
        self._store.ride_out("writing to the ledger", lambda: collection.replace_one({"_id": document["_id"]}, document, upsert=True))

    def expect(self, records: Iterable[ImportRecord]) -> None:
        """Records what is going to be done, where nothing is known of it yet. Raises StoreError."""
        documents = [record_to_document(record) for record in records]
        expected = [UpdateOne({"_id": document.pop("_id")}, {"$setOnInsert": document}, upsert=True) for document in documents]
        if expected:
            collection = self._collection.with_options(write_concern=WriteConcern(w=1))
            self._store.ride_out("writing to the ledger", lambda: collection.bulk_write(expected, ordered=False))

    def _found(self, query: Mapping[str, Any]) -> list[ImportRecord]:
        found = self._store.ride_out("reading the ledger", lambda: list(self._collection.find(query)))
        return [record_from_document(document) for document in found]


def record_to_document(record: ImportRecord) -> dict[str, Any]:
    """The record as it is stored. Times lose what is finer than a millisecond."""
    document = {name: getattr(record, name) for name in _FIELDS}
    return {
        "_id": member_key(record.key, record.member),
        **document,
        "state": str(record.state),
        "filter": {"include": list(record.filter.include), "exclude": list(record.filter.exclude)},
        "counts": dict(record.counts),
        "collections": dict(record.collections),
        "reasons": dict(record.reasons),
        "manifest": [dict(course) for course in record.manifest],
        "versions": [dict(version) for version in record.versions],
        "started": whole_milliseconds(record.started),
        "finished": whole_milliseconds(record.finished),
        "error": record.error.encode("utf-8", "backslashreplace").decode(),
        "host": socket.gethostname(),
    }


def record_from_document(document: Mapping[str, Any]) -> ImportRecord:
    """The record that a document holds; a field that is missing has its default."""
    known = {name: document[name] for name in _FIELDS if name in document}
    taken = document.get("filter") or {}
    known["state"] = ImportState(document["state"])
    known["manifest"] = tuple(document.get("manifest") or ())
    known["versions"] = tuple(document.get("versions") or ())
    known["filter"] = CourseFilter(tuple(taken.get("include", ())), tuple(taken.get("exclude", ())))
    return ImportRecord(**known)
