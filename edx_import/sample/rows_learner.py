"""The rows of the tables about people, enrolments, certificates and grades."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from edx_import.sample.courses import digest
from edx_import.sample.enrollment import Enrollment
from edx_import.sample.offering import Offering
from edx_import.sample.people import FIRST_USER_ID, Learner
from edx_import.sample.recipe import moment_between
from edx_import.sample.table_files import Row

#: Holds a certificate of an old-form course and wrote in its forum, but has no account, profile or enrolment row: left before August 2013.
GHOST_ID: Final = FIRST_USER_ID - 2
GHOST_NAME: Final = "long_gone"

AUTH_USER: Final = tuple(
    "id username first_name last_name email password is_staff is_active is_superuser last_login date_joined status email_key avatar_type "
    "country show_country date_of_birth interesting_tags ignored_tags email_tag_filter_strategy "
    "display_tag_filter_strategy consecutive_days_visit_count".split()
)
ENROLLMENT: Final = ("id", "user_id", "course_id", "created", "is_active", "mode")
CERTIFICATES: Final = tuple(
    "id user_id download_url grade course_id key distinction status verify_uuid download_uuid name "
    "created_date modified_date error_reason mode".split()
)
ANONYMOUS: Final = ("id", "user_id", "anonymous_user_id", "course_id")
LANGUAGES: Final = ("id", "user_profile_id", "code")
COURSE_GRADES: Final = tuple("course_id user_id grading_policy_hash percent_grade letter_grade passed_timestamp created modified".split())
SUBSECTION_GRADES: Final = tuple(
    "course_id user_id usage_key earned_all possible_all earned_graded possible_graded first_attempted created modified".split()
)
CREDIT: Final = ("id", "created", "modified", "username", "deadline", "course_id")

_CONSTANTS: Final[Row] = {
    "first_name": "",
    "last_name": "",
    "password": "",
    "is_superuser": False,
    "status": "",
    "email_key": None,
    "avatar_type": "",
    "country": "",
    "show_country": 0,
    "date_of_birth": None,
    "interesting_tags": "",
    "ignored_tags": "",
    "email_tag_filter_strategy": 0,
    "display_tag_filter_strategy": 0,
    "consecutive_days_visit_count": 0,
}


def user_rows(offering: Offering) -> Iterator[Row]:
    """One per learner who ever enrolled."""
    for learner in offering.learners:
        yield {
            **_CONSTANTS,
            "id": learner.id,
            "username": learner.username,
            "email": learner.email,
            "is_staff": learner.index % 97 == 5,
            "is_active": learner.index % 23 != 4,
            "last_login": learner.last_login,
            "date_joined": learner.joined,
        }


def profile_columns(day: date) -> tuple[str, ...]:
    """Until April 2021 the whole table was dumped, and `state` was not part of it."""
    shared = "id user_id name language location meta courseware gender mailing_address year_of_birth level_of_education goals".split()
    if day < date(2021, 4, 27):
        return (*shared, "allow_certificate", "country", "city", "bio", "profile_image_uploaded_at", "phone_number")
    return (*shared, "country", "city", "bio", "profile_image_uploaded_at", "state")


def profile_rows(offering: Offering) -> Iterator[Row]:
    """One per learner who has a profile."""
    for learner in offering.learners:
        if learner.has_profile:
            yield _profile(learner)


def _profile(learner: Learner) -> Row:
    renamed = {
        "old_names": [["Old “Name”", "married\n", "2014-05-01T10:00:00+00:00"]],
        "old_emails": [["old@example.org", "2014-05-01T10:00:00+00:00"]],
    }
    return {
        "id": learner.profile_id,
        "user_id": learner.id,
        "name": learner.name,
        "language": "",
        "location": "",
        "meta": json.dumps(renamed) if learner.index % 11 == 1 else "",
        "courseware": "course.xml",
        "gender": learner.gender,
        "mailing_address": learner.address,
        "year_of_birth": learner.year_of_birth,
        "level_of_education": learner.education,
        "goals": learner.goals,
        "allow_certificate": True,
        "country": learner.country,
        "city": None,
        "bio": "I like\tmaps\\charts." if learner.index % 19 == 2 else None,
        "profile_image_uploaded_at": learner.joined + timedelta(hours=1) if learner.index % 13 == 3 else None,
        "phone_number": None,
        "state": None,
    }


def enrollment_rows(offering: Offering) -> Iterator[Row]:
    """One per enrolment, left ones included."""
    for one in offering.enrollments:
        is_active, mode = one.state(offering.until)
        yield {"id": one.id, "user_id": one.learner.id, "course_id": offering.course.id, "created": one.created, "is_active": is_active, "mode": mode}


def id_map_columns(day: date) -> tuple[str, ...]:
    """The id column was renamed in October 2022."""
    return ("hash_id", "id" if day < date(2022, 10, 1) else "user_id", "username")


def id_map_rows(offering: Offering) -> Iterator[Row]:
    """The site-wide anonymous id of every learner."""
    for learner in offering.learners:
        yield {"hash_id": learner.hash_id, "id": learner.id, "user_id": learner.id, "username": learner.username}


def anonymous_id(offering: Offering, user_id: int) -> str:
    """A learner's anonymous id in one course: the key of all assessment tables."""
    return digest(offering.recipe.seed, offering.site, offering.course.id, user_id, "anonymous")


def anonymous_rows(offering: Offering) -> Iterator[Row]:
    """The course's anonymous id of every learner."""
    for one in offering.enrollments:
        identity = anonymous_id(offering, one.learner.id)
        yield {"id": one.id * 3 + 1, "user_id": one.learner.id, "anonymous_user_id": identity, "course_id": offering.course.id}


def language_rows(offering: Offering) -> Iterator[Row]:
    """Languages of learners, by profile."""
    for learner in offering.learners:
        for number, code in enumerate(learner.languages if learner.has_profile else ()):
            yield {"id": learner.id * 10 + number, "user_profile_id": learner.profile_id, "code": code}


class Result(NamedTuple):
    """How a learner does: `percent` of 0..1, when it was first computed, when it last changed (UTC)."""

    percent: float
    created: datetime
    modified: datetime


def result_of(offering: Offering, enrollment: Enrollment) -> Result:
    """The result behind a learner's grade rows and certificate."""
    rng = offering.rng("result", enrollment.learner.index)
    created = offering.moment(rng, enrollment.created + timedelta(hours=3))
    percent = round(rng.betavariate(1.4, 1.2), 2)
    return Result(percent, created, moment_between(rng, created, created + timedelta(days=3)))


def course_grade_rows(offering: Offering) -> Iterator[Row]:
    """One per learner with a grade, by user id; some have lost the pass they once had."""
    for one in offering.studying:
        result = result_of(offering, one)
        if result.created < offering.until:
            passed = result.percent >= offering.course.passing_grade
            lost = result.percent < 0.05
            yield {
                "course_id": offering.course.id,
                "user_id": one.learner.id,
                "grading_policy_hash": "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
                "percent_grade": result.percent,
                "letter_grade": "Pass" if passed else "",
                "passed_timestamp": result.created if passed or lost else None,
                "created": result.created,
                "modified": min(result.modified, offering.until - timedelta(microseconds=1)),
            }


def subsection_grade_rows(offering: Offering) -> Iterator[Row]:
    """One per learner and graded subsection that was reached."""
    graded = [block for block in offering.by_category["sequential"] if block.metadata.get("graded")]
    for one in offering.studying:
        result = result_of(offering, one)
        reached = graded[: 1 + int(result.percent * len(graded))] if result.created < offering.until else []
        for block in reached:
            yield {
                "course_id": offering.course.id,
                "user_id": one.learner.id,
                "usage_key": block.key,
                "earned_all": round(result.percent * 4, 1),
                "possible_all": 4.0,
                "earned_graded": round(result.percent * 4, 1),
                "possible_graded": 4.0,
                "first_attempted": result.created if result.percent else None,
                "created": result.created,
                "modified": result.created,
            }


_UNUSUAL: Final = ("generating", "unavailable", "unverified", "error", "restricted", "deleted")


def certificate_rows(offering: Offering) -> Iterator[Row]:
    """One per learner whose certificate was ever considered; in an old-form course also one of somebody whose other rows are gone."""
    if offering.course.old:
        made = datetime(2013, 12, 20, 9, tzinfo=UTC)
        yield _certificate(offering, 1, GHOST_ID, "Gone Long Ago", "0.91", "downloadable", "honor", made)
    for one in offering.studying:
        result = result_of(offering, one)
        if result.created < offering.until and (offering.course.index % 3 or one.learner.index % 4 == 0):
            mode = one.state(result.created)[1]
            grade = "" if one.learner.index % 29 == 7 else str(result.percent)
            yield _certificate(
                offering, one.id * 5 + 2, one.learner.id, one.learner.name, grade, _status(offering, one, result, mode), mode, result.created
            )


def _status(offering: Offering, enrollment: Enrollment, result: Result, mode: str) -> str:
    rng = offering.rng("status", enrollment.learner.index)
    if rng.random() < 0.06:
        return rng.choice(_UNUSUAL)
    passed = result.percent >= offering.course.passing_grade
    if mode == "audit":
        return "audit_passing" if passed else "audit_notpassing"
    return "downloadable" if passed else "notpassing"


def _certificate(offering: Offering, key: int, user_id: int, name: str, grade: str, status: str, mode: str, made: datetime) -> Row:
    identity = digest(offering.course.id, offering.site, user_id, "certificate")
    downloadable = status == "downloadable"
    return {
        "id": key,
        "user_id": user_id,
        "download_url": f"https://certificates.example.org/{identity}.pdf" if downloadable else "",
        "grade": grade,
        "course_id": offering.course.id,
        "key": identity if downloadable else "",
        "distinction": False,
        "status": status,
        "verify_uuid": identity[::-1],
        "download_uuid": identity if downloadable else "",
        "name": name,
        "created_date": made,
        "modified_date": made,
        "error_reason": "Could not\nrender" if status == "error" else "",
        "mode": mode,
    }


def credit_rows(offering: Offering) -> Iterator[Row]:
    """Almost always empty: somebody who passed the second course, keyed by user name."""
    if offering.course.index == 1:
        for one in offering.studying[:1]:
            deadline = one.created + timedelta(days=365)
            yield {
                "id": 1,
                "created": one.created,
                "modified": one.created,
                "username": one.learner.username,
                "deadline": deadline,
                "course_id": offering.course.id,
            }


def email_rows(offering: Offering) -> Iterator[Row]:
    """One per enrolment; a learner says the same in every course. Empty: never chose."""
    for learner in offering.learners:
        chosen = (True, False, None, None)[learner.index % 4]
        yield {
            "user_id": learner.id,
            "username": learner.username,
            "email": learner.email,
            "full_name": learner.name if learner.has_profile else "",
            "course_id": offering.course.id,
            "is_opted_in_for_email": chosen,
            "preference_set_datetime": None if chosen is None else learner.joined + timedelta(minutes=1),
        }
