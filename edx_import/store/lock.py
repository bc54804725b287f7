"""One sync per database: a lock in `meta`, with owner, heartbeat and expiry by the server's clock.

A holder that dies is replaced once its heartbeat is a minute old. One that was only slow finds out before it removes or confirms anything: it asks
whether the lock is still its own.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pymongo.errors import DuplicateKeyError

from edx_import.errors import LockHeldError, StoreError
from edx_import.store.collections import META
from edx_import.store.connection import Store
from edx_import.store.mongo_errors import mongo_errors

LOCK_ID = "sync_lock"

HEARTBEAT_SECONDS = 10.0
EXPIRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LockToken:
    """What proves that the lock is held: goes to worker processes, too."""

    owner: str

    def check(self, store: Store) -> None:
        """Makes sure that the lock is still this one's. Raises LockHeldError when another has taken it over, StoreError."""
        with mongo_errors("looking at the lock"):
            lock = store.database[META].find_one({"_id": LOCK_ID}) or {}
        if lock.get("owner") != self.owner:
            raise LockHeldError(
                f"another sync has taken over the database: {_holder(lock)}", "This one was silent for too long. Wait, then run it again."
            )


@contextmanager
def sync_lock(store: Store) -> Iterator[LockToken]:
    """Holds the lock of the database, and keeps it alive by a heartbeat. Raises LockHeldError, which says who has it, and StoreError."""
    token = LockToken(uuid.uuid4().hex)
    _take(store, token)
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(store, token, ended), daemon=True)
    beating.start()
    try:
        yield token
    finally:
        ended.set()
        beating.join()
        with suppress(StoreError):  # it expires
            _update(store, {"_id": LOCK_ID, "owner": token.owner}, {"owner": None})


def _take(store: Store, token: LockToken) -> None:
    meta = store.database[META]
    with mongo_errors("taking the lock"):
        with suppress(DuplicateKeyError):
            if not meta.find_one({"_id": LOCK_ID}):
                meta.insert_one({"_id": LOCK_ID, "owner": None})
        expired = {"$lt": ["$heartbeat", {"$subtract": ["$$NOW", EXPIRY_SECONDS * 1000]}]}
        mine = {"owner": token.owner, "host": socket.gethostname(), "pid": os.getpid(), "since": "$$NOW", "heartbeat": "$$NOW"}
        taken = _update(store, {"_id": LOCK_ID, "$or": [{"owner": None}, {"$expr": expired}]}, mine)
        if not taken:
            lock = meta.find_one({"_id": LOCK_ID}) or {}
            raise LockHeldError(
                f"another sync is running on this database: {_holder(lock)}", "Wait until it has ended. One that died frees it in a minute."
            )


def _holder(lock: Mapping[str, Any]) -> str:
    since = lock.get("since")
    return f"process {lock.get('pid')} on {lock.get('host')}" + (f", since {since:%Y-%m-%d %H:%M:%S} UTC" if since else "")


def _update(store: Store, query: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Sets fields by the server's clock; whether there was something to set."""
    with mongo_errors("writing the lock"):
        return store.database[META].update_one(query, [{"$set": dict(fields)}]).matched_count > 0


def _beat(store: Store, token: LockToken, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        with suppress(StoreError):  # the next one may get through; else the lock expires, and is found lost
            _update(store, {"_id": LOCK_ID, "owner": token.owner}, {"heartbeat": "$$NOW"})
