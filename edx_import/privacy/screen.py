"""What a sync lets through to the database: rows without personal details, where that was asked for, and none of learners who are forgotten."""

from __future__ import annotations

from typing import Any

from edx_import.privacy.forgetting import Forgetting
from edx_import.privacy.removal import Remover
from edx_import.privacy.state import PrivacyState

Fields = dict[str, Any]


class Screen:
    """Does to new rows what was done to those that the database has."""

    def __init__(self, state: PrivacyState) -> None:
        self._forgetting = Forgetting(state) if state.forgotten else None
        self._remover = Remover(state.key, state.kept) if state.keep_removed else None

    def passed(self, collection: str, document: Fields) -> Fields | None:
        """What may be written of a document: None for one that must not be, the same one where nothing is wrong with it."""
        if self._forgetting is not None:
            left = self._forgetting.left(collection, document)
            if left is None:
                return None
            document = left
        return document if self._remover is None else self._remover.removed(collection, document)[0]

    def rejected(self, raw: bytes, detail: str) -> tuple[bytes, str]:
        """What may be kept of a rejected row: its bytes, and what exactly was wrong with them."""
        if self._remover is not None:
            return b"", ""
        return (raw, detail) if self._forgetting is None else self._forgetting.reject(raw, detail)


def screen_of(state: PrivacyState | None) -> Screen | None:
    """None where all rows pass as they are, so that looking at them costs nothing."""
    return None if state is None or state.is_idle else Screen(state)
