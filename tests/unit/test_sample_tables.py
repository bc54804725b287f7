"""The files of the weekly ZIP of a sample, checked with decoders written for these tests alone."""

from __future__ import annotations

import io
import json
import re
import tarfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from in_the_clear import decoded

from edx_import.model import EDGE, PROD
from edx_import.packages.naming import parse_member
from edx_import.sample.catalogue import BY_TASK, TABLE_FILES, iter_rows
from edx_import.sample.events import iter_events
from edx_import.sample.package import database_members
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.table_files import Cell, write_table
from edx_import.sample.totals import Tally
from edx_import.tables import Dialect

DEFAULT = Recipe()
SMALL = Recipe(learners=40, events_per_day=60, days=2)
RUNNING, HYPHENATED, ARCHIVED = courses_of(DEFAULT)


@cache
def members(recipe: Recipe) -> dict[str, bytes | None]:
    """The content of the members of the newest ZIP, by base name."""
    return {member.path.rpartition("/")[2]: member.content for member in database_members(recipe, recipe.snapshots[-1], Tally())}


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
    assert all(any(character in name for name in names) for character in '\t\n\r\\"🦊م王О')
    states = members(DEFAULT)[f"{RUNNING.file_part}-courseware_studentmodule-prod-analytics.sql.gpg"]
    assert b"\\\t" in (states or b"")
    assert column("auth_user", "id") - column("auth_userprofile", "user_id")


def test_headers_are_those_of_the_day() -> None:
    assert BY_TASK["user_id_map"].header(date(2020, 1, 12)) == ("hash_id", "id", "username")
    assert BY_TASK["user_id_map"].header(date(2023, 1, 12)) == ("hash_id", "user_id", "username")
    assert BY_TASK["auth_userprofile"].header(date(2023, 1, 12))[-1] == "state"


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
