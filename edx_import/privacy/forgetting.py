"""Takes away learners who are to be forgotten: their rows, and what other rows say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from edx_import.model import Site
from edx_import.privacy.identity import Identity, identity_hash
from edx_import.privacy.keys import Says, says
from edx_import.privacy.owners import named_by, owner_values, owners
from edx_import.privacy.removal import NOT_LOOKED_INTO
from edx_import.privacy.state import PrivacyState
from edx_import.privacy.texts import scrubbed, without_words
from edx_import.tables import BY_NAME

Fields = dict[str, Any]

#: Marks the rows of a learner that stand under a pseudonym: no sync brings them, and none takes them away.
PSEUDONYMISED = "pseudonymised"

_OURS = frozenset({"_id", "site", "course_id", "course", "import", PSEUDONYMISED})
_NAMING = frozenset({Says.NUMBER, Says.WHO, Says.DETAIL})
_WORD = re.compile(r"[\w.@+-]{1,254}")
_VALUES_HELD = 200_000
_GONE: Any = object()
#: What a table's declaration calls personal may be text.
_TEXT_COLUMNS = {table.name: {column.name: Says.TEXT for column in table.columns if column.personal} for table in BY_NAME.values()}


class Forgetting:
    """Knows the learners who are forgotten by hashes of what names them, under the key of the database."""

    def __init__(self, state: PrivacyState) -> None:
        self._sites = tuple(sorted(state.sites))

        def is_forgotten(site: Site, identity: Identity) -> bool:
            return identity_hash(state.key, site, identity) in state.forgotten

        @lru_cache(maxsize=_VALUES_HELD)
        def knows(site: Site, value: str | int) -> bool:
            return any(is_forgotten(site, identity) for identity in named_by(value))

        self._is_forgotten = lru_cache(maxsize=_VALUES_HELD)(is_forgotten)
        self._knows = knows

    def left(self, collection: str, document: Fields) -> Fields | None:
        """The document without forgotten learners: None where it is theirs, the same one where it does not speak of them."""
        if collection in NOT_LOOKED_INTO or document.get(PSEUDONYMISED):
            return document
        if collection == "rejects":
            raw, detail = self.reject(document.get("raw") or b"", document.get("detail") or "")
            return document if (raw, detail) == (document.get("raw"), document.get("detail")) else {**document, "raw": raw, "detail": detail}
        if self.owns(collection, document):
            return None
        return _Mentions(self, self._sites_of(document)).removed(collection, document)

    def owns(self, collection: str, document: Mapping[str, Any]) -> bool:
        """Whether a document is of a learner who is forgotten."""
        sites = self._sites_of(document)
        if (values := owner_values(collection, document)) is not None:
            return any(self.knows(sites, value) for value in values)
        return any(self._is_forgotten(site, identity) for identity in owners(collection, document) for site in sites)

    def reject(self, raw: bytes, detail: str) -> tuple[bytes, str]:
        """What may be kept of a rejected row: nothing, where any word or number of it may mean somebody who is forgotten."""
        return (b"", "") if self.speaks(raw.decode("utf-8", "replace") + " " + detail, self._sites) else (raw, detail)

    def knows(self, sites: Iterable[Site], value: Any) -> bool:
        """Whether a value that stands where a learner is named means one who is forgotten."""
        if not isinstance(value, str | int) or isinstance(value, bool):
            return False
        return any(self._knows(site, value) for site in sites)

    def speaks(self, text: str, sites: Iterable[Site]) -> bool:
        """Whether any word or number in a text may mean somebody who is forgotten."""
        words = {found for word in _WORD.findall(text) for found in (word, word.strip(".+-@")) if found}
        return any(self.knows(sites, word) for word in words)

    def _sites_of(self, document: Mapping[str, Any]) -> tuple[Site, ...]:
        site = document.get("site")
        return (site,) if isinstance(site, str) else self._sites


class _Mentions:
    """Takes the mentions of forgotten learners out of a document of somebody else. What does not change is not copied."""

    def __init__(self, forgetting: Forgetting, sites: tuple[Site, ...]) -> None:
        self._forgetting = forgetting
        self._sites = sites

    def removed(self, collection: str, document: Fields) -> Fields:
        columns = _TEXT_COLUMNS.get(collection, {})
        found = {name: self._top(name, value, columns.get(name)) for name, value in document.items() if name not in _OURS}
        changed = {name: value for name, value in found.items() if value is not document[name]}
        return {name: changed.get(name, value) for name, value in document.items() if changed.get(name) is not _GONE} if changed else document

    def _top(self, name: str, value: Any, declared: Says | None) -> Any:
        if name == "original" and isinstance(value, dict):
            return self._raw_parts(value)
        if name == "event" and isinstance(value, str):
            return self._text(value, Says.TEXT)  # a form, or cut: it may name anybody anywhere
        return self._value(value, declared or says(name))

    def _raw_parts(self, original: Fields) -> Fields:
        """Texts of cells and of whole lines that were kept: one that speaks of a forgotten learner goes as a whole."""
        kept = {name: value for name, value in original.items() if not self._speaks(value)}
        inner = {name: self._value(value, says(name)) for name, value in kept.items()}
        left = {name: value for name, value in inner.items() if value is not _GONE}
        return original if all(left.get(name, _GONE) is value for name, value in original.items()) else left

    def _speaks(self, value: Any) -> bool:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return isinstance(text, str) and self._forgetting.speaks(text, self._sites)

    def _value(self, value: Any, meaning: Says | None) -> Any:
        if isinstance(value, str):
            return _GONE if meaning in _NAMING and self._forgetting.knows(self._sites, value) else self._text(value, meaning)
        if isinstance(value, dict):
            return self._members(value, meaning)
        if isinstance(value, list):
            left = [self._value(inner, meaning) for inner in value]
            same = all(new is old for new, old in zip(left, value, strict=True))
            return value if same else [inner for inner in left if inner is not _GONE]
        return _GONE if meaning in _NAMING and self._forgetting.knows(self._sites, value) else value

    def _members(self, value: Fields, meaning: Says | None) -> Fields:
        left: Fields | None = None
        for key, inner in value.items():
            found = self._value(inner, says(key) or meaning)
            if ("@" in key or "/" in key) and scrubbed(key, self._concerns) != key:
                found = _GONE
            if found is not inner:
                left = dict(value) if left is None else left
                left[key] = found
        return value if left is None else {key: inner for key, inner in left.items() if inner is not _GONE}

    def _text(self, text: str, meaning: Says | None) -> str:
        clean = scrubbed(text, self._concerns)
        if meaning is Says.TEXT:
            clean = without_words(clean, self._concerns)
        return text if clean == text else clean

    def _concerns(self, _: Says, found: str) -> bool:
        return self._forgetting.knows(self._sites, found)
