"""The countries that `cmd locate_users` has found for learners who said none: kept by learner, and put on the learner's profiles.

`located_learners`: `_id` = "site|user id", `site`, `user_id`, `country`. Every week's package replaces the profiles, which are then given their
`located_country` back from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pymongo import ReplaceOne, UpdateOne

from edx_import.ids import row_id
from edx_import.model import Site
from edx_import.store.collections import LOCATED, course_filter
from edx_import.store.connection import Store
from edx_import.tables import AUTH_USERPROFILE

LOCATED_COUNTRY = "located_country"

#: Profiles in which the learner says no country.
UNSAID: Mapping[str, Any] = {"country": {"$in": ["", None]}}

_AT_ONCE = 1000


def save_located(store: Store, site: Site, countries: Mapping[int, str]) -> None:
    """Keeps the countries of learners, in the place of those known before. Raises StoreError."""
    documents = [{"_id": row_id(site, str(user)), "site": site, "user_id": user, "country": country} for user, country in countries.items()]
    writes = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
    if writes:
        store.ride_out(f"writing to {LOCATED}", lambda: store.database[LOCATED].bulk_write(writes, ordered=False))


def put_located(store: Store, site: Site, course_id: str) -> int:
    """Puts the countries that are known on the profiles of a course that say none; gives on how many that was new. Raises StoreError."""
    if store.ride_out(f"reading {LOCATED}", lambda: store.database[LOCATED].find_one({"site": site}, {"_id": 1})) is None:
        return 0
    changed = 0
    profiles = _profiles(store, site, course_id)
    while some := list(islice(profiles, _AT_ONCE)):
        writes = _writes(some, _known(store, site, some))
        if writes:
            done = store.ride_out(f"writing to {AUTH_USERPROFILE.name}", lambda writes=writes: _bulk(store, writes))  # type: ignore[misc]
            changed += int(done)
    return changed


def _profiles(store: Store, site: Site, course_id: str) -> Iterator[dict[str, Any]]:
    """Page by page, so that a server that goes away meanwhile costs nothing."""
    query = {**course_filter(AUTH_USERPROFILE.name, site, course_id), **UNSAID}
    documents = store.database[AUTH_USERPROFILE.name]
    while True:
        page = store.ride_out(
            f"reading {AUTH_USERPROFILE.name}",
            lambda query=query: list(documents.find(query, {"user_id": 1, LOCATED_COUNTRY: 1}).sort("_id", 1).limit(_AT_ONCE)),  # type: ignore[misc]
        )
        yield from page
        if len(page) < _AT_ONCE:
            return
        query = {**query, "_id": {**query["_id"], "$gt": page[-1]["_id"]}}
        query["_id"].pop("$gte", None)


def _known(store: Store, site: Site, profiles: list[dict[str, Any]]) -> dict[int, str]:
    wanted = {"_id": {"$in": [row_id(site, str(profile.get("user_id"))) for profile in profiles]}}
    found = store.ride_out(f"reading {LOCATED}", lambda: list(store.database[LOCATED].find(wanted)))
    return {learner["user_id"]: learner["country"] for learner in found}


def _writes(profiles: list[dict[str, Any]], known: Mapping[int, str]) -> list[UpdateOne]:
    return [
        UpdateOne({"_id": profile["_id"], **UNSAID}, {"$set": {LOCATED_COUNTRY: known[profile["user_id"]]}})
        for profile in profiles
        if profile.get("user_id") in known and known[profile["user_id"]] != profile.get(LOCATED_COUNTRY)
    ]


def _bulk(store: Store, writes: list[UpdateOne]) -> int:
    return store.database[AUTH_USERPROFILE.name].bulk_write(writes, ordered=False).modified_count
