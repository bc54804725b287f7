"""Events of people with each other and with course extras: forum, assessment by peers, notes, groups, teams, experiments, polls."""

from __future__ import annotations

import json
from typing import Any, Final

from edx_import.sample.moment import BROWSER, SERVER, EventKind, Moment, Payload, kinds, nothing
from edx_import.sample.rows_assessment import CRITERIA, OPTIONS, RUBRIC_HASH
from edx_import.sample.rows_learner import anonymous_id
from edx_import.sample.rows_platform import COHORT_NAMES, forum_roles_of, team_slug
from edx_import.sample.structure import topic_of

FORUM_LIMIT: Final = 2000


def _place(m: Moment) -> dict[str, Any]:
    """Where in the forum, and who says it."""
    topic = m.block("discussion")
    return {
        "id": m.hex(24),
        "commentable_id": m.choice(topic.name, topic_of(m.course)),
        "category_id": topic.name,
        "category_name": f"Week 1 / {topic.display_name}",
        "url": f"{m.url}/discussion/forum/{topic.name}/threads/{m.hex(24)}",
        "user_course_roles": m.choice([], ["Instructor"]),
        "user_forums_roles": forum_roles_of(m.learner.index),
        **({"team_id": team_slug(m.offering, 0)} if m.chance(0.1) else {}),
    }


def _post(m: Moment) -> dict[str, Any]:
    body = m.text(3) * (200 if m.chance(0.05) else 1)
    return {**_place(m), "body": body[:FORUM_LIMIT], "truncated": len(body) > FORUM_LIMIT, "options": {"followed": m.chance(0.5)}}


def _thread(m: Moment) -> Payload:
    return {
        **_post(m),
        "title": m.text(3),
        "title_truncated": False,
        "thread_type": m.choice("discussion", "question"),
        "anonymous": False,
        "anonymous_to_peers": m.chance(0.1),
        "group_id": m.choice(None, 3),
    }


def _response(m: Moment) -> Payload:
    return {**_post(m), "discussion": {"id": m.hex(24)}}


def _comment(m: Moment) -> Payload:
    return {**_post(m), "discussion": {"id": m.hex(24)}, "response": {"id": m.hex(24)}}


def _viewed(m: Moment) -> Payload:
    return {**_place(m), "title": m.text(3), "title_truncated": False, "target_username": m.other().username}


def _voted(m: Moment) -> Payload:
    return {**_place(m), "target_username": m.other().username, "undo_vote": m.chance(0.2), "vote_value": "up"}


def _searched(m: Moment) -> Payload:
    return {"query": m.text(2), "page": 1, "total_results": m.number(40), "corrected_text": m.choice(None, "statistics"), "group_id": None}


def _edited(m: Moment) -> Payload:
    return {**_place(m), "content_type": "Post", "target_username": m.other().username, "own_content": False, "edit_reason": "grammar-spelling"}


def _deleted(m: Moment) -> Payload:
    return {**_place(m), "content_type": "Post", "target_username": m.other().username, "own_content": True, "body": m.text()}


def _reported(m: Moment) -> Payload:
    return {**_post(m), "content_type": "Post", "target_username": m.other().username, "reported_status_cleared": False}


_CONTENT: Final = ("thread", "response", "comment")

FORUM: Final = [
    *kinds(SERVER, _thread, "edx.forum.thread.created"),
    *kinds(SERVER, _response, "edx.forum.response.created"),
    *kinds(SERVER, _comment, "edx.forum.comment.created"),
    *kinds(SERVER, _viewed, "edx.forum.thread.viewed"),
    *kinds(SERVER, _voted, "edx.forum.thread.voted edx.forum.response.voted"),
    *kinds(SERVER, _searched, "edx.forum.searched"),
    *[EventKind(f"edx.forum.{what}.edited", SERVER, _edited) for what in _CONTENT],
    *[EventKind(f"edx.forum.{what}.deleted", SERVER, _deleted) for what in _CONTENT],
    *[EventKind(f"edx.forum.{what}.{done}", SERVER, _reported) for what in _CONTENT for done in ("reported", "unreported")],
]


def _submission(m: Moment) -> Payload:
    old = m.chance(0.3)
    answer = {"text": m.text(), "file_upload_key": ""} if old else {"parts": [{"text": m.text()}], "file_keys": [], "files_descriptions": []}
    return {"answer": answer, "attempt_number": 1, "created_at": m.iso(), "submitted_at": m.iso(), "submission_uuid": m.hex()}


def _draft(m: Moment) -> Payload:
    saved = {"text": m.text(), "file_upload_key": "key"}
    return {"saved_response": m.choice(saved, json.dumps(saved))}


def _peer_submission(m: Moment) -> dict[str, Any]:
    return {
        "course_id": m.course.id,
        "item_id": m.block("openassessment").key,
        "requesting_student_id": anonymous_id(m.offering, m.learner.id),
        "submission_returned_uuid": m.choice(m.hex(), "None", None),
    }


def _staff_submission(m: Moment) -> Payload:
    return {**_peer_submission(m), "requesting_staff_id": anonymous_id(m.offering, m.other().id), "type": "full-grade"}


def _assessed(score_type: str) -> Any:
    def payload(m: Moment) -> Payload:
        parts = [
            {"criterion": {"name": name, "points_possible": 1}, "option": m.choice("Good", {"name": "Good", "points": 1}), "feedback": ""}
            for name in CRITERIA
        ]
        return {
            "feedback": m.text(),
            "parts": parts,
            "rubric": {"content_hash": RUBRIC_HASH},
            "scored_at": m.iso(),
            "scorer_id": anonymous_id(m.offering, m.learner.id),
            "score_type": score_type,
            "submission_uuid": m.hex(),
            **({"type": m.choice("regrade", "full-grade")} if score_type == "ST" else {}),
        }

    return payload


def _training(m: Moment) -> Payload:
    """Its keys are the free-text names of criteria."""
    chosen = {name: m.choice(*OPTIONS) for name in CRITERIA}
    return {"corrections": {CRITERIA[1]: OPTIONS[1]}, "options_selected": chosen, "submission_uuid": m.hex()}


def _upload(m: Moment) -> Payload:
    return {"fileName": "ensayo «final».pdf", "fileSize": m.number(10**6), "fileType": "application/pdf"}


def _location(m: Moment) -> dict[str, Any]:
    return {"location": m.course.block_key("combinedopenended", "essay")}


ASSESSMENT: Final = [
    *kinds(SERVER, _submission, "openassessmentblock.create_submission"),
    *kinds(SERVER, _draft, "openassessmentblock.save_submission"),
    *kinds(SERVER, _peer_submission, "openassessmentblock.get_peer_submission"),
    *kinds(SERVER, _staff_submission, "openassessmentblock.get_submission_for_staff_grading"),
    *kinds(SERVER, _assessed("PE"), "openassessmentblock.peer_assess"),
    *kinds(SERVER, _assessed("SE"), "openassessmentblock.self_assess"),
    *kinds(SERVER, _assessed("ST"), "openassessmentblock.staff_assess"),
    *kinds(
        SERVER,
        lambda m: {"feedback_text": m.text(), "options": ["These assessments were useful."], "submission_uuid": m.hex()},
        "openassessmentblock.submit_feedback_on_assessments",
    ),
    *kinds(SERVER, _training, "openassessment.student_training_assess_example"),
    *kinds(BROWSER, _upload, "openassessment.upload_file"),
    *kinds(BROWSER, _location, "oe_show_question oe_hide_question oe_show_question_problem oe_hide_question_problem"),
    *kinds(BROWSER, _location, "peer_grading_show_question peer_grading_hide_question staff_grading_show_question staff_grading_hide_question"),
    *kinds(BROWSER, lambda m: {**_location(m), "category": 1, "selection": 2}, "rubric_select"),
    *kinds(BROWSER, nothing, "oe_show_full_feedback oe_show_respond_to_feedback"),
    *kinds(BROWSER, lambda m: {"value": 4}, "oe_feedback_response_selected"),
]


def _note(m: Moment) -> dict[str, Any]:
    return {
        "note_id": m.hex(20),
        "component_usage_id": m.block("html").key,
        "highlighted_content": m.text(),
        "note_text": m.text(),
        "tags": ["etiqueta", "α"],
        "truncated": [],
    }


_NOTES: Final = "edx.course.student_notes."

NOTES: Final = [
    *kinds(BROWSER, _note, f"{_NOTES}added {_NOTES}deleted"),
    *kinds(BROWSER, lambda m: {**_note(m), "old_note_text": m.text(), "old_tags": []}, f"{_NOTES}edited"),
    *kinds(BROWSER, lambda m: {"view": "Recent Activity"}, f"{_NOTES}notes_page_viewed"),
    *kinds(BROWSER, lambda m: {"search_string": m.text(1), "number_of_results": 3}, f"{_NOTES}searched"),
    *kinds(BROWSER, lambda m: {"note_id": m.hex(20), "component_usage_id": m.block("html").key, "view": "Search Results"}, f"{_NOTES}used_unit_link"),
    *kinds(BROWSER, lambda m: {"notes": [{"note_id": m.hex(20)}]}, f"{_NOTES}viewed"),
]


def _library(m: Moment) -> dict[str, Any]:
    key = m.block("problem").key
    one = {
        "usage_key": key,
        "original_usage_key": f"lib-block-v1:{m.course.org}+Lib+type@problem+block@q1",
        "original_usage_version": m.hex(24),
        "descendants": [],
    }
    return {"location": m.course.block_key("library_content", "pool"), "max_count": 1, "previous_count": 0, "result": [one]}


EXPERIMENTS: Final = [
    *kinds(SERVER, lambda m: {**_library(m), "added": _library(m)["result"]}, "edx.librarycontentblock.content.assigned"),
    *kinds(SERVER, lambda m: {**_library(m), "removed": [], "reason": m.choice("overlimit", "invalid")}, "edx.librarycontentblock.content.removed"),
    *kinds(
        SERVER,
        lambda m: {"partition_id": 1, "partition_name": "Colours", "group_id": m.learner.id % 2, "group_name": "Red"},
        "xmodule.partitions.assigned_user_to_partition",
    ),
    *kinds(SERVER, lambda m: {m.choice("child_id", "child-id"): m.block("vertical").key}, "xblock.split_test.child_render"),
    *kinds(SERVER, lambda m: {"url_name": m.block("poll").name, "choice": "R"}, "xblock.poll.submitted"),
    *kinds(SERVER, lambda m: {"url_name": m.block("poll").name, "choices": {"What? How. $Much": "Y", "1.5": "N"}}, "xblock.survey.submitted"),
    *kinds(SERVER, nothing, "xblock.poll.view_results xblock.survey.view_results"),
]


def _cohort(m: Moment) -> dict[str, Any]:
    number = m.number(2)
    return {"cohort_id": number + 1, "cohort_name": COHORT_NAMES[number]}


def _cohort_member(m: Moment) -> dict[str, Any]:
    return {**_cohort(m), "user_id": m.other().id}


def _team(m: Moment) -> dict[str, Any]:
    return {"team_id": team_slug(m.offering, m.number(3))}


GROUPS: Final = [
    *kinds(SERVER, _cohort, "edx.cohort.created edx.cohort.creation_requested"),
    *kinds(SERVER, _cohort_member, "edx.cohort.user_added edx.cohort.user_removed"),
    *kinds(SERVER, lambda m: {**_cohort_member(m), "previous_cohort_id": None, "previous_cohort_name": None}, "edx.cohort.user_add_requested"),
    *kinds(SERVER, _team, "edx.team.created edx.team.deleted edx.team.activity_updated"),
    *kinds(SERVER, lambda m: {**_team(m), "field": "name", "old": m.text(), "new": m.text(), "truncated": []}, "edx.team.changed"),
    *kinds(
        SERVER,
        lambda m: {**_team(m), "user_id": m.other().id, "add_method": m.choice("added_on_create", "joined_from_team_view", "added_by_another_user")},
        "edx.team.learner_added",
    ),
    *kinds(
        SERVER,
        lambda m: {**_team(m), "user_id": m.other().id, "remove_method": m.choice("self_removal", "team_deleted", "removed_by_admin")},
        "edx.team.learner_removed",
    ),
    *kinds(BROWSER, lambda m: {"page_name": "browse", "topic_id": None, "team_id": None}, "edx.team.page_viewed"),
    *kinds(SERVER, lambda m: {"search_text": m.text(1), "topic_id": "topic-1", "number_of_results": 2}, "edx.team.searched"),
]
