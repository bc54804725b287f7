"""The declarations of tables: all there, usable as ids and collections, and honest about people."""

from __future__ import annotations

import pytest

from edx_import.sample.catalogue import TABLE_FILES, TableFile
from edx_import.store import collections
from edx_import.tables import BY_NAME, BY_TASK, TABLES, VERIFICATION_STATUS, ColumnType, Dialect, Table

#: What names people or was written by them, wherever a column is called so.
NAMES_PEOPLE = frozenset(
    "username email first_name last_name password mailing_address phone_number bio goals ip_address anonymous_user_id hash_id scorer_id student_id "
    "feedback feedback_text user_message".split()
)

each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def test_every_file_of_a_package_has_a_declaration_and_every_declaration_a_file() -> None:
    no_longer_made = {VERIFICATION_STATUS.member_task}
    assert {file.task for file in TABLE_FILES} | no_longer_made == BY_TASK.keys()
    assert len(BY_NAME) == len(BY_TASK) == len(TABLES) == 41


@pytest.mark.parametrize("file", TABLE_FILES, ids=lambda file: file.task)
def test_a_file_and_its_declaration_agree_on_the_dialect(file: TableFile) -> None:
    assert BY_TASK[file.task].dialect is file.dialect


def test_only_the_student_modules_have_a_dialect_of_their_own() -> None:
    assert {table.name for table in TABLES if table.dialect is not Dialect.STANDARD} == {"courseware_studentmodule"}


@each_table
def test_a_column_has_one_name_and_no_other_column_goes_by_it(table: Table) -> None:
    names = [name for column in table.columns for name in (column.name, *column.aliases)]
    assert len(set(names)) == len(names)


@each_table
def test_a_key_is_made_of_columns_that_every_row_fills(table: Table) -> None:
    columns = {column.name: column for column in table.columns}
    needed = [columns[name] for name in table.key if name not in table.optional_key]
    assert needed
    assert set(table.optional_key) <= set(table.key)
    assert all(column.type is ColumnType.INT or column.required for column in needed)


@each_table
def test_no_id_holds_what_names_people(table: Table) -> None:
    assert not {column.name for column in table.columns if column.personal} & set(table.key)


@each_table
def test_no_key_holds_the_course_again(table: Table) -> None:
    assert "course_id" not in table.key


@each_table
def test_an_index_is_over_fields_that_are_there(table: Table) -> None:
    fields = {column.name for column in table.columns} | {"site", "course_id"}
    assert all(set(index.fields) <= fields and index.fields[0] == "site" for index in table.indexes)


@each_table
def test_no_table_takes_the_collection_of_something_else(table: Table) -> None:
    ours = {value for name, value in vars(collections).items() if name.isupper() and isinstance(value, str)}
    assert table.name not in ours
    assert not table.name.startswith(collections.OTHER_PREFIX)


@each_table
def test_what_names_people_is_marked(table: Table) -> None:
    texts = [column for column in table.columns if column.type is ColumnType.STRING]
    assert all(column.personal for column in texts if column.name in NAMES_PEOPLE)


def test_answers_of_learners_are_json_and_personal() -> None:
    answer = next(column for column in BY_NAME["submissions_submission"].columns if column.name == "raw_answer")
    assert (answer.type, answer.personal) == (ColumnType.JSON, True)


def test_rows_that_several_courses_have_are_marked() -> None:
    shared = {table.name for table in TABLES if table.shared}
    assert {"auth_user", "auth_userprofile", "wiki_article", "wiki_articlerevision", "assessment_rubric", "assessment_criterion"} <= shared
    assert not shared & {"student_courseenrollment", "courseware_studentmodule", "submissions_submission"}


def test_the_table_that_has_rows_of_strangers_is_marked_as_broken() -> None:
    assert [table.name for table in TABLES if table.broken] == ["assessment_peerworkflowitem"]
