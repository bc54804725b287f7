"""The rejected lines and rows, kept with their raw bytes and the reason, so that a person can look at them.

A document: `_id` = "file:line", `file`, `import.object` (the import), `line`, `reason`, `detail`, `raw` (its beginning), `raw_length`. `file` is the
import, but for a member of a weekly ZIP, which has the same every week: what this week's file rejects takes the place of last week's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pymongo import ReplaceOne

from edx_import.model import Rejected
from edx_import.privacy.screen import Screen
from edx_import.store.collections import REJECTS
from edx_import.store.connection import Store

#: So many are kept of one import; those after are only counted.
KEPT_PER_IMPORT = 10_000

#: So much is kept of one rejected line, in bytes.
RAW_LIMIT = 64 * 1024

_DETAIL_LIMIT = 1000
_BATCH = 200


@dataclass(frozen=True, slots=True)
class KeptReject:
    """A rejected row as it is kept: `raw` is its beginning, `raw_length` what it had."""

    line: int
    reason: str
    detail: str
    raw: bytes
    raw_length: int


class RejectSink(Protocol):
    """Takes rejected rows while a file is loaded. `reasons` counts all, by reason."""

    reasons: dict[str, int]

    def add(self, rejected: Rejected) -> None:
        """Counts one, and keeps it while there is room. Raises StoreError."""

    def flush(self) -> None:
        """Brings what is waiting to where it is kept. Raises StoreError."""


class CollectedRejects:
    """Keeps the rejected rows of a piece of a file, as far as a screen lets them through, until they are handed on."""

    def __init__(self, screen: Screen | None = None) -> None:
        self._screen = screen
        self.kept: list[KeptReject] = []
        self.reasons: dict[str, int] = {}

    def add(self, rejected: Rejected) -> None:
        self.reasons[rejected.reason] = self.reasons.get(rejected.reason, 0) + 1
        if len(self.kept) < KEPT_PER_IMPORT:
            self.kept.append(_kept(rejected, self._screen))

    def flush(self) -> None: ...


def _kept(rejected: Rejected, screen: Screen | None) -> KeptReject:
    raw, detail = rejected.raw[:RAW_LIMIT], _storable(rejected.detail)[:_DETAIL_LIMIT]
    if screen is not None:
        raw, detail = screen.rejected(raw, detail)
    return KeptReject(rejected.line, rejected.reason, detail, raw, len(rejected.raw))


class RejectLog:
    """Takes the rejected rows of one import, in place of those that an earlier attempt (or snapshot) left of the `file`.

    `reasons` counts all, by reason. `screen` decides what may be kept of them.
    """

    def __init__(self, store: Store, import_key: str, file: str = "", screen: Screen | None = None) -> None:
        self._store = store
        self._screen = screen
        self._collection = store.database[REJECTS]
        self._import_key = import_key
        self._file = file or import_key
        self._waiting: list[ReplaceOne[dict[str, object]]] = []
        self._kept = 0
        self.reasons: dict[str, int] = {}

    def clear(self) -> None:
        """Removes what an earlier attempt left. Raises StoreError."""
        # ";" is the character after ":"
        left = {"_id": {"$gte": f"{self._file}:", "$lt": f"{self._file};"}}
        self._store.ride_out(f"writing to {REJECTS}", lambda: self._collection.delete_many(left))

    def add(self, rejected: Rejected) -> None:
        """Counts one, and keeps it while there is room. Raises StoreError."""
        self.take([_kept(rejected, self._screen)], {rejected.reason: 1})

    def take(self, kept: Iterable[KeptReject], reasons: Mapping[str, int]) -> None:
        """Counts many, and keeps those that were kept, while there is room. Raises StoreError."""
        for reason, number in reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + number
        for row in kept:
            if self._kept < KEPT_PER_IMPORT:
                self._kept += 1
                self._waiting.append(self._replacement(row))
            if len(self._waiting) >= _BATCH:
                self.flush()

    def flush(self) -> None:
        """Writes what is waiting. Raises StoreError."""
        if self._waiting:
            self._store.ride_out(f"writing to {REJECTS}", lambda: self._collection.bulk_write(self._waiting, ordered=False))
            self._waiting.clear()

    def _replacement(self, rejected: KeptReject) -> ReplaceOne[dict[str, object]]:
        row_id = f"{self._file}:{rejected.line}"
        document: dict[str, object] = {
            "_id": row_id,
            "file": self._file,
            "import": {"object": self._import_key},
            "line": rejected.line,
            "reason": rejected.reason,
            "detail": rejected.detail,
            "raw": rejected.raw,
            "raw_length": rejected.raw_length,
        }
        return ReplaceOne({"_id": row_id}, document, upsert=True)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def kept_rejects(store: Store, limit: int, reason: str | None = None) -> list[dict[str, Any]]:
    """The first rejected rows that were kept, by object and line, of one reason or of all. Raises StoreError."""
    query, order = {"reason": reason} if reason else {}, [("file", 1), ("line", 1)]
    rejects = store.database[REJECTS]
    return store.ride_out(f"reading {REJECTS}", lambda: list(rejects.find(query).sort(order).limit(limit)))
