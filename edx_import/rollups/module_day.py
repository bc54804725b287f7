"""The summary `module_course_day`: how often the blocks of a course were used on a UTC day, as a pipeline over the events of some days."""

from __future__ import annotations

from edx_import.ids import row_id
from edx_import.rollups.kinds import Expression
from edx_import.rollups.learners import escaped, learner_of, midnight_of
from edx_import.rollups.spans import Span


def module_day(span: Span) -> list[Expression]:
    """The pipeline over `events`; it gives the documents of the span, without `rolled_up`. Events of no block are in none."""
    wanted = {"site": span.site, "course_id": span.course_id, "time": {"$gte": span.begin, "$lt": span.end}}
    by_learner = {"day": midnight_of("$time"), "module": "$module_id", "learner": learner_of()}
    return [
        {"$match": wanted},
        {"$match": {"module_id": {"$type": "string"}}},
        {"$group": {"_id": by_learner, "nevents": {"$sum": 1}}},
        {
            "$group": {
                "_id": {"day": "$_id.day", "module": "$_id.module"},
                "nevents": {"$sum": "$nevents"},
                "learners": {"$sum": {"$cond": [{"$eq": ["$_id.learner", ""]}, 0, 1]}},
            }
        },
        {"$project": {"_id": _row_id(span), "site": {"$literal": span.site}, "course_id": {"$literal": span.course_id}, **_FIELDS}},
    ]


_FIELDS: Expression = {"day": {"$toDate": "$_id.day"}, "module_id": "$_id.module", "nevents": 1, "learners": 1}


def _row_id(span: Span) -> Expression:
    day = {"$dateToString": {"date": {"$toDate": "$_id.day"}, "format": "%Y-%m-%d"}}
    return {"$concat": [{"$literal": row_id(span.site, span.course_id) + "|"}, day, "|", escaped("$_id.module")]}
