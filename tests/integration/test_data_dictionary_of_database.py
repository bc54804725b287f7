"""What edx-import writes for itself, as the database gives it back, is in the data dictionary, field by field."""

from __future__ import annotations

from datetime import UTC, datetime

from edx_import.courses import Course
from edx_import.data_dictionary import BY_NAME
from edx_import.formats.base import ReadContext
from edx_import.formats.course_structure import CourseSummary
from edx_import.formats.table import TableReader
from edx_import.model import ImportRecord, ImportState
from edx_import.store.connection import Store
from edx_import.store.course_metadata import document_metadata, save_course
from edx_import.store.ledger import Ledger
from edx_import.store.schema import check_schema
from edx_import.store.writer import WriteTarget, write
from edx_import.tables import ENROLLMENT

COURSE = "course-v1:DemoX+D101+1T2020"
MOMENT = datetime(2020, 1, 5, tzinfo=UTC)


def test_every_field_that_we_add_is_in_the_dictionary(database: Store) -> None:
    check_schema(database)
    save_course(database, "prod", COURSE, Course(COURSE, name="Demonstrations"), CourseSummary("Demonstrations", MOMENT, None))
    context = ReadContext("prod", COURSE, document_metadata(database, "prod", COURSE))
    rows = TableReader(ENROLLMENT).read([b"user_id\tcreated\tmode\n1\tnever\taudit\nann\tNULL\taudit\n"], context)
    write(database, rows, WriteTarget("demox-2020-01-12.zip//member", "0123456789ab-1", replace=True))
    Ledger(database).save(ImportRecord("demox-2020-01-12.zip", ImportState.LOADED, counts={"read": 2}, started=MOMENT))
    for collection in ("courses", "student_courseenrollment", "imports", "rejects", "meta"):
        (document,) = database.database[collection].find()
        assert BY_NAME[collection].unknown(document) == set(), collection


def test_every_field_in_the_dictionary_of_the_ledger_is_written(database: Store) -> None:
    Ledger(database).save(ImportRecord("demox-2020-01-12.zip", ImportState.LOADED))
    (document,) = database.database["imports"].find()
    assert {field.path.partition(".")[0] for field in BY_NAME["imports"].all_fields()} == document.keys()
