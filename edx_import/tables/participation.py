"""Who takes part in a course, and as what: enrolments, roles, cohorts, experiment groups and teams."""

from __future__ import annotations

from edx_import.tables.columns import by_user, course_key, date, flag, integer, learner, personal, row_number, text
from edx_import.tables.spec import Table

ENROLLMENT = Table(
    name="student_courseenrollment",
    meaning="enrolments, one row per learner and course; before 20 August 2013 those who left lost theirs",
    key=("user_id",),
    indexes=by_user(),
    columns=(
        integer("id", "key"),
        learner(),
        course_key(),
        date("created", "first enrolment"),
        flag("is_active", "false: left"),
        text("mode", "audit, honor, verified, ...; open set, may be empty"),
    ),
)

COURSE_TAG = Table(
    name="user_api_usercoursetag",
    meaning="which group of a content experiment a learner is in, one row per learner and experiment",
    key=("user_id", "key"),
    indexes=by_user(),
    period="since 7 March 2014",
    columns=(
        row_number(),
        learner(),
        text("key", "xblock.partition_service.partition_N: the experiment N", required=True),
        course_key(),
        text("value", "number of the group", required=True),
    ),
)

ACCESS_ROLE = Table(
    name="student_courseaccessrole",
    meaning="the course team, one row per member and role; roles for a whole organisation are left out",
    key=("user_id", "role", "org"),
    optional_key=("org",),
    indexes=by_user(),
    period="since October 2016",
    columns=(
        text("org", "organisation of the course"),
        course_key(),
        learner(),
        text(
            "role",
            "staff and instructor (both are the course team), beta_testers, ccx_coach, finance_admin, library_user, sales_admin, ...; open set",
            required=True,
        ),
    ),
)

FORUM_ROLE = Table(
    name="django_comment_client_role_users",
    meaning="roles in the forum, one row per learner and role; everybody enrolled is at least Student",
    key=("user_id", "name"),
    indexes=by_user(),
    period="since October 2016",
    columns=(
        course_key(),
        learner(),
        text("name", "Administrator, Moderator, Community TA, Student; open set", required=True),
    ),
)

COHORT_MEMBERSHIP = Table(
    name="course_groups_cohortmembership",
    meaning="the cohort of each learner",
    key=("user_id", "name"),
    indexes=by_user(),
    period="since August 2018",
    columns=(
        learner(),
        course_key(),
        text("group_type", "always cohort"),
        text("name", "the cohort's name, given by the course team", required=True),
    ),
)

TEAM = Table(
    name="teams",
    meaning="teams of learners (the platform calls the table teams_courseteam)",
    key=("id",),
    period="since 15 September 2015",
    columns=(
        integer("id", "number of the team; team_id in teams_membership"),
        personal("team_id", "unique name for addresses, made from the team's name; team_id in events", required=True),
        personal("name", "given by a learner", required=True),
        course_key(),
        text("topic_id", "the topic it was made for"),
        date("date_created", "creation"),
        personal("description", "written by a learner", required=True),
        text("country", "ISO 3166-1 alpha-2"),
        text("language", "ISO 639-1"),
        text("discussion_topic_id", "commentable_id of its posts in the forum"),
        date("last_activity_at", "last activity of a member"),
        integer("team_size", "number of members"),
        flag("organization_protected", "open to students of one organisation only; in newer packages"),
    ),
)

TEAM_MEMBERSHIP = Table(
    name="teams_membership",
    meaning="who is in which team (the platform calls the table teams_courseteammembership)",
    key=("id",),
    indexes=by_user(),
    period="since 15 September 2015",
    columns=(
        row_number(),
        learner(),
        integer("team_id", "teams.id (the number, not the name for addresses)"),
        date("date_joined", "when the learner joined"),
        date("last_activity_at", "last activity in the team"),
    ),
)

PARTICIPATION_TABLES = (ENROLLMENT, COURSE_TAG, ACCESS_ROLE, FORUM_ROLE, COHORT_MEMBERSHIP, TEAM, TEAM_MEMBERSHIP)
