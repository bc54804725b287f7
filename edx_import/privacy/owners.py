"""Which rows are a learner's: by a column that names the learner, or by the number of another row of the learner's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edx_import.privacy.identity import Identity, Kind
from edx_import.privacy.keys import Says, says
from edx_import.tables import BY_NAME, ColumnType

#: Columns of tables that hold the id of a learner, as a number or as an anonymous id.
_LEARNER_COLUMNS = ("user_id", "student_id", "scorer_id", "hash_id", "anonymous_user_id")

#: Columns that refer to a row of a learner's.
_REFERENCES: Mapping[str, Mapping[str, Kind]] = {
    "student_languageproficiency": {"user_profile_id": Kind.PROFILE},
    "submissions_submission": {"student_item_id": Kind.ITEM},
    "submissions_score": {"student_item_id": Kind.ITEM},
    "submissions_scoresummary": {"student_item_id": Kind.ITEM},
    "assessment_assessmentpart": {"assessment_id": Kind.ASSESSMENT},
    "assessment_assessmentfeedback_assessments": {"assessmentfeedback_id": Kind.FEEDBACK, "assessment_id": Kind.ASSESSMENT},
    "assessment_assessmentfeedback_options": {"assessmentfeedback_id": Kind.FEEDBACK},
    "assessment_peerworkflowitem": {"scorer_id": Kind.PEER, "author_id": Kind.PEER, "assessment_id": Kind.ASSESSMENT},
    "assessment_studenttrainingworkflowitem": {"workflow_id": Kind.TRAINING},
    "workflow_assessmentworkflowstep": {"workflow_id": Kind.WORKFLOW},
}

#: What other tables refer to a learner's row by. In this order each finds its rows by what those before it have told.
DEFINED: Mapping[str, tuple[str, Kind]] = {
    "auth_userprofile": ("id", Kind.PROFILE),
    "submissions_studentitem": ("id", Kind.ITEM),
    "submissions_submission": ("uuid", Kind.SUBMISSION),
    "assessment_peerworkflow": ("id", Kind.PEER),
    "assessment_studenttrainingworkflow": ("id", Kind.TRAINING),
    "workflow_assessmentworkflow": ("id", Kind.WORKFLOW),
    "assessment_assessment": ("id", Kind.ASSESSMENT),
    "assessment_assessmentfeedback": ("id", Kind.FEEDBACK),
}

_IN_EVENTS = (("user_id",), ("username",), ("context", "user_id"), ("context", "username"), ("event", "user_id"), ("event", "username"))
_IN_POSTS = (("author",), ("author_id",), ("author_username",))
_PATHS = {"events": _IN_EVENTS, "forum": _IN_POSTS}


def owner_columns(table: str) -> dict[str, Kind]:
    """The columns of a declared table by which a row belongs to a learner."""
    found = {column.name: kind for column in BY_NAME[table].columns if (kind := _kind_of_column(column.name, column.type)) is not None}
    if table == "auth_user":
        found["id"] = Kind.USER
    return found | dict(_REFERENCES.get(table, {}))


def _kind_of_column(name: str, type: ColumnType) -> Kind | None:
    if name in _LEARNER_COLUMNS:
        return Kind.USER if type is ColumnType.INT else Kind.ANONYMOUS
    return {"username": Kind.NAME, "email": Kind.MAIL, "submission_uuid": Kind.SUBMISSION}.get(name)


def naming_columns(table: str) -> frozenset[str]:
    """Those of them that name the learner."""
    return frozenset(owner_columns(table)) - set(_REFERENCES.get(table, ())) - {"submission_uuid"}


_COLUMNS = {table: owner_columns(table) for table in BY_NAME}


def owners(collection: str, document: Mapping[str, Any]) -> Iterator[Identity]:
    """What says whose a row of a declared table is; of one that belongs to nobody, nothing."""
    for column, kind in _COLUMNS[collection].items():
        if document.get(column) not in (None, ""):
            yield Identity.of(kind, document[column])


def owner_values(collection: str, document: Mapping[str, Any]) -> list[Any] | None:
    """What names the owner of a document that is no row of a declared table (see `named_by`); None for those, of which `owners` tells more."""
    if collection in _COLUMNS:
        return None
    if collection in _PATHS:
        return [_at(document, path) for path in _PATHS[collection]]
    return [value for name, value in document.items() if says(name) in (Says.NUMBER, Says.WHO)]


def named_by(value: Any) -> Iterator[Identity]:
    """Whom a value may mean that stands where a learner is named: by number, username, e-mail address or anonymous id."""
    if isinstance(value, str):
        # the id of a bookmark is a username, a comma and a block
        for text in dict.fromkeys((value.strip(), value.partition(",")[0].strip())):
            yield from (Identity.of(kind, text) for kind in _kinds_of(text))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield Identity.of(Kind.USER, value)


def _kinds_of(text: str) -> tuple[Kind, ...]:
    if not text:
        return ()
    if text.isascii() and text.isdigit():
        return (Kind.USER, Kind.NAME)
    return (Kind.MAIL, Kind.NAME) if "@" in text else (Kind.NAME, Kind.ANONYMOUS)


def _at(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
