"""Days on the command line: UTC, `YYYY-MM-DD`."""

from __future__ import annotations

from datetime import date

from edx_import.errors import UsageError


def parse_day(text: str | None, option: str) -> date | None:
    """The day that an option names; None when it was not given. Raises UsageError."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: not a day", "Write it as YYYY-MM-DD, for example 2020-01-31.") from None


def check_order(since: date | None, until: date | None) -> None:
    """Raises UsageError when the first day comes after the last."""
    if since and until and since > until:
        raise UsageError(f"--since {since} comes after --until {until}", "Both days are included; the first must not be later than the last.")
