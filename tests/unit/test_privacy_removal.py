"""What is personal in a document, by rule: what goes, what stays, and that nothing else changes."""

from __future__ import annotations

import time
from typing import Any

import pytest
from bson import Int64, ObjectId
from hypothesis import given
from hypothesis import strategies as st

from edx_import.data_dictionary import ENTRIES
from edx_import.privacy.plain import is_plain, is_plain_answer
from edx_import.privacy.removal import NOT_LOOKED_INTO, Remover
from edx_import.privacy.texts import scrubbed

KEY = b"k" * 32
COURSE = "course-v1:DemoX+D101+1T2020"
ASSET = "asset-v1:DemoX+D101+1T2020+type@asset+block@image.png"
BLOCK = "block-v1:DemoX+D101+1T2020+type@problem+block@ab12"


def removed(collection: str, /, *kept: str, **fields: Any) -> tuple[dict[str, Any], set[str]]:
    """What is left of a document, without what every document has, and the fields that something went from."""
    document = {"_id": ObjectId(), "site": "prod", "course_id": COURSE, **fields}
    left, found = Remover(KEY, frozenset(kept)).removed(collection, document)
    assert left is document or found
    assert {name: left[name] for name in ("_id", "site", "course_id")} == {name: document[name] for name in ("_id", "site", "course_id")}
    return {name: value for name, value in left.items() if name not in ("_id", "site", "course_id")}, set(found)


def event(**fields: Any) -> dict[str, Any]:
    return removed("events", **fields)[0]


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain", COURSE, BLOCK, ASSET, f"https://courses.edx.org/courses/{COURSE}/courseware/a/b/?page=2#x", "/static/x@2x.png"),
        *("/courses/DemoX/D101/2013/discussion/forum/users/501", "/api/user/v1/", "/u/", "mail@", "@home", "a@b", "1/2", f"/xblock/{BLOCK}/handler"),
        *(
            "/courses/DemoX/D101/2013/progress/501",
            "/users/501/",
            f"{BLOCK}.v2",
            "https://x.org/a?b=c&d=e",
            "asset%2Btype%40asset%2Bblock%40image.png",
        ),
    ],
)
def test_texts_that_name_nobody_stay_as_they_are(text: str) -> None:
    assert event(page=text, event_type=text, event={"url": text})["page"] == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://courses.edx.org/u/jane_d", "https://courses.edx.org/u/***"),
        ("/api/user/v1/accounts/jane?view=shared", "/api/user/v1/accounts/***?view=shared"),
        ("/api/user/v1/preferences/jane/", "/api/user/v1/preferences/***/"),
        ("/password?email=jane%40example.org&next=/x", "/password?email=&next=/x"),
        ("/search?query=my%20secret&page=2", "/search?query=&page=2"),
        ("mailto:jane.doe+x@mail.example.org?", "mailto:***?"),
        ("Write to jane@example.org, or JOHN@EXAMPLE.ORG.", "Write to ***, or ***."),
        ("/redirect/jane%40example.org/", "/redirect/***/"),
    ],
)
def test_names_and_addresses_in_texts_are_replaced(text: str, left: str) -> None:
    assert event(page=text, event_type=text, context={"path": text}) == {"page": left, "event_type": left, "context": {"path": left}}


def test_of_an_event_stays_what_happened_and_to_whom() -> None:
    whole = {
        "user_id": 501,
        "event_type": "problem_check",
        "time_microseconds": 7,
        "module_id": BLOCK,
        "context": {"user_id": 501, "course_id": COURSE, "org_id": "DemoX", "module": {"display_name": "Problem", "usage_key": BLOCK}},
        "event": {"problem_id": BLOCK, "attempts": 1, "success": "correct", "user_id": 501, "answers": {"a_2_1": "choice_1", "a_3_1": ["choice_0"]}},
    }
    assert removed("events", **whole) == (whole, set())


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"username": "jane", "ip": "192.0.2.1", "agent": "Mozilla", "session": "ab" * 16, "host": "edx.org"}, {"host": "edx.org"}),
        ({"username": "", "ip": "", "agent": ""}, {"username": "", "ip": "", "agent": ""}),
        ({"event": {"target_username": "jane", "student": "jane", "users": [501, "jane"], "id": "x"}}, {"event": {"users": [501, None], "id": "x"}}),
        ({"event": {"POST": {"email": ["jane@example.org"]}, "GET": {"page": ["1"]}}}, {"event": {}}),
        ({"event": "input_1=Jane+Doe&input_2=x"}, {}),
        ({"event": ["answers", "<p>contents</p>"]}, {}),
        ({"event": {"body": "I am Jane", "title": "Hello", "query": "me", "truncated": False}}, {"event": {"truncated": False}}),
        ({"event": {"answer": {"parts": [{"text": "my life"}]}, "attempt_number": 1}}, {"event": {"answer": {"parts": [{}]}, "attempt_number": 1}}),
        ({"event": {"answers": {"a_2_1": "my life", "b_2_1": "3.5"}}}, {"event": {"answers": {"b_2_1": "3.5"}}}),
        ({"event": {"feedback": {"said": "good", "points": 3}}}, {"event": {"feedback": {"points": 3}}}),
        ({"event": {"jane@example.org": 1, "id": "x"}}, {"event": {"id": "x"}}),
        ({"event": {"bookmark_id": f"jane,{BLOCK}", "component_usage_id": BLOCK}}, {"event": {"component_usage_id": BLOCK}}),
        ({"event": {"certificate_url": "https://x", "certificate_id": "1", "user_id": 5}}, {"event": {"user_id": 5}}),
        ({"context": {"client": {"device": {"id": "x"}}, "received_at": "2020-01-01"}}, {"context": {"received_at": "2020-01-01"}}),
        (
            {"original": {"line": b"raw", "event": "text", "values": [], "event_form": "compact"}},
            {"original": {"values": [], "event_form": "compact"}},
        ),
    ],
)
def test_what_goes_of_events(fields: dict[str, Any], left: dict[str, Any]) -> None:
    assert event(**fields) == left


def test_fields_are_told_but_not_what_courses_call_theirs() -> None:
    _, found = removed("events", event={"answers": {"abc_2_1": "text", "def_2_1": "more"}, "a": {"b": {"email": "x@example.org"}}}, ip="192.0.2.1")
    assert found == {"event.answers", "event.a", "ip"}


def test_of_a_post_author_number_and_place_stay() -> None:
    post = {"author": 501, "author_id": "501", "author_username": "jane", "body": "text", "title": "text", "kind": "thread", "votes": {"up": ["502"]}}
    left, found = removed(
        "forum", **post, endorsement={"user_id": "503", "time": 1}, edit_history=[{"editor_username": "jane", "original_body": "x"}]
    )
    assert left == {
        "author": 501,
        "author_id": "501",
        "kind": "thread",
        "votes": {"up": ["502"]},
        "endorsement": {"user_id": "503", "time": 1},
        "edit_history": [{}],
    }
    assert {"author_username", "body", "title"} < found


@pytest.mark.parametrize(
    ("value", "stays"),
    [
        *(
            (plain, True)
            for plain in (None, 5, 2.5, True, "", "5", "-2.5", "2020-01-05", "2020-01-05 10:11:12.123456", "true", "NULL", COURSE, BLOCK)
        ),
        *((plain, True) for plain in ("0f1e2d3c-0f1e-2d3c-4b5a-0f1e2d3c4b5a", "i4x://DemoX/D101/problem/x", Int64(7))),
        *((text, False) for text in ("jane", "jane@example.org", "+49 30 1234567", "1234567890123456", "12 Main St", "active", " 5")),
    ],
)
def test_a_column_that_nobody_declared_keeps_only_what_is_surely_harmless(value: Any, stays: bool) -> None:
    for collection in ("other_table", "student_courseenrollment"):
        assert (removed(collection, odd=value)[0] == {"odd": value}) is stays
    assert is_plain(value) is stays


@pytest.mark.parametrize("name", ["email", "user_email", "username", "phone_number", "ip_address", "first_name", "address"])
def test_a_number_under_the_name_of_something_personal_is_personal(name: str) -> None:
    assert removed("other_table", **{name: "5"}) == ({}, {name})


def test_a_row_of_a_table_loses_its_personal_columns_and_what_was_kept_of_them() -> None:
    original = {"line": b"raw", "name": "x", "meta": "{", "meta_form": "compact", "year_of_birth": "19x", "profile_image_uploaded_at": "2020-01-05"}
    left, found = removed("auth_userprofile", user_id=501, name="Jane", gender="f", country="CL", located_country="PE", bio="", original=original)
    assert left == {
        "user_id": 501,
        "gender": "f",
        "country": "CL",
        "located_country": "PE",
        "bio": "",
        "original": {"profile_image_uploaded_at": "2020-01-05"},
    }
    assert found == {"name", "original"}


def test_a_field_that_is_spared_stays_with_what_was_kept_of_it() -> None:
    state = {"student_answers": {"a": "text"}}
    fields = {"student_id": 501, "state": state, "original": {"state": "{}", "state_form": "spaced"}}
    assert removed("courseware_studentmodule", "courseware_studentmodule.state", **fields) == (fields, set())
    assert removed("events", "events.ip", ip="192.0.2.1", username="jane") == ({"ip": "192.0.2.1"}, {"username"})


def test_an_opt_in_row_that_is_known_by_its_address_gets_another_id() -> None:
    def row(id: str, **fields: Any) -> dict[str, Any]:
        return {"_id": id, "site": "prod", "course_id": COURSE, "is_opted_in_for_email": True, **fields}

    remover = Remover(KEY)
    old, found = remover.removed("email_opt_in", row(f"prod|{COURSE}|jane@example.org", email="jane@example.org", full_name="Jane"))
    other, _ = remover.removed("email_opt_in", row(f"prod|{COURSE}|john@example.org", email="john@example.org"))
    assert old["_id"].startswith(f"prod|{COURSE}|")
    assert "jane" not in old["_id"]
    assert old["_id"] != other["_id"]
    assert old == row(old["_id"])
    assert found == {"email", "full_name"}
    again, _ = remover.removed("email_opt_in", row(f"prod|{COURSE}|jane@example.org", email="Jane@example.org"))
    assert again["_id"] == old["_id"]
    new, _ = remover.removed("email_opt_in", row(f"prod|{COURSE}|501", user_id=501, email="jane@example.org"))
    assert new == row(f"prod|{COURSE}|501", user_id=501)


def test_of_a_rejected_row_stays_that_it_was_rejected() -> None:
    left, found = removed("rejects", raw=b"jane", detail="jane", reason="not JSON", line=3, raw_length=4)
    assert left == {"raw": b"", "detail": "", "reason": "not JSON", "line": 3, "raw_length": 4}
    assert found == {"raw", "detail"}


def test_what_a_saved_report_calls_personal_goes() -> None:
    remover = Remover(KEY, saved=frozenset({"report_x.whose"}))
    left, found = remover.removed("report_x", {"_id": 1, "whose": "Jane", "user_id": 5, "n": 2})
    assert left == {"_id": 1, "user_id": 5, "n": 2}
    assert found == {"whose"}


def test_a_report_of_numbers_is_left_alone() -> None:
    numbers: dict[str, Any] = {
        "users": {"total": 3, "certificates": {"failed": 1}},
        "countries": {"CL": 2},
        "by_country": {"CL": {"gender": {"f": 2}}},
    }
    assert removed("reports", **numbers) == (numbers, set())


@pytest.mark.parametrize("collection", sorted(NOT_LOOKED_INTO))
def test_what_is_no_learners_is_not_looked_into(collection: str) -> None:
    assert removed(collection, email="office@example.org") == ({"email": "office@example.org"}, set())


#: Whatever may stand in them, it is what is in it that goes.
_LOOKED_INTO = {("events", "event"), ("events", "context"), ("events", "page"), ("events", "referer"), ("events", "context.path")}


@pytest.mark.parametrize(
    ("collection", "path"),
    [
        (entry.name, field.path)
        for entry in ENTRIES
        for field in entry.fields
        if field.personal and entry.name not in NOT_LOOKED_INTO and (entry.name, field.path) not in _LOOKED_INTO
    ],
)
def test_every_field_that_the_data_dictionary_calls_personal_goes(collection: str, path: str) -> None:
    *above, name = path.split(".")
    value: Any = {name: b"Jane" if path == "raw" else "Jane"}
    for outer in reversed(above):
        value = {outer: value}
    document = {"_id": f"prod|{COURSE}|5", "site": "prod", "user_id": 5, **value}
    left, found = Remover(KEY).removed(collection, document)
    assert found == {path}
    assert b"Jane" not in str(left).encode()


@pytest.mark.parametrize(
    "text", ["a" * 300_000 + "@", "a@" * 150_000, "/u/" * 100_000, "?a=" * 100_000, "x." * 150_000 + "@" + "y." * 1000, "%40" * 100_000]
)
def test_no_text_takes_long(text: str) -> None:
    before = time.process_time()
    scrubbed(text, lambda meaning, found: True)
    is_plain(text)
    is_plain_answer(text)
    assert time.process_time() - before < 1


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("email", "name", "a", "user_id", "text", "event", "GET")) | st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.sampled_from(("events", "forum", "auth_user", "other_x", "report_x")), st.dictionaries(st.text(min_size=1), _VALUES, max_size=6))
def test_once_removed_nothing_is_left_to_remove(collection: str, fields: dict[str, Any]) -> None:
    fields.pop("original", None)
    document = {"_id": 1, "site": "prod", **fields}
    left, _ = Remover(KEY).removed(collection, document)
    assert Remover(KEY).removed(collection, left) == (left, frozenset())
