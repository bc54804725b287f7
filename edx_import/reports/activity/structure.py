"""What a course consists of, as UQx counts it and as McGill writes it on events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edx_import.reports.activity.days import Row
from edx_import.reports.context import Context

_WALK = ["course", "chapter", "sequential", "vertical"]
_KINDS = {"video": "nvideos", "html": "nhtmls", "problem": "nassessments", "discussion": "nincontent_discussions"}
COUNTS = ("nchapters", "nvideos", "nhtmls", "nassessments", "nsummative", "nformative", "nincontent_discussions", "nactivities")

#: Blocks that McGill takes out of the tree, in this order: what is in them goes to what they are in.
_SPLICED = ("conditional", "wrapper")
_DEEPEST = 60


def blocks_of(context: Context, course_id: str) -> Iterator[Row]:
    """The blocks of a course."""
    fields = dict.fromkeys(("block_id", "category", "children", "metadata", "display_name", "ancestors.category"), 1)
    return context.aggregate("course_structure", [{"$match": {"site": context.site, "course_id": course_id}}, {"$project": fields}])


def counted(blocks: Iterable[Row]) -> dict[str, int]:
    """How many blocks of each kind: chapters of the course, and what is directly in its units. A problem with a weight above 0 is summative."""
    found = Counter[str]()
    for block in blocks:
        above = [ancestor.get("category") for ancestor in block.get("ancestors") or ()]
        if above == _WALK[:1]:
            found["nchapters"] += block["category"] == "chapter"
        if above == _WALK:
            found[_KINDS.get(block["category"], "nactivities")] += 1
            if block["category"] == "problem":
                found["nsummative" if _weight(block) > 0 else "nformative"] += 1
    return {name: found[name] for name in COUNTS}


def _weight(block: Row) -> float:
    weight = (block.get("metadata") or {}).get("weight")
    return float(weight) if isinstance(weight, int | float) and not isinstance(weight, bool) else 0.0


@dataclass(slots=True)
class _Block:
    key: str
    category: str | None
    name: Any
    metadata: Mapping[str, Any]
    children: list[str] = field(default_factory=list)


def with_parents(blocks: Iterable[Row]) -> dict[str, Row]:
    """`parent_data` and `metadata` of each block by key, as McGill's course structure has them.

    `X_order` is the place, from 0, of the *next* block on the way down in its X: `chapter_order` is that of the sequential in its chapter.
    """
    tree = {block["block_id"]: _block(block) for block in blocks}
    for category in _SPLICED:
        for one in [one for one in tree.values() if one.category == category]:
            _splice(tree, one)
    found = {key: {"parent_data": None, "metadata": dict(one.metadata)} for key, one in tree.items()}
    for one in tree.values():
        if one.category == "course":
            _pass_on(tree, one, {}, found, 0)
    return found


def _block(block: Row) -> _Block:
    return _Block(block["block_id"], block.get("category"), block.get("display_name"), block.get("metadata") or {}, list(block.get("children") or ()))


def _splice(tree: dict[str, _Block], gone: _Block) -> None:
    for other in tree.values():
        if gone.key in other.children and other is not gone:
            place = other.children.index(gone.key)
            other.children[place : place + 1] = gone.children
    tree.pop(gone.key, None)


def _pass_on(tree: Mapping[str, _Block], parent: _Block, inherited: Row, found: dict[str, Row], depth: int) -> None:
    for order, key in enumerate(parent.children):
        child = tree.get(key)
        if child is None or found[key]["parent_data"] is not None or depth > _DEEPEST:
            continue  # listed without being there, or twice, or in a circle
        of_parent = {f"{parent.category}_order": order, f"{parent.category}_id": short(parent.key), f"{parent.category}_display_name": parent.name}
        found[key]["parent_data"] = inherited | of_parent
        _pass_on(tree, child, inherited | of_parent, found, depth + 1)


def short(key: str) -> str:
    """The id that McGill gives a block: what follows the last slash of an old key; a new key is kept whole."""
    return key.rpartition("/")[2]
