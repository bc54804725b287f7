"""Events of enrolment offers, certificates, components from elsewhere, textbooks, exams, instructors; and some that nobody documented."""

from __future__ import annotations

from typing import Any, Final

from edx_import.sample.courses import digest
from edx_import.sample.moment import BROWSER, MOBILE, SERVER, EventKind, Moment, Payload, kinds, nothing

OFFERS: Final = [
    EventKind("edx.course.enrollment.upgrade.clicked", BROWSER, nothing, context={"mode": "audit", "location": "sidebar-message"}),
    EventKind("edx.course.enrollment.upgrade.succeeded", SERVER, nothing, context={"mode": "verified"}),
]


def _certificate(m: Moment) -> dict[str, Any]:
    identity = digest(m.course.id, m.offering.site, m.learner.id, "certificate")
    return {
        "certificate_id": identity,
        "certificate_url": f"https://certificates.example.org/{identity}",
        "course_id": m.course.id,
        "enrollment_mode": "verified",
        "user_id": m.learner.id,
    }


def _badge(m: Moment) -> dict[str, Any]:
    return {
        "assertion_id": m.number(1000),
        "assertion_image_url": "https://badges.example.org/1.png",
        "assertion_json_url": "https://badges.example.org/1.json",
        "course_id": m.course.id,
        "enrollment_mode": "honor",
        "issuer": "https://badges.example.org",
        "user_id": m.learner.id,
    }


def _network(m: Moment) -> dict[str, Any]:
    return {"social_network": m.choice("Facebook", "Twitter", "LinkedIn")}


CERTIFICATES: Final = [
    *kinds(SERVER, lambda m: {**_certificate(m), "generation_mode": m.choice("batch", "self")}, "edx.certificate.created"),
    *kinds(SERVER, lambda m: {**_certificate(m), "source": "certificate_invalidation_list"}, "edx.certificate.revoked"),
    *kinds(SERVER, lambda m: {**_certificate(m), **_network(m)}, "edx.certificate.shared"),
    *kinds(SERVER, lambda m: {**_certificate(m), **_network(m), "source_url": "https://www.example.org"}, "edx.certificate.evidence_visited"),
    *kinds(SERVER, lambda m: {"course_id": m.course.id}, "edx.certificate.generation.enabled edx.certificate.generation.disabled"),
    *kinds(SERVER, _badge, "edx.badge.assertion.created edx.badge.assertion.evidence_visited"),
    *kinds(BROWSER, lambda m: {**_badge(m), **_network(m)}, "edx.badge.assertion.shared"),
]


def _completion(m: Moment) -> Payload:
    block = m.block("video")
    return {
        "user_id": m.learner.id,
        "course_id": m.course.id,
        "context_key": m.course.id,
        "block_id": block.key,
        "block_type": block.category,
        "completion": 1.0,
        "is_new": m.chance(0.5),
    }


def _dropped(m: Moment) -> Payload:
    correct = m.chance(0.5)
    return {"item": "A\nthing", "item_id": 0, "location": "Zone", "location_id": 1, "input": 2, "is_correct": correct, "is_correct_location": correct}


def _rationale(m: Moment) -> Payload:
    return {"answer": m.number(4), "rationale": m.text(), "truncated": False}


_DRAG: Final = "edx.drag_and_drop_v2."
_PEER: Final = "ubc.peer_instruction."

COMPONENTS: Final = [
    *kinds(SERVER, lambda m: {"done": m.chance(0.8)}, "edx.done.toggled"),
    *kinds(BROWSER, lambda m: {"done": m.chance(0.8)}, "edx.done.toggled"),
    *kinds(SERVER, _completion, "edx.completion.block_completion.changed"),
    *kinds(SERVER, nothing, f"{_DRAG}loaded {_PEER}accessed"),
    *kinds(SERVER, lambda m: {"item_id": m.number(4)}, f"{_DRAG}item.picked_up"),
    *kinds(SERVER, _dropped, f"{_DRAG}item.dropped"),
    *kinds(SERVER, lambda m: {"content": m.text(), "truncated": False}, f"{_DRAG}feedback.opened"),
    *kinds(SERVER, lambda m: {"content": m.text(), "truncated": False, "manually": True}, f"{_DRAG}feedback.closed"),
    *kinds(SERVER, _rationale, f"{_PEER}original_submitted {_PEER}revised_submitted"),
]


def _book(m: Moment) -> Payload:
    return {
        "type": m.choice("gotopage", "prevpage", "nextpage"),
        "old": 3,
        "new": 4,
        "chapter": "/static/book.pdf",
        "name": "textbook.pdf.page.loaded",
    }


def _pdf(what: str, more: dict[str, Any]) -> list[EventKind]:
    name = f"textbook.pdf.{what}"
    return [EventKind(name, BROWSER, lambda m: {"chapter": "/static/book.pdf", "name": name, "page": 1 + m.number(90), **more})]


_SEARCH: Final = {"caseSensitive": False, "highlightAll": True, "query": "µ", "status": ""}

TEXTBOOK: Final = [
    *kinds(BROWSER, _book, "book"),
    *_pdf("thumbnails.toggled", {}),
    *_pdf("outline.toggled", {}),
    *_pdf("page.navigated", {}),
    *_pdf("page.scrolled", {"direction": "down"}),
    *_pdf("zoom.buttons.changed", {"direction": "in"}),
    *_pdf("zoom.menu.changed", {"amount": "page-fit"}),
    *_pdf("display.scaled", {"amount": "0.95"}),
    *_pdf("thumbnail.navigated", {"thumbnail_title": "Page 6"}),
    *_pdf("chapter.navigated", {"chapter_title": "Chapter 1"}),
    *_pdf("search.executed", _SEARCH),
    *_pdf("search.navigatednext", {**_SEARCH, "findprevious": False}),
    *_pdf("search.highlight.toggled", _SEARCH),
    *_pdf("searchcasesensitivity.toggled", _SEARCH),
]


def _exploration(m: Moment) -> dict[str, Any]:
    return {"exploration_id": "4", "exploration_version": "17"}


_MIX: Final = {"url": "https://mix.example.org/watch/1"}

THIRD_PARTY: Final = [
    *kinds(
        SERVER,
        lambda m: {"displayed_in": m.choice("iframe", "img"), "url": "https://docs.example.org/1"},
        "edx.googlecomponent.calendar.displayed edx.googlecomponent.document.displayed",
    ),
    *kinds(SERVER, _exploration, "oppia.exploration.loaded oppia.exploration.completed"),
    *kinds(SERVER, lambda m: {**_exploration(m), "old_state_name": "First", "new_state_name": "Second.2"}, "oppia.exploration.state.changed"),
    *kinds(SERVER, lambda m: {**_MIX, "duration": 90.5, "total_slides": 5}, "microsoft.office.mix.loaded"),
    *kinds(SERVER, lambda m: {**_MIX, "current_slide": 2, "current_time": m.seconds(90)}, "microsoft.office.mix.played microsoft.office.mix.paused"),
    *kinds(SERVER, lambda m: _MIX, "microsoft.office.mix.stopped"),
    *kinds(SERVER, lambda m: {**_MIX, "slide": 3}, "microsoft.office.mix.slide.loaded"),
]


def _exam(kind: str) -> dict[str, Any]:
    return {
        "exam_id": 18,
        "exam_content_id": "final-exam",
        "exam_name": "Final Exam «2»",
        "exam_default_time_limit_mins": 90,
        "exam_is_active": True,
        "exam_is_practice_exam": kind == "practice",
        "exam_is_proctored": kind != "timed",
    }


def _exam_events(kind: str, events: str, more: dict[str, Any]) -> list[EventKind]:
    return [EventKind(f"edx.special_exam.{kind}.{what}", SERVER, lambda m: {**_exam(kind), **more}) for what in events.split()]


def _attempt_events(kind: str, events: str, **more: Any) -> list[EventKind]:
    def payload(m: Moment) -> Payload:
        return {
            **_exam(kind),
            "attempt_id": m.number(10**5),
            "attempt_user_id": m.learner.id,
            "attempt_code": m.hex(32),
            "attempt_status": "started",
            "attempt_started_at": m.choice(m.iso(), None),
            "attempt_completed_at": None,
            "attempt_allowed_time_limit_mins": 90,
            "attempt_event_elapsed_time_secs": m.seconds(5400),
            **more,
        }

    return [EventKind(f"edx.special_exam.{kind}.attempt.{what}", SERVER, payload) for what in events.split()]


_ALLOWANCE: Final = {"allowance_key": "additional_time_granted", "allowance_user_id": 501, "allowance_value": "30"}
_REVIEW: Final = {"review_attempt_code": "5C5F-0", "review_status": "Rules Violation", "review_video_url": "https://review.example.org/1"}

EXAMS: Final = [
    *[kind for exam in ("proctored", "practice", "timed") for kind in _attempt_events(exam, "created deleted started submitted ready_to_submit")],
    *[kind for exam in ("proctored", "practice") for kind in _attempt_events(exam, "download_software_clicked error ready_to_start")],
    *_attempt_events("proctored", "declined rejected verified"),
    *_attempt_events("proctored", "review_received", **_REVIEW),
    *_exam_events("proctored", "option-presented", {}),
    *[kind for exam in ("proctored", "practice", "timed") for kind in _exam_events(exam, "created updated", {})],
    *[kind for exam in ("proctored", "practice", "timed") for kind in _exam_events(exam, "allowance.created allowance.deleted", _ALLOWANCE)],
]


def _on_problem(m: Moment) -> dict[str, Any]:
    return {"course": m.course.id, "problem": m.block("problem").key}


def _on_student(m: Moment) -> dict[str, Any]:
    return {**_on_problem(m), "student": m.other().username}


_FORUM_TEAMS: Final = ("admin", "mod", "community-TA")

INSTRUCTOR: Final = [
    *kinds(SERVER, lambda m: {"instructor": m.other().username}, "add-instructor remove-instructor"),
    *kinds(SERVER, lambda m: {"event": "add", "event_name": "beta-tester", "user": m.other().username}, "add-or-remove-user-group"),
    *kinds(SERVER, _on_student, "delete-student-module-state rescore-student-submission"),
    *kinds(SERVER, _on_problem, "rescore-all-submissions reset-all-attempts"),
    *kinds(SERVER, lambda m: {**_on_student(m), "old_attempts": "3"}, "reset-student-attempts"),
    *kinds(
        SERVER,
        lambda m: {"course": m.course.id, "instructor": m.learner.username, "student": m.other().username},
        "get-student-progress-page",
    ),
    *kinds(SERVER, lambda m: {"course": m.course.id}, "list-forum-admins list-forum-mods list-forum-community-TAs"),
    *[EventKind(f"{what}-forum-{team}", SERVER, lambda m: {"course": m.course.id}) for what in ("add", "remove") for team in _FORUM_TEAMS],
    *kinds(SERVER, nothing, "dump-answer-dist-csv dump-graded-assignments-config dump-grades dump-grades-csv dump-grades-csv-raw dump-grades-raw"),
    *kinds(SERVER, nothing, "list-beta-testers list-instructors list-staff list-students"),
    *kinds(SERVER, lambda m: {"report_type": "grades"}, "edx.instructor.report.requested"),
    *kinds(BROWSER, lambda m: {"report_url": "/media/grades.csv"}, "edx.instructor.report.downloaded"),
    *kinds(SERVER, lambda m: {"problem": m.block("problem").key}, "psychometrics-histogram-generation"),
]


def _recommended(m: Moment) -> Payload:
    return {"id": m.hex(8), "status": "upvote", "recommendation.url": "https://www.example.org", "$vote": 1, "": "no name"}


UNDOCUMENTED: Final = [
    *kinds(
        SERVER,
        lambda m: {"setting": "country", "old": None, "new": "CL", "table": "auth_userprofile", "user_id": m.learner.id},
        "edx.user.settings.changed",
    ),
    *kinds(SERVER, lambda m: {"component_id": m.hex()}, "xblock.problem_builder.loaded xblock.problem_builder.submitted"),
    *kinds(BROWSER, lambda m: {"query": m.text(1)}, "site_search site_search_jump"),
    *kinds(SERVER, nothing, "get_client_configuration progress"),
    *kinds(SERVER, lambda m: {"value": 0.5, "max_value": 1.0}, "grade"),
    *kinds(SERVER, _recommended, "add_resource delete_resource recommender_upvote"),
    *kinds(BROWSER, lambda m: {"id": "clip-1", "t": m.seconds()}, "video_embedded_play harvardx.button"),
    *kinds(BROWSER, lambda m: {"category": "course", "value": 1}, "edx.bi.course.upgrade.sidebarupsell"),
    *kinds(MOBILE, lambda m: {"category": "navigation"}, "edx.bi.app.navigation.screen edx.course.home.resume_course.clicked"),
]
