"""Who is forgotten, by rule: which documents are the learner's, which only speak of the learner, and which stay as they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edx_import.privacy.forgetting import PSEUDONYMISED, Forgetting
from edx_import.privacy.identity import Identity, Kind, identity_hash, pseudonym_number
from edx_import.privacy.owners import owner_columns
from edx_import.privacy.pseudonym import Pseudonym
from edx_import.privacy.screen import Screen, screen_of
from edx_import.privacy.state import PrivacyState
from edx_import.tables import BY_NAME

KEY = b"k" * 32
COURSE = "course-v1:DemoX+D101+1T2020"
HASH_ID, UUID = "0f" * 16, "6f1c2b3a-0000-4000-8000-000000000001"
WHO = (
    Identity.of(Kind.USER, 510),
    Identity.of(Kind.NAME, "jane_d"),
    Identity.of(Kind.MAIL, "Jane.D@example.org"),
    Identity.of(Kind.ANONYMOUS, HASH_ID),
    Identity.of(Kind.ITEM, 77),
    Identity.of(Kind.SUBMISSION, UUID),
    Identity.of(Kind.ASSESSMENT, 88),
    Identity.of(Kind.PROFILE, 99),
)
STATE = PrivacyState(KEY, forgotten=frozenset(identity_hash(KEY, "prod", who) for who in WHO), sites=frozenset({"prod"}))
FORGETTING = Forgetting(STATE)


def left(collection: str, site: str = "prod", **fields: Any) -> dict[str, Any] | None:
    """What is left of a document, without its id and site; None when it goes."""
    document = {"_id": "x", "site": site, **fields}
    found = FORGETTING.left(collection, document)
    return found if found is None else {name: value for name, value in found.items() if name not in ("_id", "site")}


@pytest.mark.parametrize(
    ("collection", "fields"),
    [
        ("auth_user", {"id": 510, "username": "somebody"}),
        ("auth_user", {"id": 1, "username": "jane_d"}),
        ("auth_user", {"id": 1, "email": " JANE.D@example.org "}),
        ("auth_userprofile", {"user_id": 510}),
        ("courseware_studentmodule", {"student_id": 510}),
        ("credit_crediteligibility", {"username": "Jane_D"}),
        ("student_anonymoususerid", {"anonymous_user_id": HASH_ID.upper()}),
        ("submissions_studentitem", {"student_id": HASH_ID, "id": 77}),
        ("submissions_submission", {"student_item_id": 77}),
        ("assessment_assessment", {"submission_uuid": UUID, "scorer_id": "1" * 32}),
        ("assessment_assessment", {"submission_uuid": "other", "scorer_id": HASH_ID}),
        ("assessment_assessmentpart", {"assessment_id": 88}),
        ("student_languageproficiency", {"user_profile_id": 99}),
        ("wiki_articlerevision", {"user_id": 510, "content": "text"}),
        ("events", {"user_id": 510}),
        ("events", {"user_id": None, "username": "jane_d\n"}),
        ("events", {"context": {"user_id": "510"}}),
        ("events", {"username": "", "event": {"user_id": 510, "mode": "audit"}}),
        ("events", {"event": {"username": "jane_d", "mode": "audit"}}),
        ("forum", {"author": 510}),
        ("forum", {"author_username": "jane_d"}),
        ("email_opt_in", {"user_id": 510}),
        ("email_opt_in", {"email": "jane.d@example.org"}),
        ("other_table", {"user_id": "510"}),
        ("other_table", {"recipient_email": "jane.d@example.org"}),
        ("report_mine", {"user_id": 510, "n": 3}),
        ("located_learners", {"user_id": 510, "country": "CL"}),
    ],
)
def test_what_is_the_learners_goes(collection: str, fields: dict[str, Any]) -> None:
    assert left(collection, **fields) is None
    assert left(collection, site="edge", **fields) == fields, "on another site it is somebody else's"


@pytest.mark.parametrize(
    ("collection", "fields"),
    [
        ("auth_user", {"id": 511, "username": "jane_d2", "email": "jane@example.org"}),
        ("student_courseenrollment", {"id": 510, "user_id": 1}),
        ("submissions_score", {"id": 77, "student_item_id": 510}),
        ("assessment_assessmentpart", {"id": 88, "assessment_id": 99}),
        ("teams", {"id": 510, "team_size": 510}),
        ("events", {"user_id": 1, "event": {"currentTime": 510, "old": 510, "id": "510", "code": "jane_d", "answers": {"a": "510"}}}),
        ("events", {"user_id": 1, "page": "https://x/510/jane_d?id=510", "event_type": "/courses/jane_d/510"}),
        ("forum", {"author": 1, "votes": {"up": ["1"], "up_count": 510}, "body": "510 of them"}),
        ("other_table", {"user_id": "1", "amount": "510", "kind": "jane_d"}),
        ("courses", {"user_id": 510}),
        ("student_courseenrollment", {"user_id": 510, PSEUDONYMISED: True}),
    ],
)
def test_what_is_others_stays_the_same_object(collection: str, fields: dict[str, Any]) -> None:
    """A number or a word that stands elsewhere means something else."""
    document = {"_id": "x", "site": "prod", **fields}
    assert FORGETTING.left(collection, document) is document


@pytest.mark.parametrize(
    ("collection", "fields", "remains"),
    [
        ("events", {"event": {"target_username": "jane_d", "id": "x"}}, {"event": {"id": "x"}}),
        ("events", {"event": {"student": "510", "problem": "x"}}, {"event": {"problem": "x"}}),
        ("events", {"event": {"users": ["a", "jane_d", 510]}}, {"event": {"users": ["a"]}}),
        ("events", {"event": {"instructor_id": 510}}, {"event": {}}),
        ("events", {"event": {"POST": {"who": ["jane_d"], "x": ["1"]}}}, {"event": {"POST": {"who": [], "x": ["1"]}}}),
        ("events", {"event": {"body": "thanks, @jane_d."}}, {"event": {"body": "thanks, @***."}}),
        ("events", {"event": {"Jane.d@example.org": 1}}, {"event": {}}),
        ("events", {"event": "who=jane_d&x=1"}, {"event": "who=***&x=1"}),
        ("events", {"page": "https://x/u/jane_d"}, {"page": "https://x/u/***"}),
        ("events", {"event_type": "/courses/x/forum/users/510"}, {"event_type": "/courses/x/forum/users/***"}),
        ("events", {"referer": "https://x/?username=jane_d&a=1"}, {"referer": "https://x/?username=&a=1"}),
        ("events", {"event": {"note": "to jane.d@example.org"}}, {"event": {"note": "to ***"}}),
        ("events", {"original": {"event": '{"to": "jane_d"}', "event_form": "compact"}}, {"original": {"event_form": "compact"}}),
        ("events", {"original": {"line": b"x jane_d x"}}, {"original": {}}),
        ("forum", {"votes": {"up": ["1", "510"]}, "abuse_flaggers": ["510"]}, {"votes": {"up": ["1"]}, "abuse_flaggers": []}),
        ("forum", {"endorsement": {"user_id": "510", "time": 1}}, {"endorsement": {"time": 1}}),
        ("forum", {"body": "jane_d said, Jane_D said"}, {"body": "*** said, *** said"}),
        ("wiki_article", {"id": 1, "owner_id": 510}, {"id": 1}),
        ("wiki_articlerevision", {"user_id": 1, "content": "by jane_d"}, {"user_id": 1, "content": "by ***"}),
        ("rejects", {"raw": b"a\t510\tb", "detail": "x", "line": 1}, {"raw": b"", "detail": "", "line": 1}),
        ("rejects", {"raw": b"a,jane.d@example.org,b", "detail": "", "line": 1}, {"raw": b"", "detail": "", "line": 1}),
    ],
)
def test_what_speaks_of_the_learner_loses_the_mention(collection: str, fields: dict[str, Any], remains: dict[str, Any]) -> None:
    assert left(collection, **fields) == remains


def test_a_reject_that_speaks_of_nobody_stays() -> None:
    document = {"_id": "file:1", "raw": b"a\t5100\tb", "detail": "3 instead of 2", "line": 1}
    assert FORGETTING.left("rejects", document) is document


def test_hashes_depend_on_key_site_and_kind() -> None:
    who = Identity.of(Kind.USER, 510)
    hashes = {
        identity_hash(KEY, "prod", who),
        identity_hash(KEY, "edge", who),
        identity_hash(b"other" * 4, "prod", who),
        identity_hash(KEY, "prod", Identity.of(Kind.NAME, "510")),
    }
    assert len(hashes) == 4
    assert {len(known) for known in hashes} == {16}


def test_a_pseudonym_is_a_number_below_zero_and_the_same_everywhere() -> None:
    numbers = {pseudonym_number(KEY, "prod", user) for user in range(2000)}
    assert len(numbers) == 2000
    assert all(-(2**53) < number < 0 for number in numbers)
    assert pseudonym_number(KEY, "prod", 5) == pseudonym_number(KEY, "prod", "5") != pseudonym_number(KEY, "edge", 5)


@pytest.mark.parametrize("table", sorted(BY_NAME))
def test_rows_that_name_a_learner_have_an_owner(table: str) -> None:
    """By hand: the tables that name nobody, or only the rows of others."""
    nobody = {"teams", "wiki_article", "assessment_assessmentfeedbackoption", "assessment_rubric", "assessment_criterion"}
    nobody |= {"assessment_criterionoption", "assessment_trainingexample", "assessment_trainingexample_options_selected"}
    assert (owner_columns(table) == {}) == (table in nobody)


class TestPseudonym:
    pseudonym = Pseudonym(STATE, FORGETTING, "prod", 510)

    def put(self, collection: str, row_id: str, **fields: Any) -> dict[str, Any] | None:
        return self.pseudonym.document(collection, {"_id": row_id, "site": "prod", "course_id": COURSE, **fields})

    def test_ids_columns_and_marks(self) -> None:
        number = self.pseudonym.number
        assert self.put("student_courseenrollment", f"prod|{COURSE}|510", user_id=510, id=510, mode="audit") == {
            "_id": f"prod|{COURSE}|{number}",
            "site": "prod",
            "course_id": COURSE,
            "user_id": number,
            "id": 510,
            "mode": "audit",
            PSEUDONYMISED: True,
        }

    def test_a_key_that_is_no_learner_stays_though_it_is_the_same_number(self) -> None:
        put = self.put("auth_userprofile", f"prod|{COURSE}|510", id=510, user_id=510, name="Jane", gender="f")
        assert put is not None
        assert (put["_id"], put["id"], put["user_id"], put["gender"]) == (f"prod|{COURSE}|510", 510, self.pseudonym.number, "f")
        assert "name" not in put

    def test_events_keep_what_happened(self) -> None:
        event = {"user_id": 510, "username": "jane_d", "ip": "192.0.2.1", "context": {"user_id": "510"}, "event": {"user_id": 510, "mode": "audit"}}
        number = self.pseudonym.number
        assert self.put("events", "e", **event) == {
            "_id": "e",
            "site": "prod",
            "course_id": COURSE,
            "user_id": number,
            "username": f"p{-number}",
            "context": {"user_id": str(number)},
            "event": {"user_id": number, "mode": "audit"},
            PSEUDONYMISED: True,
        }

    @pytest.mark.parametrize("collection", ["other_table", "report_mine", "located_learners"])
    def test_what_nobody_declared_goes(self, collection: str) -> None:
        assert self.put(collection, "x", user_id=510) is None


def test_nothing_to_do_is_no_screen() -> None:
    assert screen_of(None) is None
    assert screen_of(PrivacyState(KEY)) is None
    assert screen_of(STATE) is not None


def test_a_screen_does_both() -> None:
    screen = Screen(PrivacyState(KEY, keep_removed=True, forgotten=STATE.forgotten, sites=STATE.sites))
    assert screen.passed("auth_user", {"_id": "x", "site": "prod", "id": 510}) is None
    assert screen.passed("auth_user", {"_id": "x", "site": "prod", "id": 5, "email": "x@example.org"}) == {"_id": "x", "site": "prod", "id": 5}
    assert screen.rejected(b"raw", "detail") == (b"", "")
    assert Screen(STATE).rejected(b"of 5", "detail") == (b"of 5", "detail")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(alphabet="abcde@./?=&% 12") | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(("email", "user_id", "text", "GET", "original")) | st.text(), inner),
    max_leaves=20,
)


@given(st.sampled_from(("events", "forum", "auth_user", "other_x", "report_x")), st.dictionaries(st.text(min_size=1), _VALUES, max_size=6))
def test_a_document_that_does_not_speak_of_the_learner_is_not_touched(collection: str, fields: dict[str, Any]) -> None:
    document = {"site": "prod", **fields, "_id": 1}
    if isinstance(document["site"], str):
        assert FORGETTING.left(collection, document) is document
