"""Course content: the OLX files of a course's archive, one document a file. XML is not trusted: nothing in it is expanded or fetched.

    path         the file below the archive's top folder
    kind         its folder (chapter, problem, html, about, tabs, ...); `root` for course.xml; the name of a policy file (policy, grading_policy)
    url_name     its name in the course: the path below its folder without extension, `:` for `/`; of a policy file the run that it is for
    text         exactly what the file holds
    attributes   XML: those of the root element, under escaped keys (see json_mapping)
    children     XML: the url_names of the elements directly below the root, in their order; empty for most components
    content      JSON: the value, as json_mapping stores it

`original.line` has the bytes of a file that is not UTF-8 (`text` has U+FFFD for the bad ones), `original.path` the JSON of a path that BSON cannot
hold. XML that is not well-formed, or has a document type, has no attributes and no children.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.parsers import expat

from edx_import.formats.base import ReadContext
from edx_import.formats.json_mapping import NestedTooDeepError, escape_key, parse_json, replacement, store_value
from edx_import.formats.json_size import TooLargeError
from edx_import.formats.lines import HEAD_SIZE, LINE_LIMIT
from edx_import.ids import row_id
from edx_import.model import Document, Item, Items, Rejected

COLLECTION = "course_content"

FILE_TOO_LONG = "file over 16 MB"

NOTE_NOT_UTF8 = "not UTF-8"
NOTE_NOT_XML = "XML that is not well-formed"
NOTE_DOCTYPE = "XML with a document type"
NOTE_NOT_JSON = "JSON that cannot be read"

#: Folders that are not loaded: uploaded files and what describes them, and what was not published.
LEFT_OUT = frozenset({"static", "assets", "drafts"})
_POLICIES = "policies"
_EXTENSIONS = (".xml", ".html", ".json")


class CourseContentReader:
    """Reads the files of one archive, once they have been taken out of it."""

    version = 1

    def read(self, files: Iterable[tuple[str, bytes]], context: ReadContext) -> Items:
        """See `read_content`."""
        return read_content(files, context)


def read_content(files: Iterable[tuple[str, bytes]], context: ReadContext) -> Items:
    """One item for each file that is wanted, in their order: (path in the archive, content). A file over 16 MB is Rejected.

    Files that are not wanted are counted by a note (`left out: static`); of them only the path is looked at.
    """
    for number, (path, data) in enumerate(files, 1):
        reason = left_out(path)
        if reason is None:
            yield _item(number, _below_top(path), data, context)
        else:
            context.note(f"left out: {reason}")


def wanted(path: str) -> bool:
    """Whether a file of the archive is loaded, by its path there (top folder included): whoever unpacks it need not hold the others."""
    return left_out(path) is None


def left_out(path: str) -> str | None:
    """Why a file is not loaded: the folder that is left out, `hidden files` or `other files`; None for one that is."""
    *folders, name = _below_top(path).split("/")
    if folders and folders[0] in LEFT_OUT:
        return folders[0]
    if any(part.startswith(".") for part in (*folders, name)):
        return "hidden files"  # what editors and file systems leave behind
    return None if name.endswith(_EXTENSIONS) and (folders or name.endswith(".xml")) else "other files"


def _below_top(path: str) -> str:
    top, slash, below = path.partition("/")
    return below if slash else top


def _item(number: int, path: str, data: bytes, context: ReadContext) -> Item:
    if len(data) > LINE_LIMIT:
        return Rejected(number, FILE_TOO_LONG, data[:HEAD_SIZE], replacement((), path)["json"])
    original: dict[str, Any] = {}
    fields: dict[str, Any] = {
        "_id": row_id(context.site, context.course_id, path),
        "site": context.site,
        "course_id": context.course_id,
        **_place(path, original),
        "text": _text(data, original, context),
        **_parsed(path, data, context),
    }
    if original:
        fields["original"] = original
    return Document(COLLECTION, fields, number, data)


def _place(path: str, original: dict[str, Any]) -> dict[str, str]:
    stored, odd = store_value(path)
    if odd:
        original["path"] = odd[0]["json"]
    folder, slash, file = stored.rpartition(".")[0].partition("/")
    if not slash:
        return {"path": stored, "kind": "root", "url_name": folder}
    if folder == _POLICIES:
        course, _, policy = file.rpartition("/")
        return {"path": stored, "kind": policy, "url_name": course}
    return {"path": stored, "kind": folder, "url_name": file.replace("/", ":")}


def _text(data: bytes, original: dict[str, Any], context: ReadContext) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        original["line"] = data
        context.note(NOTE_NOT_UTF8)
        return data.decode(errors="replace")


def _parsed(path: str, data: bytes, context: ReadContext) -> dict[str, Any]:
    if path.endswith(".xml"):
        return _parsed_xml(data, context)
    return _parsed_json(data, context) if path.endswith(".json") else {}


def _parsed_json(data: bytes, context: ReadContext) -> dict[str, Any]:
    try:
        content, _ = store_value(parse_json(data))
    except (ValueError, NestedTooDeepError, TooLargeError):
        context.note(NOTE_NOT_JSON)
        return {}
    return {"content": content}


class _DoctypeError(Exception):
    """The document has a document type, where entities are declared."""


class _Outline:
    """What is looked at of a document: its root element's attributes, and the names directly below it."""

    def __init__(self) -> None:
        self.attributes: dict[str, str] = {}
        self.children: list[str] = []
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def parse(self, data: bytes) -> None:
        """Raises expat.ExpatError, _DoctypeError; an unknown encoding is a LookupError or ValueError."""
        self._parser.Parse(data, True)

    def _refuse(self, *declared: Any) -> None:
        raise _DoctypeError

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            self.attributes = {escape_key(key): value for key, value in attributes.items()}
        elif self._depth == 2 and "url_name" in attributes:
            self.children.append(attributes["url_name"])

    def _end(self, name: str) -> None:
        self._depth -= 1


def _parsed_xml(data: bytes, context: ReadContext) -> dict[str, Any]:
    outline = _Outline()
    try:
        outline.parse(data)
    except _DoctypeError:
        context.note(NOTE_DOCTYPE)
    except (expat.ExpatError, LookupError, ValueError):
        context.note(NOTE_NOT_XML)
    else:
        return {"attributes": outline.attributes, "children": outline.children}
    return {"attributes": {}, "children": []}
