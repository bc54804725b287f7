"""Finds a learner, and all by which rows name one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edx_import.errors import UsageError
from edx_import.privacy.identity import Identity, Kind
from edx_import.privacy.owners import DEFINED, owner_columns
from edx_import.reports.context import Context

Row = Mapping[str, Any]

#: What stands in the place of a username where there is none.
_NOBODY = frozenset({"", "anonymous", "unknown", "redacted_username", "none", "null"})
_WAYS = ("user_id", "username", "email")
#: Tables in which a learner has a number, the smaller ones first.
_WITH_NUMBER = {"auth_user": "id", "student_courseenrollment": "user_id", "auth_userprofile": "user_id", "courseware_studentmodule": "student_id"}


@dataclass(slots=True)
class Learner:
    """One learner of a site: the number, where it is known, and what else names the learner or rows of the learner's."""

    site: str
    number: int | None
    identities: set[Identity] = field(default_factory=set)


def find_learner(context: Context, given: str, way: str | None = None) -> Learner | None:
    """The learner of the context's site who has this user id, username or e-mail address; `way` says which of them it is.

    None where nobody has it. Raises UsageError where it means several learners, or `way` is unknown; StoreError.
    """
    check_way(way)
    text = given.strip()
    numbers = {number for name in _WAYS if way in (None, name) for number in _NUMBERS_BY[name](context, text)}
    if len(numbers) > 1:
        what = f"{len(numbers)} learners of site {context.site} have this as their user id, username or e-mail address"
        raise UsageError(what, "Say which it is: --by user_id, --by username or --by email; or give the user id.")
    if not numbers:
        return None
    learner = Learner(context.site, numbers.pop())
    learner.identities |= set(_names(context, learner)) | {Identity.of(Kind.USER, learner.number)}
    _add_rows(context, learner)
    return learner


def check_way(way: str | None) -> None:
    """Raises UsageError for a way to name a learner that there is not."""
    if way is not None and way not in _WAYS:
        raise UsageError(f"a learner cannot be given by {way}", f"The ways are {', '.join(_WAYS)}.")


def _by_number(context: Context, text: str) -> Iterator[int]:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return
    number = int(text)
    for collection, column in (*_WITH_NUMBER.items(), ("events", "user_id"), ("email_opt_in", "user_id"), ("user_id_map", "user_id")):
        if any(_found(context, collection, {column: number}, limit=1)):
            yield number
            return


def _by_username(context: Context, text: str) -> Iterator[int]:
    found = list(_numbers(context, {"auth_user": "id", "user_id_map": "user_id", "email_opt_in": "user_id"}, {"username": text}))
    # events know names that the newest tables may have no more
    yield from found or _numbers(context, {"events": "user_id"}, {"username": text})


def _by_email(context: Context, text: str) -> Iterator[int]:
    same = {"$expr": {"$eq": [{"$toLower": {"$ifNull": ["$email", ""]}}, text.lower()]}}
    return _numbers(context, {"auth_user": "id", "email_opt_in": "user_id"}, same) if "@" in text else iter(())


_NUMBERS_BY = {"user_id": _by_number, "username": _by_username, "email": _by_email}


def _numbers(context: Context, columns: Mapping[str, str], query: Row) -> Iterator[int]:
    for collection, column in columns.items():
        grouped: list[Row] = [{"$match": {"site": context.site, **query}}, {"$group": {"_id": f"${column}"}}]
        yield from (row["_id"] for row in context.aggregate(collection, grouped) if isinstance(row["_id"], int))


def _names(context: Context, learner: Learner) -> Iterator[Identity]:
    """Usernames, e-mail addresses, anonymous ids and names in events."""
    number = learner.number
    for row in _found(context, "auth_user", {"id": number}):
        yield from _told(row, {"username": Kind.NAME, "email": Kind.MAIL})
    for row in _found(context, "user_id_map", {"user_id": number}):
        yield from _told(row, {"username": Kind.NAME, "hash_id": Kind.ANONYMOUS})
    for row in _found(context, "student_anonymoususerid", {"user_id": number}):
        yield from _told(row, {"anonymous_user_id": Kind.ANONYMOUS})
    for row in _found(context, "email_opt_in", {"user_id": number}):
        yield from _told(row, {"username": Kind.NAME, "email": Kind.MAIL})
    for row in _found(context, "auth_userprofile", {"user_id": number}):
        yield from _old_addresses(row.get("meta"))
    used: list[Row] = [{"$match": {"site": context.site, "user_id": number}}, {"$group": {"_id": "$username"}}]
    for row in context.aggregate("events", used):
        for identity in _told({"username": row["_id"]}, {"username": Kind.NAME}):
            # in an event of somebody who looks at the course as another, the name may be that of the other
            if not any(_found(context, "auth_user", {"username": row["_id"], "id": {"$ne": number}}, limit=1)):
                yield identity


def _told(row: Row, columns: Mapping[str, Kind]) -> Iterator[Identity]:
    for column, kind in columns.items():
        value = row.get(column)
        if isinstance(value, str) and value.strip().casefold() not in _NOBODY:
            yield Identity.of(kind, value)


def _old_addresses(meta: Any) -> Iterator[Identity]:
    changes = meta.get("old_emails") if isinstance(meta, Mapping) else None
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, list) and change and isinstance(change[0], str) and "@" in change[0]:
            yield Identity.of(Kind.MAIL, change[0])


def _add_rows(context: Context, learner: Learner) -> None:
    """The numbers of the learner's rows that other rows refer to."""
    for table, (column, kind) in DEFINED.items():
        ways = [{name: {"$in": values}} for name, known in owner_columns(table).items() if (values := list(_values(learner, known)))]
        if ways:
            rows = _found(context, table, {"$or": ways}, fields=(column,))
            learner.identities |= {Identity.of(kind, row[column]) for row in rows if row.get(column) is not None}


def _values(learner: Learner, kind: Kind) -> Iterator[Any]:
    """As columns hold them: those that are numbers, as numbers too. (Anonymous ids are in small letters.)"""
    for identity in learner.identities:
        if identity.kind is kind:
            yield int(identity.value) if identity.value.isascii() and identity.value.isdigit() else identity.value


def _found(context: Context, collection: str, query: Row, *, fields: Iterable[str] = (), limit: int = 0) -> Iterator[dict[str, Any]]:
    pipeline: list[dict[str, Any]] = [{"$match": {"site": context.site, **query}}]
    pipeline += [{"$limit": limit}] if limit else []
    pipeline += [{"$project": dict.fromkeys(fields, 1)}] if fields else []
    return context.aggregate(collection, pipeline)
