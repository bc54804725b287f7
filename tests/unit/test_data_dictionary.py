"""The data dictionary: it is the page in docs/, and lists every field that a package gives."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edx_import.data_dictionary import BY_NAME, ENTRIES, Entry, Field, dictionary_page
from edx_import.formats.base import FormatReader, ReadContext
from edx_import.formats.course_structure import CourseStructureReader
from edx_import.formats.email_opt_in import EmailOptInReader
from edx_import.formats.forum import ForumReader
from edx_import.formats.olx import read_content
from edx_import.formats.table import TableReader
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.model import Document
from edx_import.packages.naming import parse_member
from edx_import.sample.events import iter_lines
from edx_import.sample.offering import Offering
from edx_import.sample.package import database_members
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.rows_learner import email_rows
from edx_import.sample.table_files import write_email_csv
from edx_import.sample.totals import Tally
from edx_import.store import collections
from edx_import.tables import BY_TASK, TABLES

PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
RECIPE = Recipe(courses=3, learners=60, days=1, events_per_day=1500)
METADATA = {"name": "Demonstrations", "sme": None, "start_date": datetime(2020, 1, 5, tzinfo=UTC), "end_date": None}


def read(reader: FormatReader, chunks: Iterable[bytes], **context: Any) -> Iterator[Document]:
    for item in reader.read(chunks, ReadContext("prod", course=METADATA, **context)):
        assert isinstance(item, Document), item
        yield item


@cache
def sample_documents() -> dict[str, list[dict[str, Any]]]:
    """What our readers make of a sample package, by collection."""
    documents: dict[str, list[dict[str, Any]]] = {}
    for document in (*_of_database(), *_of_events()):
        documents.setdefault(document.collection, []).append(document.fields)
    return documents


def _of_database() -> Iterator[Document]:
    ids = {course.file_part: course.id for course in courses_of(RECIPE)}
    for member in database_members(RECIPE, RECIPE.last_day, Tally()):
        name = parse_member(member.path)
        assert name is not None
        course_id = ids[name.course_part]
        content = member.content or b""
        if name.task == "course":
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                files = [(entry.name, file.read()) for entry in archive if (file := archive.extractfile(entry))]
            yield from (item for item in read_content(files, ReadContext("prod", course_id)) if isinstance(item, Document))
        else:
            yield from read(READERS[name.task], [content], course_id=course_id)


def _of_events() -> Iterator[Document]:
    yield from read(TrackingLogReader(), [line.data + b"\n" for line in iter_lines(RECIPE, RECIPE.last_day)])
    rows = [email_rows(Offering(RECIPE, "prod", course, RECIPE.last_day)) for course in courses_of(RECIPE)]
    yield from read(EmailOptInReader(), write_email_csv(rows))


READERS: dict[str, FormatReader] = {
    **{task: TableReader(table) for task, table in BY_TASK.items()},
    "forum": ForumReader(),
    "course_structure": CourseStructureReader(),
}

#: The collections that a package fills; of one table there are no files any more.
OF_A_PACKAGE = sorted({table.name for table in TABLES} - {"verify_student_verificationstatus"} | {"events", "forum", "course_structure"})
OF_A_PACKAGE += ["course_content", "email_opt_in"]


@pytest.mark.parametrize("collection", OF_A_PACKAGE)
def test_every_field_of_the_sample_is_in_the_dictionary(collection: str) -> None:
    documents = sample_documents()[collection]
    assert documents
    assert set().union(*(BY_NAME[collection].unknown(document) for document in documents)) == set()


def test_a_field_that_nobody_described_is_noticed() -> None:
    entry = BY_NAME["course_structure"]
    assert entry.unknown({"_id": "x", "surprise": 1, "ancestors": [{"id": "a", "age": 2}], "metadata": {"any": {"thing": 1}}}) == {
        "surprise",
        "ancestors.age",
    }


def test_the_page_says_what_the_code_says() -> None:
    made = subprocess.run([sys.executable, "-m", "edx_import.data_dictionary"], capture_output=True, check=True).stdout.decode()
    assert made == dictionary_page(ENTRIES)
    assert PAGE.read_text(encoding="utf-8") == made, "make it again: python -m edx_import.data_dictionary > docs/data-dictionary.md"


def test_every_collection_is_described() -> None:
    named = {value for name, value in vars(collections).items() if name.isupper() and isinstance(value, str) and name != "ENROLLMENT_EVENTS"}
    described = named - {collections.OTHER_PREFIX} | {"other_<name>", "report_<name>"} | {table.name for table in TABLES}
    assert described == BY_NAME.keys()


def test_every_index_of_the_database_is_in_the_dictionary() -> None:
    assert {entry.name: entry.indexes for entry in ENTRIES if entry.indexes} == {name: specs for name, specs in collections.INDEXES.items() if specs}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_field_is_described_once_and_below_one_that_is_described(entry: Entry) -> None:
    paths = [field.path for field in entry.all_fields()]
    assert len(set(paths)) == len(paths)
    assert all(path.rpartition(".")[0] in paths for path in paths if "." in path)


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    page = dictionary_page([Entry("x", "x", "a|b", (Field("a", "int", "one | other"),))])
    assert "| `a` | int | one \\| other |  |  |" in page.splitlines()
