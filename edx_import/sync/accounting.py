"""The numbers must add up, and a file that is mostly refused is not the file it says it is."""

from __future__ import annotations

from edx_import.errors import PackageError
from edx_import.model import Counts

#: A file with this many rows or more, of which more than half are rejected, fails as a whole.
SUSPICIOUS_ROWS = 100


def check_not_all_rejected(key: str, counts: Counts) -> None:
    """Before what a file no longer has is removed: one that has no row that can be read is another file than its name says. Raises PackageError."""
    if counts.rejected and counts.rejected == counts.read:
        raise PackageError(
            f"{key}: every row ({counts.rejected:,}) was rejected", "The collection `rejects` has the reasons; nothing was removed from the database."
        )


def check_account(key: str, counts: Counts) -> None:
    """Raises PackageError when most rows were rejected; numbers that do not add up are a bug and raise AssertionError."""
    if not counts.balanced:
        raise AssertionError(f"{key}: {counts.as_dict()} does not add up")
    if counts.read >= SUSPICIOUS_ROWS and counts.rejected * 2 > counts.read:
        raise PackageError(
            f"{key}: {counts.rejected:,} of {counts.read:,} rows were rejected",
            "The collection `rejects` has the reasons; nothing was removed from the database.",
        )
