"""Removes personal details from all collections, or counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from edx_import.privacy.removal import NOT_LOOKED_INTO, Remover
from edx_import.reports.context import Context
from edx_import.reports.privacy.summaries import make_summaries

Change = Callable[[dict[str, Any]], dict[str, Any]]


def remove_details(context: Context, kept: frozenset[str], *, dry_run: bool) -> Iterator[tuple[str, str, int]]:
    """Collection, field, and number of documents that the field was removed from (with `dry_run`: would be), as it goes. Raises StoreError.

    `kept`: fields (`collection.field`) that are spared. The roll-ups are made anew afterwards, and not counted.
    """
    books = context.writer.privacy
    remover = Remover(books.state.key, kept, books.saved_columns())
    for collection in context.writer.collections():
        if collection in NOT_LOOKED_INTO:
            continue
        found: Counter[str] = Counter()
        context.writer.rewrite(collection, _change(remover, collection, found), dry_run=dry_run)
        yield from ((collection, field, number) for field, number in sorted(found.items()))
    if not dry_run:
        make_summaries(context)


def _change(remover: Remover, collection: str, count: Counter[str]) -> Change:
    def change(document: dict[str, Any]) -> dict[str, Any]:
        left, fields = remover.removed(collection, document)
        count.update(fields)
        return left

    return change
