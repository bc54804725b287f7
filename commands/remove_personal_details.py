"""Take names, addresses and what learners wrote out of the whole database.

Out of every collection, for all sites and courses: the columns that docs/data-dictionary.md calls personal; of events and forum posts what
names somebody, whence they came and what they wrote; the text of tables that nobody declared; the raw bytes of rejected rows. Numbers of
learners (`user_id`) stay, so that rows still belong together. docs/privacy.md says what goes, what stays, and the limits.

First it says what it would remove, then it asks; `--yes` skips both, `--dry-run` stops before the question. What is removed cannot be
brought back, but by a sync with `--force`. With `--keep-removed` no sync brings it back: from then on it is removed from every row before
it is written, until `--let-return`. `--keep` spares a field, such as courseware_studentmodule.state.
"""

from __future__ import annotations

from typing import Annotated

from edx_import.api import Column, Context, Option, Report, UsageError, privacy

WRITES = True
COLUMNS = (
    Column("collection", str, "where"),
    Column("field", str, "what; `original` is raw text that was kept beside the fields"),
    Column("documents", int, "documents it was removed from; with --dry-run: would be"),
)


def run(
    context: Context,
    *,
    dry_run: Annotated[bool, Option("only say what would be removed")] = False,
    yes: Annotated[bool, Option("do not ask")] = False,
    keep_removed: Annotated[bool, Option("have every later sync remove them as well")] = False,
    let_return: Annotated[bool, Option("have later syncs write them again; removes nothing")] = False,
    keep: Annotated[list[str], Option("a field to spare, COLLECTION.FIELD")] = (),  # type: ignore[assignment]
) -> Report:
    context.refuse_days("it is done to the whole database")
    if context.orgs or context.course:
        raise UsageError("personal details cannot be removed from single courses", "It is done to the whole database: leave --org and --course out.")
    books = context.writer.privacy
    if let_return:
        return _let_return(context)
    # what was spared when the mode was switched on is spared as long as it is on
    kept = frozenset(keep) or (books.state.kept if books.state.keep_removed else frozenset())
    if dry_run:
        return Report(COLUMNS, privacy.remove_details(context, kept, dry_run=True))
    if not context.agreed(yes, lambda: Report(COLUMNS, privacy.remove_details(context, kept, dry_run=True)), "Remove these? It cannot be undone"):
        context.say("nothing was removed")
        return Report(COLUMNS, [])
    return Report(COLUMNS, _removed(context, kept, keep_removed))


def _let_return(context: Context) -> Report:
    context.writer.privacy.keep_removed(False)
    context.say("from now on syncs write personal details; `sync --force` brings back those that were removed")
    return Report(COLUMNS, [])


def _removed(context: Context, kept: frozenset[str], keep_removed: bool) -> list[tuple[str, str, int]]:
    """All of it at once: who reads only the beginning of the report must not stop the work."""
    if keep_removed:
        context.writer.privacy.keep_removed(True, kept)
    removed = list(privacy.remove_details(context, kept, dry_run=False))
    if context.writer.privacy.state.keep_removed:
        context.say("no sync will bring them back, until `cmd remove_personal_details --let-return`")
    else:
        context.say("a sync brings them back where it loads again; with --keep-removed none does")
    return removed
