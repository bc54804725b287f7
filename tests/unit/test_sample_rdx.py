"""The research package of a sample in the clear: the same people and events, by the producer's rules of what may be told of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edx_import.errors import UsageError
from edx_import.packages.naming import parse_key
from edx_import.packages.rdx_naming import RdxMemberKind, parse_rdx_member
from edx_import.sample.catalogue import iter_rows
from edx_import.sample.courses import Course
from edx_import.sample.events import iter_lines
from edx_import.sample.rdx import rdx_key, rdx_members
from edx_import.sample.rdx_disguise import Disguise
from edx_import.sample.rdx_events import RDX_EVENT_TYPES, disguised_event
from edx_import.sample.rdx_tables import BLANKED
from edx_import.sample.recipe import Recipe, courses_of

RECIPE = Recipe(learners=60, events_per_day=600, days=2)
RUNNING, HYPHENATED, ARCHIVED = courses_of(RECIPE)
DISGUISE = Disguise(RECIPE, "r-2020-001")
TASKS = {
    "auth_user",
    "auth_userprofile",
    "certificates_generatedcertificate",
    "courseware_studentmodule",
    "student_courseenrollment",
    "student_languageproficiency",
    "teams",
    "teams_membership",
    "user_api_usercoursetag",
    "wiki_article",
    "wiki_articlerevision",
    "forum",
    "course_structure",
    "course",
}


@cache
def members(course: Course) -> dict[str, bytes]:
    return dict(rdx_members(RECIPE, course))


def state(course: Course, task: str) -> bytes:
    [content] = [content for path, content in members(course).items() if (name := parse_rdx_member(path)) and name.state and name.state.task == task]
    return content


def table(course: Course, task: str) -> list[dict[str, str]]:
    """The cells of a table file as they stand there, but for the escapes of the student module."""
    text = state(course, task).decode()
    escape = "\\" if task == "courseware_studentmodule" else None
    return list(csv.DictReader(io.StringIO(text, newline="\n"), delimiter="\t", quoting=csv.QUOTE_NONE, escapechar=escape))


def posts(course: Course) -> list[dict[str, Any]]:
    return [json.loads(line) for line in state(course, "forum").splitlines()]


@cache
def events() -> tuple[dict[str, Any], ...]:
    packed = [content for course in (RUNNING, HYPHENATED, ARCHIVED) for path, content in members(course).items() if path.startswith("events/")]
    return tuple(json.loads(line) for content in packed for line in gzip.decompress(content).splitlines())


def payloads() -> list[Any]:
    return [
        json.loads(event["event"]) if str(event["event"]).startswith("{") and isinstance(event["event"], str) else event["event"]
        for event in events()
    ]


def test_one_request_gives_the_same_members_twice() -> None:
    assert dict(rdx_members(RECIPE, ARCHIVED)) == members(ARCHIVED)


def test_another_request_knows_people_by_other_ids() -> None:
    other = Disguise(RECIPE, "r-2020-002")
    assert not {DISGUISE.user_id(user) for user in range(501, 561)} & {other.user_id(user) for user in range(501, 561)}


@given(st.integers(1, 2**31 - 2), st.integers(1, 2**31 - 2))
def test_ids_stay_positive_32_bit_numbers_and_apart(one: int, other: int) -> None:
    assert 0 < DISGUISE.user_id(one) < 2**31
    assert (DISGUISE.user_id(one) == DISGUISE.user_id(other)) is (one == other)


def test_a_tar_has_metadata_events_of_each_day_and_the_state_of_one() -> None:
    names = [parse_rdx_member(path) for path in members(RUNNING)]
    assert [name.kind for name in names if name] == [RdxMemberKind.METADATA, *[RdxMemberKind.EVENTS] * 2, *[RdxMemberKind.STATE] * len(TASKS)]
    assert {name.date for name in names if name and name.kind is RdxMemberKind.EVENTS} == set(RECIPE.event_days)
    assert {name.date for name in names if name and name.state} == {RECIPE.last_day}
    assert {name.stem for name in names if name and name.stem} == {"DemoX_D101_1T2020"}
    assert {name.state.course_part for name in names if name and name.state} == {"DemoX-D101-1T2020"}
    assert json.loads(members(RUNNING)["metadata_file.json"]).keys() == {"format_version", "pipeline_version"}


def test_tables_about_roles_grades_identities_and_assessment_are_not_in_it() -> None:
    assert {name.state.task for path in members(RUNNING) if (name := parse_rdx_member(path)) and name.state} == TASKS


@pytest.mark.parametrize("course", [RUNNING, HYPHENATED, ARCHIVED], ids=lambda course: course.id)
def test_people_are_the_same_everywhere_under_other_ids(course: Course) -> None:
    users = {row["id"] for row in table(course, "auth_user")}
    assert users == {str(DISGUISE.user_id(int(str(row["id"])))) for row in iter_rows(RECIPE, course, "auth_user")}
    for task, column in (("student_courseenrollment", "user_id"), ("courseware_studentmodule", "student_id"), ("auth_userprofile", "user_id")):
        assert {row[column] for row in table(course, task)} <= users
    ghost = {str(DISGUISE.user_id(499))} if course is ARCHIVED else set()
    assert {row["user_id"] for row in table(course, "certificates_generatedcertificate")} - users == ghost
    assert {post["author_id"] for post in posts(course)} - users == ghost
    assert {voter for post in posts(course) for voter in post["votes"]["up"]} <= users
    assert {endorsed["user_id"] for post in posts(course) if isinstance(endorsed := post.get("endorsement"), dict)} - users <= ghost


def test_names_of_accounts_are_made_from_ids() -> None:
    assert all(row["username"] == f"username_{row['id']}" for row in table(RUNNING, "auth_user"))
    assert {post["author_username"] for post in posts(RUNNING)} == {f"username_{post['author_id']}" for post in posts(RUNNING)}
    assert "REDACTED_USERNAME" in {post["author_username"] for post in posts(ARCHIVED)}
    assert {re.sub("[0-9]+", "1", event["username"]) for event in events()} == {"username_1", "REDACTED_USERNAME", ""}


@pytest.mark.parametrize("task", BLANKED)
def test_removed_cells_are_empty_not_null(task: str) -> None:
    rows = [row for course in (RUNNING, HYPHENATED, ARCHIVED) for row in table(course, task)]
    assert {row[column] for row in rows for column in BLANKED[task] if column in row} == {""}


def test_what_people_say_of_themselves_is_kept() -> None:
    columns = ("gender", "year_of_birth", "level_of_education", "country")
    kept = [tuple(row[column] for column in columns) for row in table(RUNNING, "auth_userprofile")]
    weekly = [tuple(row[column] for column in columns) for row in iter_rows(RECIPE, RUNNING, "auth_userprofile")]
    assert kept == [tuple("NULL" if cell is None else str(cell) for cell in row) for row in weekly]
    assert {row["goals"] for row in table(RUNNING, "auth_userprofile")} >= {"Learn statistics", "NULL"}


def test_a_state_that_was_null_is_an_empty_object() -> None:
    weekly = [row["state"] for row in iter_rows(RECIPE, RUNNING, "courseware_studentmodule")]
    states = [row["state"] for row in table(RUNNING, "courseware_studentmodule")]
    assert None in weekly
    assert [json.loads(text) for text in states] == [json.loads(str(text)) if text is not None else {} for text in weekly]
    assert DISGUISE.json_text("{cut", None) == "{}"


def test_what_people_write_has_tokens_for_who_they_are() -> None:
    texts = "\n".join(post["body"] for post in posts(RUNNING))
    assert all(token in texts for token in ("<<EMAIL>>", "<<PHONE_NUMBER>>", "<<FULLNAME>>", "<<USERNAME>>"))
    ann = DISGUISE.learner(502, None)
    assert DISGUISE.text('Ann "Nan" Lee (ann; Hannah), ann@example.org, 192.0.2.1, +56 2 2345 6789.', ann) == (
        "<<FULLNAME>> (<<USERNAME>>; Hannah), <<EMAIL>>, 192.0.2.1, <<PHONE_NUMBER>>."
    )


def test_nobodys_addresses_and_names_are_left() -> None:
    plain = [gzip.decompress(content) if path.startswith("events/") else content for path, content in members(RUNNING).items()]
    text = b"\n".join(plain).decode("utf-8", "replace")
    assert not re.search(r"learner[0-9]+@|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:", text)
    people = [(str(row["username"]), str(row["name"])) for row in accounts()]
    assert not [name for name in chain(*people) if len(name) > 4 and not name.isdecimal() and name in text]


def accounts() -> Iterator[dict[str, object]]:
    names = {row["user_id"]: row["name"] for row in iter_rows(RECIPE, RUNNING, "auth_userprofile")}
    return ({"username": row["username"], "name": names.get(row["id"], "")} for row in iter_rows(RECIPE, RUNNING, "auth_user"))


def test_events_have_lost_where_they_came_from() -> None:
    assert not {name for event in events() for name in event} & {"host", "ip", "page", "referer"}
    assert not {name for event in events() for name in event["context"]} & {"path", "host", "ip"}
    removed = set("certificate_id certificate_url source_url fileName GET POST requesting_student_id report_url url url_name".split())
    assert not {name for payload in payloads() if isinstance(payload, dict) for name in payload} & removed
    assert {event["event"] for event in events() if event["event_type"].startswith("/") and isinstance(event["event"], str)} == {"{}"}
    codes = [event["augmented"]["country_code"] for event in events() if "augmented" in event]
    assert {len(code) for code in codes} == {2}
    assert 0 < len(codes) < len(events())


def test_events_are_of_known_types_and_pages_alone() -> None:
    types = {event["event_type"] for event in events()}
    assert {kind for kind in types if not kind.startswith("/")} <= RDX_EVENT_TYPES
    assert {"problem_check", "play_video", "edx.course.enrollment.activated", "edx.user.settings.changed"} <= RDX_EVENT_TYPES
    assert not RDX_EVENT_TYPES & {"harvardx.button", "recommender_upvote", "grade", "complete_video", "edx.forum.thread.edited"}
    requests = "\n".join(kind for kind in types if kind.startswith("/"))
    assert "/courseware/" in requests
    assert "/discussion/threads/" in requests
    assert not re.search("/xblock/|/dashboard|/login_session", requests)


def test_every_line_stays_a_line_of_its_own() -> None:
    known = {DISGUISE.user_id(user) for user in range(501, 561)}
    assert len({json.dumps(event) for event in events()}) == len(events()) > 300
    assert {user for event in events() if isinstance(user := event["context"]["user_id"], int)} <= known
    assert {user for payload in payloads() if isinstance(payload, dict) and isinstance(user := payload.get("user_id"), int)} <= known


def event(**fields: Any) -> dict[str, Any]:
    return {"username": "ann", "event_type": "play_video", "event": "", "ip": "192.0.2.7", "context": {"user_id": 502}} | fields


def disguised(**fields: Any) -> dict[str, Any]:
    made = disguised_event(event(**fields), DISGUISE)
    assert made is not None
    return made


def test_a_synthesized_event_is_left_out() -> None:
    assert disguised_event(event(synthesized=True), DISGUISE) is None


def test_a_phone_is_not_told() -> None:
    client = {"device": {"id": "x"}, "ip": "192.0.2.7", "os": {"name": "Android"}}
    assert disguised(context={"user_id": "502", "client": client})["context"] == {
        "user_id": DISGUISE.user_id(502),
        "client": {"os": {"name": "Android"}},
    }


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("openassessmentblock.save_submission", {"saved_response": {"text": "a", "file_upload_key": "k"}}, {"saved_response": {"text": "a"}}),
        ("openassessmentblock.save_submission", {"saved_response": '{"file_upload_key": "k"}'}, {"saved_response": "{}"}),
        ("problem_check", "input_a_2_1=I+am+ann", "input_a_2_1=I+am+<<USERNAME>>"),
        ("problem_graded", ["a=1", "<p>ann</p>"], ["a=1", "<p><<USERNAME>></p>"]),
        ("edx.forum.thread.voted", {"target_username": "ann"}, {"target_username": f"username_{DISGUISE.user_id(502)}"}),
        ("edx.forum.thread.voted", {"target_username": "somebody"}, {"target_username": "REDACTED_USERNAME"}),
        ("problem_rescore", {"student": "502"}, {"student": str(DISGUISE.user_id(502))}),
        ("reset-student-attempts", {"student": "00123"}, {"student": f"username_{DISGUISE.user_id(501)}"}),
        ("play_video", '{"id": "cd34", "user_id": 502}', json.dumps({"id": "cd34", "user_id": DISGUISE.user_id(502)})),
        ("/courses/DemoX/D90/2013_Fall/info", '{"POST": {"a": ["cut', "{}"),
    ],
)
def test_a_payload_keeps_its_form_and_loses_who_it_is_of(kind: str, payload: Any, expected: Any) -> None:
    assert disguised(event_type=kind, event=payload)["event"] == expected


def test_events_are_those_of_the_event_files_in_their_order() -> None:
    day = RECIPE.last_day
    times = [json.loads(line.data)["time"] for line in iter_lines(RECIPE, day) if line.course_id == RUNNING.id]
    packed = members(RUNNING)[f"events/DemoX_D101_1T2020-events-{day}.log.gz"]
    left = iter(times)
    assert all(json.loads(line)["time"] in left for line in gzip.decompress(packed).splitlines())


def test_settings_that_are_not_known_leave_their_names() -> None:
    structure = json.loads(state(HYPHENATED, "course_structure"))
    root = structure[HYPHENATED.root_key]
    assert root["metadata"].keys() == {"display_name", "start", "end", "graceperiod"}
    assert {"tabs", "user_partitions"} <= set(root["redacted_metadata"])
    assert {"markdown"} == {name for block in structure.values() if block["category"] == "problem" for name in block["redacted_metadata"]}
    assert not [block for block in structure.values() if block["category"] == "chapter" and "redacted_metadata" in block]


def test_course_content_leaves_names_of_what_it_has_lost() -> None:
    with tarfile.open(fileobj=io.BytesIO(state(RUNNING, "course")), mode="r:gz") as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar if entry.isfile()}
        contents = {name: file.read() for name, file in files.items() if file}
    trees = [ElementTree.fromstring(content) for name, content in contents.items() if name.endswith(".xml")]
    assert {tree.get("redacted_children") for tree in trees if tree.tag == "video"} == {"video_asset"}
    assert {tree.get("redacted_attributes") for tree in trees if tree.tag == "course"} == {None, "days_early_for_beta"}
    assert not [tree for tree in trees if tree.find("video_asset") is not None]
    policy = json.loads(contents["1T2020/policies/1T2020/policy.json"])["course/1T2020"]
    assert "tabs" in policy["redacted_metadata"]
    assert policy["display_name"] == RUNNING.name


def test_the_key_is_that_of_the_request_and_course() -> None:
    name = parse_key(rdx_key(RECIPE, HYPHENATED, "r-9"))
    assert name is not None
    assert (name.org, name.request, name.stem) == ("demox", "r-9", "DemoX_D-102x_2T2019-v2")


@pytest.mark.parametrize("request_id", ["", "a/b", "a b", "..", "1,2"])
def test_a_request_that_cannot_stand_in_a_key_is_a_usage_error(request_id: str) -> None:
    with pytest.raises(UsageError, match="request"):
        rdx_key(RECIPE, RUNNING, request_id)
