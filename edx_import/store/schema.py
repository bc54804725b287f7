"""The version of the database's schema, in the collection `meta`."""

from __future__ import annotations

from edx_import import __version__
from edx_import.errors import ConfigurationError
from edx_import.store.collections import META
from edx_import.store.connection import Store

#: Rises when documents, ids or collections change in a way that an older tool, or an older database, cannot live with.
SCHEMA_VERSION = 1

SCHEMA_ID = "schema"


def check_schema(store: Store) -> None:
    """Marks a new database with our version. Raises ConfigurationError for one of another version, StoreError."""
    meta = store.database[META]
    found = store.ride_out("reading the schema version", lambda: meta.find_one({"_id": SCHEMA_ID}))
    if found is None:
        marked = {"$setOnInsert": {"version": SCHEMA_VERSION, "tool_version": __version__}}
        store.ride_out("writing the schema version", lambda: meta.update_one({"_id": SCHEMA_ID}, marked, upsert=True))
        return
    _check(found.get("version"), str(found.get("tool_version")), store.where)


def _check(version: object, tool_version: str, where: str) -> None:
    if version == SCHEMA_VERSION:
        return
    if isinstance(version, int) and version < SCHEMA_VERSION:
        hint = "Set STORAGE_DB to a new name and sync again; nothing is lost, S3 still has it all."
        raise ConfigurationError(f"{where} was made by an older edx-import ({tool_version}), with schema {version} instead of {SCHEMA_VERSION}", hint)
    hint = f"Use edx-import {tool_version} or newer, or set STORAGE_DB to another name."
    raise ConfigurationError(f"{where} was made by a newer edx-import, with schema {version}; this one ({__version__}) knows {SCHEMA_VERSION}", hint)
