"""One sync per database: a lock in `meta`, with owner, heartbeat and expiry by the server's clock.

A holder that dies is replaced: at once by a process that can see that it is gone, by any other when its heartbeat is a minute old. One that was only
slow finds out before it removes or confirms anything: it asks whether the lock is still its own.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pymongo
from pymongo.errors import DuplicateKeyError, PyMongoError

from edx_import.errors import LockHeldError, StoreError
from edx_import.store.collections import META
from edx_import.store.connection import Store
from edx_import.store.holder import is_gone, myself
from edx_import.store.mongo_errors import is_passing
from edx_import.store.patience import Patience, nothing

LOCK_ID = "sync_lock"

HEARTBEAT_SECONDS = 10.0
#: After a heartbeat that did not get through.
_SOON_SECONDS = 1.0
EXPIRY_SECONDS = 60
#: How long a heartbeat that is under way is waited for at the end.
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LockToken:
    """What proves that the lock is held: goes to worker processes, too."""

    owner: str

    def check(self, store: Store) -> None:
        """Makes sure that the lock is still this one's. Raises LockHeldError when another has taken it over, StoreError."""
        store.ride_out("looking at the lock", lambda: self._look(store))

    def guard(self, store: Store) -> None:
        """From now on nothing is tried again on this connection, after it was lost, before the lock is known to be still this one's."""
        store.patience.make_sure = partial(self._look, store)

    def _look(self, store: Store) -> None:
        lock = store.database[META].find_one({"_id": LOCK_ID}) or {}
        if lock.get("owner") != self.owner:
            raise LockHeldError(
                f"another sync has taken over the database: {_holder(lock)}", "This one was silent for too long. Wait, then run it again."
            )


@contextmanager
def sync_lock(store: Store) -> Iterator[LockToken]:
    """Holds the lock of the database, and keeps it alive by a heartbeat. Raises LockHeldError, which says who has it, and StoreError."""
    token = LockToken(uuid.uuid4().hex)
    store.ride_out("taking the lock", lambda: _take(store, token))
    token.guard(store)
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(store, token, ended), daemon=True)
    beating.start()
    try:
        yield token
    finally:
        ended.set()
        beating.join(_PATIENCE_SECONDS)
        store.patience.make_sure = nothing
        _release(store, token)


def _take(store: Store, token: LockToken) -> None:
    meta = store.database[META]
    with suppress(DuplicateKeyError):
        if not meta.find_one({"_id": LOCK_ID}):
            meta.insert_one({"_id": LOCK_ID, "owner": None})
    expired = {"$lt": ["$heartbeat", {"$subtract": ["$$NOW", EXPIRY_SECONDS * 1000]}]}
    mine = {**myself(), "owner": token.owner, "since": "$$NOW", "heartbeat": "$$NOW"}
    # our own: a try that was cut off may have taken it
    free: list[dict[str, Any]] = [{"owner": None}, {"owner": token.owner}, {"$expr": expired}]
    holder = meta.find_one({"_id": LOCK_ID}) or {}
    if is_gone(holder):
        free.append({"owner": holder.get("owner")})
    if not _update(store, {"_id": LOCK_ID, "$or": free}, mine):
        lock = meta.find_one({"_id": LOCK_ID}) or {}
        raise LockHeldError(
            f"another sync is running on this database: {_holder(lock)}", "Wait until it has ended. One that died frees it in a minute."
        )


def _release(store: Store, token: LockToken) -> None:
    """In little time, because the user may want to end; else it expires."""
    with suppress(StoreError), pymongo.timeout(_PATIENCE_SECONDS):
        Patience(limit=_PATIENCE_SECONDS).ride_out(
            "freeing the lock", lambda: _update(store, {"_id": LOCK_ID, "owner": token.owner}, {"owner": None})
        )


def _holder(lock: Mapping[str, Any]) -> str:
    since = lock.get("since")
    return f"process {lock.get('pid')} on {lock.get('host')}" + (f", since {since:%Y-%m-%d %H:%M:%S} UTC" if since else "")


def _update(store: Store, query: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Sets fields by the server's clock; whether there was something to set. Raises pymongo's errors."""
    return store.database[META].update_one(query, [{"$set": dict(fields)}]).matched_count > 0


def _beat(store: Store, token: LockToken, ended: threading.Event) -> None:
    """One that fails is followed by another soon; when none gets through, the lock expires, and is found lost."""
    pause = HEARTBEAT_SECONDS
    while not ended.wait(pause):
        pause = HEARTBEAT_SECONDS
        try:
            with pymongo.timeout(HEARTBEAT_SECONDS):
                _update(store, {"_id": LOCK_ID, "owner": token.owner}, {"heartbeat": "$$NOW"})
        except PyMongoError as error:
            pause = _SOON_SECONDS
            if is_passing(error) and not ended.is_set():
                store.patience.explain(error)
