"""Views in the form in which each course had collections of its own: `cmd create_views`. What they show is in `store.views`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edx_import.reports.context import Context

if TYPE_CHECKING:
    from edx_import.store.views import Outcome, View

#: view, course id, collection, what became of it
Row = tuple[str, str, str, str]


def create_views(context: Context, form: str) -> list[Row]:
    """Makes the views of the selected courses, or brings them up to date; `form` says how their names begin.

    Raises UsageError, before anything is made, when two courses would get the same names. Raises StoreError.
    """
    from edx_import.store.views import Outcome, make_views, views_of

    views = views_of(context.site, (course["course_id"] for course in context.courses), form)
    context.writer.check_lock()
    rows = list(_rows(make_views(context.writer.store, views)))
    taken = sum(outcome == Outcome.TAKEN for *_, outcome in rows)
    if taken:
        context.say(f"names that something else has, which stays as it is: {taken}; --name gives others")
    return rows


def drop_views(context: Context) -> list[Row]:
    """Removes the views of ours, whatever their names, that show courses of the site: the selected ones. Raises StoreError."""
    from edx_import.store.views import drop_views

    context.writer.check_lock()
    return list(_rows(drop_views(context.writer.store, lambda site, course_id: site == context.site and context.takes(course_id))))


def _rows(done: Iterator[tuple[View, Outcome]]) -> Iterator[Row]:
    return ((view.name, view.course_id, view.collection, str(outcome)) for view, outcome in done)
