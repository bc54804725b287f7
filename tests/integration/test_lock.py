"""One sync per database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edx_import.errors import LockHeldError
from edx_import.store.connection import Store
from edx_import.store.lock import EXPIRY_SECONDS, LOCK_ID, sync_lock


def test_second_sync_is_told_who_has_the_lock(database: Store) -> None:
    held = r"another sync is running on this database: process [0-9]+ on "
    with sync_lock(database), pytest.raises(LockHeldError, match=held), sync_lock(database):
        pass


def test_lock_is_free_again_afterwards(database: Store) -> None:
    for _ in range(2):
        with sync_lock(database) as token:
            token.check(database)


def test_lock_of_a_dead_holder_is_taken_over_and_the_dead_one_may_confirm_nothing(database: Store) -> None:
    with sync_lock(database) as first:
        lock = database.database["meta"].find_one({"_id": LOCK_ID})
        assert lock is not None
        long_ago = lock["heartbeat"] - timedelta(seconds=EXPIRY_SECONDS + 1)
        database.database["meta"].update_one({"_id": LOCK_ID}, {"$set": {"heartbeat": long_ago}})
        with sync_lock(database) as second:
            second.check(database)
            with pytest.raises(LockHeldError, match="taken over"):
                first.check(database)
