"""The forum: one post a line in MongoDB's Extended JSON, to one document a line, and back.

A document has every field of its line, wrappers opened (see extended_json): ObjectIds, dates and numbers are values. These are ours:

    post_id     the line's `_id`, an ObjectId: what `comment_thread_id`, `parent_id` and `parent_ids` of other posts refer to
    kind        `thread`, `response` (to a thread), `reply` (to a response, or deeper); null for a post of an unknown type
    thread_id   the thread that it belongs to: for a thread itself, its `post_id`; null when unknown
    author      `author_id` as an integer; null when it is none
    and _id, site, course_id, course

What the line said and the fields cannot give back stands in `original`; with it `restore` is exact:

    date_form           how the dates were written, unless as 2020-01-06T09:07:00.000Z
    values              the records of values that are not rebuilt from the fields (see json_mapping, extended_json)
    absent              [course_id]: the line has none
    line                the raw line, when it was not UTF-8, or in the notation of MongoDB's shell
    course_id, site, ...  the line's own field of that name, where ours says something else
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from bson import ObjectId

from edx_import.formats.base import ReadContext
from edx_import.formats.extended_json import Opened, close_wrappers, open_wrappers, repair
from edx_import.formats.json_mapping import (
    NestedTooDeepError,
    Replaced,
    is_storable_text,
    parse_json,
    parse_json_text,
    restore_value,
    store_value,
)
from edx_import.formats.json_rows import NOT_AN_OBJECT, NOT_JSON, RefusedError, item_of, items
from edx_import.formats.json_size import TooLargeError
from edx_import.formats.lines import split_lines
from edx_import.ids import row_id
from edx_import.model import Document, FastItems, Item, Items

COLLECTION = "forum"

#: Fields of ours: a field of the line that bears such a name is kept aside.
ADDED_FIELDS = frozenset({"_id", "site", "course_id", "course", "post_id", "kind", "thread_id", "author", "import", "original"})

NO_ID = "no id"

NOTE_NOT_UTF8 = "not UTF-8"
NOTE_REPAIRED = "written in the notation of MongoDB's shell"
NOTE_UNREAD = "Extended JSON in an unknown form"

_DEFAULT_DATE_FORM = "zulu"

#: How many lines `first_course_id` looks at.
_LINES_TO_LOOK_AT = 1000


class ForumReader:
    """Reads the lines of a forum file (a `FormatReader`). A blank line is not read. Posts of one id twice in a file are the writer's affair."""

    version = 1

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """One document or rejection for each line that is not blank, in the order of the file."""
        return items(chunks, lambda number, raw, line: _item(number, raw, line, context))

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext) -> FastItems:
        """The same: posts are few beside events."""
        return self.read(chunks, context)


def restore(document: Mapping[str, Any]) -> Any:
    """What the line of a document said: the value of its JSON, also for what comes back from the database."""
    original: Mapping[str, Any] = document.get("original") or {}
    stored = {name: value for name, value in document.items() if name not in ADDED_FIELDS}
    stored["_id"] = document["post_id"]
    if "course_id" not in original.get("absent", ()):
        stored["course_id"] = document["course_id"]
    stored |= {name: original[name] for name in ADDED_FIELDS & original.keys()}
    closed = close_wrappers(stored, original.get("date_form", _DEFAULT_DATE_FORM))
    return restore_value(closed, original.get("values", ()))


def first_course_id(chunks: Iterable[bytes]) -> str | None:
    """The course id of the first post that has one; None when there is none among the first thousand lines."""
    for post in islice(_posts(chunks), _LINES_TO_LOOK_AT):
        course_id = post.get("course_id") if isinstance(post, dict) else None
        if isinstance(course_id, str) and course_id:
            return course_id
    return None


def _posts(chunks: Iterable[bytes]) -> Iterator[Any]:
    for _, raw, whole in split_lines(chunks):
        try:
            yield _parsed(raw, {}, []) if whole else None
        except (RefusedError, NestedTooDeepError, TooLargeError):
            yield None


def _item(number: int, raw: bytes, line: bytes, context: ReadContext) -> Item:
    notes: list[str] = []
    item = item_of(COLLECTION, number, raw, lambda: _fields(line, context, notes))
    if isinstance(item, Document):
        for note in notes:
            context.note(note)
    return item


def _fields(line: bytes, context: ReadContext, notes: list[str]) -> dict[str, Any]:
    original: dict[str, Any] = {}
    opened = _opened(_parsed(line, original, notes), original, notes)
    post: dict[str, Any] = opened.value
    post_id = post.pop("_id", None)
    if not isinstance(post_id, ObjectId):
        raise RefusedError(NO_ID, "no ObjectId" if post_id is not None else "")
    kind = _kind(post)
    thread_id = post_id if kind == "thread" else post.get("comment_thread_id")
    course_id = _take_course_id(post, original, context)
    fields: dict[str, Any] = {
        "_id": row_id(context.site, str(post_id)),
        "site": context.site,
        "course_id": course_id,
        "course": dict(context.course) if context.course is not None else None,
        "post_id": post_id,
        "kind": kind,
        "thread_id": thread_id if isinstance(thread_id, ObjectId) else None,
        "author": _author(post.get("author_id")),
        **_stored(post, opened.replaced, original),
    }
    if original:
        fields["original"] = original
    return fields


def _parsed(line: bytes, original: dict[str, Any], notes: list[str]) -> Any:
    """The JSON of the line, repaired if need be. Raises RefusedError, NestedTooDeepError."""
    try:
        return parse_json(line)
    except ValueError:
        pass
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode(errors="replace")
        original["line"] = line
        notes.append(NOTE_NOT_UTF8)
    try:
        return parse_json_text(text)
    except ValueError as error:
        return _parse_repaired(text, line, original, notes, str(error))


def _parse_repaired(text: str, line: bytes, original: dict[str, Any], notes: list[str], trouble: str) -> Any:
    repaired = repair(text)
    if repaired is None:
        raise RefusedError(NOT_JSON, trouble)
    try:
        value = parse_json_text(repaired)
    except ValueError as error:
        raise RefusedError(NOT_JSON, str(error)) from None
    original["line"] = line
    notes.append(NOTE_REPAIRED)
    return value


def _opened(value: Any, original: dict[str, Any], notes: list[str]) -> Opened:
    if not isinstance(value, dict):
        raise RefusedError(NOT_AN_OBJECT)
    opened = open_wrappers(value)
    if not isinstance(opened.value, dict):  # the whole line is a wrapper
        raise RefusedError(NO_ID)
    if opened.date_form not in ("", _DEFAULT_DATE_FORM):
        original["date_form"] = opened.date_form
    if opened.unread:
        notes.append(NOTE_UNREAD)
    return opened


def _kind(post: Mapping[str, Any]) -> str | None:
    if post.get("_type") == "CommentThread":
        return "thread"
    if post.get("_type") != "Comment":
        return None
    return "reply" if post.get("parent_ids") or post.get("parent_id") else "response"


def _author(author_id: Any) -> int | None:
    """Users are integers everywhere else; here they are digits in a string."""
    if isinstance(author_id, str):
        digits = author_id.strip()
        author_id = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    return author_id if isinstance(author_id, int) and not isinstance(author_id, bool) and 0 <= author_id < 2**63 else None


def _take_course_id(post: dict[str, Any], original: dict[str, Any], context: ReadContext) -> str | None:
    """The course of the file, or else of the post; the post's own is left in it only where that says another thing."""
    own = post.get("course_id")
    course_id = context.course_id or (context.resolve(own) if isinstance(own, str) and own and is_storable_text(own) else None)
    if "course_id" not in post:
        original["absent"] = ["course_id"]
    elif own == course_id:
        del post["course_id"]
    return course_id


def _stored(post: dict[str, Any], opened: list[Replaced], original: dict[str, Any]) -> dict[str, Any]:
    """The line's own fields as BSON holds them; those that ours shadow go to `original`, one level down."""
    shadowed, replaced = store_value({name: post.pop(name) for name in ADDED_FIELDS & post.keys()})
    original |= shadowed
    stored: dict[str, Any]
    stored, more = store_value(post, level=1)
    if records := [*replaced, *more, *opened]:
        original["values"] = records
    return stored
