"""Views with the names and fields that each course had in collections of its own, for notebooks and tools that were written for those.

A view of ours carries a mark in its own definition (a `$comment`, which MongoDB keeps and does not act on): it is known as ours wherever the
database is copied to, and nothing of somebody else is ever replaced or removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import unquote

from pymongo.errors import OperationFailure

from edx_import.courses import file_form, is_course_id, slash_form
from edx_import.errors import UsageError
from edx_import.ids import row_id
from edx_import.model import Site
from edx_import.store.collections import course_filter
from edx_import.store.connection import Store
from edx_import.tables import AUTH_USER, AUTH_USERPROFILE, CERTIFICATES, ENROLLMENT, STUDENT_MODULE, USER_ID_MAP, Table

#: How the names of the views end, and the table that each shows.
TABLE_OF: Mapping[str, Table] = {
    "users": AUTH_USER,
    "demographics": AUTH_USERPROFILE,
    "certificates": CERTIFICATES,
    "courseware": STUDENT_MODULE,
    "enrollments": ENROLLMENT,
    "userIDs": USER_ID_MAP,
}

#: How they begin, unless the user says otherwise: as the names of the course's files in the data package.
SHORT_FORM = "{org}-{course}-{run}"

#: What edx-import puts on a row besides the columns of its table.
_OURS = ("site", "course_id", "course", "import", "original")

_MARK = "a view of edx-import"
_NAMESPACE_EXISTS = 48

#: MongoDB allows 255 bytes for database, dot and name together, of which the database may take 63.
_LONGEST_NAME = 190
_UNFIT = re.compile(r"[{}$\0]|\.\.|^\.|\.$|^system\b")


@dataclass(frozen=True, slots=True)
class View:
    """A view: which course's rows of which collection it shows, and how."""

    name: str
    site: Site
    course_id: str
    collection: str
    pipeline: tuple[Mapping[str, Any], ...]


class Outcome(StrEnum):
    """What became of a view. TAKEN: something that is not this view has its name, and stays as it is."""

    CREATED = "created"
    RENEWED = "renewed"
    UNCHANGED = "unchanged"
    TAKEN = "taken"
    REMOVED = "removed"


def views_of(site: Site, course_ids: Iterable[str], form: str = SHORT_FORM) -> tuple[View, ...]:
    """The views of each course; `form` says how their names begin. Raises UsageError when two courses would get the same names, or unfit ones."""
    named: dict[str, str] = {}
    for course_id in course_ids:
        other = named.setdefault(short_name(course_id, form), course_id)
        if other != course_id:
            raise UsageError(
                f"{other} and {course_id} would get views of the same names", "Give a --name that tells them apart, or choose by --course."
            )
    return tuple(_view(f"{short}.{end}", site, course_id, table) for short, course_id in named.items() for end, table in TABLE_OF.items())


def short_name(course_id: str, form: str = SHORT_FORM) -> str:
    """How the names of a course's views begin: the form with {org}, {course} and {run} filled in; of an id without these parts its file form.

    Raises UsageError for what MongoDB would not take.
    """
    name = file_form(course_id)
    if is_course_id(course_id):
        org, course, *run = re.split("[/@]", slash_form(course_id))
        parts = {"{org}": org, "{course}": course, "{run}": "-".join(run)}
        name = re.sub(r"\{\w+\}", lambda found: parts.get(found[0], found[0]), form)
    if not name or _UNFIT.search(name) or len(name.encode()) > _LONGEST_NAME:
        hint = f"Give --name a text with {{org}}, {{course}} and {{run}} in it; without it, that is {SHORT_FORM}."
        raise UsageError(f"no view of {course_id} can be called {name!r}", hint)
    return name


def _view(name: str, site: Site, course_id: str, table: Table) -> View:
    columns = {column.name for column in table.columns}
    wanted = {"site": site, **course_filter(table.name, site, course_id), "$comment": _mark(name) + row_id(site, course_id)}
    return View(name, site, course_id, table.name, ({"$match": wanted}, {"$unset": [field for field in _OURS if field not in columns]}))


def _mark(name: str) -> str:
    """How the comment of a view begins that we made under this name. A copy of it under another name is its maker's."""
    return f"{_MARK}, {name}: "


def make_views(store: Store, views: Sequence[View]) -> Iterator[tuple[View, Outcome]]:
    """Makes each view, or brings it up to date, and says what became of it. Raises StoreError."""
    for view in views:
        yield view, store.ride_out(f"making the view {view.name}", partial(_made, store, view))


def _made(store: Store, view: View) -> Outcome:
    present = next(iter(store.database.list_collections(filter={"name": view.name})), None)
    shows: dict[str, Any] = {"viewOn": view.collection, "pipeline": list(view.pipeline)}
    if present is None:
        return _created(store, view.name, shows)
    ours = _of_ours(present)
    if ours is None or (ours.site, ours.course_id) != (view.site, view.course_id):
        return Outcome.TAKEN
    if ours == view:
        return Outcome.UNCHANGED
    store.database.command("collMod", view.name, **shows)
    return Outcome.RENEWED


def _created(store: Store, name: str, shows: Mapping[str, Any]) -> Outcome:
    try:
        store.database.command("create", name, **shows)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
        return Outcome.TAKEN  # somebody made something of that name just now
    return Outcome.CREATED


def drop_views(store: Store, wanted: Callable[[Site, str], bool]) -> Iterator[tuple[View, Outcome]]:
    """Removes the views of ours whose site and course are wanted, whatever their names. Raises StoreError."""
    for view in our_views(store):
        if wanted(view.site, view.course_id):
            store.ride_out(f"removing the view {view.name}", partial(store.database.drop_collection, view.name))
            yield view, Outcome.REMOVED


def our_views(store: Store) -> list[View]:
    """The views of ours that the database has, by name. Raises StoreError."""
    found = store.ride_out("looking for views", lambda: list(store.database.list_collections(filter={"type": "view"})))
    return sorted((view for view in map(_of_ours, found) if view), key=lambda view: view.name)


def _of_ours(present: Mapping[str, Any]) -> View | None:
    """What a listing shows, when it is a view that we made."""
    options = present.get("options", {})
    pipeline = options.get("pipeline") or [{}]
    comment = str(pipeline[0].get("$match", {}).get("$comment", ""))
    mark = _mark(present["name"])
    if not comment.startswith(mark):
        return None
    site, _, course_id = comment.removeprefix(mark).partition("|")
    return View(present["name"], unquote(site), unquote(course_id), options["viewOn"], tuple(pipeline))
