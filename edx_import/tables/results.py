"""What learners did and reached: state of blocks, grades, certificates, credit and checks of identity."""

from __future__ import annotations

from edx_import.tables.columns import by_user, course_key, date, decimal, flag, integer, json_text, learner, personal, row_number, text
from edx_import.tables.spec import Dialect, Table

STUDENT_MODULE = Table(
    name="courseware_studentmodule",
    meaning="state of every block that a learner visited; the largest table",
    key=("id",),
    dialect=Dialect.STUDENT_MODULE,
    indexes=by_user("student_id"),
    annotated=False,
    columns=(
        integer("id", "key"),
        text("module_type", "block type (problem, video, sequential, ...); open set"),
        text("module_id", "block key"),
        learner("student_id"),
        json_text("state", "state of the block for this learner, by type", personal=True),
        decimal("grade", "raw points"),
        date("created", "first access"),
        date("modified", "last change of state"),
        decimal("max_grade", "raw possible points"),
        text("done", "always na"),
        course_key(),
    ),
)

CERTIFICATES = Table(
    name="certificates_generatedcertificate",
    meaning="certificate state, one row per learner and course",
    key=("user_id",),
    indexes=by_user(),
    columns=(
        integer("id", "key"),
        learner(),
        personal("download_url", "internal"),
        text("grade", "a number as text (0.84), may be empty"),
        course_key(),
        personal("key", "internal"),
        flag("distinction", "not used"),
        text(
            "status",
            "downloadable (has one), notpassing, audit_passing, audit_notpassing, generating, deleting, deleted, error, unavailable (made invalid), "
            "unverified, restricted (old); open set",
        ),
        personal("verify_uuid", "internal"),
        personal("download_uuid", "internal"),
        personal("name", "the learner's name when it was made", required=True),
        date("created_date", "creation"),
        date("modified_date", "last change"),
        personal("error_reason", "why it failed"),
        text("mode", "enrolment mode when it was made"),
    ),
)

COURSE_GRADE = Table(
    name="grades_persistentcoursegrade",
    meaning="grades in the course, one row per learner; the better source than the certificate",
    key=("user_id",),
    indexes=by_user(),
    period="since May 2017",
    columns=(
        course_key(),
        learner(),
        text("grading_policy_hash", "which grading policy was used, SHA-1 in base64"),
        decimal("percent_grade", "0 to 1"),
        text("letter_grade", "empty: not passed"),
        date("passed_timestamp", "first passed; null: never; set while letter_grade is empty: passed once, no longer"),
        date("created", "first computed"),
        date("modified", "last computed"),
        date("course_edited_timestamp", "last edit of the course that was counted; documented, not delivered so far"),
    ),
)

SUBSECTION_GRADE = Table(
    name="grades_persistentsubsectiongrade",
    meaning="grades in subsections, one row per learner and subsection",
    key=("user_id", "usage_key"),
    indexes=by_user(),
    period="since May 2017",
    columns=(
        course_key(),
        learner(),
        text("usage_key", "block key of the subsection", required=True),
        decimal("earned_all", "points earned"),
        decimal("possible_all", "points that could be earned"),
        decimal("earned_graded", "points earned in what counts for the grade"),
        decimal("possible_graded", "points that could be earned in what counts for the grade"),
        date("first_attempted", "first answer; null: never tried"),
        date("created", "first computed"),
        date("modified", "last computed"),
    ),
)

CREDIT_ELIGIBILITY = Table(
    name="credit_crediteligibility",
    meaning="learners who may ask for academic credit, by name of the account; almost always empty",
    key=("id",),
    period="since June 2017",
    columns=(
        row_number(),
        date("created", "creation"),
        date("modified", "last change"),
        personal("username", "auth_user.username", required=True),
        date("deadline", "until when they may ask"),
        course_key("course_key"),
    ),
)

VERIFICATION_STATUS = Table(
    name="verify_student_verificationstatus",
    meaning="checks of identity at checkpoints within a course, one row per change of status",
    key=("user_id", "timestamp", "status", "checkpoint_location"),
    optional_key=("timestamp", "status", "checkpoint_location"),
    period="August 2015 to April 2018",
    columns=(
        date("timestamp", "when the status changed"),
        text("status", "submitted, approved, denied, error"),
        course_key(),
        text("checkpoint_location", "block key of the checkpoint", "checkpoint_name"),
        learner(),
    ),
)

RESULT_TABLES = (STUDENT_MODULE, CERTIFICATES, COURSE_GRADE, SUBSECTION_GRADE, CREDIT_ELIGIBILITY, VERIFICATION_STATUS)
