"""Course content: a file is a document that has its exact text, and what its XML or JSON says where that can be trusted."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.formats.base import ReadContext
from edx_import.formats.lines import LINE_LIMIT
from edx_import.formats.olx import CourseContentReader, left_out, read_content, wanted
from edx_import.model import PROD, Document, Rejected
from edx_import.sample.olx import content_files
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.structure import blocks_of

COURSE = "course-v1:DemoX+D101+1T2020"


def read(*files: tuple[str, bytes], notes: Counter[str] | None = None) -> list[Document | Rejected]:
    counter = Counter[str]() if notes is None else notes
    return list(read_content(files, ReadContext(PROD, COURSE, note=lambda name: counter.update([name]))))


def document(path: str, data: bytes | str, notes: Counter[str] | None = None) -> dict[str, Any]:
    (item,) = read((path, data if isinstance(data, bytes) else data.encode()), notes=notes)
    assert isinstance(item, Document)
    assert item.collection == "course_content"
    bson.encode(item.fields)
    return item.fields


# --- what a file becomes


def test_a_container_is_a_document() -> None:
    start = '<?xml version="1.0"?>\n<sequential display_name="Week &lt;1&gt;" a.b="é">\n'
    text = start + '  <vertical url_name="v2"/><!-- --><vertical url_name="v1"/>\n</sequential>\n'
    assert document("1T2020/sequential/s1.xml", text) == {
        "_id": f"prod|{COURSE}|sequential/s1.xml",
        "site": "prod",
        "course_id": COURSE,
        "path": "sequential/s1.xml",
        "kind": "sequential",
        "url_name": "s1",
        "text": text,
        "attributes": {"display_name": "Week <1>", "a%2Eb": "é"},
        "children": ["v2", "v1"],
    }


def test_an_html_file_is_its_text() -> None:
    assert document("top/html/a.html", "<p>Ñ\r\n<b>")["text"] == "<p>Ñ\r\n<b>"
    assert "attributes" not in document("top/html/a.html", "<p>")


def test_children_are_those_directly_below_the_root() -> None:
    fields = document("top/chapter/c.xml", '<chapter><sequential url_name="s"><vertical url_name="v"/></sequential><wiki/></chapter>')
    assert fields["children"] == ["s"]


def test_a_policy_is_read_as_json() -> None:
    text = json.dumps({"GRADER": [{"weight": 0.6}], "GRADE_CUTOFFS": {"a.b": 0.5}}, indent=4)
    fields = document("top/policies/1T2020/grading_policy.json", text)
    assert (fields["kind"], fields["url_name"], fields["text"]) == ("grading_policy", "1T2020", text)
    assert fields["content"] == {"GRADER": [{"weight": 0.6}], "GRADE_CUTOFFS": {"a%2Eb": 0.5}}


@pytest.mark.parametrize(
    ("path", "kind", "url_name"),
    [
        ("top/course.xml", "root", "course"),
        ("course.xml", "root", "course"),
        ("course/course/1T2020.xml", "course", "1T2020"),
        ("top/problem/week1/q.1.xml", "problem", "week1:q.1"),
        ("top/about/overview.html", "about", "overview"),
        ("top/tabs/syllabus.html", "tabs", "syllabus"),
        ("top/info/updates.items.json", "info", "updates.items"),
        ("top/policies/1T2020/policy.json", "policy", "1T2020"),
        ("top/policies/assets.json", "assets", ""),
    ],
)
def test_kind_and_name_come_from_the_path(path: str, kind: str, url_name: str) -> None:
    fields = document(path, "")
    assert (fields["kind"], fields["url_name"]) == (kind, url_name)


# --- what is left out


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("top/static/a.html", "static"),
        ("top/assets/assets.xml", "assets"),
        ("top/drafts/vertical/v.xml", "drafts"),
        ("top/html/.a.html.swp", "hidden files"),
        ("top/html/._a.html", "hidden files"),
        ("top/.git/a.xml", "hidden files"),
        ("top/html/picture.png", "other files"),
        ("top/readme.html", "other files"),
        ("top/html/static/a.html", None),
        ("top/html/drafts.html", None),
    ],
)
def test_what_is_left_out_is_counted_by_why(path: str, reason: str | None) -> None:
    notes = Counter[str]()
    assert (left_out(path), wanted(path)) == (reason, reason is None)
    assert len(read((path, b""), notes=notes)) == (reason is None)
    assert notes == ({f"left out: {reason}": 1} if reason else {})


# --- XML that is not trusted

LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><problem display_name="&b;"/>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><problem>&a;</problem>'


@pytest.mark.parametrize(
    "text", [LAUGHS, OUTSIDE, '<!DOCTYPE problem SYSTEM "http://example.org/a.dtd"><problem url_name="a"/>', "<!DOCTYPE html><html/>"]
)
def test_a_document_type_is_not_looked_at(text: str) -> None:
    notes = Counter[str]()
    fields = document("top/problem/a.xml", text, notes)
    assert (fields["text"], fields["attributes"], fields["children"]) == (text, {}, [])
    assert notes == {"XML with a document type": 1}


@pytest.mark.parametrize(
    "text", ["", "<problem", "<a><b></a>", "<a b='1' b='2'/>", "<a>&nbsp;</a>", '<?xml version="1.0" encoding="nonsense"?><a b="c"/>', "<a/>x"]
)
def test_xml_that_is_not_well_formed_is_text(text: str) -> None:
    notes = Counter[str]()
    fields = document("top/problem/a.xml", text, notes)
    assert (fields["text"], fields["attributes"], fields["children"], notes) == (text, {}, [], {"XML that is not well-formed": 1})


def test_xml_of_any_depth_is_read() -> None:
    assert document("top/problem/a.xml", '<a b="c">' * 100_000 + "</a>" * 100_000)["attributes"] == {"b": "c"}


def test_xml_in_another_encoding_says_what_it_says() -> None:
    notes = Counter[str]()
    data = '<?xml version="1.0" encoding="iso-8859-1"?><html display_name="señor"/>'.encode("latin-1")
    fields = document("top/html/a.xml", data, notes)
    assert (fields["attributes"], fields["original"], notes) == ({"display_name": "señor"}, {"line": data}, {"not UTF-8": 1})
    assert "se\ufffdor" in fields["text"]


# --- other dirt


@pytest.mark.parametrize("text", ["", "{", "[" * 200 + "]" * 200, "[" * 100_000])
def test_json_that_cannot_be_read_is_text(text: str) -> None:
    notes = Counter[str]()
    fields = document("top/policies/1T2020/policy.json", text, notes)
    assert (fields["text"], "content" in fields, notes) == (text, False, {"JSON that cannot be read": 1})


def test_a_file_over_16_mb_is_rejected() -> None:
    first, second = read(("top/html/a.html", b"x" * (LINE_LIMIT + 1)), ("top/html/b.html", b"x" * LINE_LIMIT))
    assert isinstance(first, Rejected)
    assert (first.reason, first.line, first.detail) == ("file over 16 MB", 1, '"html/a.html"')
    assert isinstance(second, Document)


def test_a_path_that_bson_cannot_hold_is_kept_as_json() -> None:
    fields = document("top/html/caf\udce9.html", "x")
    assert (fields["path"], fields["_id"], fields["original"]) == (
        "html/caf\ufffd.html",
        f"prod|{COURSE}|html/caf%uDCE9.html",
        {"path": '"html/caf\\udce9.html"'},
    )


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["", "top", "html", "static", "policies", ".", "a\ud83d", "%|\0", "x"]), min_size=1, max_size=4).map("/".join),
    st.sampled_from(["", ".xml", ".html", ".json"]),
    st.binary(max_size=30) | st.text(st.sampled_from("<a b='\"/>&![]{}é"), max_size=30).map(str.encode),
)
def test_no_file_raises_and_its_text_is_all_there(path: str, extension: str, data: bytes) -> None:
    items = read((path + extension, data))
    assert len(items) == wanted(path + extension)
    for item in items:
        assert isinstance(item, Document)
        stored = bson.decode(bson.encode(item.fields))
        assert stored.get("original", {}).get("line", stored["text"].encode()) == data


# --- the sample


@pytest.mark.parametrize("index", range(3))
def test_the_files_of_a_sample_course_come_back(index: int) -> None:
    course = courses_of(Recipe())[index]
    files = [(f"{course.run}/{path}", content) for path, content in content_files(course)]
    notes = Counter[str]()
    context = ReadContext(PROD, course.id, note=lambda name: notes.update([name]))
    found = {item.fields["path"]: item.fields for item in CourseContentReader().read(iter(files), context) if isinstance(item, Document)}
    assert {f"{course.run}/{path}": fields["text"].encode() for path, fields in found.items()} == {path: data for path, data in files if wanted(path)}
    assert notes == {"left out: static": 1, "left out: assets": 1}
    root, *others = blocks_of(course, PROD)
    names = {block.key: block.name for block in others}
    for block in (root, *others):
        path = f"course/{course.run}.xml" if block is root else f"{block.category}/{block.name}.xml"
        assert found[path]["children"] == [names[key] for key in block.children if key in names]
    assert found[f"policies/{course.run}/grading_policy.json"]["content"]["GRADE_CUTOFFS"] == {"Pass": course.passing_grade}
