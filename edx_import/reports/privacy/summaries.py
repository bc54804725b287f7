"""The summaries per day, made anew of what is left of the events."""

from __future__ import annotations

from edx_import.reports.context import Context


def make_summaries(context: Context) -> None:
    """Makes anew the days whose events have changed; cut off, or where there are no summaries yet, the next sync does. Raises StoreError."""
    from edx_import.rollups.run import roll_up
    from edx_import.store.rollups import rules_version

    writer = context.writer
    if rules_version(writer.store) is not None:
        roll_up(writer.store, check=writer.check_lock)
