"""Rows of tables in the order of learners, to be joined with something else in that order: neither side is ever held."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pymongo.database import Database

from edx_import.model import Site
from edx_import.store.collections import IMPORTS, course_filter
from edx_import.store.mongo_errors import mongo_errors
from edx_import.tables import Table

Row = dict[str, Any]

_AT_ONCE = 4000


def rows_by_learner(database: Database[Row], table: Table, site: Site, course_id: str, fields: Sequence[str]) -> Iterator[Row]:
    """The fields of a course's rows, with `user_id`, by that; rows without a learner are left out. Raises StoreError.

    The server reads the course's range of ids and sorts nothing but these fields, beyond 100 MB on disk.
    """
    pipeline: list[Row] = [
        {"$match": {**course_filter(table.name, site, course_id), "user_id": {"$type": "number"}}},
        {"$project": dict.fromkeys(("user_id", *fields), 1)},
        {"$sort": {"user_id": 1, "_id": 1}},
        {"$unset": "_id"},
    ]
    with mongo_errors(f"reading {table.name}"), database[table.name].aggregate(pipeline, allowDiskUse=True, batchSize=_AT_ONCE) as cursor:
        yield from cursor


def rows_of_learners(database: Database[Row], table: Table, site: Site, learners: Collection[int], fields: Sequence[str]) -> Iterator[Row]:
    """The fields of these learners' rows in the files of any course, with `user_id`, in no order. Raises StoreError."""
    wanted = {"site": site, "user_id": {"$in": list(learners)}}
    with mongo_errors(f"reading {table.name}"), database[table.name].find(wanted, {"_id": 0, **dict.fromkeys(("user_id", *fields), 1)}) as cursor:
        yield from cursor


def snapshot_dates(database: Database[Row], table: Table, site: Site) -> dict[str, str]:
    """Of which snapshot the rows of a table are, course by course: {course id: date as in the name of the ZIP}. Raises StoreError.

    A file that was the same as the week before counts for the week it was last seen in.
    """
    pipeline: list[Row] = [
        {"$match": {"site": site, "state": "loaded", "member": {"$ne": ""}, f"collections.{table.name}": {"$exists": True}}},
        {"$group": {"_id": "$course_id", "date": {"$max": "$date"}}},
    ]
    with mongo_errors("reading the ledger"), database[IMPORTS].aggregate(pipeline) as cursor:
        return {found["_id"]: found["date"] for found in cursor}
