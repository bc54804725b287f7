"""Events of learning: moving about, videos, problems, grades."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from edx_import.sample.moment import BROWSER, MOBILE, SERVER, TASK, EventKind, Moment, Payload, kinds, nothing
from edx_import.sample.rows_module import ANSWERS, correctness, problem_state
from edx_import.sample.structure import Block


def _sequence(m: Moment) -> dict[str, Any]:
    return {"id": m.block("sequential").key, "current_tab": 1, "tab_count": 4, "widget_placement": m.choice("top", "bottom")}


def _goto(m: Moment) -> Payload:
    return {**_sequence(m), "old": 1, "new": 3, "target_tab": 3}


def _step(m: Moment) -> Payload:
    return {**_sequence(m), "old": 1, "new": 2}


def _outline(m: Moment) -> Payload:
    return {"current_url": m.url, "target_name": m.block("vertical").display_name, "target_url": f"{m.url}/info", "widget_placement": "accordion"}


def _jump(m: Moment) -> Payload:
    return {
        "target_name": m.block("vertical").display_name,
        "id": m.block("vertical").key,
        "current_id": m.course.root_key,
        "widget_placement": "breadcrumbs",
    }


def _bookmark(m: Moment) -> dict[str, Any]:
    unit = m.block("vertical")
    return {"bookmark_id": f"{m.learner.username},{unit.key}", "component_type": "vertical", "component_usage_id": unit.key}


def _bookmark_change(m: Moment) -> Payload:
    return {"course_id": m.course.id, **_bookmark(m)}


def _bookmark_list(m: Moment) -> Payload:
    return {"bookmarks_count": m.number(9), "list_type": "per_course", "course_id": m.course.id, "page_number": 1, "page_size": 10}


NAVIGATION: Final = [
    *kinds(BROWSER, _goto, "seq_goto=edx.ui.lms.sequence.tab_selected"),
    *kinds(BROWSER, _step, "seq_next=edx.ui.lms.sequence.next_selected seq_prev=edx.ui.lms.sequence.previous_selected"),
    *kinds(BROWSER, _sequence, "edx.ui.lms.sequence.next_selected edx.ui.lms.sequence.previous_selected"),
    *kinds(BROWSER, lambda m: {"current_url": m.url, "target_url": "https://www.example.org/?q=1&r=ü"}, "edx.ui.lms.link_clicked"),
    *kinds(BROWSER, _outline, "edx.ui.lms.outline.selected"),
    *kinds(BROWSER, _jump, "edx.ui.lms.jump_nav.selected"),
    *kinds(BROWSER, nothing, "page_close"),
    *kinds(BROWSER, _bookmark, "edx.bookmark.accessed"),
    *kinds(SERVER, _bookmark_change, "edx.bookmark.added edx.bookmark.removed"),
    *kinds(SERVER, _bookmark_list, "edx.bookmark.listed"),
    *kinds(BROWSER, lambda m: {"tool_name": m.choice("edx.bookmarks", "edx.reviews", "edx.updates")}, "edx.course.tool.accessed"),
]


def _video(m: Moment) -> dict[str, Any]:
    clip = m.block("video")
    return {"id": clip.html_id, "code": m.choice("html5", clip.metadata["youtube_id_1_0"])}


def _mobile_video(m: Moment) -> dict[str, Any]:
    return {**_video(m), "code": "mobile"}


def _watch(m: Moment) -> Payload:
    return {**_video(m), "currentTime": m.seconds(), **({"duration": 612.4} if m.chance(0.5) else {})}


def _mobile_watch(m: Moment) -> Payload:
    return {**_mobile_video(m), "currentTime": m.number(600)}


def _seek(m: Moment) -> Payload:
    return {**_video(m), "old_time": m.seconds(), "new_time": m.number(600), "type": m.choice("onCaptionSeek", "onSlideSeek")}


def _mobile_seek(m: Moment) -> Payload:
    return {**_mobile_video(m), "old_time": m.seconds(), "new_time": m.seconds(), "type": "onSkipSeek", "requested_skip_interval": -30}


def _speed(m: Moment) -> Payload:
    return {**_video(m), "current_time": m.seconds(), "old_speed": m.choice("1.0", 1), "new_speed": m.choice("1.50", 1.5)}


def _captions(m: Moment) -> Payload:
    return {**_video(m), "current_time": m.seconds()}


def _bumper(m: Moment) -> dict[str, Any]:
    return {"bumper_id": "https://video.example.org/bumper.mp4", "code": "html5", "duration": 7.2, "host_component_id": m.block("video").html_id}


def _bumper_play(m: Moment) -> Payload:
    return {**_bumper(m), "currentTime": m.seconds(7)}


VIDEO: Final = [
    *kinds(BROWSER, _video, "load_video complete_video video_show_cc_menu"),
    *kinds(BROWSER, lambda m: {**_video(m), "language": "es"}, "video_hide_cc_menu"),
    *kinds(BROWSER, _watch, "play_video pause_video stop_video show_transcript hide_transcript"),
    *kinds(BROWSER, _seek, "seek_video"),
    *kinds(BROWSER, _speed, "speed_change_video"),
    *kinds(BROWSER, _captions, "edx.video.closed_captions.shown edx.video.closed_captions.hidden"),
    *kinds(MOBILE, _mobile_video, "load_video=edx.video.loaded video_show_cc_menu=edx.video.language_menu.shown"),
    *kinds(MOBILE, lambda m: {**_mobile_video(m), "language": "es"}, "video_hide_cc_menu=edx.video.language_menu.hidden"),
    *kinds(MOBILE, _mobile_watch, "play_video=edx.video.played pause_video=edx.video.paused stop_video=edx.video.stopped"),
    *kinds(MOBILE, _mobile_watch, "show_transcript=edx.video.transcript.shown hide_transcript=edx.video.transcript.hidden"),
    *kinds(MOBILE, _captions, "edx.video.closed_captions.shown edx.video.closed_captions.hidden"),
    *kinds(MOBILE, _mobile_seek, "seek_video=edx.video.position.changed"),
    *kinds(BROWSER, _bumper, "edx.video.bumper.loaded"),
    *kinds(BROWSER, _bumper_play, "edx.video.bumper.played edx.video.bumper.stopped edx.video.bumper.skipped edx.video.bumper.dismissed"),
    *kinds(BROWSER, _bumper_play, "edx.video.bumper.transcript.shown edx.video.bumper.transcript.hidden"),
    *kinds(BROWSER, _bumper_play, "edx.video.bumper.transcript.menu.shown edx.video.bumper.transcript.menu.hidden"),
]


def _answer(m: Moment, block: Block) -> dict[str, Any]:
    return {f"{block.html_id}_2_1": m.choice(*ANSWERS, ["choice_0", "choice_2"])}


def check(m: Moment) -> Payload:
    """A problem that was answered, as the server logs it: one answer id per part, and all about the part under it."""
    block = m.block("problem")
    correct = m.chance(0.6)
    answers = _answer(m, block)
    parts = {answer_id: _part(m, answer, correct) for answer_id, answer in answers.items()}
    weight = block.metadata["weight"]
    return {
        "problem_id": block.key,
        "attempts": 1 + m.number(3),
        "success": "correct" if correct else "incorrect",
        "grade": weight if correct else 0,
        "max_grade": weight,
        "answers": answers,
        "correct_map": {answer_id: correctness(correct) for answer_id in answers},
        "state": problem_state(m.rng, block, correct),
        "submission": parts,
    }


def _part(m: Moment, answer: Any, correct: bool) -> dict[str, Any]:
    return {
        "answer": answer,
        "correct": correct,
        "input_type": "choicegroup",
        "question": m.text(),
        "response_type": "multiplechoiceresponse",
        "variant": "",
        "group_label": "",
    }


def _failed(*failures: str) -> Any:
    return lambda m: {**_saved(m), "failure": m.choice(*failures)}


def _saved(m: Moment) -> dict[str, Any]:
    block = m.block("problem")
    return {"answers": _answer(m, block), "problem_id": block.key, "state": problem_state(m.rng, block, False)}


def _form(m: Moment) -> str:
    """A form as the browser sends it; some are quoted as JSON once more."""
    form = urlencode({f"input_{m.block('problem').html_id}_2_1": m.choice(*ANSWERS)})
    return json.dumps(form) if m.chance(0.3) else form


def _graded(m: Moment) -> Payload:
    return [_form(m), f"<div class='problem'>\n<p>{m.text()}</p></div>"]


def _reset(m: Moment) -> Payload:
    block = m.block("problem")
    return {"problem_id": block.key, "old_state": problem_state(m.rng, block, False), "new_state": {"seed": 1, "done": None, "student_answers": {}}}


def _reset_failed(m: Moment) -> Payload:
    block = m.block("problem")
    return {"problem_id": block.key, "old_state": problem_state(m.rng, block, False), "failure": m.choice("closed", "not_done")}


def _rescore(m: Moment) -> Payload:
    block = m.block("problem")
    return {
        "problem_id": block.key,
        "student": str(m.other().id),
        "task_id": m.hex(),
        "attempts": 2,
        "success": "correct",
        "orig_score": 0,
        "orig_total": 1,
        "new_score": 1,
        "new_total": 1,
        "correct_map": {f"{block.html_id}_2_1": correctness(True)},
        "state": problem_state(m.rng, block, True),
    }


def _rescore_failed(m: Moment) -> Payload:
    failure = m.choice("unsupported", "unanswered", "input_error", "unexpected")
    return {"problem_id": m.block("problem").key, "student": str(m.other().id), "failure": failure, "state": {}}


def _hint(m: Moment) -> Payload:
    return {"hint_index": 0, "hint_len": 2, "hint_text": m.text(), "module_id": m.block("problem").key}


def _feedback(m: Moment) -> Payload:
    block = m.block("problem")
    return {
        "module_id": block.key,
        "problem_part_id": f"{block.html_id}_2_1",
        "question_type": "stringresponse",
        "choice_all": ["choice_0", "choice_1"],
        "correctness": m.chance(0.5),
        "hint_label": "Correct:",
        "hints": [{"text": m.text()}],
        "student_answer": [m.choice(*ANSWERS)],
        "trigger_type": m.choice("single", "compound"),
    }


PROBLEM: Final = [
    *kinds(SERVER, check, "problem_check save_problem_check"),
    *kinds(BROWSER, _form, "problem_check problem_reset problem_save"),
    *kinds(SERVER, _failed("closed", "unreset"), "problem_check_fail save_problem_check_fail"),
    *kinds(BROWSER, _graded, "problem_graded"),
    *kinds(BROWSER, lambda m: {"problem": m.block("problem").key}, "problem_show"),
    *kinds(SERVER, lambda m: {"problem_id": m.block("problem").key}, "showanswer show_answer"),
    *kinds(SERVER, _reset, "reset_problem"),
    *kinds(SERVER, _reset_failed, "reset_problem_fail"),
    *kinds(SERVER, _saved, "save_problem_success"),
    *kinds(SERVER, _failed("closed", "done"), "save_problem_fail"),
    *kinds(TASK, _rescore, "problem_rescore"),
    *kinds(TASK, _rescore_failed, "problem_rescore_fail"),
    *kinds(SERVER, _hint, "edx.problem.hint.demandhint_displayed"),
    *kinds(SERVER, _feedback, "edx.problem.hint.feedback_displayed"),
]


def _transaction(m: Moment, kind: str) -> dict[str, Any]:
    return {
        "course_id": m.course.id,
        "user_id": m.learner.id,
        "event_transaction_id": m.hex(),
        "event_transaction_type": f"edx.grades.problem.{kind}",
    }


def _submitted(m: Moment) -> Payload:
    return {
        **_transaction(m, "submitted"),
        "problem_id": m.block("problem").key,
        "weight": 2.0,
        "weighted_earned": m.number(3),
        "weighted_possible": m.choice(2, None),
    }


def _regraded(m: Moment) -> Payload:
    return {
        **_transaction(m, "rescored"),
        "problem_id": m.block("problem").key,
        "instructor_id": m.other().id,
        "new_weighted_earned": 1.5,
        "new_weighted_possible": 2.0,
        "only_if_higher": m.choice(True, False, None),
    }


def _state_deleted(m: Moment) -> Payload:
    return {**_transaction(m, "state_deleted"), "problem_id": m.block("problem").key, "instructor_id": m.other().id}


def _subsection(m: Moment) -> Payload:
    return {
        **_transaction(m, "submitted"),
        "block_id": m.block("sequential").key,
        "course_version": m.hex(24),
        "weighted_total_earned": 1.0,
        "weighted_total_possible": 4.0,
        "weighted_graded_earned": 1.0,
        "weighted_graded_possible": 4.0,
        "first_attempted": m.iso(),
        "subtree_edited_timestamp": "2019-11-05 10:00:00.1+00:00",
        "visible_blocks_hash": "vBIZp3Nbq2wZ6GVSr9J3YCFuHjM=",
    }


def _course_grade(m: Moment) -> Payload:
    return {
        **_transaction(m, "submitted"),
        "course_version": m.hex(24),
        "percent_grade": m.number(100) / 100,
        "letter_grade": m.choice("", "Pass"),
        "course_edited_timestamp": "2019-11-05 10:00:00.1+00:00",
        "grading_policy_hash": "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
    }


GRADING: Final = [
    *kinds(SERVER, _submitted, "edx.grades.problem.submitted"),
    *kinds(SERVER, _regraded, "edx.grades.problem.rescored edx.grades.problem.score_overridden"),
    *kinds(SERVER, _state_deleted, "edx.grades.problem.state_deleted"),
    *kinds(SERVER, _subsection, "edx.grades.subsection.grade_calculated"),
    *kinds(SERVER, _course_grade, "edx.grades.course.grade_calculated"),
    *[
        EventKind(f"edx.course.grade.{what}", SERVER, lambda m: {"course_id": m.course.id, "user_id": m.learner.id})
        for what in ("passed.first_time", "now_passed", "now_failed")
    ],
]
