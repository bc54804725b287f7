"""What tells whether two databases are identical: hashes over all documents, without where and when they came from."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from edx_import.store.collections import IMPORTS, META, MODULE_COURSE_DAY, PERSON_COURSE_DAY, ROLLUP_TODO
from edx_import.store.connection import Store
from edx_import.store.mongo_errors import mongo_errors
from edx_import.store.schema import SCHEMA_ID

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument)

_ALL: tuple[dict[str, Any], dict[str, Any]] = {}, {"import": 0}

#: Filter and projection of a collection of which not everything counts: in `meta`, only the version says something of the data; of roll-ups, when
#: they were made says nothing.
_PART: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    META: ({"_id": SCHEMA_ID}, {"version": 1}),
    PERSON_COURSE_DAY: ({}, {"rolled_up": 0}),
    MODULE_COURSE_DAY: ({}, {"rolled_up": 0}),
}


def database_hash(store: Store) -> dict[str, str]:
    """A hash of each collection that has documents, but the ledger and the notes of days to be rolled up.

    Over its documents in the order of `_id`, without the field `import`.

    Raises StoreError.
    """
    with mongo_errors("reading the whole database"):
        names = sorted(store.database.list_collection_names(filter={"type": "collection"}))
        hashes = {name: _collection_hash(store, name) for name in names if name not in (IMPORTS, ROLLUP_TODO) and not name.startswith("system.")}
    return {name: value for name, value in hashes.items() if value}


def _collection_hash(store: Store, name: str) -> str:
    """Empty when there is no document."""
    hashed, documents = blake2b(digest_size=16), 0
    collection: Collection[RawBSONDocument] = store.database.with_options(codec_options=_RAW)[name]
    for document in collection.find(*_PART.get(name, _ALL)).sort("_id", 1):
        hashed.update(document.raw)
        documents += 1
    return hashed.hexdigest() if documents else ""
