"""The events that an earlier version of a file brought and that its newest version no longer has: they stay, and are counted."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from edx_import.privacy.forgetting import PSEUDONYMISED
from edx_import.store.collections import EVENTS
from edx_import.store.connection import Store
from edx_import.store.settling import WriteTarget


def superseded(store: Store, target: WriteTarget, first_id: str, last_id: str) -> int:
    """How many events of the import have another content than the one that was just loaded; those under a pseudonym do not count.

    `first_id` and `last_id`, in hex, are where to look; without them all events are looked through. Raises StoreError.
    """
    query: dict[str, Any] = {"import.object": target.import_key, "import.content": {"$ne": target.content}, PSEUDONYMISED: {"$ne": True}}
    if first_id:
        query["_id"] = {"$gte": ObjectId(first_id), "$lte": ObjectId(last_id)}
    return store.ride_out(f"reading {EVENTS}", lambda: store.database[EVENTS].count_documents(query))
