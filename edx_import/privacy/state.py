"""What a database is to be kept free of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrivacyState:
    """What `meta` says. Picklable: it goes to worker processes.

    `key` is that of all hashes of this database. `keep_removed`: a sync removes personal details before it writes; `kept` are the fields
    (`collection.field`) that are spared. `forgotten` holds the hashes of the learners of `sites` that no sync brings back.
    """

    key: bytes
    keep_removed: bool = False
    kept: frozenset[str] = frozenset()
    forgotten: frozenset[bytes] = frozenset()
    sites: frozenset[str] = frozenset()

    @property
    def is_idle(self) -> bool:
        """Whether rows pass as they are."""
        return not self.keep_removed and not self.forgotten
