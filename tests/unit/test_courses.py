"""The forms of course ids, courses.yaml, and what the list of courses is asked."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edx_import.courses import (
    Course,
    CourseCatalog,
    course_id_of_block,
    file_form,
    guess_course_id,
    is_course_id,
    load_courses,
    org_of,
    plus_form,
    slash_form,
)
from edx_import.errors import ConfigurationError, ExitCode
from edx_import.model import CourseFilter

NEW, OLD = "course-v1:DemoX+D101+1T2020", "DemoX/D101/1T2020"
CCX = "ccx-v1:DemoX+D101+1T2020+ccx@5"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "courses.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def listed(tmp_path: Path, *lines: str) -> tuple[Course, ...]:
    return load_courses(written(tmp_path, "courses:\n" + "".join(line + "\n" for line in lines))).courses


def problems_of(tmp_path: Path, text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_courses(written(tmp_path, text))
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    return caught.value.problems


# --- forms of ids


@pytest.mark.parametrize("text", [NEW, OLD, CCX, "course-v1:A.b+C-d~e+F:g_1", "course-v1:Université+Ä+1"])
def test_these_are_course_ids(text: str) -> None:
    assert is_course_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "DemoX", "DemoX/D101", "DemoX/D101/1T2020/x", "library-v1:DemoX+Lib", "course-v1:DemoX+D101", NEW + "\n", "course-v1:A B+C+D", NEW + "+x"],
)
def test_these_are_none(text: str) -> None:
    assert not is_course_id(text)


@pytest.mark.parametrize(
    ("course_id", "slash", "name"),
    [
        (NEW, OLD, "DemoX-D101-1T2020"),
        (OLD, OLD, "DemoX-D101-1T2020"),
        (CCX, "DemoX/D101/1T2020/ccx@5", "DemoX-D101-1T2020-ccx-5"),
        ("course-v1:Université+A.b~c+1-2", "Université/A.b~c/1-2", "Universit_-A.b~c-1-2"),
        ("A/B:b/C", "A/B:b/C", "A-B:b-C"),
    ],
)
def test_an_id_has_a_slash_form_and_a_file_form(course_id: str, slash: str, name: str) -> None:
    assert (slash_form(course_id), file_form(course_id)) == (slash, name)


def test_an_old_id_has_a_plus_form() -> None:
    assert (plus_form(OLD), plus_form(NEW), plus_form("other")) == (NEW, NEW, "other")


@pytest.mark.parametrize(("course_id", "org"), [(NEW, "DemoX"), (OLD, "DemoX"), (CCX, "DemoX"), ("library-v1:DemoX+Lib", "DemoX"), ("", "")])
def test_the_org_is_the_first_part(course_id: str, org: str) -> None:
    assert org_of(course_id) == org


@pytest.mark.parametrize(
    ("key", "course_id"),
    [
        ("block-v1:DemoX+D101+1T2020+type@course+block@course", NEW),
        ("block-v1:DemoX+D101+1T2020+branch@draft-branch+type@html+block@a+b", NEW),
        ("ccx-block-v1:DemoX+D101+1T2020+ccx@5+type@html+block@a", CCX),
        ("i4x://DemoX/D101/course/1T2020", OLD),
        ("i4x://DemoX/D101/problem/a", None),
        (NEW, None),
        ("", None),
    ],
)
def test_a_block_key_names_its_course(key: str, course_id: str | None) -> None:
    assert course_id_of_block(key) == course_id


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("DemoX-D101-1T2020", NEW),
        ("DemoX-D-10-1-1T2020", "course-v1:DemoX+D-10-1+1T2020"),
        ("DemoX-D101-1T2020-ccx-5", CCX),
        ("DemoX-D101", "DemoX-D101"),
        ("", ""),
    ],
)
def test_the_last_resort_is_the_name_of_the_file(name: str, guess: str) -> None:
    assert guess_course_id(name) == guess


@given(parts=st.tuples(*[st.text("aZ9_~.", min_size=1)] * 3))
def test_a_guess_from_a_name_without_inner_hyphens_is_right(parts: tuple[str, str, str]) -> None:
    course_id = "course-v1:" + "+".join(parts)
    assert guess_course_id(file_form(course_id)) == course_id


# --- the catalog

CATALOG = CourseCatalog(
    [
        Course(NEW, name="Demonstrations", aliases=("DemoX/D101/Pilot", "odd alias")),
        Course("OtherX/E-1/R", sme="Ann", end_date=datetime(2020, 4, 30, tzinfo=UTC)),
        Course("course-v1:DemoX+D101+1T2020_2"),
        Course("course-v1:Université+Ä~1+R"),
    ]
)


@pytest.mark.parametrize("text", [NEW, OLD, "DemoX-D101-1T2020", "DemoX/D101/Pilot", "course-v1:DemoX+D101+Pilot", "DemoX-D101-Pilot", "odd alias"])
def test_every_form_of_a_listed_course_resolves_to_its_id(text: str) -> None:
    assert CATALOG.resolve(text) == NEW
    assert CATALOG.get(text) == CATALOG.courses[0]


@pytest.mark.parametrize("text", ["", "DemoX/D101/Other", CCX, "library-v1:DemoX+Lib", "demox/d101/1t2020"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert CATALOG.resolve(text) == text
    assert CATALOG.get(text) is None
    assert CATALOG.metadata(text) is None


def test_the_listed_form_is_the_one_that_counts() -> None:
    assert CATALOG.resolve("course-v1:OtherX+E-1+R") == "OtherX/E-1/R"


def test_metadata_is_what_goes_on_documents() -> None:
    assert CATALOG.metadata("OtherX/E-1/R") == {"name": None, "sme": "Ann", "start_date": None, "end_date": datetime(2020, 4, 30, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("name", "course_id"),
    [
        ("DemoX-D101-1T2020", NEW),
        ("DemoX-D101-1T2020_2", "course-v1:DemoX+D101+1T2020_2"),
        ("OtherX-E-1-R", "OtherX/E-1/R"),
        ("DemoX-D101-Pilot", NEW),
        ("DemoX-D101-1T2020-ccx-5", CCX),
        ("OtherX-E-1-R-ccx-7", "ccx-v1:OtherX+E-1+R+ccx@7"),
        ("Universit_-_~1-R", "course-v1:Université+Ä~1+R"),
        ("Universit----1-R", "course-v1:Université+Ä~1+R"),
        ("DemoX-D101-1T2020_3", None),
        ("DemoX-D101-1T2021-ccx-5", None),
    ],
)
def test_a_file_name_tells_a_listed_course(name: str, course_id: str | None) -> None:
    assert CATALOG.by_file_name(name) == course_id


def test_a_listed_run_that_looks_like_a_custom_course_is_itself() -> None:
    catalog = CourseCatalog([Course(NEW), Course("course-v1:DemoX+D101+1T2020-ccx-5")])
    assert catalog.by_file_name("DemoX-D101-1T2020-ccx-5") == "course-v1:DemoX+D101+1T2020-ccx-5"


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        ((), (), True),
        ((NEW,), (), True),
        (("DemoX/*",), (), True),
        (("DemoX-D101-*",), (), True),
        (("*+D101+*",), (), True),
        (("demox/*",), (), False),
        (("Other*", "*1T2020"), (), True),
        ((), ("DemoX/*",), False),
        ((), ("OtherX/*",), True),
        (("DemoX/*",), ("*-1T2020",), False),
    ],
)
def test_a_filter_is_held_against_every_form(include: tuple[str, ...], exclude: tuple[str, ...], taken: bool) -> None:
    assert CATALOG.matches(NEW, CourseFilter(include, exclude)) is taken


@pytest.mark.parametrize(("wanted", "taken"), [(CourseFilter(), True), (CourseFilter(("*",)), False), (CourseFilter((), ("DemoX/*",)), False)])
def test_what_belongs_to_no_course_is_taken_only_with_everything(wanted: CourseFilter, taken: bool) -> None:
    assert CATALOG.matches(None, wanted) is taken


def test_the_orgs_are_those_of_the_ids_in_lower_case() -> None:
    assert CATALOG.org_candidates() == ("demox", "otherx", "université")


def test_a_catalog_travels_to_a_worker() -> None:
    copy = pickle.loads(pickle.dumps(CATALOG))
    assert copy == CATALOG
    assert copy.resolve(OLD) == NEW


@pytest.mark.parametrize("hour", [0, 23])
def test_the_last_day_of_a_course_is_part_of_it(hour: int) -> None:
    assert Course(NEW, end_date=datetime(2020, 4, 30, hour, tzinfo=UTC)).ends == datetime(2020, 5, 1, tzinfo=UTC)
    assert Course(NEW).ends is None


# --- courses.yaml


def test_without_a_file_no_course_is_listed() -> None:
    assert load_courses(None) == CourseCatalog()


def test_the_file_that_comes_along_is_valid_and_empty_and_so_is_its_example(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "courses.yaml"
    assert load_courses(shipped).courses == ()
    lines = shipped.read_text().splitlines()
    example = [line[2:] for line in lines[lines.index("# courses:") :] if line.startswith("# ")]
    (course,) = load_courses(written(tmp_path, "\n".join(example))).courses
    assert course == Course(
        id=NEW,
        name="Demonstrations for Beginners",
        sme="Department of Demonstrations",
        start_date=datetime(2020, 1, 15, tzinfo=UTC),
        end_date=datetime(2020, 4, 30, tzinfo=UTC),
        passing_grade=0.6,
        aliases=("DemoX/D101/2019_Pilot",),
    )


def test_only_the_id_is_required(tmp_path: Path) -> None:
    assert listed(tmp_path, f"- id: {NEW}") == (Course(NEW, passing_grade=0.65),)


@pytest.mark.parametrize("nothing", ["", "~", "null", "''"])
def test_a_field_without_value_counts_as_not_given(tmp_path: Path, nothing: str) -> None:
    fields = [f"  {name}: {nothing}" for name in ("name", "sme", "start_date", "end_date", "passing_grade")]
    assert listed(tmp_path, f"- id: {NEW}", *fields) == (Course(NEW),)


@pytest.mark.parametrize("text", ["101", "1.0", "yes", "2020-01-05", "0x1F", "1_000"])
def test_a_name_is_the_text_that_was_written(tmp_path: Path, text: str) -> None:
    (course,) = listed(tmp_path, f"- id: {NEW}", f"  name: {text}")
    assert course.name == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-31", datetime(2020, 1, 31, tzinfo=UTC)),
        ("'2020-01-31'", datetime(2020, 1, 31, tzinfo=UTC)),
        ("2020-01-31 12:30:00", datetime(2020, 1, 31, 12, 30, tzinfo=UTC)),
        ("2020-01-31T12:30:00Z", datetime(2020, 1, 31, 12, 30, tzinfo=UTC)),
        ("2020-01-31T23:30:00-03:00", datetime(2020, 2, 1, 2, 30, tzinfo=UTC)),
        ("2020-01-31T00:00:00.123456", datetime(2020, 1, 31, 0, 0, 0, 123000, tzinfo=UTC)),
    ],
)
def test_a_date_is_utc_unless_it_says_otherwise(tmp_path: Path, text: str, expected: datetime) -> None:
    (course,) = listed(tmp_path, f"- id: {NEW}", f"  start_date: {text}")
    assert course.start_date == expected
    assert course.start_date is not None
    assert course.start_date.tzinfo is UTC


@pytest.mark.parametrize("text", ["courses:\n", "courses: []\n", "\ufeffcourses: []\r\n", "courses: ~"])
def test_an_empty_list_is_a_list(tmp_path: Path, text: str) -> None:
    assert load_courses(written(tmp_path, text)).courses == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: the file must begin with courses:"),
        ("- id: x\n", "line 1: the file must begin with courses:"),
        ("# only a remark\n{}\n", "line 2: there is no list of courses"),
        ("courses: []\nother: 1\n", "line 2: unknown field other"),
        ("courses:\n  id: x\n", "line 2: courses must be a list"),
        ("courses: []\ncourses: []\n", "line 2: courses is given twice"),
        ("courses:\n- id: a\n\tname: b\n", "line 3: not YAML: "),
        ("courses:\n- {id: a\n", "line 3: not YAML: "),
        ("courses: []\n---\ncourses: []\n", "line 2: not YAML: "),
        ("courses: \0\n", "not YAML: "),
        (b"courses:\n- id: \xff\n", "line 2: not UTF-8 text"),
        ("courses: " + "[" * 5000, "not YAML: "),
        ("courses:\n- text\n", "line 2: a course must have fields"),
        ("courses:\n- name: x\n", "line 2: a course without id"),
        ("courses:\n- id:\n", "line 2: id: nothing is not a course id"),
        ("courses:\n- id: DemoX-D101-1T2020\n", "line 2: id: DemoX-D101-1T2020 is not a course id"),
        ("courses:\n- id: library-v1:DemoX+Lib\n", "line 2: id: library-v1:DemoX+Lib is not a course id"),
        ("courses:\n- id: [a]\n", "line 2: id: must be a text"),
        (f"courses:\n- id: {NEW}\n  titel: x\n", "line 3: unknown field titel; known are id, name, sme,"),
        (f"courses:\n- id: {NEW}\n  ? [a]\n  : x\n", "line 3: unknown field (not a plain name)"),
        (f"courses:\n- id: {NEW}\n  name: a\n  name: b\n", "line 4: name is given twice"),
        (f"courses:\n- id: {NEW}\n  start_date: 2020-02-30\n", "line 3: start_date: 2020-02-30 is not a date"),
        (f"courses:\n- id: {NEW}\n  end_date: next week\n", "line 3: end_date: next week is not a date"),
        (f"courses:\n- id: {NEW}\n  end_date: 0202-01-01\n", "line 3: end_date: 0202-01-01 is not a date of a course"),
        (f"courses:\n- id: {NEW}\n  start_date: 2020-02-01\n  end_date: 2020-01-31\n", "line 4: end_date is before start_date"),
        (f"courses:\n- id: {NEW}\n  passing_grade: 65\n", "line 3: passing_grade: 65 is not a number from 0 to 1"),
        (f"courses:\n- id: {NEW}\n  passing_grade: nan\n", "line 3: passing_grade: nan is not a number from 0 to 1"),
        (f"courses:\n- id: {NEW}\n  passing_grade: high\n", "line 3: passing_grade: high is not a number from 0 to 1"),
        (f"courses:\n- id: {NEW}\n  aliases: x\n", "line 3: aliases: must be a list"),
        (f"courses:\n- id: {NEW}\n  aliases: ['']\n", "line 3: aliases: an alias is empty"),
        (f"courses:\n- id: {NEW}\n- id: {NEW}\n", f"line 3: {NEW} is listed twice (line 2)"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str | bytes, problem: str) -> None:
    (found,) = problems_of(tmp_path, text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"id: {NEW}", f"id: {OLD}"),
        ("id: A-B/C/D", "id: A/B-C/D"),
        (f"id: {NEW}", "{id: DemoX/E/R, aliases: [DemoX/D101/1T2020]}"),
        ("{id: A/B/C, aliases: [x]}", "{id: D/E/F, aliases: [x]}"),
        ("{id: A/B/C, aliases: [D-E-F]}", "id: course-v1:D+E+F"),
    ],
)
def test_two_courses_that_share_a_form_of_their_ids_are_a_mistake(tmp_path: Path, first: str, second: str) -> None:
    (found,) = problems_of(tmp_path, f"courses:\n- {first}\n- {second}\n")
    assert found.startswith("line 3: ")
    assert found.endswith(" (line 2)")


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, f"courses:\n- id: {NEW}\n  x: 1\n- name: a\n  passing_grade: 2\n- id: {OLD}\n  start_date: x\n")
    with pytest.raises(ConfigurationError) as caught:
        load_courses(path)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["line 3", "line 4", "line 6", "line 7"]
    assert str(caught.value).startswith(f"{path}: line 3: ")


def test_a_file_that_cannot_be_read_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_courses(tmp_path)
