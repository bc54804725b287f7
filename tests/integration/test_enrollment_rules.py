"""The rules by which the enrolment family counts, each with a small list of events, as a command answers in a real MongoDB."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from enrolments import COURSE, OTHER, Enrolments, days, line, moment, other_event

from edx_import.store.connection import Store

DAILY, MODES = "course_enrollment_daily", "course_enrollment_mode_daily"


@pytest.fixture
def made(database: Store) -> Enrolments:
    return Enrolments(database)


def test_a_row_for_each_day_from_the_first_event_to_the_last_event_day_of_the_site(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-02"), other_event("2020-01-01"), other_event("2020-01-05", context={}))
    assert days(made.answer(DAILY, "course_id", "date", "count", "cumulative_count")) == [(COURSE, f"0{n}", 1, 1) for n in (2, 3, 4, 5)]


def test_without_events_there_are_no_days(made: Enrolments) -> None:
    assert made.answer(DAILY) == made.answer(MODES) == []


def test_enrolled_counts_at_the_end_of_the_day_and_ever_enrolled_adds_up(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), line("activated", 2, "2020-01-02"), line("deactivated", 1, "2020-01-03T00:00:00"))
    assert days(made.answer(DAILY, "date", "count", "cumulative_count")) == [("01", 1, 1), ("02", 2, 2), ("03", 1, 2)]


def test_rows_go_on_after_a_learner_has_left(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), line("deactivated", 1, "2020-01-02"))
    made.until("2020-01-04")
    assert days(made.answer("course_enrollment", "date", "at_end", "change")) == [("01", 1, 1), ("02", 0, -1), ("03", 0, 0), ("04", 0, 0)]
    assert days(made.answer(DAILY, "date", "count", "cumulative_count"))[-1] == ("04", 0, 1)


def test_days_between_two_events_carry_the_state_on_without_a_change(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), line("deactivated", 1, "2020-01-04"), line("activated", 1, "2020-01-06"))
    changes = days(made.answer("course_enrollment", "date", "at_end", "change"))
    assert changes == [("01", 1, 1), ("02", 1, 0), ("03", 1, 0), ("04", 0, -1), ("05", 0, 0), ("06", 1, 1)]


def test_a_lone_deactivation_is_nobody_enrolled_but_somebody_who_was(made: Enrolments) -> None:
    made.log(line("deactivated", 1, "2020-01-02", "honor"))
    made.until("2020-01-03")
    assert days(made.answer("course_enrollment", "date", "at_end", "change", "mode")) == [("02", 0, 0, "honor"), ("03", 0, 0, "honor")]
    assert days(made.answer(DAILY, "date", "count", "cumulative_count")) == [("02", 0, 1), ("03", 0, 1)]


def test_days_before_a_deactivation_are_not_filled_in(made: Enrolments) -> None:
    made.log(other_event("2020-01-01"), line("deactivated", 1, "2020-01-03"))
    assert days(made.answer(DAILY, "date", "count")) == [("03", 0)]


def test_a_second_activation_changes_nothing_but_the_mode(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("activated", 1, "2020-01-02", "verified"))
    assert days(made.answer("course_enrollment", "date", "at_end", "change", "mode")) == [("01", 1, 1, "audit"), ("02", 1, 0, "verified")]


def test_a_second_deactivation_changes_nothing_but_the_mode(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), line("deactivated", 1, "2020-01-02"), line("deactivated", 1, "2020-01-03", "honor"))
    assert days(made.answer("course_enrollment", "date", "at_end", "change", "mode"))[1:] == [("02", 0, -1, "audit"), ("03", 0, 0, "honor")]


def test_a_deactivation_sets_the_mode_too(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("deactivated", 1, "2020-01-02", "verified"))
    modes = days(made.answer(MODES, "date", "mode", "count", "cumulative_count"))
    assert modes == [("01", "audit", 1, 1), ("02", "verified", 0, 1)]


def test_a_change_of_mode_while_not_enrolled_enrols_nobody(made: Enrolments) -> None:
    made.log(line("mode_changed", 1, "2020-01-01", "honor"), line("mode_changed", 1, "2020-01-02", "verified"))
    assert days(made.answer(MODES, "date", "mode", "count", "cumulative_count")) == [("01", "honor", 0, 1), ("02", "verified", 0, 1)]


def test_learners_count_in_the_mode_they_are_in_so_that_a_mode_loses_those_who_change(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("activated", 2, "2020-01-01", "audit"))
    made.log(line("mode_changed", 2, "2020-01-02", "verified"))
    assert days(made.answer(MODES, "date", "mode", "count", "cumulative_count")) == [
        ("01", "audit", 2, 2),
        ("02", "audit", 1, 1),
        ("02", "verified", 1, 1),
    ]


def test_a_mode_that_everybody_has_left_has_no_row_until_somebody_is_in_it_again(made: Enrolments) -> None:
    for day, mode in enumerate(("audit", "verified", "audit"), 1):
        made.log(line("mode_changed" if day > 1 else "activated", 1, f"2020-01-0{day}", mode))
    assert [row[1] for row in days(made.answer(MODES, "date", "mode"))] == ["audit", "verified", "audit"]


def test_what_happens_within_a_day_counts_by_its_end(made: Enrolments) -> None:
    made.log(
        line("activated", 1, "2020-01-01T08:00:00"),
        line("deactivated", 1, "2020-01-01T08:00:00.000001"),
        line("deactivated", 2, "2020-01-01T09:00:00"),
        line("activated", 2, "2020-01-01T09:00:00.000999"),
        line("mode_changed", 2, "2020-01-01T23:59:59.999999", "verified"),
    )
    found = days(made.answer("course_enrollment", "user_id", "at_end", "change", "mode"))
    assert found == [(1, 0, 0, "audit"), (2, 1, 1, "verified")]


def test_events_of_one_microsecond_are_taken_by_type_and_then_by_mode(made: Enrolments) -> None:
    when = "2020-01-01T08:00:00.123456"
    made.log(line("mode_changed", 1, when, "a"), line("deactivated", 1, when, "z"), line("activated", 1, when, "y"))
    made.log(line("activated", 2, when, "b"), line("activated", 2, when, "c"), line("activated", 2, when, "a"))
    assert made.answer("course_enrollment", "user_id", "at_end", "mode") == [(1, 0, "a"), (2, 1, "c")]


def test_the_days_are_utc(made: Enrolments) -> None:
    for user, when in ((1, "2020-01-01T23:30:00-02:00"), (2, "2020-01-01T23:30:00")):
        made.log(line("activated", user, "2020-01-01", time=when))
    assert days(made.answer(DAILY, "date", "count")) == [("01", 1), ("02", 2)]


# --- which events count


def test_the_course_is_that_of_the_payload_not_that_of_the_context(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", course=OTHER, context={"course_id": COURSE, "user_id": 1}))
    assert made.answer(DAILY, "course_id") == [(OTHER,)]
    assert made.answer(DAILY, course=(COURSE,)) == []
    assert len(made.answer(DAILY, course=(OTHER,))) == 1


@pytest.mark.parametrize(
    "context", [{"course_id": "", "user_id": None}, {"course_id": None}, {"course_id": "library-v1:DemoX+L"}, {"course_id": "no course"}, {}, None]
)
def test_an_event_whose_context_names_no_course_is_found(made: Enrolments, context: Any) -> None:
    made.log(line("activated", 1, "2020-01-01", context=context))
    assert made.answer(DAILY, "course_id", "count") == [(COURSE, 1)]


def test_the_learner_is_that_of_the_payload_not_who_acted(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", context={"course_id": COURSE, "user_id": 99}))
    made.log(line("deactivated", 1, "2020-01-02", context={"course_id": COURSE, "user_id": 98}))
    assert days(made.answer(DAILY, "date", "count", "cumulative_count")) == [("01", 1, 1), ("02", 0, 1)]


@pytest.mark.parametrize("source", ["server", "browser", "mobile", "task", None])
def test_events_of_every_source_count(made: Enrolments, source: str | None) -> None:
    made.log(line("activated", 1, "2020-01-01", event_source=source))
    assert made.answer(DAILY, "count") == [(1,)]


@pytest.mark.parametrize(
    "course",
    ["", "nonsense", "DemoX/D101", "course-v1:DemoX+D101", f" {COURSE}", "course-v1:DemoX%2BD101%2B1T2020", "library-v1:DemoX+L", 5, None, [COURSE]],
)
def test_an_event_whose_payload_names_no_valid_course_is_left_out(made: Enrolments, course: Any) -> None:
    made.log(line("activated", 1, "2020-01-01", course=course, context={"course_id": COURSE, "user_id": 1}))
    assert made.answer(DAILY) == []


def test_an_event_without_a_mode_is_left_out(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", None), line("activated", 2, "2020-01-01", ""))
    made.log({**line("activated", 3, "2020-01-01"), "event": {"course_id": COURSE, "user_id": 3}})
    assert made.answer(MODES, "mode", "count") == [("", 1)]


@pytest.mark.parametrize("user", [None, "", "ann", 1.5, True, [1], {"id": 1}])
def test_an_event_that_names_no_learner_is_left_out(made: Enrolments, user: Any) -> None:
    made.log(line("activated", user, "2020-01-01", context={"course_id": COURSE, "user_id": 1}))
    assert made.answer(DAILY) == []


def test_a_learner_is_the_same_whether_written_as_a_number_or_as_text(made: Enrolments) -> None:
    made.log(line("activated", "12", "2020-01-01"), line("activated", 3, "2020-01-01"), line("activated", " 5 ", "2020-01-01"))
    made.log(line("deactivated", 12, "2020-01-02"), line("deactivated", 12.0, "2020-01-03", "honor"))
    found = days(made.answer("course_enrollment", "date", "user_id", "at_end", "mode", since=date(2020, 1, 3)))
    assert found == [("03", 3, 1, "audit"), ("03", 5, 1, "audit"), ("03", 12, 0, "honor")]


@pytest.mark.parametrize("kind", ["edx.course.enrollment.upgrade.succeeded", "edx.course.enrollment.activated ", "enrollment.activated"])
def test_other_types_of_event_do_not_count(made: Enrolments, kind: str) -> None:
    made.log(line(kind, 1, "2020-01-01"))
    assert made.answer(DAILY) == []


@pytest.mark.parametrize("payload", [None, [], "", "course_id=x", 5, [{"course_id": COURSE, "user_id": 1, "mode": "audit"}]])
def test_a_payload_that_is_no_object_is_left_out_and_spoils_nothing(made: Enrolments, payload: Any) -> None:
    made.log({**line("activated", 1, "2020-01-01"), "event": payload}, line("activated", 2, "2020-01-01"))
    assert made.answer("course_enrollment", "user_id") == [(2,)]


def test_a_payload_that_is_json_in_a_text_counts(made: Enrolments) -> None:
    made.log({**line("activated", 1, "2020-01-01"), "event": f'{{"course_id": "{COURSE}", "user_id": 1, "mode": "audit"}}'})
    assert made.answer(DAILY, "count") == [(1,)]


def test_an_event_that_came_twice_counts_once(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), line("activated", 1, "2020-01-01"))
    assert made.answer(DAILY, "count", "cumulative_count") == [(1, 1)]


def test_events_of_other_sites_do_not_count(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), site="edge")
    made.log(other_event("2020-01-02"))
    assert made.answer(DAILY) == []
    assert made.answer(DAILY, "count", site="edge") == [(1,)]


def test_all_forms_and_aliases_of_a_listed_course_are_one_course(made: Enrolments) -> None:
    made.course(COURSE, listed=True, aliases=["course-v1:DemoX+OLD+1"])
    made.log(line("activated", 1, "2020-01-01", course="DemoX/D101/1T2020"), line("deactivated", 1, "2020-01-02", course="DemoX/OLD/1"))
    made.log(line("activated", 2, "2020-01-01", course=COURSE), line("activated", 2, "2020-01-03", course="DemoX/unlisted/1"))
    found = days(made.answer(DAILY, "course_id", "date", "count", "cumulative_count"))
    assert found == [("DemoX/unlisted/1", "03", 1, 1), (COURSE, "01", 2, 2), (COURSE, "02", 1, 2), (COURSE, "03", 1, 2)]


# --- what is shown


def test_since_and_until_choose_the_rows_shown_and_not_the_history(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "honor"), line("mode_changed", 1, "2020-01-04", "verified"))
    made.until("2020-01-06")
    found = days(made.answer(MODES, "date", "mode", "count", since=date(2020, 1, 3), until=date(2020, 1, 4)))
    assert found == [("03", "honor", 1), ("04", "verified", 1)]
    assert days(made.answer(DAILY, "date", "count", until=date(2021, 1, 1)))[-1] == ("06", 1)
    assert made.answer(DAILY, since=date(2020, 1, 7)) == made.answer(DAILY, until=date(2019, 12, 31)) == []


def test_the_last_day_is_that_of_the_site_whatever_courses_are_chosen(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), line("activated", 1, "2020-01-03", course=OTHER))
    assert [row[0] for row in days(made.answer(DAILY, "date", course=(COURSE,)))] == ["01", "02", "03"]
    assert made.answer(DAILY, course=("nothing*",)) == []


def test_what_a_device_with_a_wrong_clock_says_of_years_to_come_does_not_count(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-02"), line("deactivated", 1, "2098-01-01"), line("activated", 2, "2098-01-01"))
    key = "demox/edx/events/2020/demox-edx-events-2020-01-03.log.gz.gpg"
    made.store.database.imports.insert_one({"_id": key, "key": key, "member": "", "kind": "events", "state": "loaded", "date": "2020-01-03"})
    assert days(made.answer(DAILY, "date", "count", "cumulative_count")) == [("02", 1, 1), ("03", 1, 1)]
    assert made.answer(SUMMARY, "user_id", "last_unenrollment_time") == [(1, None)]


# --- by what learners say of themselves

GENDERS, YEARS, EDUCATION = "course_enrollment_gender_daily", "course_enrollment_birth_year_daily", "course_enrollment_education_level_daily"


def test_a_learner_without_a_profile_counts_without_gender_year_and_education(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"))
    assert made.answer(GENDERS, "gender", "count") == made.answer(YEARS, "birth_year", "count") == [(None, 1)]
    assert made.answer(EDUCATION, "education_level", "count") == [(None, 1)]


def test_an_empty_gender_is_no_gender(made: Enrolments) -> None:
    for user, gender in enumerate(["", None, "f", "m", "o", "f"]):
        made.profile(user, gender=gender)
        made.log(line("activated", user, "2020-01-01"))
    assert made.answer(GENDERS, "gender", "count", "cumulative_count") == [(None, 2, 2), ("f", 2, 2), ("m", 1, 1), ("o", 1, 1)]


def test_gender_is_told_of_every_day(made: Enrolments) -> None:
    made.profile(1, gender="f")
    made.profile(2, gender="m")
    made.log(line("activated", 1, "2020-01-01"), line("activated", 2, "2020-01-02"), line("deactivated", 1, "2020-01-03"))
    found = days(made.answer(GENDERS, "date", "gender", "count", "cumulative_count"))
    assert found == [("01", "f", 1, 1), ("02", "f", 1, 1), ("02", "m", 1, 1), ("03", "f", 0, 1), ("03", "m", 1, 1)]


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("el", "primary"),
        ("jhs", "junior_secondary"),
        ("hs", "secondary"),
        ("a", "associates"),
        ("b", "bachelors"),
        ("m", "masters"),
        ("p", "doctorate"),
        ("p_se", "doctorate"),
        ("p_oth", "doctorate"),
        ("none", "none"),
        ("other", "other"),
        ("", None),
        ("M", None),
        ("phd", None),
        (None, None),
    ],
)
def test_levels_of_education_have_names(made: Enrolments, said: str | None, level: str | None) -> None:
    made.profile(1, level_of_education=said)
    made.log(line("activated", 1, "2020-01-01"))
    assert made.answer(EDUCATION, "education_level") == [(level,)]


@pytest.mark.parametrize(("command", "column"), [(YEARS, "birth_year"), (EDUCATION, "education_level")])
def test_year_of_birth_and_education_are_told_of_the_last_day_alone(made: Enrolments, command: str, column: str) -> None:
    made.profile(1, year_of_birth=1980, level_of_education="m")
    made.log(line("activated", 1, "2020-01-01"), line("activated", 2, "2020-01-01"), line("deactivated", 1, "2020-01-02"))
    made.until("2020-01-09")
    known = 1980 if column == "birth_year" else "masters"
    assert days(made.answer(command, "date", column, "count", "cumulative_count")) == [("09", None, 1, 1), ("09", known, 0, 1)]


def test_the_profile_of_the_course_counts_before_those_of_other_courses(made: Enrolments) -> None:
    made.profile(1, gender="f")
    made.profile(1, OTHER, gender="m")
    made.profile(2, OTHER, gender="o")
    made.profile(2, COURSE, site="edge", gender="m")
    made.log(*(line("activated", user, "2020-01-01") for user in (1, 2)))
    assert made.answer(GENDERS, "gender", "count") == [("f", 1), ("o", 1)]


def test_profiles_of_learners_who_are_not_enrolled_do_not_count(made: Enrolments) -> None:
    for user in (1, 2, 3):
        made.profile(user, gender="f")
    made.log(line("activated", 2, "2020-01-01"))
    assert made.answer(GENDERS, "count") == [(1,)]


# --- the summary, whose rules differ

SUMMARY = "course_enrollment_summary"
NOW = ("current_enrollment_mode", "current_enrollment_is_active")


def test_in_the_summary_a_second_activation_is_ignored_whatever_its_mode(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("activated", 1, "2020-01-02", "verified"))
    assert made.answer(SUMMARY, *NOW, "first_verified_enrollment_time") == [("audit", True, None)]


def test_in_the_summary_the_mode_of_a_deactivation_is_ignored(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("deactivated", 1, "2020-01-02", "verified"))
    assert made.answer(SUMMARY, *NOW, "first_verified_enrollment_time") == [("audit", False, None)]


def test_in_the_summary_a_change_of_mode_counts_only_while_enrolled(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("deactivated", 1, "2020-01-02"), line("mode_changed", 1, "2020-01-03", "verified"))
    made.log(line("activated", 2, "2020-01-01", "audit"), line("mode_changed", 2, "2020-01-03", "verified"))
    assert made.answer(SUMMARY, *NOW) == [("audit", False), ("verified", True)]


def test_in_the_summary_an_activation_after_leaving_sets_the_mode(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "honor"), line("deactivated", 1, "2020-01-02"), line("activated", 1, "2020-01-03", "audit"))
    assert made.answer(SUMMARY, *NOW, "first_enrollment_mode") == [("audit", True, "honor")]


def test_without_an_activation_there_is_no_summary(made: Enrolments) -> None:
    made.log(line("deactivated", 1, "2020-01-01"), line("mode_changed", 2, "2020-01-01"), line("activated", 3, "2020-01-01"))
    assert made.answer(SUMMARY, "user_id") == [(3,)]


def test_only_a_deactivation_that_ends_an_enrolment_is_the_last_one(made: Enrolments) -> None:
    made.log(line("deactivated", 1, "2020-01-01"), line("activated", 1, "2020-01-02"), line("deactivated", 1, "2020-01-03T01:02:03.000456"))
    made.log(line("deactivated", 1, "2020-01-04"))
    assert made.answer(SUMMARY, "first_enrollment_time", "last_unenrollment_time", "end_time")[0] == tuple(
        moment(text) for text in ("2020-01-02T12:00:00", "2020-01-03T01:02:03.000456", "2020-01-05T00:00:00")
    )


def test_the_first_times_of_verified_and_credit_are_those_of_counted_changes(made: Enrolments) -> None:
    made.log(
        line("mode_changed", 1, "2020-01-01", "verified"),
        line("activated", 1, "2020-01-02", "verified"),
        line("mode_changed", 1, "2020-01-03", "credit"),
        line("mode_changed", 1, "2020-01-04", "verified"),
        line("mode_changed", 1, "2020-01-05", "credit"),
    )
    found = made.answer(SUMMARY, "first_verified_enrollment_time", "first_credit_enrollment_time")
    assert found == [(moment("2020-01-02T12:00:00"), moment("2020-01-03T12:00:00"))]


# --- grades

GRADES, META = "course_grade_by_mode", "course_meta_summary_enrollment"


def test_who_passed_counts_in_the_mode_of_the_day_of_the_grade(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("mode_changed", 1, "2020-01-03T23:59:59", "verified"))
    made.log(line("activated", 2, "2020-01-01", "audit"), line("mode_changed", 2, "2020-01-04", "verified"))
    made.grade(1, "2020-01-03T00:00:00")
    made.grade(2, "2020-01-03T23:00:00")
    assert made.answer(GRADES) == [(COURSE, "audit", 1), (COURSE, "verified", 1)]


def test_a_grade_after_the_last_event_day_counts_in_the_last_mode(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("deactivated", 1, "2020-01-02", "honor"))
    made.grade(1, "2021-05-05")
    assert made.answer(GRADES, "mode", "passing_users") == [("audit", 0), ("honor", 1)]


def test_a_grade_before_the_first_event_does_not_count(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-05"))
    made.grade(1, "2020-01-04")
    assert made.answer(GRADES, "mode", "passing_users") == [("audit", 0)]


@pytest.mark.parametrize(
    ("letter", "passed", "modified"),
    [("", "2020-01-01", "2020-01-02"), (None, "2020-01-01", "2020-01-02"), ("A", None, "2020-01-02"), ("A", "2020-01-01", None)],
)
def test_a_grade_that_is_not_passing_or_has_no_day_does_not_count(
    made: Enrolments, letter: str | None, passed: str | None, modified: str | None
) -> None:
    made.log(line("activated", 1, "2020-01-01"))
    made.grade(1, modified, letter, passed)
    assert made.answer(GRADES, "passing_users") == [(0,)]


def test_every_mode_that_a_day_has_ended_with_has_a_row_and_no_other(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01T01:00:00", "honor"), line("mode_changed", 1, "2020-01-01T02:00:00", "audit"))
    made.log(line("mode_changed", 1, "2020-01-02", "verified"), line("mode_changed", 1, "2020-01-03", "audit"))
    assert made.answer(GRADES, "mode", "passing_users") == [("audit", 0), ("verified", 0)]


def test_grades_of_other_courses_and_of_learners_without_events_do_not_count(made: Enrolments) -> None:
    made.log(line("activated", 2, "2020-01-01"))
    made.grade(2, "2020-01-02", course_id=OTHER)
    made.grade(1, "2020-01-02")
    made.grade(3, "2020-01-02")
    assert made.answer(GRADES) == [(COURSE, "audit", 0)]


def test_the_change_in_a_week_is_against_the_day_seven_days_before_the_last(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01"), line("activated", 2, "2020-01-02"), line("activated", 3, "2020-01-03"))
    made.log(line("deactivated", 1, "2020-01-09"))
    assert made.answer(META, "count", "count_change_7_days", "cumulative_count") == [(2, 0, 3)]
    made.until("2020-01-10")
    assert made.answer(META, "count", "count_change_7_days") == [(2, -1)]


def test_a_mode_that_nobody_was_in_a_week_ago_had_none(made: Enrolments) -> None:
    made.log(line("activated", 1, "2020-01-01", "audit"), line("activated", 2, "2020-01-09", "verified"))
    made.log(line("mode_changed", 3, "2020-01-01", "honor"), line("mode_changed", 3, "2020-01-09", "professional"))
    found = made.answer(META, "enrollment_mode", "count", "count_change_7_days", "cumulative_count")
    assert found == [("audit", 1, 0, 1), ("professional", 0, 0, 1), ("verified", 1, 1, 1)]


def test_the_meta_summary_has_who_passed_and_nothing_of_the_catalogue(made: Enrolments) -> None:
    made.course(COURSE, name="Demo", start_date=moment("2020-01-01"))
    made.log(line("activated", 1, "2020-01-01"), line("activated", 2, "2020-01-01", "verified"))
    made.grade(2, "2020-01-01")
    empty = (None,) * 6
    assert made.answer(META) == [(COURSE, *empty, "audit", 1, 1, 1, 0), (COURSE, *empty, "verified", 1, 1, 1, 1)]
