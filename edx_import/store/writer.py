"""Writes documents so that any repeat ends in the same database, and keeps the account of every row.

A document's `import: {object, content, line}` says which line of which content it was made from. It decides what a row means whose `_id` is
there already: the same line once more (loaded), another line with the same row (duplicate), an older state (replaced), or a clash (rejected).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from edx_import.model import Counts, Document, Encoded, FastItem, Rejected, Site
from edx_import.privacy.forgetting import PSEUDONYMISED
from edx_import.store.collections import course_filter
from edx_import.store.connection import CODEC, Store
from edx_import.store.rejects import RejectLog, RejectSink
from edx_import.store.settling import LARGE, NOT_STORABLE, Row, WriteTarget, settle

__all__ = ["WriteResult", "WriteTarget", "courses_from", "decoded", "remove_course", "remove_gone", "write"]

TOO_LARGE = "document over 16 MB"

_DOCUMENT_LIMIT = 16 * 2**20
_INT32 = struct.Struct("<i").pack
_LINE = b"\x10line\0"
#: The bytes around the elements of a document and those of its `import`: its length, the line, and the ends of both.
_AROUND = 4 + 4 + 2
_BATCH_ROWS = 1000
_BATCH_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The account of what was written; `by_collection` counts what was loaded, `reasons` what was rejected."""

    counts: Counts
    by_collection: dict[str, int]
    reasons: dict[str, int]


def write(
    store: Store,
    items: Iterable[FastItem],
    target: WriteTarget,
    rejects: RejectSink | None = None,
    before: Callable[[Store], None] = lambda store: None,
) -> WriteResult:
    """Writes what a reader gives, in batches, and counts it: `read` is every item. Raises StoreError, and whatever `items` raises.

    `before` is called before each batch is written. The rejected rows go to a log of the import that begins empty, unless one is given (where several
    writers share an import).
    """
    if rejects is None:
        log = rejects = RejectLog(store, target.import_key, target.reject_file)
        log.clear()
    writer = _Writer(store, target, rejects, before)
    for item in items:
        writer.take(item)
    return writer.finish()


def remove_gone(store: Store, collection: str, site: Site, course_id: str, target: WriteTarget) -> int:
    """Removes the course's documents that this load has not written; gives their number. Only after the load has ended well. Raises StoreError.

    Those of a learner who stands under a pseudonym stay: no load brings them any more.
    """
    other_origin = [{"import.object": {"$ne": target.import_key}}, {"import.content": {"$ne": target.content}}]
    return _removed(store, collection, {**course_filter(collection, site, course_id), "$or": other_origin, PSEUDONYMISED: {"$ne": True}})


def remove_course(store: Store, collection: str, site: Site, course_id: str) -> int:
    """Deletes all documents of a course id that stands for nothing any more; gives their number. Raises StoreError."""
    return _removed(store, collection, course_filter(collection, site, course_id))


def _removed(store: Store, collection: str, query: Mapping[str, Any]) -> int:
    """Counted before: when the connection is lost, nobody knows how many of them a try that was cut off has removed."""
    documents, what = store.database[collection], f"removing from {collection}"
    number = store.ride_out(what, lambda: documents.count_documents(query))
    if number:
        store.ride_out(what, lambda: documents.delete_many(query))
    return number


def courses_from(store: Store, collection: str, site: Site, objects: str) -> list[str]:
    """The courses that have documents of imports whose key matches a regular expression. Raises StoreError."""
    query = {"site": site, "import.object": {"$regex": objects}}
    # not `distinct`, whose answer has to fit into one document
    pipeline: list[Mapping[str, Any]] = [{"$match": query}, {"$group": {"_id": "$course_id"}}]
    found = store.ride_out(f"reading {collection}", lambda: list(store.database[collection].aggregate(pipeline)))
    return sorted(course["_id"] for course in found if course["_id"] is not None)


@dataclass(slots=True)
class _Batch:
    rows: list[Row] = field(default_factory=list)
    size: int = 0


class _Writer:
    """Collects rows by collection, and settles them a batch at a time.

    In this thread: a second one that waits for the server while this one reads was measured to gain nothing, the two being in each
    other's way in the interpreter. Several files at once, in processes of their own, are what keeps a server busy.
    """

    def __init__(self, store: Store, target: WriteTarget, rejects: RejectSink, before: Callable[[Store], None]) -> None:
        self._store = store
        self._target = target
        self._rejects = rejects
        self._before = before
        self._batches: dict[str, _Batch] = {}
        self._counts = Counts()
        self._loaded: dict[str, int] = {}
        self._origin = _origin(target)

    def take(self, item: FastItem) -> None:
        self._counts.read += 1
        if isinstance(item, Rejected):
            self._reject(item)
            return
        row = self._row(item) if isinstance(item, Encoded) else encoded(item, self._target)
        if isinstance(row, Rejected):
            self._reject(row)
        else:
            self._add(item.collection, row)

    def _row(self, item: Encoded) -> Row | Rejected:
        """The row with its provenance, which differs from that of the row before by its line only."""
        elements, origin = item.elements, self._origin
        size = len(elements) + len(origin) + _AROUND
        if size > _DOCUMENT_LIMIT:
            return Rejected(item.line, TOO_LARGE, item.raw, f"{size} bytes")
        data = b"".join((_INT32(size), elements, origin, _INT32(item.line), b"\0\0"))
        return Row(item.id, item.line, item.raw, RawBSONDocument(data), size)

    def _add(self, collection: str, row: Row) -> None:
        size = row.size
        if size > LARGE and collection in self._batches:
            # it goes alone, so that no question about the ids of a batch can be too large for the server
            self._flush(collection)
        batch = self._batches.get(collection) or self._begin(collection)
        batch.rows.append(row)
        batch.size += size + len(row.raw)  # a short document may come from a long line
        if batch.size >= _BATCH_BYTES or len(batch.rows) >= _BATCH_ROWS or size > LARGE:
            self._flush(collection)

    def _begin(self, collection: str) -> _Batch:
        batch = self._batches[collection] = _Batch()
        return batch

    def finish(self) -> WriteResult:
        for collection in list(self._batches):
            self._flush(collection)
        self._rejects.flush()
        return WriteResult(self._counts, self._loaded, dict(self._rejects.reasons))

    def _reject(self, rejected: Rejected) -> None:
        self._counts.rejected += 1
        self._rejects.add(rejected)

    def _flush(self, collection: str) -> None:
        self._before(self._store)
        rows, tries, documents = self._batches.pop(collection).rows, count(), self._store.database[collection]
        outcome = self._store.ride_out(f"writing to {collection}", lambda: settle(documents, rows, self._target, again=next(tries) > 0))
        self._counts.loaded += outcome.loaded
        self._counts.duplicate += outcome.duplicate
        self._loaded[collection] = self._loaded.get(collection, 0) + outcome.loaded
        for rejected in outcome.rejected:
            self._reject(rejected)


def _origin(target: WriteTarget) -> bytes:
    """The element `import` as far as it is the same for all rows: up to the name of its last element, the line (32 bits)."""
    inner = bson.encode({"object": target.import_key, "content": target.content})[4:-1]
    return b"\x03import\0" + _INT32(4 + len(inner) + len(_LINE) + 4 + 1) + inner + _LINE


def encoded(document: Document, target: WriteTarget) -> Row | Rejected:
    """The document in BSON, with its provenance. Encoded once: the driver sends these bytes as they are."""
    origin = {"object": target.import_key, "content": target.content, "line": document.line}
    try:
        data = bson.encode({**document.fields, "import": origin})
    except (BSONError, OverflowError, ValueError, RecursionError) as error:
        return Rejected(document.line, NOT_STORABLE, document.raw, f"{type(error).__name__}: {error}"[:200])
    if len(data) > _DOCUMENT_LIMIT:
        return Rejected(document.line, TOO_LARGE, document.raw, f"{len(data)} bytes")
    return Row(document.fields["_id"], document.line, document.raw, RawBSONDocument(data), len(data))


def decoded(item: Encoded) -> Document:
    """What the bytes of a row say."""
    data = b"".join((_INT32(len(item.elements) + 5), item.elements, b"\0"))
    return Document(item.collection, bson.decode(data, CODEC), item.line, item.raw)
