"""Who the learners are: accounts, profiles, languages and anonymous ids."""

from __future__ import annotations

from edx_import.tables.columns import OBSOLETE, by_user, course_key, date, flag, integer, json_text, learner, personal, row_number, text
from edx_import.tables.spec import IndexSpec, Table

AUTH_USER = Table(
    name="auth_user",
    meaning="every learner who ever enrolled in the course, those who left included",
    key=("id",),
    indexes=by_user("id"),
    shared=True,
    columns=(
        integer("id", "user id; called user_id or student_id elsewhere"),
        personal("username", "unique name; may be made of digits only; redacted once the account is retired", required=True),
        personal("first_name", "not used"),
        personal("last_name", "not used"),
        personal("email", "e-mail address", required=True),
        personal("password", "always empty in a package"),
        flag("is_staff", "edX staff (not course staff)"),
        flag("is_active", "account activated by mail"),
        flag("is_superuser", "edX superuser"),
        date("last_login", "last login, not last activity"),
        date("date_joined", "account creation"),
        text("status", OBSOLETE),
        text("email_key", OBSOLETE),
        text("avatar_type", OBSOLETE, "avatar_typ"),
        text("country", OBSOLETE),
        integer("show_country", OBSOLETE),
        personal("date_of_birth", OBSOLETE),
        text("interesting_tags", OBSOLETE),
        text("ignored_tags", OBSOLETE),
        integer("email_tag_filter_strategy", OBSOLETE),
        integer("display_tag_filter_strategy", OBSOLETE),
        integer("consecutive_days_visit_count", OBSOLETE),
    ),
)

AUTH_USERPROFILE = Table(
    name="auth_userprofile",
    meaning="what learners say of themselves, one row per learner",
    key=("id",),
    indexes=by_user(),
    shared=True,
    columns=(
        integer("id", "key of the profile"),
        learner(),
        personal("name", "full name, any script", required=True),
        text("language", "obsolete (spring 2012)"),
        personal("location", "obsolete (spring 2012)"),
        json_text("meta", "old names and e-mails, exit survey of 2012", personal=True),
        text("courseware", "obsolete"),
        text("gender", "f, m, o, empty or null"),
        personal("mailing_address", "obsolete since 17 May 2016; several lines"),
        integer("year_of_birth", "year"),
        text("level_of_education", "p, m, b, a, hs, jhs, el, none, other; old: p_se, p_oth; empty or null"),
        personal("goals", "free text, several lines"),
        text("country", "ISO 3166-1 alpha-2, empty or null (null before 18 September 2014)"),
        personal("city", "free text"),
        personal("bio", "free text, since 22 April 2015"),
        date("profile_image_uploaded_at", "since 22 April 2015"),
        text("state", "region, since 27 April 2021"),
        flag("allow_certificate", "in dumps until 27 April 2021"),
        personal("phone_number", "in dumps until 28 April 2021"),
    ),
)

USER_ID_MAP = Table(
    name="user_id_map",
    meaning="the site-wide anonymous id of learners; since October 2022 only of those who have one stored, and of service accounts",
    key=("user_id",),
    indexes=by_user(),
    shared=True,
    columns=(
        personal("hash_id", "anonymous id, 32 hex digits", required=True),
        integer("user_id", "auth_user.id; called id until October 2022", "id"),
        personal("username", "name of the account", required=True),
    ),
)

ANONYMOUS_USER_ID = Table(
    name="student_anonymoususerid",
    meaning="the anonymous ids of learners in this course, by which all tables of open response assessments know them",
    key=("id",),
    indexes=(IndexSpec("site_anonymous", ("site", "anonymous_user_id")),),
    period="since 13 December 2015",
    columns=(
        row_number(),
        learner(),
        personal("anonymous_user_id", "unique; student_id and scorer_id of the assessment tables", required=True),
        course_key(),
    ),
)

LANGUAGE_PROFICIENCY = Table(
    name="student_languageproficiency",
    meaning="languages that learners say they know",
    key=("id",),
    indexes=(IndexSpec("site_profile", ("site", "user_profile_id")),),
    shared=True,
    period="since 22 April 2015",
    columns=(
        row_number(),
        integer("user_profile_id", "auth_userprofile.id (no user id)"),
        text("code", "ISO 639-1, and two codes for Chinese", required=True),
    ),
)

LEARNER_TABLES = (AUTH_USER, AUTH_USERPROFILE, USER_ID_MAP, ANONYMOUS_USER_ID, LANGUAGE_PROFICIENCY)
