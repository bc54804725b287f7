"""Takes away learners who are to be forgotten: their rows, and what other rows say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from edx_import.model import Site
from edx_import.privacy.identity import Identity, identity_hash
from edx_import.privacy.keys import Says, says
from edx_import.privacy.owners import named_by, owners
from edx_import.privacy.removal import NOT_LOOKED_INTO
from edx_import.privacy.state import PrivacyState
from edx_import.privacy.texts import scrubbed, without_words
from edx_import.tables import BY_NAME

Fields = dict[str, Any]

#: Marks the rows of a learner that stand under a pseudonym: no sync brings them, and none takes them away.
PSEUDONYMISED = "pseudonymised"

_OURS = frozenset({"_id", "site", "course_id", "course", "import", PSEUDONYMISED})
_WORD = re.compile(r"[\w.@+-]{1,254}")
_HASHES_HELD = 200_000
_GONE: Any = object()
#: What a table's declaration calls personal may be text.
_TEXT_COLUMNS = {table.name: {column.name: Says.TEXT for column in table.columns if column.personal} for table in BY_NAME.values()}


class Forgetting:
    """Knows the learners who are forgotten by hashes of what names them, under the key of the database."""

    def __init__(self, state: PrivacyState) -> None:
        self._sites = tuple(sorted(state.sites))

        @lru_cache(maxsize=_HASHES_HELD)
        def is_forgotten(site: Site, identity: Identity) -> bool:
            return identity_hash(state.key, site, identity) in state.forgotten

        self._is_forgotten = is_forgotten

    def left(self, collection: str, document: Fields) -> Fields | None:
        """The document without forgotten learners: None where it is theirs, the same one where it does not speak of them."""
        if collection in NOT_LOOKED_INTO or document.get(PSEUDONYMISED):
            return document
        if collection == "rejects":
            raw, detail = self.reject(document.get("raw") or b"", document.get("detail") or "")
            return document if (raw, detail) == (document.get("raw"), document.get("detail")) else {**document, "raw": raw, "detail": detail}
        if self.owns(collection, document):
            return None
        left = self._members(document, "", None, self._sites_of(document), _TEXT_COLUMNS.get(collection, {}))
        return document if left == document else left

    def owns(self, collection: str, document: Mapping[str, Any]) -> bool:
        """Whether a document is of a learner who is forgotten."""
        return self._any(owners(collection, document), self._sites_of(document))

    def reject(self, raw: bytes, detail: str) -> tuple[bytes, str]:
        """What may be kept of a rejected row: nothing, where any word or number of it may mean somebody who is forgotten."""
        return (b"", "") if self._speaks(raw.decode("utf-8", "replace") + " " + detail, self._sites) else (raw, detail)

    def knows(self, site: Site, value: Any) -> bool:
        """Whether a value that stands where a learner is named means one who is forgotten."""
        return self._any(named_by(value), (site,))

    def _sites_of(self, document: Mapping[str, Any]) -> tuple[Site, ...]:
        site = document.get("site")
        return (site,) if isinstance(site, str) else self._sites

    def _any(self, identities: Iterable[Identity], sites: tuple[Site, ...]) -> bool:
        return any(self._is_forgotten(site, identity) for identity in identities for site in sites)

    def _speaks(self, text: str, sites: tuple[Site, ...]) -> bool:
        words = (found for word in _WORD.findall(text) for found in {word, word.strip(".+-@")} if found)
        return any(self._any(named_by(word), sites) for word in words)

    def _members(self, value: Mapping[str, Any], path: str, meaning: Says | None, sites: tuple[Site, ...], columns: Mapping[str, Says]) -> Fields:
        left = {}
        for key, inner in value.items():
            if not path and key in _OURS:
                left[key] = inner
                continue
            told = (columns.get(key) if not path else None) or says(key) or meaning
            found = self._cleaned(inner, f"{path}.{key}" if path else key, told, sites)
            if found is not _GONE and scrubbed(key, lambda _, name: self._any(named_by(name), sites)) == key:
                left[key] = found
        return left

    def _cleaned(self, value: Any, path: str, meaning: Says | None, sites: tuple[Site, ...]) -> Any:
        if isinstance(value, Mapping):
            return self._members(value, path, meaning, sites, {})
        if isinstance(value, list):
            return [found for found in (self._cleaned(inner, path, meaning, sites) for inner in value) if found is not _GONE]
        if meaning in (Says.NUMBER, Says.WHO) and self._any(named_by(value), sites):
            return _GONE
        if path.startswith("original.") and isinstance(value, str | bytes):
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            return _GONE if self._speaks(text, sites) else value
        return self._text(value, path, meaning, sites) if isinstance(value, str) else value

    def _text(self, text: str, path: str, meaning: Says | None, sites: tuple[Site, ...]) -> str:
        def concerns(_: Says, found: str) -> bool:
            return self._any(named_by(found), sites)

        clean = scrubbed(text, concerns)
        # a payload that is a form, or was cut, may name anybody anywhere
        return without_words(clean, concerns) if meaning in (Says.TEXT, Says.DETAIL) or path == "event" else clean
