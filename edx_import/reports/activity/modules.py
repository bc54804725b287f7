"""How the blocks of a course were used, with the places they have in the course."""

from __future__ import annotations

from collections.abc import Iterator

from edx_import.reports.activity.days import MODULE_COURSE_DAY, Row, by_day, course_ids
from edx_import.reports.context import Context

_LEVELS = ("chapter", "sequential", "vertical")


def module_days(context: Context) -> Iterator[Row]:
    """nevents and learners of each block and day, with the block's category, name and places: by course, day and block.

    A block that the course no longer has is there, without a name.
    """
    for course_id in course_ids(context):
        blocks: dict[str, Row] | None = None
        for day in by_day(context, course_id, collection=MODULE_COURSE_DAY):
            if blocks is None:
                blocks = named_blocks(context, course_id)
            found = {"course_id": course_id, "date": day["day"].date(), "module_id": day["module_id"]}
            yield {**found, **blocks.get(day["module_id"], _UNKNOWN), "nevents": day["nevents"], "learners": day["learners"]}


_UNKNOWN: Row = dict.fromkeys(("category", "display_name", *_LEVELS))


def named_blocks(context: Context, course_id: str) -> dict[str, Row]:
    """Category, display_name, chapter, sequential and vertical (their names) of each block of a course, by key. A course has some thousands."""
    fields = {"block_id": 1, "category": 1, "display_name": 1, **{f"{level}.name": 1 for level in _LEVELS}}
    wanted = {"site": context.site, "course_id": course_id}
    found = context.aggregate("course_structure", [{"$match": wanted}, {"$project": fields}])
    return {block["block_id"]: _named(block) for block in found}


def _named(block: Row) -> Row:
    places = {level: (block.get(level) or {}).get("name") for level in _LEVELS}
    return {"category": block.get("category"), "display_name": block.get("display_name"), **places}
