"""Which table files a course has in the weekly ZIP, and the rows of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from edx_import.model import PROD, Site
from edx_import.sample import rows_assessment, rows_learner, rows_module, rows_platform
from edx_import.sample.courses import Course
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe
from edx_import.sample.table_files import Row, write_table
from edx_import.tables import Dialect

Columns = tuple[str, ...] | Callable[[date], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table file: its task name, header (by the day of the snapshot where it changed over time), rows, and folder in the ZIP."""

    task: str
    columns: Columns
    rows: Callable[[Offering], Iterable[Row]]
    dialect: Dialect = Dialect.STANDARD
    folder: str = ""

    def header(self, day: date) -> tuple[str, ...]:
        """The columns in the order of the file."""
        return self.columns(day) if callable(self.columns) else self.columns

    def lines(self, offering: Offering) -> Iterator[bytes]:
        """The lines of the file."""
        return write_table(self.header(offering.day), self.rows(offering), self.dialect)


def _assessment_file(task: str) -> TableFile:
    return TableFile(task, tuple(rows_assessment.COLUMNS[task].split()), partial(rows_assessment.assessment_rows, task=task), folder="ora")


TABLE_FILES: Final[tuple[TableFile, ...]] = (
    TableFile("auth_user", rows_learner.AUTH_USER, rows_learner.user_rows),
    TableFile("auth_userprofile", rows_learner.profile_columns, rows_learner.profile_rows),
    TableFile("student_courseenrollment", rows_learner.ENROLLMENT, rows_learner.enrollment_rows),
    TableFile("user_id_map", rows_learner.id_map_columns, rows_learner.id_map_rows),
    TableFile("certificates_generatedcertificate", rows_learner.CERTIFICATES, rows_learner.certificate_rows),
    TableFile("courseware_studentmodule", rows_module.STUDENT_MODULE, rows_module.module_rows, Dialect.STUDENT_MODULE),
    TableFile("student_anonymoususerid", rows_learner.ANONYMOUS, rows_learner.anonymous_rows),
    TableFile("student_languageproficiency", rows_learner.LANGUAGES, rows_learner.language_rows),
    TableFile("user_api_usercoursetag", rows_platform.COURSE_TAGS, rows_platform.tag_rows),
    TableFile("student_courseaccessrole", rows_platform.ACCESS_ROLES, rows_platform.access_role_rows),
    TableFile("django_comment_client_role_users", rows_platform.FORUM_ROLES, rows_platform.forum_role_rows),
    TableFile("grades_persistentcoursegrade", rows_learner.COURSE_GRADES, rows_learner.course_grade_rows),
    TableFile("grades_persistentsubsectiongrade", rows_learner.SUBSECTION_GRADES, rows_learner.subsection_grade_rows),
    TableFile("course_groups_cohortmembership", rows_platform.COHORTS, rows_platform.cohort_rows),
    TableFile("credit_crediteligibility", rows_learner.CREDIT, rows_learner.credit_rows),
    TableFile("teams", rows_platform.TEAMS, rows_platform.team_rows),
    TableFile("teams_membership", rows_platform.TEAM_MEMBERS, rows_platform.team_member_rows),
    TableFile("wiki_article", rows_platform.WIKI_ARTICLES, rows_platform.article_rows),
    TableFile("wiki_articlerevision", rows_platform.WIKI_REVISIONS, rows_platform.revision_rows),
    *(_assessment_file(task) for task in rows_assessment.COLUMNS),
)

BY_TASK: Final = {file.task: file for file in TABLE_FILES}


def iter_rows(recipe: Recipe, course: Course, task: str, site: Site = PROD, day: date | None = None) -> Iterator[Row]:
    """The rows of a course's table as the producer's database held them at the end of a snapshot day (default: the newest)."""
    yield from BY_TASK[task].rows(Offering(recipe, site, course, day or recipe.snapshots[-1]))
