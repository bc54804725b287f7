"""Which block an event is about: every way in which a line says it."""

from __future__ import annotations

from typing import Any

import pytest

from edx_import.formats.event_module import event_module_id

NEW = "course-v1:DemoX+D1.01x+1T2020"
OLD = "DemoX/D1.01x/2013_Fall"
CCX = "ccx-v1:DemoX+D1.01x+1T2020+ccx@7"
PROBLEM = "block-v1:DemoX+D1.01x+1T2020+type@problem+block@ab12"
OLD_PROBLEM = "i4x://DemoX/D1.01x/problem/ab12"
SEQUENTIAL = "block-v1:DemoX+D1.01x+1T2020+type@sequential+block@week_1"


def module(payload: Any = None, course_id: str | None = NEW, **event: Any) -> str | None:
    return event_module_id({"event_source": "server", "event_type": "x", **event}, payload, course_id)


@pytest.mark.parametrize(
    "field",
    [
        "problem_id",
        "module_id",
        "usage_key",
        "component_usage_id",
        "block_id",
        "item_id",
        "location",
        "problem",
        "id",
        "host_component_id",
        "child-id",
    ],
)
@pytest.mark.parametrize("key", [PROBLEM, OLD_PROBLEM, "ccx-block-v1:DemoX+D1+R+ccx@7+type@problem+block@ab12"])
def test_key_in_the_payload(field: str, key: str) -> None:
    assert module({field: key}) == key
    assert module({field: f"\n{key} "}) == key


def test_module_of_the_context_comes_first() -> None:
    assert module({"problem_id": OLD_PROBLEM}, context={"module": {"usage_key": PROBLEM}}) == PROBLEM


@pytest.mark.parametrize(
    "event_type", ["play_video", "load_video", "hide_transcript", "video_show_cc_menu", "edx.video.played", "edx.video.bumper.played"]
)
def test_bare_id_of_a_video_event(event_type: str) -> None:
    assert module({"id": "cd34"}, event_type=event_type) == "block-v1:DemoX+D1.01x+1T2020+type@video+block@cd34"
    assert module({"id": "cd34"}, OLD, event_type=event_type) == "i4x://DemoX/D1.01x/video/cd34"
    assert module({"id": "cd34"}, CCX, event_type=event_type) == "ccx-block-v1:DemoX+D1.01x+1T2020+ccx@7+type@video+block@cd34"


def test_bare_id_means_nothing_without_a_course_or_where_blocks_are_not_meant() -> None:
    assert module({"id": "cd34"}, None, event_type="play_video") is None
    assert module({"id": "5ca84e3e4aa542603247941b"}, event_type="edx.forum.thread.created") is None


@pytest.mark.parametrize("event_type", ["seq_next", "seq_goto", "edx.ui.lms.sequence.next_selected"])
def test_bare_id_of_a_navigation_event_is_a_sequential(event_type: str) -> None:
    assert module({"id": "week_1"}, event_type=event_type) == SEQUENTIAL


def test_html_id_gets_its_full_stops_back_from_the_course() -> None:
    assert module({"id": "i4x-DemoX-D1_01x-video-cd34"}, OLD) == "i4x://DemoX/D1.01x/video/cd34"
    assert module({"id": "i4x-My-Org-D_1-video-cd-34"}, "My-Org/D.1/R") == "i4x://My-Org/D.1/video/cd-34"


def test_html_id_of_another_course_or_of_none_is_taken_as_it_stands() -> None:
    assert module({"id": "i4x-OtherX-C1-problem-ab12"}, OLD) == "i4x://OtherX/C1/problem/ab12"
    assert module({"id": "i4x-OtherX-C1-problem-ab12"}, None) == "i4x://OtherX/C1/problem/ab12"
    assert module({"id": "i4x-OtherX"}, None) is None


@pytest.mark.parametrize(
    ("form", "course_id", "key"),
    [
        ("input_ab12_2_1=choice_0&input_ab12_3_1=2", NEW, PROBLEM),
        ("input_ab12_2_1%5B%5D=choice_0", NEW, PROBLEM),
        ("input_ab12_2_1[]=choice_0", NEW, PROBLEM),
        ("input_ab12_2_1_dynamath=%3Cmath", NEW, PROBLEM),
        ("input_i4x-DemoX-D1_01x-problem-ab12_2_1=3", OLD, OLD_PROBLEM),
        ("input_i4x-DemoX-D1_01x-problem-Quiz_1_2_2_1=3", OLD, "i4x://DemoX/D1.01x/problem/Quiz_1_2"),
        ("seed=1", NEW, None),
    ],
)
def test_fields_of_a_form(form: str, course_id: str, key: str | None) -> None:
    for event_type, payload in (("problem_check", form), ("problem_save", form), ("problem_graded", [form, "<p>"])):
        assert module(payload, course_id, event_type=event_type, event_source="browser") == key


@pytest.mark.parametrize(
    ("path", "course_id", "key"),
    [
        (f"/courses/{NEW}/xblock/{PROBLEM}/handler/xmodule_handler/problem_check", NEW, PROBLEM),
        (f"/xblock/{PROBLEM.replace('+', '%2B').replace('@', '%40')}?x=1", NEW, PROBLEM),
        (f"/courses/{OLD}/modx/{OLD_PROBLEM}/problem_get", OLD, OLD_PROBLEM),
        (f"/courses/{OLD}/xblock/i4x:;_;_DemoX;_D1.01x;_problem;_ab12/handler/x", OLD, OLD_PROBLEM),
        (f"/courses/{NEW}/jump_to/{PROBLEM}", NEW, PROBLEM),
        (f"/courses/{NEW}/courseware/chapter_1/week_1/", NEW, SEQUENTIAL),
        (f"/courses/{NEW}/courseware/chapter_1/week_1/2?activate_block_id=x", NEW, SEQUENTIAL),
        (f"/courses/{NEW}/courseware/chapter_1/", NEW, "block-v1:DemoX+D1.01x+1T2020+type@chapter+block@chapter_1"),
        (f"/courses/{OLD}/courseware/chapter_1/week_1/", OLD, "i4x://DemoX/D1.01x/sequential/week_1"),
        (f"/courses/{NEW}/progress", NEW, None),
        ("/dashboard", None, None),
    ],
)
def test_url(path: str, course_id: str | None, key: str | None) -> None:
    assert module("", course_id, event_type=path) == key
    assert module("", course_id, event_source="browser", page=f"https://courses.example.org{path}") == key
    assert module("", course_id, event_source="mobile", context={"open_in_browser_url": f"https://courses.example.org{path}"}) == key
    assert module({}, course_id, context={"path": path}) == key


def test_last_block_of_a_url_is_the_innermost() -> None:
    page = f"https://learning.example.org/course/{NEW}/{SEQUENTIAL}/{PROBLEM}"
    assert module(None, event_source="browser", page=page) == PROBLEM


def test_payload_comes_before_the_page() -> None:
    assert module({"id": "cd34"}, event_type="play_video", event_source="browser", page=f"https://x/courses/{NEW}/courseware/a/week_1/") == (
        "block-v1:DemoX+D1.01x+1T2020+type@video+block@cd34"
    )


@pytest.mark.parametrize("odd", [None, 5, [], [5], {"problem_id": 5}, {"problem_id": ""}, {"problem_id": "x" * 300}, {"id": "a b"}, "x" * 5000])
def test_odd_values_name_no_block(odd: Any) -> None:
    assert module(odd, event_type="problem_check") is None
    assert module(None, event_type=None, event_source="browser", page=odd, context=odd) is None
    assert module(None, context={"module": odd, "path": odd}) is None
    assert module(None, context={"module": {"usage_key": odd}}) is None
