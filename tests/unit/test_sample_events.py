"""The event files of a sample: every event of the reference, in the forms that the platform logs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

from edx_import.model import PROD
from edx_import.sample.catalogue import iter_rows
from edx_import.sample.events import iter_events
from edx_import.sample.recipe import Recipe, courses_of

DEFAULT = Recipe()
SMALL = Recipe(learners=40, events_per_day=60, days=2)
RUNNING, HYPHENATED, ARCHIVED = courses_of(DEFAULT)

# What the data package's reference lists; {a,b} stands for a and b. Enrolments included, implicit events (paths) apart.
REFERENCE = """
edx.course.enrollment.{activated,deactivated,mode_changed,upgrade.clicked,upgrade.succeeded}
seq_{goto,next,prev} edx.ui.lms.sequence.{tab_selected,next_selected,previous_selected}
edx.ui.lms.{link_clicked,outline.selected,jump_nav.selected} page_close
edx.bookmark.{accessed,added,removed,listed} edx.course.tool.accessed
{load,play,pause,stop,seek,speed_change,complete}_video edx.video.{loaded,played,paused,stopped,position.changed,transcript.shown,transcript.hidden}
{show,hide}_transcript video_{show,hide}_cc_menu edx.video.{language_menu,closed_captions}.{shown,hidden}
edx.video.bumper.{loaded,played,stopped,skipped,dismissed,transcript.shown,transcript.hidden,transcript.menu.shown,transcript.menu.hidden}
problem_{check,check_fail,graded,reset,save,show,rescore,rescore_fail} save_problem_{check,check_fail,success,fail} {showanswer,show_answer}
reset_{problem,problem_fail} edx.problem.hint.{demandhint,feedback}_displayed
edx.grades.problem.{submitted,rescored,score_overridden,state_deleted} edx.grades.{subsection,course}.grade_calculated
edx.course.grade.{passed.first_time,now_passed,now_failed}
edx.forum.{thread,response,comment}.{created,edited,deleted,reported,unreported} edx.forum.thread.viewed
edx.forum.{thread,response}.voted edx.forum.searched
openassessmentblock.{create_submission,save_submission,get_peer_submission,get_submission_for_staff_grading,peer_assess,self_assess,staff_assess}
openassessmentblock.submit_feedback_on_assessments openassessment.{student_training_assess_example,upload_file}
oe_{show,hide}_{question,question_problem} {peer,staff}_grading_{show,hide}_question rubric_select oe_show_{full_feedback,respond_to_feedback}
oe_feedback_response_selected edx.course.student_notes.{added,deleted,edited,notes_page_viewed,searched,used_unit_link,viewed}
edx.librarycontentblock.content.{assigned,removed} xmodule.partitions.assigned_user_to_partition xblock.split_test.child_render
xblock.{poll,survey}.{submitted,view_results} edx.certificate.{created,revoked,shared,evidence_visited,generation.enabled,generation.disabled}
edx.badge.assertion.{created,shared,evidence_visited} edx.cohort.{created,creation_requested,user_added,user_removed,user_add_requested}
edx.team.{created,deleted,activity_updated,changed,learner_added,learner_removed,page_viewed,searched} edx.done.toggled
edx.completion.block_completion.changed edx.drag_and_drop_v2.{loaded,item.picked_up,item.dropped,feedback.opened,feedback.closed}
ubc.peer_instruction.{accessed,original_submitted,revised_submitted} book
textbook.pdf.{thumbnails.toggled,outline.toggled,page.navigated,page.scrolled,zoom.buttons.changed,zoom.menu.changed,display.scaled,thumbnail.navigated}
textbook.pdf.{chapter.navigated,search.executed,search.navigatednext,search.highlight.toggled,searchcasesensitivity.toggled}
edx.googlecomponent.{calendar,document}.displayed oppia.exploration.{loaded,completed,state.changed}
microsoft.office.mix.{loaded,played,paused,stopped,slide.loaded}
edx.special_exam.{proctored,practice,timed}.attempt.{created,deleted,started,submitted,ready_to_submit}
edx.special_exam.{proctored,practice}.attempt.{download_software_clicked,error,ready_to_start}
edx.special_exam.proctored.attempt.{declined,rejected,verified,review_received} edx.special_exam.proctored.option-presented
edx.special_exam.{proctored,practice,timed}.{created,updated,allowance.created,allowance.deleted}
{add,remove}-instructor add-or-remove-user-group delete-student-module-state rescore-student-submission rescore-all-submissions reset-all-attempts
reset-student-attempts get-student-progress-page list-forum-{admins,mods,community-TAs} {add,remove}-forum-{admin,mod,community-TA}
dump-{answer-dist-csv,graded-assignments-config,grades,grades-csv,grades-csv-raw,grades-raw} list-{beta-testers,instructors,staff,students}
edx.instructor.report.{requested,downloaded} psychometrics-histogram-generation edx.user.settings.changed xblock.problem_builder.{loaded,submitted}
site_{search,search_jump} get_client_configuration grade progress {add,delete}_resource recommender_upvote
"""


@cache
def lines_of(recipe: Recipe, site: str = PROD) -> list[bytes]:
    return [line for day in recipe.event_days for line in iter_events(recipe, day, site)]


def events_of(recipe: Recipe, site: str = PROD) -> Iterator[dict[str, Any]]:
    return map(json.loads, lines_of(recipe, site))


def expand(word: str) -> list[str]:
    pieces = [piece.split(",") for piece in re.split(r"[{}]", word)]
    return ["".join(choice) for choice in product(*pieces)]


def test_every_event_of_the_reference_occurs_in_a_default_sample() -> None:
    wanted = {name for word in REFERENCE.split() for name in expand(word)}
    said = {event[field] for event in events_of(DEFAULT) for field in ("event_type", "name")}
    assert len(wanted) > 220
    assert wanted - said == set()


def test_payloads_have_the_form_of_their_source() -> None:
    forms = Counter((event["event_source"], type(event["event"]).__name__) for event in events_of(DEFAULT) if not event["event_type"].startswith("/"))
    assert set(forms) == {("browser", "str"), ("browser", "list"), ("server", "dict"), ("task", "dict"), ("mobile", "str"), ("mobile", "dict")}
    checks = [event["event"] for event in events_of(DEFAULT) if (event["event_type"], event["event_source"]) == ("problem_check", "browser")]
    assert any(text.startswith("input_") for text in checks)
    assert any(text.startswith('"input_') for text in checks)


def test_implicit_events_carry_text_that_is_cut_at_512_characters() -> None:
    payloads = [event["event"] for event in events_of(DEFAULT) if event["event_type"].startswith("/") and isinstance(event["event"], str)]
    assert max(map(len, payloads)) == 512
    assert all(set(json.loads(text)) == {"GET", "POST"} for text in payloads if len(text) < 512)


def test_lines_are_ascii_and_no_two_are_the_same() -> None:
    lines = lines_of(DEFAULT)
    assert all(line.isascii() for line in lines)
    assert len(set(lines)) == len(lines)


def test_every_event_lies_in_the_file_of_the_day_it_was_received() -> None:
    early = 0
    for day in DEFAULT.event_days:
        for event in map(json.loads, iter_events(DEFAULT, day)):
            assert event["context"].get("received_at", event["time"])[:10] == day.isoformat()
            early += event["time"][:10] < day.isoformat()
    assert early > 0


def test_events_have_keys_with_dots_dollars_and_digits() -> None:
    text = b"\n".join(iter_events(DEFAULT, DEFAULT.last_day)).decode()
    keys = set(re.findall(r'"((?:[^"\\]|\\.)*)": ', text))
    assert {"xblock.partition_service.partition_1", "$vote", ""} <= keys
    assert any(re.match(r"[0-9].*_2_1$", key) for key in keys)
    assert any(key.startswith("i4x-") for key in keys)


def test_enrollment_events_say_what_the_enrollment_rows_say() -> None:
    begins = DEFAULT.events_begin.replace(tzinfo=None).isoformat(" ")
    last: dict[tuple[str, int], tuple[str, str, str]] = {}
    activated = set()
    for event in events_of(DEFAULT):
        what = event["event_type"].removeprefix("edx.course.enrollment.")
        if what in ("activated", "deactivated", "mode_changed"):
            key = event["event"]["course_id"], event["event"]["user_id"]
            last[key] = max(last.get(key, ("", "", "")), (event["time"][:26], what, event["event"]["mode"]))
            activated |= {(*key, event["time"].replace("T", " ").removesuffix("+00:00"))} if what == "activated" else set()
    assert {what for _, what, _ in last.values()} == {"activated", "deactivated", "mode_changed"}
    rows = {
        (row["course_id"], row["user_id"]): row for course in courses_of(DEFAULT) for row in iter_rows(DEFAULT, course, "student_courseenrollment")
    }
    for key, (_, what, mode) in last.items():
        assert (rows[key]["is_active"], rows[key]["mode"]) == (what != "deactivated", mode)
    created = {(*key, str(row["created"]).removesuffix("+00:00")) for key, row in rows.items()}
    assert {entry for entry in created if entry[2] >= begins} <= activated
