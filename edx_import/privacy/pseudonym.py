"""Puts a learner's documents under a pseudonym: their numbers still belong together, and nothing else is told of the learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edx_import.ids import escape_part
from edx_import.privacy.forgetting import PSEUDONYMISED, Forgetting
from edx_import.privacy.identity import pseudonym_number
from edx_import.privacy.keys import Says, says
from edx_import.privacy.owners import naming_columns
from edx_import.privacy.removal import Remover
from edx_import.privacy.state import PrivacyState
from edx_import.tables import BY_NAME

Fields = dict[str, Any]

EMAIL_OPT_IN = "email_opt_in"

_KEPT = frozenset({*BY_NAME, "events", "forum", EMAIL_OPT_IN})
_OURS = frozenset({"_id", "site", "course_id", "course", "import"})


class Pseudonym:
    """That of one learner, whom `forgetting` knows. `user` is the learner's number."""

    def __init__(self, state: PrivacyState, forgetting: Forgetting, site: str, user: object) -> None:
        self._forgetting = forgetting
        self._remover = Remover(state.key)
        self._site = site
        self.number = pseudonym_number(state.key, site, user)

    def document(self, collection: str, document: Fields) -> Fields | None:
        """The learner's own document under it, marked as such. None where it goes: saved results, and tables whose columns nobody declared."""
        if collection not in _KEPT:
            return None
        renamed = self._renamed_members(collection, document)
        left, _ = self._remover.removed(collection, renamed)
        names = {name: value for name, value in renamed.items() if name not in left and name != "email" and value != document.get(name)}
        return {**left, "_id": self._id(collection, left["_id"]), **names, PSEUDONYMISED: True}

    def _renamed_members(self, collection: str, document: Fields) -> Fields:
        """In a table, the columns that name a learner; elsewhere, whatever member names this one."""
        if collection in BY_NAME:
            names = naming_columns(collection)
            return {name: self._name_for(value) if name in names and self._means(value) else value for name, value in document.items()}
        return {key: inner if key in _OURS else self._renamed(inner, says(key)) for key, inner in document.items()}

    def _renamed(self, value: Any, meaning: Says | None) -> Any:
        if isinstance(value, Mapping):
            return {key: self._renamed(inner, says(key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._renamed(inner, meaning) for inner in value]
        return self._name_for(value) if meaning in (Says.NUMBER, Says.WHO) and self._means(value) else value

    def _means(self, value: Any) -> bool:
        return self._forgetting.knows((self._site,), value)

    def _name_for(self, value: Any) -> Any:
        if isinstance(value, int):
            return self.number
        return str(self.number) if str(value).strip().isdigit() else f"p{-self.number}"

    def _id(self, collection: str, id: Any) -> Any:
        """Ids of rows end with their keys, of which one may be the learner's number."""
        if not isinstance(id, str) or collection not in (*BY_NAME, EMAIL_OPT_IN):
            return id
        names = naming_columns(collection) if collection in BY_NAME else {"user_id"}
        columns = BY_NAME[collection].key if collection in BY_NAME else ("user_id",)
        site, course, *parts = id.split("|")
        renamed = [
            escape_part(str(self._name_for(part))) if name in names and self._means(part) else part for name, part in zip(columns, parts, strict=True)
        ]
        return "|".join((site, course, *renamed))
