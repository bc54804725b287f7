"""The sample package: what is promised about its clear content, checked with decoders written for these tests alone."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile

import pytest

from edx_import.courses import load_courses
from edx_import.errors import UsageError
from edx_import.model import EDGE, PROD
from edx_import.packages.naming import parse_key, parse_member
from edx_import.sample import dirt
from edx_import.sample.catalogue import BY_TASK, TABLE_FILES, iter_rows
from edx_import.sample.events import Outcome, iter_events, iter_lines
from edx_import.sample.package import database_members, dirty_lines, make_package
from edx_import.sample.recipe import Recipe, courses_of, sample_courses_yaml
from edx_import.sample.sealing import Sealer
from edx_import.sample.table_files import Cell, write_table
from edx_import.sample.totals import GeneralTotals, SampleTotals, Tally
from edx_import.tables import Dialect

DEFAULT = Recipe()
SMALL = Recipe(learners=40, events_per_day=60, days=2)
RUNNING, HYPHENATED, ARCHIVED = courses_of(DEFAULT)

# What the data package's reference lists; {a,b} stands for a and b. Enrolments included, implicit events (paths) apart.
REFERENCE = """
edx.course.enrollment.{activated,deactivated,mode_changed,upgrade.clicked,upgrade.succeeded}
seq_{goto,next,prev} edx.ui.lms.sequence.{tab_selected,next_selected,previous_selected} edx.ui.lms.{link_clicked,outline.selected,jump_nav.selected} page_close
edx.bookmark.{accessed,added,removed,listed} edx.course.tool.accessed
{load,play,pause,stop,seek,speed_change,complete}_video edx.video.{loaded,played,paused,stopped,position.changed,transcript.shown,transcript.hidden}
{show,hide}_transcript video_{show,hide}_cc_menu edx.video.{language_menu,closed_captions}.{shown,hidden}
edx.video.bumper.{loaded,played,stopped,skipped,dismissed,transcript.shown,transcript.hidden,transcript.menu.shown,transcript.menu.hidden}
problem_{check,check_fail,graded,reset,save,show,rescore,rescore_fail} save_problem_{check,check_fail,success,fail} {showanswer,show_answer}
reset_{problem,problem_fail} edx.problem.hint.{demandhint,feedback}_displayed
edx.grades.problem.{submitted,rescored,score_overridden,state_deleted} edx.grades.{subsection,course}.grade_calculated
edx.course.grade.{passed.first_time,now_passed,now_failed}
edx.forum.{thread,response,comment}.{created,edited,deleted,reported,unreported} edx.forum.thread.viewed edx.forum.{thread,response}.voted edx.forum.searched
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


class Unsealed(Sealer):
    """Leaves everything in the clear, so that tests can look at it without gpg."""

    def __init__(self) -> None: ...

    def close(self) -> None: ...

    def seal(self, data: bytes | BinaryIO, *, compress: bool = True) -> bytes:
        return data if isinstance(data, bytes) else data.read()

    def seal_file(self, source: Path | BinaryIO, target: Path, *, compress: bool = True) -> None:
        assert not isinstance(source, Path)
        target.write_bytes(source.read())


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleTotals]:
    """The default package in the clear, and its totals."""
    folder = tmp_path_factory.mktemp("clear")
    return folder, make_package(DEFAULT, folder, Unsealed())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def events_of(recipe: Recipe, site: str = PROD) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for day in recipe.event_days for line in iter_events(recipe, day, site))


def members(recipe: Recipe, day: date | None = None) -> dict[str, bytes | None]:
    return {member.path.rpartition("/")[2]: member.content for member in database_members(recipe, day or recipe.snapshots[-1], Tally())}


# --- the same, and not the same


def test_one_recipe_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    recipe = replace(SMALL, edge=True, foreign=True, dirt=0.1)
    totals = [make_package(recipe, tmp_path / name, Unsealed()) for name in ("one", "two")]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert totals[0] == totals[1]


def test_another_seed_gives_other_learners_and_other_events() -> None:
    other = replace(SMALL, seed=2)
    assert not set(iter_events(SMALL, SMALL.last_day)) & set(iter_events(other, SMALL.last_day))
    assert [*iter_rows(SMALL, RUNNING, "auth_user")] != [*iter_rows(other, RUNNING, "auth_user")]


def test_a_day_does_not_depend_on_what_was_made_before_it() -> None:
    last = [*iter_events(SMALL, SMALL.last_day)]
    assert [*iter_events(SMALL, SMALL.event_days[0])] != last
    assert [*iter_events(SMALL, SMALL.last_day)] == last


def test_a_day_of_any_size_is_streamed() -> None:
    assert json.loads(next(iter_events(Recipe(learners=5, events_per_day=10**9), DEFAULT.last_day)))["time"]


# --- events


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
    lines = [line for day in DEFAULT.event_days for line in iter_events(DEFAULT, day)]
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


# --- table files


@pytest.mark.parametrize(
    ("value", "standard", "student_module"),
    [
        (None, "NULL", "NULL"),
        ("NULL", "NULL", "NULL"),
        ("", "", ""),
        (True, "1", "1"),
        (84, "84", "84"),
        (1.0, "1.0", "1"),
        (0.84, "0.84", "0.84"),
        (datetime(2020, 1, 5, 10, tzinfo=UTC), "2020-01-05 10:00:00", "2020-01-05 10:00:00.000000"),
        (datetime(2020, 1, 5, 10, 0, 0, 1200, tzinfo=UTC), "2020-01-05 10:00:00.001200", "2020-01-05 10:00:00.001200"),
        ("\"quoted\" 'too'", "\"quoted\" 'too'", "\"quoted\" 'too'"),
        ("C:\\new", "C:\\\\new", "C:\\\\new"),
        ("a\tb", "a\\tb", "a\\\tb"),
        ("a\r\nb", "a\\r\\nb", "arnb"),
        ("a\0b", "ab", "a0b"),
    ],
)
def test_a_cell_is_written_as_its_producer_writes_it(value: Cell, standard: str, student_module: str) -> None:
    rows = [{"x": value, "y": 1}]
    assert b"".join(write_table(("y", "x"), rows)).decode() == f"y\tx\n1\t{standard}\n"
    assert b"".join(write_table(("y", "x"), rows, Dialect.STUDENT_MODULE)).decode() == f"y\tx\n1\t{student_module}\n"


def decoded(content: bytes, dialect: Dialect) -> list[dict[str, str]]:
    """The rows of a table file: a decoder that shares nothing with the maker or with our readers."""
    text = content.decode()
    if dialect is Dialect.STUDENT_MODULE:
        return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE, escapechar="\\"))
    header, *lines = text.removesuffix("\n").split("\n")
    meaning = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
    rows = [[re.sub(r"\\(.)", lambda pair: meaning[pair[1]], cell) for cell in line.split("\t")] for line in lines]
    return [dict(zip(header.split("\t"), row, strict=True)) for row in rows]


def as_text(value: Cell) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    return {None: "NULL", True: "1", False: "0"}[value] if value is None or isinstance(value, bool) else str(value)


def normal(text: str) -> str:
    """Numbers and times in one way, whichever dialect they come from."""
    return re.sub(r"(?<=:\d\d)\.000000$|(?<=^\d)\.0$", "", text)


@pytest.mark.parametrize("course", [RUNNING, HYPHENATED, ARCHIVED], ids=lambda course: course.file_part)
def test_every_table_file_holds_the_rows_field_by_field(course: Any) -> None:
    files = members(DEFAULT)
    for file in TABLE_FILES:
        content = files[f"{course.file_part}-{file.task}-prod-analytics.sql.gpg"]
        assert content is not None
        written = [{name: normal(cell) for name, cell in row.items()} for row in decoded(content, file.dialect)]
        header = file.header(DEFAULT.last_day)
        assert written == [{name: normal(as_text(row[name])) for name in header} for row in iter_rows(DEFAULT, course, file.task)]


def test_there_are_forty_table_files_and_the_assessments_lie_apart() -> None:
    paths = [member.path for member in database_members(replace(SMALL, courses=1), SMALL.last_day, Tally())]
    assert len(TABLE_FILES) == 6 + 13 + 21
    assert sum(path.startswith("demox-2020-01-12/ora/") for path in paths) == 21
    assert {name.task for path in paths if (name := parse_member(path))} == {*BY_TASK, "forum", "course_structure", "course"}


def test_hard_values_are_in_every_sample() -> None:
    recipe = Recipe(seed=77, learners=16, events_per_day=0)
    users, profiles = [*iter_rows(recipe, RUNNING, "auth_user")], [*iter_rows(recipe, RUNNING, "auth_userprofile")]
    assert {"00123", "NULL"} <= {row["username"] for row in users}
    names = [str(row["name"]) for row in profiles]
    assert "NULL" in names
    assert all(any(character in name for name in names) for character in '\t\n\r\\"🦊م王Ж'.replace("Ж", "О"))
    states = members(DEFAULT)[f"{RUNNING.file_part}-courseware_studentmodule-prod-analytics.sql.gpg"]
    assert b"\\\t" in (states or b"")
    missing = [
        row
        for row in iter_rows(DEFAULT, RUNNING, "auth_user")
        if row["id"] not in {row["user_id"] for row in iter_rows(DEFAULT, RUNNING, "auth_userprofile")}
    ]
    assert missing


def test_headers_are_those_of_the_day() -> None:
    assert BY_TASK["user_id_map"].header(date(2020, 1, 12)) == ("hash_id", "id", "username")
    assert BY_TASK["user_id_map"].header(date(2023, 1, 12)) == ("hash_id", "user_id", "username")
    assert BY_TASK["auth_userprofile"].header(date(2023, 1, 12))[-1] == "state"


# --- rows that belong together


def column(task: str, name: str, course: Any = RUNNING) -> set[Any]:
    return {row[name] for row in iter_rows(DEFAULT, course, task)}


@pytest.mark.parametrize(
    ("task", "name", "other_task", "other_name"),
    [
        ("auth_userprofile", "user_id", "auth_user", "id"),
        ("courseware_studentmodule", "student_id", "student_courseenrollment", "user_id"),
        ("certificates_generatedcertificate", "user_id", "student_courseenrollment", "user_id"),
        ("student_languageproficiency", "user_profile_id", "auth_userprofile", "id"),
        ("teams_membership", "team_id", "teams", "id"),
        ("wiki_articlerevision", "article_id", "wiki_article", "id"),
        ("submissions_studentitem", "student_id", "student_anonymoususerid", "anonymous_user_id"),
        ("submissions_submission", "student_item_id", "submissions_studentitem", "id"),
        ("submissions_score", "submission_id", "submissions_submission", "id"),
        ("submissions_scoresummary", "latest_id", "submissions_score", "id"),
        ("assessment_assessment", "submission_uuid", "submissions_submission", "uuid"),
        ("assessment_assessment", "scorer_id", "student_anonymoususerid", "anonymous_user_id"),
        ("assessment_assessment", "rubric_id", "assessment_rubric", "id"),
        ("assessment_assessmentpart", "assessment_id", "assessment_assessment", "id"),
        ("assessment_assessmentpart", "option_id", "assessment_criterionoption", "id"),
        ("assessment_criterionoption", "criterion_id", "assessment_criterion", "id"),
        ("assessment_assessmentfeedback_assessments", "assessment_id", "assessment_assessment", "id"),
        ("assessment_studenttrainingworkflowitem", "workflow_id", "assessment_studenttrainingworkflow", "id"),
        ("workflow_assessmentworkflow", "submission_uuid", "submissions_submission", "uuid"),
        ("workflow_assessmentworkflowstep", "workflow_id", "workflow_assessmentworkflow", "id"),
    ],
)
def test_rows_join(task: str, name: str, other_task: str, other_name: str) -> None:
    assert column(task, name)
    assert column(task, name) <= column(other_task, other_name)


@pytest.mark.parametrize("file", TABLE_FILES, ids=lambda file: file.task)
def test_row_ids_are_unique_within_a_file(file: Any) -> None:
    if "id" in file.header(DEFAULT.last_day):
        ids = [row["id"] for row in iter_rows(DEFAULT, RUNNING, file.task)]
        assert len(set(ids)) == len(ids)


def test_somebody_has_a_certificate_but_no_account() -> None:
    assert column("certificates_generatedcertificate", "user_id", ARCHIVED) - column("auth_user", "id", ARCHIVED)


def test_the_two_sites_share_ids_and_nothing_else() -> None:
    prod, edge = ({row["id"]: row for row in iter_rows(DEFAULT, RUNNING, "auth_user", site)} for site in (PROD, EDGE))
    shared = prod.keys() & edge.keys()
    assert len(shared) > 50
    assert not {prod[user]["username"] for user in shared} & {edge[user]["username"] for user in shared}
    assert not set(iter_events(SMALL, SMALL.last_day, PROD)) & set(iter_events(SMALL, SMALL.last_day, EDGE))


@pytest.mark.parametrize("task", ["student_courseenrollment", "courseware_studentmodule", "auth_user"])
def test_this_week_has_rows_that_last_week_had_not(task: str) -> None:
    weeks = [{row["id"]: row for row in iter_rows(DEFAULT, RUNNING, task, day=DEFAULT.last_day - timedelta(days=back))} for back in (7, 0)]
    assert weeks[1].keys() - weeks[0].keys()
    if task == "courseware_studentmodule":
        assert weeks[0].keys() - weeks[1].keys()
    if task != "auth_user":
        assert any(weeks[0][key] != weeks[1][key] for key in weeks[0].keys() & weeks[1].keys())


# --- other files


def test_forum_comments_belong_to_threads_that_are_there() -> None:
    dates = set()
    for course in courses_of(DEFAULT):
        posts = [json.loads(line) for line in (members(DEFAULT)[f"{course.file_part}-prod.mongo.gpg"] or b"").splitlines()]
        ids = {post["_id"]["$oid"] for post in posts}
        comments = [post for post in posts if post["_type"] == "Comment"]
        assert {post["comment_thread_id"]["$oid"] for post in comments} <= ids
        assert {post["parent_id"]["$oid"] for post in comments if "parent_id" in post} <= ids
        assert sum(post["comment_count"] for post in posts if post["_type"] == "CommentThread") == len(comments) > 0
        assert any("parent_id" in post for post in comments)
        dates |= {re.sub(r"[0-9]+", "0", str(post["created_at"]["$date"])) for post in posts}
    assert dates == {"0-0-0T0:0:0.0Z", "0-0-0T0:0:0.0+0", "0"}


def test_structure_and_content_describe_one_tree() -> None:
    files = members(DEFAULT)
    for course in courses_of(DEFAULT):
        structure = json.loads(files[f"{course.file_part}-course_structure-prod-analytics.json.gpg"] or b"")
        assert [key for key, block in structure.items() if block["category"] == "course"] == [course.root_key]
        children = {child for block in structure.values() for child in block["children"]}
        assert {course.root_key} | (children & structure.keys()) == structure.keys()
        assert len(children - structure.keys()) == (1 if course is HYPHENATED or course.index == 1 else 0)
        with tarfile.open(fileobj=io.BytesIO(files[f"{course.file_part}-course-prod-analytics.xml.tar.gz.gpg"] or b"")) as tar:
            names = tar.getnames()
        problems = [block for block in structure.values() if block["category"] == "problem"]
        assert sum(f"{course.run}/problem/" in name for name in names) == len(problems)
        assert {f"{course.run}/course.xml", f"{course.run}/policies/{course.run}/grading_policy.json"} <= set(names)


def test_the_email_file_repeats_its_header(clear: tuple[Path, SampleTotals]) -> None:
    with ZipFile(clear[0] / "course-data/email-opt-in/email-opt-in-demox-2020-01-12.zip") as archive:
        text = archive.read("email-opt-in-demox-2020-01-12/demox-email_opt_in-prod-analytics.csv.gpg").decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows.count(rows[0]) == 3
    assert {row[5] for row in rows if row != rows[0]} == {"True", "False", ""}
    assert len(rows) - 3 == clear[1].documents["email_opt_in"]


def test_the_sample_courses_yaml_lists_all_courses_but_one(tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text(sample_courses_yaml(DEFAULT), encoding="utf-8")
    catalog = load_courses(tmp_path / "courses.yaml")
    assert [course.id for course in catalog.courses] == [RUNNING.id, HYPHENATED.id]
    assert [(course.name, course.sme, course.passing_grade) for course in catalog.courses] == [
        (c.name, c.sme, c.passing_grade) for c in (RUNNING, HYPHENATED)
    ]
    assert catalog.courses[0].start_date == datetime(2020, 1, 6, tzinfo=UTC)


# --- the package and its totals


def test_keys_and_members_have_the_names_that_edx_gives_them(tmp_path: Path) -> None:
    make_package(replace(SMALL, edge=True, weekly=(date(2020, 1, 5), date(2020, 1, 12))), tmp_path, Unsealed())
    keys = sorted(contents(tmp_path))
    assert keys == [
        "course-data/demox-2020-01-05.zip",
        "course-data/demox-2020-01-12.zip",
        "course-data/email-opt-in/email-opt-in-demox-2020-01-05.zip",
        "course-data/email-opt-in/email-opt-in-demox-2020-01-12.zip",
        "edx-course-data/demox/edge/events/2020/demox-edge-events-2020-01-11.log.gz.gpg",
        "edx-course-data/demox/edge/events/2020/demox-edge-events-2020-01-12.log.gz.gpg",
        "edx-course-data/demox/edx/events/2020/demox-edx-events-2020-01-11.log.gz.gpg",
        "edx-course-data/demox/edx/events/2020/demox-edx-events-2020-01-12.log.gz.gpg",
    ]
    with ZipFile(tmp_path / keys[1]) as archive:
        names = set(archive.namelist())
    assert {
        "demox-2020-01-12/DemoX-D-102x-2T2019-v2-auth_user-prod-analytics.sql.gpg",
        "demox-2020-01-12/DemoX-D90-2013_Fall-auth_user-prod-edge-analytics.sql.gpg",
        "demox-2020-01-12/DemoX-D101-1T2020-prod.mongo.gpg",
        "demox-2020-01-12/DemoX-D101-1T2020-edge.mongo.gpg",
        "demox-2020-01-12/ora/DemoX-D101-1T2020-assessment_rubric-prod-analytics.sql.gpg",
    } <= names


def test_foreign_keys_are_never_read_as_ours(tmp_path: Path) -> None:
    make_package(replace(SMALL, foreign=True, courses=1), tmp_path, Unsealed())
    keys = [key.split("/", 1)[1] for key in contents(tmp_path)]
    strange = [key for key in keys if (name := parse_key(key)) is None or name.org != "demox" or name.site_token == "patches"]
    assert len(strange) == 4
    assert "demox-pro-2020-01-12.zip" in strange


def member_rows(folder: Path, task: str) -> dict[str, list[dict[str, str]]]:
    """The decoded rows of a table of every course, by the course part of the name."""
    with ZipFile(folder / "course-data/demox-2020-01-12.zip") as archive:
        named = [(path, parse_member(path)) for path in archive.namelist()]
        found = [(name.course_part, archive.read(path)) for path, name in named if name and name.task == task and name.site == PROD]
    return {part: decoded(content, BY_TASK[task].dialect) for part, content in found}


def test_document_totals_equal_a_recount(clear: tuple[Path, SampleTotals]) -> None:
    folder, totals = clear
    counted: Counter[str] = Counter()
    with ZipFile(folder / "course-data/demox-2020-01-12.zip") as archive:
        for path in archive.namelist():
            name = parse_member(path)
            assert name is not None
            content = archive.read(path)
            if name.extension == "sql":
                counted[name.task] += content.count(b"\n") - 1
            elif name.extension == "mongo":
                counted["forum"] += content.count(b"\n")
            elif name.extension == "json":
                counted["course_structure"] += len(json.loads(content))
    said = {collection.removeprefix("other_"): number for collection, number in totals.documents.items()}
    assert {name: said.get(name, 0) for name in counted} == dict(counted)
    assert said["courses"] == 3
    assert totals.rejected_rows == {}


def test_event_totals_equal_a_recount(clear: tuple[Path, SampleTotals]) -> None:
    folder, totals = clear
    lines = {key: gzip.decompress((folder / "edx-course-data" / key).read_bytes()).splitlines() for key in totals.event_files}
    assert {key: len(content) for key, content in lines.items()} == {key: file.read for key, file in totals.event_files.items()}
    assert all(file.read == file.loaded and not file.duplicate and not file.rejected for file in totals.event_files.values())
    assert totals.documents["events"] == len({line for content in lines.values() for line in content}) == sum(totals.events.values())
    named: Counter[str] = Counter()
    for content in lines.values():
        for line in content:
            mentioned = [course.id for course in courses_of(DEFAULT) if course.id.encode() in line]
            named[mentioned[0] if "/dashboard" not in str(line) and "/user_api" not in str(line) else ""] += 1
    assert dict(named) == dict(totals.events)


def test_report_totals_equal_a_recount(clear: tuple[Path, SampleTotals]) -> None:
    folder, totals = clear
    enrollments, profiles = member_rows(folder, "student_courseenrollment"), member_rows(folder, "auth_userprofile")
    certificates, modules = member_rows(folder, "certificates_generatedcertificate"), member_rows(folder, "courseware_studentmodule")
    recount = []
    for course in courses_of(DEFAULT):
        part = course.file_part
        people = {row["user_id"]: row for row in profiles[part]}
        known = [people.get(row["user_id"], {"gender": "NULL", "country": "NULL"}) for row in enrollments[part]]
        recount.append(
            GeneralTotals(
                course.id,
                course.name,
                len(enrollments[part]),
                len({row["student_id"] for row in modules[part]}),
                len([row for row in certificates[part] if row["grade"] and float(row["grade"]) >= course.passing_grade]),
                len([row for row in certificates[part] if row["status"] == "downloadable"]),
                len([row for row in certificates[part] if row["status"] == "notpassing"]),
                len([row for row in known if row["gender"] == "m"]),
                len([row for row in known if row["gender"] == "f"]),
                len({row["country"] for row in known} - {"", "NULL"}),
            )
        )
    assert totals.general == tuple(recount)
    assert len(totals.enrollments) == sum(course.total_users for course in recount)
    assert {row.gender for row in totals.enrollments} == {"m", "f", "o", ""}
    assert {(row.course_id, row.mode, row.is_active) for row in totals.enrollments} == {
        (row["course_id"], row["mode"], row["is_active"] == "1") for rows in enrollments.values() for row in rows
    }
    assert json.loads(json.dumps(totals.as_dict(), default=str))["general"][0]["course_id"] == RUNNING.id


def test_a_recipe_without_learners_makes_a_package_of_headers(tmp_path: Path) -> None:
    totals = make_package(Recipe(learners=0, courses=1, dirt=dirt.DIRT - dirt.LONG_LINES.keys()), tmp_path, Unsealed())
    assert totals.documents["auth_user"] == totals.documents["events"] == 0
    assert "DemoX-D101-1T2020-courseware_studentmodule-prod-analytics.sql.gpg" not in members(Recipe(learners=0))


# --- dirt


def test_every_dirt_of_lines_comes_once_a_day_and_changes_nothing_else() -> None:
    small = replace(SMALL, dirt=frozenset(dirt.LINES))
    clean = Counter(line.data for line in iter_lines(SMALL, SMALL.last_day))
    dirty = [*dirty_lines(small, SMALL.last_day)]
    outcomes = Counter(line.outcome for line in dirty)
    assert outcomes[Outcome.REJECTED] == 7
    assert outcomes[Outcome.DUPLICATE] == outcomes[Outcome.BLANK] == 1
    assert outcomes[Outcome.LOADED] == clean.total() - 7
    assert sum((clean - Counter(line.data for line in dirty)).values()) == len(dirt.LINES) - 2  # a duplicate and a blank line take nothing away


@pytest.mark.parametrize("name", sorted(dirt.LINES))
def test_dirt_is_what_its_name_says(name: str) -> None:
    sign: dict[str, Callable[[list[bytes]], bool]] = {
        "cut_line": lambda lines: lines[0].startswith(b'{"username"') and not lines[0].endswith(b"}"),
        "prefix": lambda lines: lines[0].endswith(b"}") and not lines[0].startswith(b"{"),
        "not_json": lambda lines: lines[0].isascii() and b"{" not in lines[0],
        "null_line": lambda lines: lines[0] == b"null",
        "list_line": lambda lines: lines[0] == b"[1]",
        "empty_object": lambda lines: lines[0] == b"{}",
        "no_time": lambda lines: "time" not in json.loads(lines[0]),
        "bad_time": lambda lines: not re.match(r"20\d\d-(0\d|1[012])-[0-3]", json.loads(lines[0])["time"]),
        "bad_utf8": lambda lines: b"\xff" in lines[0],
        "lone_surrogate": lambda lines: b'"\\ud83d"' in lines[0],
        "huge_int": lambda lines: json.loads(lines[0])["context"]["client"]["big"] > 2**64,
        "nan": lambda lines: b"NaN" in lines[0] and b"-Infinity" in lines[0],
        "duplicate_line": lambda lines: lines[0] == lines[1],
        "blank_line": lambda lines: not lines[1].strip(),
        "nul": lambda lines: b"\\u0000" in lines[0],
        "dotted_keys": lambda lines: b'"a.b"' in lines[0],
        "double_encoded": lambda lines: isinstance(json.loads(json.loads(lines[0])["event"]), str),
    }
    assert sign[name]([line.data for line in dirty_lines(replace(SMALL, dirt=frozenset({name})), SMALL.last_day)])


def test_long_lines_come_on_the_last_day() -> None:
    recipe = replace(SMALL, dirt=frozenset(dirt.LONG_LINES))
    sizes = [sorted(len(line.data) // 10**6 for line in dirty_lines(recipe, day))[-2:] for day in recipe.event_days]
    assert sizes == [[0, 0], [5, 20]]


def test_a_share_of_dirt_is_about_that_share() -> None:
    lines = [*dirty_lines(replace(SMALL, events_per_day=1000, dirt=0.3), SMALL.last_day)]
    clean = set(iter_events(replace(SMALL, events_per_day=1000), SMALL.last_day))
    assert 0.2 < sum(line.data not in clean for line in lines) / len(lines) < 0.35
    assert {line.outcome for line in lines} == set(Outcome)


def test_dirt_of_tables_and_members_sits_with_the_first_course() -> None:
    recipe = replace(SMALL, dirt=dirt.DIRT - dirt.LINES.keys() - dirt.LONG_LINES.keys())
    clean, dirty = members(SMALL), members(recipe)
    first = f"{RUNNING.file_part}-"
    assert dirty.keys() - clean.keys() == {f"{first}wiki_article-prod-analytics.sql.failed.gpg", "READ_ME.txt.gpg"}
    assert clean.keys() - dirty.keys() == {f"{first}wiki_article-prod-analytics.sql.gpg"}
    changed = {name: dirty[name] for name in clean.keys() & dirty.keys() if dirty[name] != clean[name]}
    assert {name.split("-")[3] for name in changed} == {"teams", "auth_user", "auth_userprofile", "user_id_map"}
    assert changed[f"{first}teams-prod-analytics.sql.gpg"] is None
    assert b"0000-00-00" in (changed[f"{first}auth_user-prod-analytics.sql.gpg"] or b"")
    ids = [row["id"] for row in decoded(changed[f"{first}user_id_map-prod-analytics.sql.gpg"] or b"", Dialect.STANDARD)]
    assert len(ids) == len(set(ids)) + 1


def test_dirt_is_in_the_totals(tmp_path: Path) -> None:
    recipe = replace(SMALL, dirt=dirt.DIRT - dirt.LONG_LINES.keys())
    clean, dirty = make_package(SMALL, tmp_path / "clean", Unsealed()), make_package(recipe, tmp_path / "dirty", Unsealed())
    assert dirty.rejected_rows == {"auth_userprofile": 1, "user_id_map": 1}
    assert {file.rejected for file in dirty.event_files.values()} == {7}
    assert {file.duplicate for file in dirty.event_files.values()} == {1}
    assert dirty.documents["events"] == clean.documents["events"] - 14
    assert dirty.documents["auth_user"] == clean.documents["auth_user"]
    with ZipFile(tmp_path / "dirty/course-data/demox-2020-01-12.zip") as archive:
        assert [info.filename for info in archive.infolist() if info.is_dir()] == ["demox-2020-01-12/"]
        assert [info.filename.split("-")[5] for info in archive.infolist() if not info.file_size and not info.is_dir()] == ["teams"]


def test_an_unknown_dirt_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no dirt is called mud"):
        make_package(replace(SMALL, dirt=frozenset({"mud"})), tmp_path, Unsealed())
