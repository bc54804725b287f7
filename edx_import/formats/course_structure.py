"""The `course_structure` file: one JSON object, a member per block of the course. Blocks to documents that know their place.

A document holds a block's own settings (`metadata`, under keys and with values as json_mapping stores them) and what its place says:

    children                       the ids of its children, in their order
    ancestors                      [{id, category, name, index}], from the course down to its parent
    index                          its place among its parent's children, from 1; null without parent
    chapter, sequential, vertical  {id, name, index} of the nearest such block: the block itself, or else an ancestor
    start, end, due                its own dates, UTC, null where unset or unreadable (the text is in `metadata`)
    inherited                      `format`, `graded`, `due`, `start` of the nearest ancestor with a value

Where the file is odd, nothing of it is lost: what a field of ours cannot show stands in `original`, and `restore_block` gives the entry back.
A block that several list as their child belongs to the first of them in the file; a circle is cut where it closes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edx_import.courses import course_id_of_block
from edx_import.errors import PackageError
from edx_import.formats.base import ReadContext
from edx_import.formats.json_mapping import NestedTooDeepError, parse_json, restore_value, store_value
from edx_import.formats.json_members import not_an_object, split_members
from edx_import.formats.json_size import TooLargeError
from edx_import.ids import row_id
from edx_import.model import Document, FastItems, Items, Rejected

COLLECTION = "course_structure"

NOT_A_BLOCK = "not a block"
GIVEN_TWICE = "block given twice"
NESTED_TOO_DEEP = "nested too deep"
BLOCK_TOO_LONG = "block over 16 MB"

NOTE_NOT_UTF8 = "not UTF-8"
NOTE_CUT_ANCESTORS = "block below more than 50 others"

#: What is held of one file, in bytes: the text of its blocks, and 512 more for each block and 64 for each child. No course comes near it.
HELD_LIMIT = 128 * 2**20

#: How many ancestors a document lists; courses have four or five levels.
MAX_ANCESTORS = 50

_SHORTCUTS = ("chapter", "sequential", "vertical")
_INHERITED = ("format", "graded", "due", "start")
_DATES = frozenset({"due", "start"})
_FIELDS: dict[str, type] = {"category": str, "children": list, "metadata": dict}


@dataclass(frozen=True, slots=True)
class CourseSummary:
    """What a course says of itself in its root block. Dates are UTC; by custom a start in 2030 means that none was set."""

    display_name: str | None
    start: datetime | None
    end: datetime | None


class CourseStructureReader:
    """Reads a course_structure file. Raises PackageError when it is not one whole JSON object, or too large to be held."""

    version = 1

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """The blocks in the order of the file, once all have been seen; an entry that is no block is Rejected."""
        tree = _Tree(chunks)
        for block in tree.blocks:
            yield block if isinstance(block, Rejected) else _document(block, tree, context)

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext) -> FastItems:
        """The same: a course has few blocks."""
        return self.read(chunks, context)


def restore_block(fields: Mapping[str, Any]) -> tuple[str, Any]:
    """A block's key and its entry in the file: the inverse of the reader, also for what comes back from the database."""
    original: Mapping[str, Any] = fields.get("original") or {}
    present = [name for name in (*_FIELDS, "redacted_metadata") if name in fields and name not in original.get("absent", ())]
    stored = {name: original[name] if name in original else fields[name] for name in present} | fields.get("other", {})
    key = json.loads(original["block_id"]) if "block_id" in original else fields["block_id"]
    return key, restore_value(stored, original.get("values", ()))


def course_id_of(chunks: Iterable[bytes]) -> str | None:
    """The course that the key of the root block names, or else that of any block. None when no key names one, or the file is broken."""
    found: str | None = None
    try:
        for key, entry in _entries(chunks):
            course_id = course_id_of_block(key)
            if course_id and _category(entry) == "course":
                return course_id
            found = found or course_id
    except PackageError:
        return found
    return found


def course_summary(chunks: Iterable[bytes]) -> CourseSummary | None:
    """What the course block says; None when there is none. Raises PackageError when the file is broken before it."""
    for _, entry in _entries(chunks):
        if _category(entry) == "course":
            metadata = _mapping(entry.get("metadata"))
            name, _ = store_value(_text(metadata.get("display_name")))
            return CourseSummary(name, _moment(metadata.get("start")), _moment(metadata.get("end")))
    return None


def _entries(chunks: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    for raw, whole in split_members(chunks):
        try:
            if whole:
                yield _parsed(raw)
        except (NestedTooDeepError, TooLargeError):
            continue


def _category(entry: Any) -> str | None:
    return _text(_mapping(entry).get("category"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _moment(value: Any) -> datetime | None:
    """A date of a setting, in whole milliseconds: ISO text, at times with the quotes of JSON still around it; UTC when it has no zone."""
    if not isinstance(value, str):
        return None
    try:
        said = datetime.fromisoformat(value.strip().strip('"'))
        moment = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


# --- the blocks of a file


@dataclass(slots=True, eq=False)
class _Block:
    """What is held of a block until its turn: its text, and what others need to know of it."""

    line: int
    raw: bytes
    key: str
    id: str
    category: str | None
    name: str | None
    children: list[str]
    passed_on: dict[str, Any]
    parent: _Block | None = None
    index: int | None = None

    def ancestors(self) -> list[_Block]:
        """From the parent upwards, one more than are listed at most; a circle is cut."""
        seen, chain, above = {self.key}, list[_Block](), self.parent
        while above is not None and above.key not in seen and len(chain) <= MAX_ANCESTORS:
            seen.add(above.key)
            chain.append(above)
            above = above.parent
        return chain


@dataclass(slots=True)
class _Content:
    """An entry as it is stored: the part under the fields' own names, and `original`."""

    fields: dict[str, Any]
    original: dict[str, Any] = field(default_factory=dict)


class _Tree:
    """All blocks of a file, each with its parent."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.blocks: list[_Block | Rejected] = []
        self._by_key: dict[str, _Block] = {}
        self._held = 0
        for line, (raw, whole) in enumerate(split_members(chunks), 1):
            self._add(_block(line, raw.strip()) if whole else Rejected(line, BLOCK_TOO_LONG, raw))
        for parent in self._by_key.values():
            self._place_children(parent)

    def _add(self, block: _Block | Rejected) -> None:
        if isinstance(block, _Block) and block.key in self._by_key:
            block = Rejected(block.line, GIVEN_TWICE, block.raw, block.key)
        self._held += 512 + len(block.raw)
        if isinstance(block, _Block):
            self._held += 64 * len(block.children)
            self._by_key[block.key] = block
        self.blocks.append(block)
        if self._held > HELD_LIMIT:
            raise PackageError(f"a course structure needs more than {HELD_LIMIT // 2**20} MB", "No course is that large: the file is damaged.")

    def _place_children(self, parent: _Block) -> None:
        for index, key in enumerate(parent.children, 1):
            child = self._by_key.get(key)
            if child is not None and child.parent is None and child.category != "course" and child is not parent:
                child.parent, child.index = parent, index


def _parsed(raw: bytes) -> tuple[str, Any]:
    """Key and entry of a member; bytes that are not UTF-8 become U+FFFD. Raises PackageError, NestedTooDeepError, TooLargeError."""
    try:
        try:
            member = parse_json(b"{" + raw + b"}")
        except UnicodeDecodeError:
            member = parse_json(b"{" + raw.decode("utf-8", "replace").encode() + b"}")
    except NestedTooDeepError:
        raise
    except ValueError:
        raise not_an_object() from None
    ((key, entry),) = member.items()
    return key, entry


def _block(line: int, raw: bytes) -> _Block | Rejected:
    """Raises PackageError when the member is no JSON."""
    try:
        key, entry = _parsed(raw)
        if not isinstance(entry, dict):
            return Rejected(line, NOT_A_BLOCK, raw, f"{key}: no object")
        content = _content(key, entry)
    except NestedTooDeepError:
        return Rejected(line, NESTED_TOO_DEEP, raw)
    except TooLargeError:
        return Rejected(line, NOT_A_BLOCK, raw, "too much in it for a document")
    metadata = content.fields["metadata"]
    children = [child for child in _list(entry.get("children")) if isinstance(child, str)]
    return _Block(
        line=line,
        raw=raw,
        key=key,
        id=content.fields["block_id"],
        category=content.fields["category"],
        name=_text(metadata.get("display_name")),
        children=children,
        passed_on={name: value for name in _INHERITED if (value := _passed_on(name, metadata.get(name))) is not None},
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _passed_on(name: str, value: Any) -> Any:
    if name in _DATES:
        return _moment(value)
    return value if isinstance(value, str | bool | int | float) else None


def _content(key: str, entry: dict[str, Any]) -> _Content:
    """Raises NestedTooDeepError, TooLargeError."""
    stored, replaced = store_value(entry)
    block_id, odd_key = store_value(key)
    content = _Content({"block_id": block_id})
    for name, kind in _FIELDS.items():
        value = stored.get(name)
        usable = isinstance(value, kind)
        content.fields[name] = value if usable else None if kind is str else kind()
        if name not in stored:
            content.original.setdefault("absent", []).append(name)
        elif not usable:
            content.original[name] = value
    _keep_odd_children(content)
    if "redacted_metadata" in stored:
        content.fields["redacted_metadata"] = stored["redacted_metadata"]
    if other := {name: value for name, value in stored.items() if name not in _FIELDS and name != "redacted_metadata"}:
        content.fields["other"] = other
    if replaced:
        content.original["values"] = replaced
    if odd_key:
        content.original["block_id"] = json.dumps(key)
    return content


def _keep_odd_children(content: _Content) -> None:
    listed = content.fields["children"]
    children = [child for child in listed if isinstance(child, str)]
    if len(children) < len(listed):
        content.fields["children"], content.original["children"] = children, listed


def _document(block: _Block, tree: _Tree, context: ReadContext) -> Document:
    content = _content(*_parsed(block.raw))
    metadata = content.fields["metadata"]
    above = block.ancestors()
    if len(above) > MAX_ANCESTORS:
        context.note(NOTE_CUT_ANCESTORS)
    fields: dict[str, Any] = {
        "_id": row_id(context.site, context.course_id, block.key),
        "site": context.site,
        "course_id": context.course_id,
        **content.fields,
        "display_name": block.name,
        "start": _moment(metadata.get("start")),
        "end": _moment(metadata.get("end")),
        "due": _moment(metadata.get("due")),
        "index": block.index,
        "ancestors": [{"id": one.id, "category": one.category, "name": one.name, "index": one.index} for one in reversed(above[:MAX_ANCESTORS])],
        "inherited": _inherited(above),
        **_shortcuts(block, above),
    }
    if not _is_utf8(block.raw):
        content.original["line"] = block.raw
        context.note(NOTE_NOT_UTF8)
    if content.original:
        fields["original"] = content.original
    return Document(COLLECTION, fields, block.line, block.raw)


def _inherited(above: list[_Block]) -> dict[str, Any]:
    return {name: value for one in reversed(above) for name, value in one.passed_on.items()}


def _shortcuts(block: _Block, above: list[_Block]) -> dict[str, Any]:
    nearest = {one.category: one for one in (*reversed(above), block)}
    return {name: {"id": one.id, "name": one.name, "index": one.index} for name in _SHORTCUTS if (one := nearest.get(name))}


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
