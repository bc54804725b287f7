"""The course_structure file: the tree of a course, also when it is odd, and what the course says of itself."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.errors import PackageError
from edx_import.formats import course_structure
from edx_import.formats.base import ReadContext
from edx_import.formats.course_structure import CourseStructureReader, CourseSummary, course_id_of, course_summary, restore_block
from edx_import.formats.json_members import split_members
from edx_import.model import Document, Rejected

COURSE = "course-v1:DemoX+D101+1T2020"


def key(category: str, name: str) -> str:
    return f"block-v1:DemoX+D101+1T2020+type@{category}+block@{name}"


def entry(category: str, *children: str, **metadata: Any) -> dict[str, Any]:
    return {"category": category, "children": list(children), "metadata": metadata}


ROOT, CHAPTER, SEQUENTIAL, OTHER = key("course", "course"), key("chapter", "c1"), key("sequential", "s1"), key("sequential", "s2")
VERTICAL, PROBLEM = key("vertical", "v1"), key("problem", "p1")

TREE = {
    CHAPTER: entry("chapter", OTHER, SEQUENTIAL, display_name="Week 1", start="2020-01-06T00:00:00Z"),
    ROOT: entry("course", CHAPTER, display_name="Demonstrations", start="2020-01-05T00:00:00Z", end="2020-04-30T22:00:00-02:00"),
    PROBLEM: entry("problem", display_name="Q1", weight=1.5, due=None),
    SEQUENTIAL: entry("sequential", VERTICAL, display_name="Lesson", format="Homework", graded=True, due="2020-02-01T12:00:00Z"),
    VERTICAL: entry("vertical", PROBLEM, display_name="Unit"),
    OTHER: entry("sequential", display_name="Reading"),
}


def read(content: Any, notes: Counter[str] | None = None, size: int = 2**16) -> list[Document | Rejected]:
    data = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
    counter = Counter[str]() if notes is None else notes
    context = ReadContext("prod", COURSE, note=lambda name: counter.update([name]))
    return list(CourseStructureReader().read((data[start : start + size] for start in range(0, len(data), size)), context))


def blocks(content: Any) -> dict[str, dict[str, Any]]:
    return {item.fields["block_id"]: item.fields for item in read(content) if isinstance(item, Document)}


# --- a usual file


def test_a_block_is_a_document_that_knows_its_place() -> None:
    assert blocks(TREE)[PROBLEM] == {
        "_id": f"prod|{COURSE}|{PROBLEM}",
        "site": "prod",
        "course_id": COURSE,
        "block_id": PROBLEM,
        "category": "problem",
        "display_name": "Q1",
        "children": [],
        "metadata": {"display_name": "Q1", "weight": 1.5, "due": None},
        "start": None,
        "end": None,
        "due": None,
        "index": 1,
        "ancestors": [
            {"id": ROOT, "category": "course", "name": "Demonstrations", "index": None},
            {"id": CHAPTER, "category": "chapter", "name": "Week 1", "index": 1},
            {"id": SEQUENTIAL, "category": "sequential", "name": "Lesson", "index": 2},
            {"id": VERTICAL, "category": "vertical", "name": "Unit", "index": 1},
        ],
        "inherited": {"start": datetime(2020, 1, 6, tzinfo=UTC), "format": "Homework", "graded": True, "due": datetime(2020, 2, 1, 12, tzinfo=UTC)},
        "chapter": {"id": CHAPTER, "name": "Week 1", "index": 1},
        "sequential": {"id": SEQUENTIAL, "name": "Lesson", "index": 2},
        "vertical": {"id": VERTICAL, "name": "Unit", "index": 1},
    }


def test_documents_come_in_the_order_of_the_file_with_their_text() -> None:
    items = read(json.dumps(TREE).encode())
    assert [(item.line, json.loads(b"{" + item.raw + b"}")) for item in items] == [(n, {k: v}) for n, (k, v) in enumerate(TREE.items(), 1)]


def test_the_dates_of_a_block_are_utc() -> None:
    course = blocks(TREE)[ROOT]
    assert (course["start"], course["end"]) == (datetime(2020, 1, 5, tzinfo=UTC), datetime(2020, 5, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-01-01", datetime(2030, 1, 1, tzinfo=UTC)),
        ('"2030-01-01T00:00:00+00:00"', datetime(2030, 1, 1, tzinfo=UTC)),
        ("2020-01-05T00:00:00.123456Z", datetime(2020, 1, 5, 0, 0, 0, 123000, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        (5, None),
    ],
)
def test_a_date_is_read_where_it_can_be(text: Any, expected: datetime | None) -> None:
    block = blocks({ROOT: entry("course", start=text)})[ROOT]
    assert block["start"] == expected
    assert block["metadata"]["start"] == text


def test_a_chapter_is_its_own_chapter_and_has_no_sequential() -> None:
    chapter = blocks(TREE)[CHAPTER]
    assert chapter["chapter"] == {"id": CHAPTER, "name": "Week 1", "index": 1}
    assert "sequential" not in chapter


def test_a_blocks_own_settings_are_not_inherited_ones() -> None:
    assert blocks(TREE)[SEQUENTIAL]["inherited"] == {"start": datetime(2020, 1, 6, tzinfo=UTC)}


def test_false_is_a_value_to_inherit_and_null_is_none() -> None:
    tree = {ROOT: entry("course", CHAPTER, graded=True, format="Exam"), CHAPTER: entry("chapter", PROBLEM, graded=False, format=None)}
    assert blocks(tree | {PROBLEM: entry("problem")})[PROBLEM]["inherited"] == {"graded": False, "format": "Exam"}


def test_redacted_settings_and_fields_that_nobody_knows_are_kept() -> None:
    block = blocks({ROOT: {**entry("course"), "redacted_metadata": ["xqa_key"], "new.field": 1}})[ROOT]
    assert block["redacted_metadata"] == ["xqa_key"]
    assert block["other"] == {"new%2Efield": 1}


# --- odd trees


def test_a_child_without_entry_is_still_listed() -> None:
    assert blocks({ROOT: entry("course", CHAPTER)})[ROOT]["children"] == [CHAPTER]


def test_an_unreachable_block_has_no_place() -> None:
    block = blocks({ROOT: entry("course"), PROBLEM: entry("problem")})[PROBLEM]
    assert (block["ancestors"], block["index"], block["inherited"]) == ([], None, {})


def test_the_first_parent_in_the_file_wins() -> None:
    tree = {OTHER: entry("sequential", VERTICAL), SEQUENTIAL: entry("sequential", PROBLEM, VERTICAL), VERTICAL: entry("vertical")}
    block = blocks(tree)[VERTICAL]
    assert ([above["id"] for above in block["ancestors"]], block["index"]) == ([OTHER], 1)


def test_a_circle_is_cut() -> None:
    tree = {CHAPTER: entry("chapter", SEQUENTIAL), SEQUENTIAL: entry("sequential", CHAPTER), VERTICAL: entry("vertical", VERTICAL)}
    found = {block_id: [above["id"] for above in block["ancestors"]] for block_id, block in blocks(tree).items()}
    assert found == {CHAPTER: [SEQUENTIAL], SEQUENTIAL: [CHAPTER], VERTICAL: []}


def test_the_course_is_nobodys_child() -> None:
    assert blocks({CHAPTER: entry("chapter", ROOT), ROOT: entry("course", CHAPTER)})[ROOT]["ancestors"] == []


def test_the_nearest_ancestors_of_a_bottomless_tree_are_listed() -> None:
    notes = Counter[str]()
    chain = {str(level): entry("vertical", str(level + 1)) for level in range(60)}
    last = read(chain, notes)[-1]
    assert isinstance(last, Document)
    assert [above["id"] for above in last.fields["ancestors"]] == [str(level) for level in range(9, 59)]
    assert notes == {"block below more than 50 others": 9}


@pytest.mark.parametrize("odd", [{}, {"category": None, "children": None, "metadata": []}, {"children": ["a", 5]}, {"metadata": "text"}])
def test_an_entry_of_another_shape_is_loaded_and_restored(odd: dict[str, Any]) -> None:
    block = blocks({ROOT: odd})[ROOT]
    assert isinstance(block["metadata"], dict)
    assert all(isinstance(child, str) for child in block["children"])
    assert restore_block(block) == (ROOT, odd)


# --- nothing is lost

texts = st.text(max_size=6) | st.sampled_from(["a.b", "$x", "\ud83d", "\0", "é", ""])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
entries = st.dictionaries(st.sampled_from(["category", "children", "metadata", "redacted_metadata", "x.y", "values"]), values, max_size=6)


@settings(max_examples=150, deadline=None)
@given(content=st.dictionaries(texts, entries, max_size=3), size=st.integers(1, 40), indent=st.sampled_from([None, 2]))
def test_every_block_comes_back_exactly_even_from_the_database(content: dict[str, Any], size: int, indent: int | None) -> None:
    items = read(json.dumps(content, indent=indent).encode(), size=size)
    assert all(isinstance(item, Document) for item in items)
    stored = [bson.decode(bson.encode(item.fields)) for item in items if isinstance(item, Document)]
    assert dict(map(restore_block, stored)) == content


@given(content=st.dictionaries(texts, values, max_size=4), size=st.integers(1, 20), indent=st.sampled_from([None, 1]))
def test_members_are_split_wherever_the_stream_is_cut(content: dict[str, Any], size: int, indent: int | None) -> None:
    data = b"\xef\xbb\xbf\n" + json.dumps(content, indent=indent).encode() + b"\n"
    members = list(split_members(data[start : start + size] for start in range(0, len(data), size)))
    assert [json.loads(b"{" + raw + b"}") for raw, _ in members] == [{name: value} for name, value in content.items()]


def test_a_block_that_is_not_utf8_is_loaded_with_its_bytes_beside() -> None:
    notes = Counter[str]()
    raw = b'"a": {"category": "html", "metadata": {"display_name": "Caf\xe9"}}'
    (item,) = read(b"{" + raw + b"}", notes)
    assert isinstance(item, Document)
    assert (item.fields["display_name"], item.fields["original"]["line"]) == ("Caf\ufffd", raw)
    assert notes == {"not UTF-8": 1}


# --- what cannot be loaded


@pytest.mark.parametrize("odd", [None, 5, "text", [entry("html")], True])
def test_an_entry_that_is_no_object_is_rejected_alone(odd: Any) -> None:
    first, second = read({"a": odd, ROOT: entry("course")})
    assert isinstance(first, Rejected)
    assert (first.line, first.reason, first.raw) == (1, "not a block", b'"a": ' + json.dumps(odd, indent=2).encode().replace(b"\n", b"\n  "))
    assert isinstance(second, Document)


def test_a_block_given_twice_is_rejected_the_second_time() -> None:
    first, second = read(b'{"a": {"category": "html"}, "a": {"category": "video"}}')
    assert isinstance(first, Document)
    assert isinstance(second, Rejected)
    assert (second.line, second.reason) == (2, "block given twice")


@pytest.mark.parametrize("levels", [99, 100_000])
def test_a_block_nested_too_deep_is_rejected(levels: int) -> None:
    (item,) = read(b'{"a": {"metadata": {"x": ' + b"[" * levels + b"]" * levels + b"}}}")
    assert isinstance(item, Rejected)
    assert item.reason == "nested too deep"


def test_a_block_over_the_limit_is_rejected_without_being_held() -> None:
    chunks = [b'{"a": {"category": "', *[b"x" * 2**20] * 17, b'"}, "b": {}}']
    too_long, next_block = CourseStructureReader().read(chunks, ReadContext("prod", COURSE))
    assert isinstance(too_long, Rejected)
    assert (too_long.reason, len(too_long.raw)) == ("block over 16 MB", 2**16)
    assert isinstance(next_block, Document)


NO_OBJECTS = [b"", b" \n", b"[]", b"5", b'"a"', b"null", b"\xef\xbb", b"Traceback (most recent call last):", b'x{"a": {}}']
CUT = [b"{", b'{"a"', b'{"a": {}', b'{"a": {"x": "', b'{"a": {"x": "y\\']
BROKEN = [b'{"a": {},}', b'{,"a": {}}', b'{"a" {}}', b"{5}", b'{"a": [}]}', b'{"a": {}]', b"{}}", b'{"a": {}} {}', b'{"a": {}}x']


@pytest.mark.parametrize("data", [*NO_OBJECTS, *CUT, *BROKEN])
def test_a_file_that_is_not_one_whole_object_is_refused(data: bytes) -> None:
    with pytest.raises(PackageError):
        read(data)


def test_nothing_is_told_of_a_file_that_turns_out_to_be_cut() -> None:
    with pytest.raises(PackageError):
        next(iter(CourseStructureReader().read([b'{"a": 5, "b": {}, '], ReadContext("prod", COURSE))))


def test_an_object_without_members_holds_no_blocks() -> None:
    assert read(b" { } \n") == []


def test_a_file_too_large_to_be_held_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course_structure, "HELD_LIMIT", 2000)
    assert len(read({"a": {}, "b": {}})) == 2
    with pytest.raises(PackageError):
        read({"a": {"children": ["x"] * 30}})


# --- what the course says of itself


def test_the_course_is_told_by_the_key_of_its_root_block() -> None:
    other = "block-v1:DemoX+Other+R+type@html+block@h"
    assert course_id_of([json.dumps({other: entry("html"), **TREE}).encode()]) == COURSE
    assert course_id_of([json.dumps({"i4x://DemoX/D101/course/1T2014": entry("course")}).encode()]) == "DemoX/D101/1T2014"


def test_the_course_is_told_by_any_block_when_there_is_no_root() -> None:
    assert course_id_of([json.dumps({"x": entry("html"), CHAPTER: entry("chapter")}).encode()]) == COURSE


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"i4x://DemoX/D101/html/h": {"category": "html"}}', b'{"a": 5'])
def test_a_file_that_tells_no_course_is_no_error(data: bytes) -> None:
    assert course_id_of([data]) is None


def test_a_summary_is_what_the_course_block_says() -> None:
    summary = CourseSummary("Demonstrations", datetime(2020, 1, 5, tzinfo=UTC), datetime(2020, 5, 1, tzinfo=UTC))
    assert course_summary([json.dumps(TREE).encode()]) == summary


@pytest.mark.parametrize("odd", [{"category": "course"}, {"category": "course", "metadata": None}])
def test_a_course_block_may_say_nothing(odd: dict[str, Any]) -> None:
    assert course_summary([json.dumps({ROOT: odd}).encode()]) == CourseSummary(None, None, None)


def test_a_structure_without_course_block_has_no_summary() -> None:
    assert course_summary([json.dumps({CHAPTER: entry("chapter")}).encode()]) is None


def test_a_broken_structure_has_no_silent_summary() -> None:
    with pytest.raises(PackageError):
        course_summary([b'{"a": {"category": '])
