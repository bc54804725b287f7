"""The tables of a package, one declaration each: what reads, stores, documents and protects them.

Column types follow the data package's reference: `int` (64 bits), `float`, `bool` (0/1), `date` (UTC, `YYYY-MM-DD HH:MM:SS[.ffffff]`), `string`,
`json` (text that holds JSON). A cell that is the four letters NULL becomes null, except in a column that is `required` and holds text: there it can
only be the text itself (a learner may be called NULL).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """What a cell means."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    STRING = "string"
    JSON = "json"


class Dialect(StrEnum):
    """The two ways in which table files are escaped (both are tab-separated with a header; neither knows quotes).

    STANDARD writes backslash, TAB, LF and CR as two characters. STUDENT_MODULE doubles backslashes and puts one before a raw TAB.
    """

    STANDARD = "standard"
    STUDENT_MODULE = "student_module"


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column: its name in the database, its type, its meaning, and other names it has had in files."""

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    personal: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """A named secondary index over fields, ascending."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table file of a course. `task` is its name in member names where that differs from the collection's.

    `key` names the columns that make a row unique within its course file; the document's `_id` is `site|course id|key`.
    `shared`: the same rows repeat in files of several courses, so that reports take one per natural key.
    """

    name: str
    meaning: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    task: str = ""
    dialect: Dialect = Dialect.STANDARD
    indexes: tuple[IndexSpec, ...] = ()
    shared: bool = False
    annotated: bool = True

    @property
    def member_task(self) -> str:
        """The name of the table in member names."""
        return self.task or self.name


def _int(name: str, meaning: str, *aliases: str) -> ColumnSpec:
    return ColumnSpec(name, ColumnType.INT, meaning, aliases=aliases)


def _float(name: str, meaning: str) -> ColumnSpec:
    return ColumnSpec(name, ColumnType.FLOAT, meaning)


def _bool(name: str, meaning: str) -> ColumnSpec:
    return ColumnSpec(name, ColumnType.BOOL, meaning)


def _date(name: str, meaning: str) -> ColumnSpec:
    return ColumnSpec(name, ColumnType.DATE, meaning + " (UTC)")


def _text(name: str, meaning: str, *aliases: str, required: bool = False, personal: bool = False) -> ColumnSpec:
    return ColumnSpec(name, ColumnType.STRING, meaning, required, personal, aliases)


def _personal(name: str, meaning: str, *, required: bool = False) -> ColumnSpec:
    return _text(name, meaning, required=required, personal=True)


_OBSOLETE = "obsolete, a constant"


def _by_user(field: str = "user_id") -> tuple[IndexSpec, ...]:
    return (IndexSpec("site_user", ("site", field)),)


AUTH_USER = Table(
    name="auth_user",
    meaning="every learner who ever enrolled in the course, those who left included",
    key=("id",),
    indexes=(IndexSpec("site_user", ("site", "id")),),
    shared=True,
    columns=(
        _int("id", "user id; called user_id or student_id elsewhere"),
        _personal("username", "unique name; may be made of digits only", required=True),
        _personal("first_name", "not used"),
        _personal("last_name", "not used"),
        _personal("email", "e-mail address", required=True),
        _personal("password", "always empty in a package"),
        _bool("is_staff", "edX staff (not course staff)"),
        _bool("is_active", "account activated by mail"),
        _bool("is_superuser", "edX superuser"),
        _date("last_login", "last login, not last activity"),
        _date("date_joined", "account creation"),
        _text("status", _OBSOLETE),
        _text("email_key", _OBSOLETE),
        _text("avatar_type", _OBSOLETE, "avatar_typ"),
        _text("country", _OBSOLETE),
        _int("show_country", _OBSOLETE),
        _text("date_of_birth", _OBSOLETE, personal=True),
        _text("interesting_tags", _OBSOLETE),
        _text("ignored_tags", _OBSOLETE),
        _int("email_tag_filter_strategy", _OBSOLETE),
        _int("display_tag_filter_strategy", _OBSOLETE),
        _int("consecutive_days_visit_count", _OBSOLETE),
    ),
)

AUTH_USERPROFILE = Table(
    name="auth_userprofile",
    meaning="what learners say of themselves, one row per learner",
    key=("id",),
    indexes=_by_user(),
    shared=True,
    columns=(
        _int("id", "key of the profile"),
        _int("user_id", "auth_user.id"),
        _personal("name", "full name, any script", required=True),
        _text("language", "obsolete (spring 2012)"),
        _personal("location", "obsolete (spring 2012)"),
        ColumnSpec("meta", ColumnType.JSON, "old names and e-mails, exit survey of 2012", personal=True),
        _text("courseware", "obsolete"),
        _text("gender", "f, m, o, empty or null"),
        _personal("mailing_address", "obsolete since May 2016; several lines"),
        _int("year_of_birth", "year"),
        _text("level_of_education", "p, m, b, a, hs, jhs, el, none, other; old: p_se, p_oth; empty or null"),
        _personal("goals", "free text, several lines"),
        _text("country", "ISO 3166-1 alpha-2, empty or null"),
        _personal("city", "free text"),
        _personal("bio", "free text, since April 2015"),
        _date("profile_image_uploaded_at", "since April 2015"),
        _text("state", "region, since April 2021"),
        _bool("allow_certificate", "in dumps until April 2021"),
        _personal("phone_number", "in dumps until April 2021"),
    ),
)

CERTIFICATES = Table(
    name="certificates_generatedcertificate",
    meaning="certificate state, one row per learner and course",
    key=("user_id",),
    indexes=_by_user(),
    columns=(
        _int("id", "key"),
        _int("user_id", "auth_user.id"),
        _personal("download_url", "internal"),
        _text("grade", "a number as text (0.84), may be empty"),
        _text("course_id", "course key"),
        _personal("key", "internal"),
        _bool("distinction", "not used"),
        _text("status", "downloadable (has one), notpassing, audit_passing, audit_notpassing, generating, ...; open set"),
        _personal("verify_uuid", "internal"),
        _personal("download_uuid", "internal"),
        _personal("name", "the learner's name when it was made", required=True),
        _date("created_date", "creation"),
        _date("modified_date", "last change"),
        _personal("error_reason", "why it failed"),
        _text("mode", "enrolment mode when it was made"),
    ),
)

STUDENT_MODULE = Table(
    name="courseware_studentmodule",
    meaning="state of every block that a learner visited; the largest table",
    key=("id",),
    dialect=Dialect.STUDENT_MODULE,
    indexes=(IndexSpec("site_user", ("site", "student_id")),),
    annotated=False,
    columns=(
        _int("id", "key"),
        _text("module_type", "block type (problem, video, sequential, ...); open set"),
        _text("module_id", "block key"),
        _int("student_id", "auth_user.id"),
        ColumnSpec("state", ColumnType.JSON, "state of the block for this learner, by type", personal=True),
        _float("grade", "raw points"),
        _date("created", "first access"),
        _date("modified", "last change of state"),
        _float("max_grade", "raw possible points"),
        _text("done", "always na"),
        _text("course_id", "course key"),
    ),
)

ENROLLMENT = Table(
    name="student_courseenrollment",
    meaning="enrolments, one row per learner and course",
    key=("user_id",),
    indexes=_by_user(),
    columns=(
        _int("id", "key"),
        _int("user_id", "auth_user.id"),
        _text("course_id", "course key"),
        _date("created", "first enrolment"),
        _bool("is_active", "false: left"),
        _text("mode", "audit, honor, verified, ...; open set, may be empty"),
    ),
)

USER_ID_MAP = Table(
    name="user_id_map",
    meaning="the site-wide anonymous id of learners",
    key=("user_id",),
    indexes=_by_user(),
    shared=True,
    columns=(
        _text("hash_id", "anonymous id, 32 hex digits", required=True),
        _int("user_id", "auth_user.id", "id"),
        _personal("username", "name of the account", required=True),
    ),
)

TABLES: tuple[Table, ...] = (
    AUTH_USER,
    AUTH_USERPROFILE,
    CERTIFICATES,
    STUDENT_MODULE,
    ENROLLMENT,
    USER_ID_MAP,
)

BY_NAME = {table.name: table for table in TABLES}
BY_TASK = {table.member_task: table for table in TABLES}
