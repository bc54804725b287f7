"""What the dictionary says of a collection and of a field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edx_import.tables import IndexSpec


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a collection's documents. `path` is dotted; the objects in an array have their fields below the array.

    `source`: what it is made from, columns or fields of the delivered file; empty where it is our own. `personal`: it says who somebody is, or what
    a learner wrote. `is_open`: what is inside is as the data has it, and not listed (or not all of it).
    """

    path: str
    type: str
    meaning: str
    source: str = ""
    personal: bool = False
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A collection. `holds`: what its documents are. `id`: how their `_id` is made. `source`: the files they come from; empty: edx-import makes them.

    `common`: the fields that documents of many collections have (see COMMON_FIELDS), those below them included. `notes`: what to know before use.
    `shared` and `broken` are those of tables. `is_open`: documents also have fields that are not listed.
    """

    name: str
    holds: str
    id: str
    fields: tuple[Field, ...]
    source: str = ""
    common: tuple[str, ...] = ()
    indexes: tuple[IndexSpec, ...] = ()
    period: str = ""
    shared: bool = False
    broken: str = ""
    notes: tuple[str, ...] = ()
    is_open: bool = False

    def all_fields(self) -> tuple[Field, ...]:
        """Its own fields and the common ones."""
        common = tuple(field for field in COMMON_FIELDS if field.path.partition(".")[0] in self.common)
        return (Field("_id", "", self.id), *common, *self.fields)

    def unknown(self, document: Mapping[str, Any]) -> set[str]:
        """The paths in a document that the dictionary does not list."""
        known = {field.path: field for field in self.all_fields()}
        return {path for path in _paths(document, known) if path not in known}


def _paths(value: Any, known: Mapping[str, Field], within: str = "") -> Iterator[str]:
    """The path of everything in a value, except what lies in fields that are open or not known."""
    if isinstance(value, list):
        for one in value:
            yield from _paths(one, known, within)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            path = f"{within}.{name}" if within else name
            yield path
            if path in known and not known[path].is_open:
                yield from _paths(inner, known, path)


COMMON_FIELDS = (
    Field("site", "string", "`prod` (edx.org), `edge` (edge.edx.org) or `rdx:` and the number of a research request; ids of two sites are unrelated"),
    Field("course_id", "string", "course key; every other form and alias of it is resolved to the one in courses.yaml"),
    Field("course", "object", "the course's metadata, brought up to date by every sync; from courses.yaml, or else from the package"),
    Field("course.name", "string or null", "name"),
    Field("course.sme", "string or null", "subject matter expert"),
    Field("course.start_date", "date or null", "first day"),
    Field("course.end_date", "date or null", "last day, that day included"),
    Field("import", "object", "where the document comes from"),
    Field("import.object", "string", "key of the delivered object; `//` and the path follow for a member of it"),
    Field("import.content", "string", "beginning of the hash of what was read, and for tables the reader's version"),
    Field("import.line", "int", "line in the file (for files without lines: the number of the entry), from 1"),
    Field(
        "original",
        "object",
        "what a field of ours hides or a typed value cannot give back exactly; absent where there is nothing of the kind. "
        "By the names of the fields, with `line` for the raw bytes of a line that had to be mended",
        personal=True,
        is_open=True,
    ),
)

#: The common fields of tables and other rows of a course's files.
OF_COURSE_FILES = ("site", "course_id", "course", "import", "original")
