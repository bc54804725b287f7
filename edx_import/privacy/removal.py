"""Takes away what says who somebody is: names, addresses, what people wrote, whence they came. Numbers and anonymous ids of learners stay, unless
their column is declared personal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edx_import.ids import escape_part
from edx_import.privacy.identity import Identity, Kind, identity_hash
from edx_import.privacy.keys import Says, says
from edx_import.privacy.plain import is_plain, is_plain_answer
from edx_import.privacy.texts import scrubbed
from edx_import.tables import BY_NAME

Fields = dict[str, Any]

#: Documents about courses, our own books, and what is made anew from the events: nothing of a learner's is in them, or it is looked after elsewhere.
NOT_LOOKED_INTO = frozenset(
    {"courses", "course_structure", "course_content", "imports", "meta", "rollup_todo", "person_course_day", "module_course_day"}
)

#: In a column that nobody declared.
_PERSONAL = frozenset({Says.WHO, Says.DETAIL, Says.TEXT})
#: What holds for all that is inside as well, where that says nothing of itself.
_INHERITED = frozenset({Says.WHO, Says.TEXT, Says.ANSWER})
#: Of `original`: the raw line or payload, and records of values in it.
_RAW_PARTS = ("line", "event", "values", "prefix")
#: Ours on every document, and nobody's name.
_OURS = frozenset({"_id", "site", "course_id", "course", "import"})
#: What commands of ours put on rows.
_HARMLESS = frozenset({"located_country"})
_EMAIL_OPT_IN = frozenset({"user_id", "is_opted_in_for_email", "preference_set_datetime"})
_DEEPEST_PATH = 2

_GONE: Any = object()


class Remover:
    """Removes personal details from documents. `kept`: fields (`collection.field`) that are spared. `key` is the database's.

    `saved`: the fields of saved reports (`collection.field`) that their columns call personal.
    """

    def __init__(self, key: bytes, kept: frozenset[str] = frozenset(), saved: frozenset[str] = frozenset()) -> None:
        self._key = key
        self._kept = kept
        self._saved = saved

    def removed(self, collection: str, document: Fields) -> tuple[Fields, frozenset[str]]:
        """The document without them, and the fields they stood in: the same document and none where there was nothing to remove."""
        if collection in NOT_LOOKED_INTO:
            return document, frozenset()
        task = _Task(f"{collection}.", self._kept)
        left = self._left(collection, document, task)
        return (left, frozenset(task.found)) if task.found else (document, frozenset())

    def _left(self, collection: str, document: Fields, task: _Task) -> Fields:
        if collection == "rejects":
            return {name: task.emptied(name, value) if name in ("raw", "detail") else value for name, value in document.items()}
        if collection == "email_opt_in":
            return self._opt_in(document, task)
        if collection in BY_NAME or collection.startswith("other_"):
            return _row(collection, document, task)
        unsaved = {name: value for name, value in document.items() if f"{collection}.{name}" not in self._saved or not task.takes(name, value)}
        return task.members(unsaved, "", None)

    def _opt_in(self, document: Fields, task: _Task) -> Fields:
        """Older rows have an e-mail address as the last part of their ids: it becomes a hash."""
        left = {name: value for name, value in document.items() if name in _OURS | _EMAIL_OPT_IN or not task.takes(name, value)}
        site, course, user = str(document["_id"]).split("|")
        if "email" not in left and "email" in document and document.get("user_id") is None:
            hashed = identity_hash(self._key, document["site"], Identity.of(Kind.MAIL, user)).hex()
            left["_id"] = "|".join((site, course, escape_part(hashed)))
        return left


@dataclass(slots=True)
class _Task:
    """One document. `found`: the fields that something was removed from."""

    collection: str
    kept: frozenset[str]
    found: set[str] = field(default_factory=set)

    def takes(self, path: str, value: Any) -> bool:
        """Whether what stands there is taken away: where there is something, and the field is not spared."""
        if value in (None, "", b"") or value == [] or value == {} or self.collection + path in self.kept:
            return False
        self.found.add(path)
        return True

    def emptied(self, path: str, value: Any) -> Any:
        """Nothing, of the same type."""
        return type(value)() if self.takes(path, value) else value

    def members(self, value: Mapping[str, Any], path: str, meaning: Says | None) -> Fields:
        left = {}
        for key, inner in value.items():
            if not path and key in _OURS:
                left[key] = inner
                continue
            below = f"{path}.{key}" if path else key
            if _is_raw(below, inner) and self.takes(_shown(below), inner):
                continue
            found = self._cleaned(inner, below, says(key) or (meaning if meaning in _INHERITED else None))
            if found is not _GONE and not (_names_somebody(key) and self.takes(_shown(path), key)):
                left[key] = found
        return left

    def _cleaned(self, value: Any, path: str, meaning: Says | None) -> Any:
        if meaning is Says.DETAIL:
            return _GONE if self.takes(_shown(path), value) else value
        if isinstance(value, Mapping):
            return self.members(value, path, meaning)
        if isinstance(value, list):
            return [None if inner is _GONE else inner for inner in (self._cleaned(inner, path, meaning) for inner in value)]
        if not isinstance(value, str):
            return value
        if meaning in (Says.WHO, Says.TEXT) or (meaning is Says.ANSWER and not is_plain_answer(value)):
            return _GONE if self.takes(_shown(path), value) else value
        return self._scrubbed(value, _shown(path))

    def _scrubbed(self, text: str, path: str) -> str:
        clean = scrubbed(text, lambda meaning, found: meaning is not Says.NUMBER)
        return clean if clean != text and self.takes(path, text) else text


def _shown(path: str) -> str:
    """The path as far as it is told: what is deeper has names of its own in every course."""
    return ".".join(path.split(".", _DEEPEST_PATH)[:_DEEPEST_PATH])


def _is_raw(path: str, value: Any) -> bool:
    """A payload that is a form, or was cut; the raw line or payload of an event, and records of values in it."""
    top, _, name = path.partition(".")
    return (top == "original" and name in _RAW_PARTS) or (path == "event" and isinstance(value, str | list))


def _names_somebody(key: str) -> bool:
    return scrubbed(key, lambda meaning, found: True) != key


def _row(collection: str, document: Fields, task: _Task) -> Fields:
    """A row of a table: what its declaration calls personal goes; of a column that nobody declared, what is not surely harmless."""
    declared = {column.name: column.personal for column in BY_NAME[collection].columns} if collection in BY_NAME else {}
    left: Fields = {}
    for name, value in document.items():
        if name == "original":
            original = _original(value, declared, task)
            left |= {name: original} if original else {}
        elif name in _OURS | _HARMLESS or not _is_personal(name, value, declared) or not task.takes(name, value):
            left[name] = value
    return left


def _is_personal(name: str, value: Any, declared: Mapping[str, bool]) -> bool:
    return declared[name] if name in declared else says(name) in _PERSONAL or not is_plain(value)


def _original(value: Any, declared: Mapping[str, bool], task: _Task) -> Fields:
    """What was kept beside the fields: texts of cells, and whole lines."""
    left = {}
    for name, text in value.items():
        column = name.removesuffix("_form")
        harmless = name == "course_id" or (not declared.get(column, False) and (name != column or is_plain(text)))
        if harmless or f"{task.collection}{column}" in task.kept or not task.takes("original", text):
            left[name] = text
    return left
