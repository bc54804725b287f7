"""Which course an event belongs to: the order of the places that may say it, and what counts as a course key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edx_import.formats.event_course import course_in_url, event_course_id, is_course_key

NEW = "course-v1:DemoX+D101+1T2020"
OTHER = "course-v1:DemoX+D102+1T2020"
OLD = "DemoX/D101/1T2014"
CCX = "ccx-v1:DemoX+D101+1T2020+ccx@12"
HOST = "https://courses.example.org"


@pytest.mark.parametrize(
    "text",
    [NEW, OLD, CCX, "course-v1:Demo-X+D.101~a+1T:2020_b", "DemoX/Física/Año_1", "a/b/c", "course-v1:" + "a" * 240 + "+b+c"],
)
def test_a_course_key(text: str) -> None:
    assert is_course_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "foo",
        "a/b",
        "a/b/",
        "a/b/c/d",
        "a /b/c",
        "a/b/c\n",
        "course-v1:DemoX+D101",
        "course-v1:DemoX+D101+1T2020+more",
        "course-v1:DemoX+D 101+1T2020",
        "course-v1:DemoX%2BD101%2B1T2020",
        "course-v1:DemoX/D101/1T2020",
        "library-v1:DemoX+Lib",
        "ccx-v1:DemoX+D101+1T2020",
        "ccx-v1:DemoX+D101+1T2020+ccx@x",
        "block-v1:DemoX+D101+1T2020+type@problem+block@ab12",
        "i4x://DemoX/D101/problem/ab12",
        "course-v1:" + "a" * 250 + "+b+c",
        "course-v1:DemoX+\ud83d+1T2020",
    ],
)
def test_no_course_key(text: str) -> None:
    assert not is_course_key(text)


@pytest.mark.parametrize(
    ("url", "course_id"),
    [
        (f"/courses/{NEW}/discussion/threads/t1/reply", NEW),
        (f"{HOST}/courses/{NEW}", NEW),
        (f"{HOST}/courses/{NEW}?x=1", NEW),
        (f"{HOST}/courses/{NEW}#part", NEW),
        (f"{HOST}/courses/{OLD}/info", OLD),
        (f"{HOST}/courses/{OLD}?x=1", OLD),
        (f"{HOST}/courses/{CCX}/courseware", CCX),
        (f"{HOST}/courses/course-v1%3ADemoX%2BD101%2B1T2020/about", NEW),
        (f"{HOST}/courses/DemoX/F%C3%ADsica/1T2014/info", "DemoX/Física/1T2014"),
        (f"{HOST}/api/courses/v1/blocks/block/more", None),
        (f"{HOST}/api/courses/v2/blocks/?course_id={NEW}", None),
        (f"{HOST}/courses/course-v1%253ADemoX%252BD101%252B1T2020/about", None),
        (f"{HOST}/courses/DemoX/D101", None),
        (f"{HOST}/courses", None),
        (f"{HOST}/dashboard", None),
        ("/", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_the_course_of_a_page(url: Any, course_id: str | None) -> None:
    assert course_in_url(url) == course_id


@pytest.mark.parametrize(
    ("url", "course_id"),
    [
        ("/xblock/block-v1:DemoX+D101+1T2020+type@problem+block@ab12?show=1", NEW),
        (f"/courses/{NEW}/xblock/block-v1:DemoX+D101+1T2020+type@video+block@ab12/handler/xmodule_handler/save", NEW),
        ("/xblock/block-v1%3ADemoX%2BD101%2B1T2020%2Btype%40problem%2Bblock%40ab12/handler", NEW),
        ("/xblock/ccx-block-v1:DemoX+D101+1T2020+ccx@12+type@problem+block@ab12", CCX),
        ("/xblock/i4x://DemoX/D101/problem/ab12", None),
        ("/xblock/i4x:;_;_DemoX;_D101;_problem;_ab12/handler", None),
        (f"/courses/{OLD}/xblock/i4x:;_;_DemoX;_D101;_problem;_ab12/handler", OLD),
        ("/xblock/garbage", None),
    ],
)
def test_the_course_of_a_block_in_a_url(url: str, course_id: str | None) -> None:
    assert course_in_url(url) == course_id


def event(source: str = "server", course_id: Any = "", **fields: Any) -> dict[str, Any]:
    context = {"course_id": course_id} | fields.pop("context", {})
    return {"event_source": source, "context": context, **fields}


def test_the_context_goes_first() -> None:
    assert event_course_id(event(course_id=f" {NEW}\n", event_type=f"/courses/{OTHER}/info"), {"course_id": OTHER}) == NEW


@pytest.mark.parametrize(
    ("found", "payload"),
    [
        (event("server", event_type=f"/courses/{NEW}/info", page=f"/courses/{OTHER}/"), {"course_id": OTHER}),
        (event("browser", event_type=f"/courses/{OTHER}/info", page=f"{HOST}/courses/{NEW}/"), {"course_id": OTHER}),
        (event("mobile", context={"open_in_browser_url": f"{HOST}/courses/{NEW}/x"}, page=f"/courses/{OTHER}/"), None),
        (event("mobile", page=f"{HOST}/courses/{NEW}/x"), None),
        (event("task", event_type="problem_rescore"), {"course_id": NEW}),
        (event("server", context={"path": f"/courses/{OTHER}/"}), {"course_id": f" {NEW} "}),
        (event("server", context={"path": f"/courses/{NEW}/"}, name=f"/courses/{OTHER}/info"), "text"),
        (event("server", name=f"/courses/{NEW}/info"), ["a", "list"]),
        (event("server", event_type=5, name=f"/courses/{NEW}/info"), None),
    ],
)
def test_then_the_other_places_in_order(found: dict[str, Any], payload: Any) -> None:
    assert event_course_id(found, payload) == NEW


@pytest.mark.parametrize("stated", ["", "  \n", "bogus", None, 5, [], {}])
def test_a_context_without_a_course_key_does_not_end_the_search(stated: Any) -> None:
    assert event_course_id(event(course_id=stated, event_type=f"/courses/{NEW}/info"), None) == NEW
    assert event_course_id(event(course_id=stated, event_type="/dashboard"), None) is None


def test_an_event_of_a_library_has_no_course() -> None:
    assert event_course_id(event(course_id="library-v1:DemoX+Lib", context={"path": f"/courses/{NEW}/"}), {"course_id": NEW}) is None


@pytest.mark.parametrize("context", [None, 5, "text", [], {}])
def test_a_context_of_another_type_is_no_context(context: Any) -> None:
    assert event_course_id({"context": context, "event_source": "server", "event_type": f"/courses/{NEW}/"}, None) == NEW
    assert event_course_id({"context": context}, None) is None


URL_PARTS = ["/courses/", "/xblock/", "course-v1:", "block-v1:", "a+b+c", "+type@", "a", "+", "/", "%2B", "%", "?", "v1", "é", "\ud83d"]


@given(st.lists(st.sampled_from(URL_PARTS)).map("".join))
def test_whatever_a_url_holds_gives_a_course_key_or_none(url: str) -> None:
    course_id = course_in_url(url)
    assert course_id is None or is_course_key(course_id)


def test_a_huge_url_takes_no_more_than_linear_time() -> None:
    assert course_in_url("/courses/" * 200_000 + "/xblock/" * 200_000) is None
    assert course_in_url("/courses/" + "a" * 2_000_000) is None
