"""The forum: a line becomes one document that says the same, or one rejection that says why."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import Int64, ObjectId
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edx_import.formats.base import ReadContext
from edx_import.formats.forum import ADDED_FIELDS, ForumReader, first_course_id, restore
from edx_import.formats.json_mapping import MAX_LEVELS
from edx_import.formats.lines import LINE_LIMIT
from edx_import.model import PROD, Document, Item, Rejected
from edx_import.sample.forum import forum_lines, posts_of
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe, courses_of

COURSE = "course-v1:DemoX+D101+1T2020"
OID, THREAD, PARENT = "5e1200000000000000000001", "5e1200000000000000000002", "5e1200000000000000000003"
POST = {
    "_id": {"$oid": OID},
    "_type": "Comment",
    "author_id": "501",
    "body": "hi",
    "course_id": COURSE,
    "created_at": {"$date": "2020-01-06T09:07:00.000Z"},
    "comment_thread_id": {"$oid": THREAD},
    "parent_ids": [],
    "votes": {"up": [], "up_count": 0},
}

TEXTS = st.text(st.sampled_from('\0 a"\\é😀\ud83d'), max_size=4)
DATES = st.sampled_from(["2020-01-06T09:07:00.520Z", "2020-01-06T09:07:00+0000", "2020-01-06T09:07:00.5204Z", 5, "soon", {"$numberLong": "5"}])
LEAVES = (
    st.builds(lambda date: {"$date": date}, DATES)
    | st.sampled_from([{"$oid": OID}, {"$oid": OID.upper()}, {"$oid": "x"}, {"$numberLong": "5"}, 2**70, "null", "501"])
    | st.none()
    | st.floats()
    | TEXTS
)
KEYS = st.text(st.sampled_from(".$%a\ud83d"), max_size=3) | st.sampled_from([*sorted(ADDED_FIELDS), "values", "absent", "date_form", "parent_ids"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
POSTS = st.builds(
    lambda rest, known: rest | known,
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.fixed_dictionaries(
        {"_id": st.sampled_from([{"$oid": OID}, {"$oid": "5E12000000000000000000AB"}])},
        optional={"_type": st.sampled_from(["Comment", "CommentThread", 5]), "course_id": st.sampled_from([COURSE, "DemoX/D101/1T2020", None])},
    ),
)


def read(data: bytes, notes: Counter[str] | None = None, **context: Any) -> list[Item]:
    counter = Counter[str]() if notes is None else notes
    known: dict[str, Any] = {"site": PROD, "course_id": COURSE, "note": lambda name: counter.update([name])}
    return list(ForumReader().read([data], ReadContext(**(known | context))))


def document(line: bytes | dict[str, Any], notes: Counter[str] | None = None, **context: Any) -> dict[str, Any]:
    (item,) = read(line if isinstance(line, bytes) else json.dumps(line).encode(), notes, **context)
    assert isinstance(item, Document)
    assert item.collection == "forum"
    return item.fields


def through_bson(fields: dict[str, Any]) -> dict[str, Any]:
    return bson.decode(bson.encode(fields))


def exact(value: Any) -> Any:
    """Equal only for values of the same types; NaN equals itself."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else (type(value), repr(value))


# --- nothing lost


@settings(deadline=None)
@given(POSTS, st.sampled_from([COURSE, ""]))
@example({"_id": {"$oid": OID}, "original": {"values": 2**70}, "course_id": {"$oid": OID}, "%25": {"$date": 5}}, COURSE)
@example({"_id": {"$oid": OID}, "course_id": "\ud83d"}, "")
def test_what_the_line_said_comes_back_from_the_database(post: dict[str, Any], course_id: str) -> None:
    line = json.dumps(post)
    assert exact(restore(through_bson(document(line.encode(), course_id=course_id)))) == exact(json.loads(line))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40) | st.builds(lambda post, cut: json.dumps(post).encode()[cut:], POSTS, st.integers(0, 3)), max_size=4))
def test_every_line_that_is_not_blank_is_one_item(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    expected = [number for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1) if line.strip()]
    assert [item.line for item in read(data)] == expected


def test_an_ordinary_post_needs_no_original() -> None:
    assert document(POST, course={"name": "Demonstrations"}) == {
        "_id": f"prod|{OID}",
        "site": "prod",
        "course_id": COURSE,
        "course": {"name": "Demonstrations"},
        "post_id": ObjectId(OID),
        "kind": "response",
        "thread_id": ObjectId(THREAD),
        "author": 501,
        "_type": "Comment",
        "author_id": "501",
        "body": "hi",
        "created_at": datetime(2020, 1, 6, 9, 7, tzinfo=UTC),
        "comment_thread_id": ObjectId(THREAD),
        "parent_ids": [],
        "votes": {"up": [], "up_count": 0},
    }


def test_dates_that_need_it_have_their_form_kept_once() -> None:
    fields = document(POST | {"created_at": {"$date": 1_578_301_620_000}, "updated_at": {"$date": 1_578_301_620_001}})
    assert fields["created_at"] == datetime(2020, 1, 6, 9, 7, tzinfo=UTC)
    assert fields["original"] == {"date_form": "milliseconds"}


def test_a_number_that_was_wrapped_is_a_number() -> None:
    post = POST | {"votes": {"count": {"$numberLong": "2"}}}
    fields = document(post)
    assert fields["votes"] == {"count": Int64(2)}
    assert restore(through_bson(fields)) == post


def test_fields_named_like_ours_are_kept_aside() -> None:
    post = POST | dict.fromkeys(ADDED_FIELDS - {"_id"}, "theirs")
    fields = document(post)
    assert (fields["site"], fields["kind"], fields["course_id"]) == ("prod", "response", COURSE)
    assert restore(fields | {"import": "ours"}) == post


# --- what we add


@pytest.mark.parametrize(
    ("changed", "kind", "thread"),
    [
        ({"_type": "CommentThread", "comment_thread_id": None}, "thread", OID),
        ({}, "response", THREAD),
        ({"parent_ids": None, "parent_id": None}, "response", THREAD),
        ({"parent_ids": [{"$oid": PARENT}]}, "reply", THREAD),
        ({"parent_ids": [{"$oid": PARENT}, {"$oid": OID}]}, "reply", THREAD),
        ({"parent_id": {"$oid": PARENT}}, "reply", THREAD),
        ({"_type": "Poll"}, None, THREAD),
        ({"comment_thread_id": "lost"}, "response", None),
    ],
)
def test_kind_and_thread(changed: dict[str, Any], kind: str | None, thread: str | None) -> None:
    fields = document(POST | changed)
    assert (fields["kind"], fields["thread_id"]) == (kind, ObjectId(thread) if thread else None)


@pytest.mark.parametrize(
    ("author_id", "author"),
    [("501", 501), (" 0501\n", 501), (501, 501), ("", None), ("ann", None), ("-1", None), (None, None), (True, None), ("٣", None), ("9" * 19, None)],
)
def test_the_author_is_a_number_or_null(author_id: Any, author: int | None) -> None:
    assert document(POST | {"author_id": author_id})["author"] == author


def test_the_course_is_that_of_the_file_and_the_posts_own_is_kept_where_it_differs() -> None:
    fields = document(POST | {"course_id": "DemoX/D101/1T2020"})
    assert (fields["course_id"], fields["original"]) == (COURSE, {"course_id": "DemoX/D101/1T2020"})


def test_without_a_course_of_the_file_the_posts_own_is_resolved() -> None:
    assert document(POST, course_id="", resolve=str.upper)["course_id"] == COURSE.upper()


# --- dirt


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"_id": {"$oid"', "not JSON"),
        (b"nothing", "not JSON"),
        (b'{"_id": ObjectId("x"}', "not JSON"),
        (b'{"_id": ObjectId(5), x}', "not JSON"),
        (b"[1]", "not an object"),
        (b"5", "not an object"),
        (b"{}", "no id"),
        (b'{"_id": "5e1200000000000000000001"}', "no id"),
        (b'{"_id": {"$oid": "5e12"}}', "no id"),
        (b'{"$oid": "5e1200000000000000000001"}', "no id"),
        (b'{"_id": {"$oid": "5e1200000000000000000001"}, "a": ' + b"[" * MAX_LEVELS + b"]" * MAX_LEVELS + b"}", "nested too deep"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"' + b"k" * 10_000 + b'": [' + b'{"$numberInt": "1"},' * 500 + b"1]}", "document over 16 MB"),
    ],
)
def test_what_cannot_be_loaded_is_rejected_with_the_reason_and_its_bytes(line: bytes, reason: str) -> None:
    (item,) = read(line)
    assert isinstance(item, Rejected)
    assert (item.line, item.reason, item.raw) == (1, reason, line)


def test_a_line_over_the_limit_is_rejected_and_the_next_is_read() -> None:
    first, second = read(b'{"' + b"x" * LINE_LIMIT + b'"}\n' + json.dumps(POST).encode())
    assert isinstance(first, Rejected)
    assert (first.reason, second.line) == ("line over 16 MB", 2)


def test_the_notation_of_the_shell_is_repaired_and_told_of() -> None:
    notes = Counter[str]()
    line = f'{{"_id": ObjectId("{OID}"), "created_at": ISODate("2020-01-06T09:07:00Z"), "body": "ISODate(1)"}}'.encode()
    fields = document(line, notes)
    assert fields["created_at"] == datetime(2020, 1, 6, 9, 7, tzinfo=UTC)
    assert (fields["body"], fields["original"]["line"]) == ("ISODate(1)", line)
    assert restore(fields) == {"_id": {"$oid": OID}, "created_at": {"$date": "2020-01-06T09:07:00Z"}, "body": "ISODate(1)"}
    assert notes == {"written in the notation of MongoDB's shell": 1}


def test_a_line_that_is_not_utf8_is_loaded_with_its_bytes() -> None:
    notes = Counter[str]()
    line = json.dumps(POST).encode().replace(b"hi", b"h\xe9")
    fields = document(line, notes)
    assert (fields["body"], fields["original"], notes) == ("h\ufffd", {"line": line}, {"not UTF-8": 1})


def test_a_wrapper_that_cannot_be_read_is_told_of_and_kept() -> None:
    notes = Counter[str]()
    post = POST | {"created_at": {"$date": "soon"}}
    fields = document(post, notes)
    assert fields["created_at"] == {"%24date": "soon"}
    assert restore(fields) == post
    assert notes == {"Extended JSON in an unknown form": 1}


def test_an_empty_file_has_no_posts() -> None:
    assert read(b"") == read(b"\n \r\n") == []


# --- the course of a file


def test_the_first_course_id_is_found_behind_lines_that_have_none() -> None:
    lines = [b"nothing", b"", b"[1]", b'{"course_id": 5}', b'{"course_id": ""}', b"[" * 100_000, json.dumps(POST).encode()]
    assert first_course_id([b"\n".join(lines)]) == COURSE


def test_a_file_without_posts_names_no_course() -> None:
    assert first_course_id([]) is None
    assert first_course_id([b"{}\n" * 2000 + json.dumps(POST).encode()]) is None


# --- the sample


@pytest.mark.parametrize("index", range(3))
def test_the_posts_of_a_sample_course_come_back_equal(index: int) -> None:
    recipe = Recipe(learners=60)
    course = courses_of(recipe)[index]
    offering = Offering(recipe, PROD, course, recipe.snapshots[-1])
    lines = list(forum_lines(offering))
    found = {}
    for item in read(b"".join(lines), course_id=course.id):
        assert isinstance(item, Document)
        assert restore(through_bson(item.fields)) == json.loads(item.raw)
        fields = item.fields
        found[str(fields["post_id"])] = (fields["kind"], fields["author"], fields["created_at"], fields["body"], str(fields["thread_id"]))
    assert found
    assert found == {
        post.id: (
            "reply" if post.parent else "response" if post.thread else "thread",
            post.author_id,
            post.created.replace(microsecond=post.created.microsecond // 1000 * 1000),
            post.body,
            post.thread or post.id,
        )
        for post in posts_of(offering)
    }
