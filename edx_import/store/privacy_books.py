"""What `meta` says of the privacy of a database: whether personal details are kept out of it, and who is forgotten.

privacy                 key (of all hashes of this database, random), keep_removed, kept
forgotten|SITE|HASH     one learner: site, hashes (of all that names the learner), pseudonymised, since
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from edx_import.model import Site
from edx_import.privacy.state import PrivacyState
from edx_import.store.collections import META
from edx_import.store.connection import Store, whole_milliseconds

PRIVACY_ID = "privacy"

_FORGOTTEN = {"_id": {"$gte": "forgotten|", "$lt": "forgotten}"}}  # "}" is the character after "|"
_KEY_BYTES = 32
_SAVED = {"_id": {"$gte": "saved|", "$lt": "saved}"}}


def privacy_state(store: Store) -> PrivacyState | None:
    """What holds for the database; None where nobody has ever asked for anything. Raises StoreError."""
    meta = store.database[META]
    books = store.ride_out("reading meta", lambda: meta.find_one({"_id": PRIVACY_ID}))
    if books is None:
        return None
    learners = store.ride_out("reading meta", lambda: list(meta.find(_FORGOTTEN)))
    return PrivacyState(
        key=bytes(books["key"]),
        keep_removed=bool(books.get("keep_removed")),
        kept=frozenset(books.get("kept", ())),
        forgotten=frozenset(bytes(known) for learner in learners for known in learner["hashes"]),
        sites=frozenset(learner["site"] for learner in learners),
    )


class PrivacyBooks:
    """Changes it. Raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def state(self) -> PrivacyState:
        """What holds now; the key is made when it is first asked for."""
        found = privacy_state(self._store)
        if found is None:
            self._update(PRIVACY_ID, {"$setOnInsert": {"key": secrets.token_bytes(_KEY_BYTES)}})
            found = privacy_state(self._store)
        assert found is not None
        return found

    def saved_columns(self) -> frozenset[str]:
        """The fields (`collection.field`) of saved reports that are to hold no personal details, by what their columns say."""
        meta = self._store.database[META]
        records = self._store.ride_out("reading meta", lambda: list(meta.find(_SAVED, {"columns.name": 1, "columns.personal": 1})))
        return frozenset(
            f"{record['_id'].removeprefix('saved|')}.{column['name']}"
            for record in records
            for column in record.get("columns", ())
            if column.get("personal") == "removed"
        )

    def keep_removed(self, on: bool, kept: Iterable[str] = ()) -> None:
        """Whether every later sync removes personal details before it writes, but for the fields `kept`."""
        key = self.state.key
        self._update(PRIVACY_ID, {"$set": {"key": key, "keep_removed": on, "kept": sorted(kept)}})

    def learner(self, site: Site, hashes: Iterable[bytes]) -> frozenset[bytes]:
        """All hashes of the learner of whom one of these is, who was forgotten before; empty where there is none."""
        found = self._learner(site, hashes)
        return frozenset(bytes(known) for known in found["hashes"]) if found else frozenset()

    def forget(self, site: Site, hashes: Iterable[bytes], *, pseudonymised: bool) -> None:
        """Has every later sync leave a learner out, whom these hashes know."""
        known = sorted(set(hashes))
        before = self._learner(site, known)
        said = {"site": site, "pseudonymised": pseudonymised, "since": whole_milliseconds(datetime.now(UTC))}
        changes: dict[str, Any] = {"$set": said, "$addToSet": {"hashes": {"$each": known}}}
        self._update(before["_id"] if before else f"forgotten|{site}|{known[0].hex()}", changes)

    def remember(self, site: Site, hashes: Iterable[bytes]) -> bool:
        """Lets syncs bring a learner back; whether there was one to bring back."""
        found = self._learner(site, hashes)
        if found:
            self._store.ride_out("writing to meta", lambda: self._store.database[META].delete_one({"_id": found["_id"]}))
        return found is not None

    def _learner(self, site: Site, hashes: Iterable[bytes]) -> dict[str, Any] | None:
        query = {**_FORGOTTEN, "site": site, "hashes": {"$in": list(hashes)}}
        return self._store.ride_out("reading meta", lambda: self._store.database[META].find_one(query))

    def _update(self, id: str, changes: dict[str, Any]) -> None:
        meta = self._store.database[META]
        self._store.ride_out("writing to meta", lambda: meta.update_one({"_id": id}, changes, upsert=True))
