"""How much room the server's disk has left."""

from __future__ import annotations

from pymongo.errors import PyMongoError

from edx_import.store.connection import Store


def free_bytes(store: Store) -> int | None:
    """Bytes free on the disk that the database is on; None where the server does not say (a shared cluster, an account that may not ask)."""
    try:
        stats = store.database.command("dbStats")
    except PyMongoError:
        return None
    total, used = stats.get("fsTotalSize"), stats.get("fsUsedSize")
    return int(total - used) if total and used is not None else None
