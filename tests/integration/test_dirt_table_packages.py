"""The known dirt of data packages, second part: tables, people and whole packages. One test a kind; the numbers go on from `test_dirt_table.py`."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edx_import.courses import load_courses
from edx_import.data_dictionary.events import EVENTS_ENTRY
from edx_import.decryption import Keyring
from edx_import.formats.base import FormatReader, ReadContext
from edx_import.formats.email_opt_in import EmailOptInReader
from edx_import.formats.table import TableReader
from edx_import.formats.tracking_log import TrackingLogReader, restore
from edx_import.model import CourseFilter, ImportState, ObjectKind, ObjectName
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.memory import MemorySource
from edx_import.packages.naming import build_key
from edx_import.reports.discovery import bundled_folder, list_commands, load_command
from edx_import.sample.sealing import Sealer
from edx_import.store.connection import Store
from edx_import.store.queries import Queries
from edx_import.store.writer import WriteResult, WriteTarget, write
from edx_import.sync.load_object import load_object
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Coverage, SyncRequest, Task
from edx_import.sync.tools import Tools
from edx_import.tables import AUTH_USER, AUTH_USERPROFILE, CERTIFICATES, ENROLLMENT, TABLES, WIKI_ARTICLE, Table

COURSE, SISTER = "course-v1:DemoX+D101+1T2020", "course-v1:DemoX+D101+2T2020"
ENROLLMENT_HEADER = b"id\tuser_id\tcourse_id\tcreated\tis_active\tmode\n"
SUNDAY = date(2020, 1, 12)

Load = Callable[..., WriteResult]
Deliver = Callable[[ObjectName, bytes], ObjectOutcome]


@pytest.fixture
def load(database: Store) -> Load:
    """Brings one file into the database."""

    def loaded(reader: FormatReader | Table, data: bytes, *, course_id: str = COURSE, site: str = "prod", **context: Any) -> WriteResult:
        reader = TableReader(reader) if isinstance(reader, Table) else reader
        target = WriteTarget(f"{site} {course_id}", "content", replace=True)
        result = write(database, reader.read([data], ReadContext(site, course_id, **context)), target)
        assert result.counts.balanced
        return result

    return loaded


@pytest.fixture
def deliver(database: Store, keyring: Keyring, sealer: Sealer, tmp_path: Path) -> Deliver:
    """Puts one object into a source and loads it as a sync does."""

    def delivered(name: ObjectName, data: bytes) -> ObjectOutcome:
        source = MemorySource({build_key(name): data})
        (found,) = [found for found in source.list(Wanted(name.kind, name.org)) if not isinstance(found, Passed)]
        tools = Tools(source, keyring, database, load_courses(None), tmp_path)
        return load_object(Task(found, "new", Coverage(("prod",), CourseFilter())), tools)

    return delivered


def zipped(sealer: Sealer, members: dict[str, bytes]) -> bytes:
    """A weekly ZIP: a directory entry, and each member sealed; one that is not named `.gpg` as it is."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("demox-2020-01-12/", b"")
        for name, data in members.items():
            file.writestr(f"demox-2020-01-12/{name}", sealer.seal(data) if name.endswith(".gpg") else data)
    return made.getvalue()


def found(store: Store, collection: str, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return list(store.database[collection].find(query or {}).sort("_id"))


def test_28_odd_rows_of_tables(load: Load, database: Store) -> None:
    """Fields are counted against the header; the row is rejected, not the file. Quotes are ordinary, a final blank line is no row."""
    notes: list[str] = []
    rows = [b'7\t"an"n\tA "Nan\\tcy" Lee', b"8\tbob", b"9\tcid\tC\tx", b"b'10'\tb'dan'\tb'a\\\\tb'", b""]
    result = load(AUTH_USER, b"id\tusername\tfirst_name\n" + b"\n".join(rows) + b"\n", note=notes.append)
    assert result.reasons == {"wrong number of fields": 2}
    assert sorted(row["line"] for row in found(database, "rejects")) == [3, 4]
    names = {row["id"]: (row["username"], row["first_name"]) for row in found(database, "auth_user")}
    assert names == {7: ('"an"n', 'A "Nan\tcy" Lee'), 10: ("dan", "a\tb")}
    assert notes == ["cells written as bytes literals"]


@pytest.mark.parametrize("data", [b"", b"id\tusername\n", b"id\tusername\n\n\n"], ids=["zero bytes", "header only", "blank lines"])
def test_28_tables_without_rows(load: Load, data: bytes) -> None:
    assert load(AUTH_USER, data).counts.read == 0


def test_29_csv_header_repeated_mid_file(load: Load, database: Store) -> None:
    header, rows = b"user_id,email,course_id\r\n", [f"{number},n{number}@example.org,{COURSE}\r\n".encode() for number in (1, 2)]
    assert load(EmailOptInReader(), header + rows[0] + header + header + rows[1]).counts.as_dict()["read"] == 2
    assert [row["user_id"] for row in found(database, "email_opt_in")] == [1, 2]


def test_30_missing_people(load: Load, database: Store) -> None:
    """Reports keep the rows of people that other tables do not know."""
    load(ENROLLMENT, ENROLLMENT_HEADER + b"".join(f"{n}\t{n}\t{COURSE}\t2020-01-05 10:00:00\t1\taudit\n".encode() for n in (1, 2)))
    load(AUTH_USERPROFILE, b"id\tuser_id\tname\tgender\tcountry\n1\t1\tAnn\tf\tCL\n")
    load(CERTIFICATES, f"id\tuser_id\tgrade\tcourse_id\tstatus\n1\t99\t0.84\t{COURSE}\tdownloadable\n".encode())
    queries = Queries(database.database)
    people = [(row["user_id"], row["gender"], row["country"]) for row in queries.enrollments("prod")]
    assert people == [(1, "f", "CL"), (2, "", "")]
    database.database["courses"].insert_one({"_id": f"prod|{COURSE}", "site": "prod", "course_id": COURSE})
    (general,) = queries.general("prod")
    assert (general["total_users"], general["female"], general["certified_users"], general["approved_users"]) == (2, 1, 1, 1)


def test_31_shared_rows(load: Load, database: Store) -> None:
    """Stored once per course file (so that each file can be replaced alone), never twice for one; the natural key makes them one again."""
    header, rows = b"id\tcurrent_revision_id\n", b"1\t11\n2\t12\n"
    for course_id in (COURSE, SISTER, COURSE):
        load(WIKI_ARTICLE, header + rows, course_id=course_id)
    assert WIKI_ARTICLE.shared
    assert [(row["course_id"], row["id"]) for row in found(database, "wiki_article")] == [(COURSE, 1), (COURSE, 2), (SISTER, 1), (SISTER, 2)]
    articles = database.database["wiki_article"].aggregate([{"$group": {"_id": {"site": "$site", "id": "$id"}}}])
    assert len(list(articles)) == 2


def test_31_two_rows_of_one_key_in_one_file(load: Load, database: Store) -> None:
    result = load(WIKI_ARTICLE, b"id\tcurrent_revision_id\n2\t12\n2\t13\n")
    assert result.reasons == {"two rows with one key": 1}
    assert [row["current_revision_id"] for row in found(database, "wiki_article")] == [12]


def test_32_prod_and_edge(load: Load, database: Store) -> None:
    """The site is part of every key; edge is taken only when it is asked for."""
    line = b'{"time": "2020-01-12T10:00:00+00:00", "context": {"user_id": 7, "course_id": "%s"}}' % COURSE.encode()
    for site, name in (("prod", b"ann"), ("edge", b"bob")):
        load(AUTH_USER, b"id\tusername\n7\t" + name + b"\n", site=site)
        load(ENROLLMENT, ENROLLMENT_HEADER + f"1\t7\t{COURSE}\t2020-01-05 10:00:00\t1\taudit\n".encode(), site=site)
        load(TrackingLogReader(), line, site=site)
    assert {(row["site"], row["username"]) for row in found(database, "auth_user", {"id": 7})} == {("prod", "ann"), ("edge", "bob")}
    assert {row["site"] for row in found(database, "events", {"user_id": 7})} == {"prod", "edge"}
    assert len(list(Queries(database.database).enrollments("prod"))) == 1
    assert SyncRequest(("demox",)).sites == ("prod",)


def test_33_package_gaps(deliver: Deliver, sealer: Sealer, database: Store) -> None:
    """Told in the manifest, member by member; what is there is loaded."""
    row = f"1\t7\t{COURSE}\t2020-01-05 10:00:00\t1\taudit\n".encode()
    part = "DemoX-D101-1T2020"
    members = {
        f"{part}-student_courseenrollment-prod-analytics.sql.gpg": ENROLLMENT_HEADER + row,
        f"{part}-auth_user-prod-analytics.sql.failed.gpg": b"Traceback (most recent call last):\nMemoryError: too many\n",
        f"{part}-teams-prod-analytics.sql.gpg": b"id\tteam_id\n",
        f"{part}-wiki_article-prod-analytics.sql.gpg": b"",
        f"{part}-certificates_gen-{'ab' * 16}.sql.gpg": f"id\tuser_id\tgrade\tcourse_id\tstatus\n1\t7\t1\t{COURSE}\tdownloadable\n".encode(),
        "notes.txt": b"not encrypted",
    }
    outcome = deliver(ObjectName(ObjectKind.DATABASE, "demox", SUNDAY), zipped(sealer, members))
    manifest: dict[str, Any] = outcome.manifest[0]
    assert (manifest["course_id"], manifest["failed"], manifest["empty"]) == (COURSE, ["auth_user", "wiki_article"], ["teams"])
    assert {"auth_userprofile", "courseware_studentmodule"} <= set(manifest["absent"])
    assert "auth_user" not in manifest["absent"]
    assert any("MemoryError: too many" in warning for warning in outcome.warnings)
    assert [warning for warning in outcome.warnings if "notes.txt" in warning]
    assert [database.database[name].count_documents({}) for name in ("student_courseenrollment", "certificates_generatedcertificate")] == [1, 1]
    assert "auth_user" not in outcome.collections


@pytest.mark.parametrize("is_sealed", [False, True], ids=["zero bytes", "nothing within"])
def test_33_event_file_without_content(deliver: Deliver, sealer: Sealer, is_sealed: bool) -> None:
    """A failure, and not a day without events: there would be no file of such a day."""
    outcome = deliver(ObjectName(ObjectKind.EVENTS, "demox", SUNDAY, "edx"), sealer.seal(b"") if is_sealed else b"")
    assert outcome.state is ImportState.FAILED
    assert "0 bytes" in str(outcome.error)


def test_34_secrets_and_personal_data(deliver: Deliver, sealer: Sealer, database: Store) -> None:
    """Loaded in full, for a loader that drops fields loses what was said; but told nowhere else, and every such field is declared.

    What is rejected keeps its bytes in `rejects` alone: the record of the import and what a person is told name line and reason.
    """
    event = {
        "time": "2020-01-12T10:00:00+00:00",
        "event_type": "edx.recommender",
        "event": {"aws_secret_access_key": "SECRETSECRET"},
        "ip": "192.0.2.7",
    }
    lines = [json.dumps(event).encode(), b'{"time": "SECRETSECRET" ann@example.org', b'{"event": "SECRETSECRET ann@example.org"}']
    outcome = deliver(ObjectName(ObjectKind.EVENTS, "demox", SUNDAY, "edx"), sealer.seal(gzip.compress(b"\n".join(lines))))
    (stored,) = found(database, "events")
    assert restore(stored)["event"] == event["event"]
    told = f"{outcome.as_dict()} {outcome.warnings} {found(database, 'imports')} {[row['detail'] for row in found(database, 'rejects')]}"
    assert "not JSON" in told
    assert "SECRETSECRET" not in told
    assert "example.org" not in told


def test_34_personal_fields_are_declared_and_so_is_every_column_of_a_report_that_shows_one() -> None:
    personal = {column.name for table in TABLES for column in table.columns if column.personal}
    assert {"username", "email", "first_name", "anonymous_user_id", "ip_address", "mailing_address"} <= personal
    assert {"username", "ip", "session", "event"} <= _personal_event_fields()
    folders = [bundled_folder()]
    columns = [(info.name, column) for info in list_commands(folders) for column in load_command(info.name, folders).columns]
    # `name` is a learner's in one table; in the reports it is that of the course.
    shown = [(command, column) for command, column in columns if column.name in personal - {"name"} | _personal_event_fields()]
    assert ("person_course", "username") in {(command, column.name) for command, column in shown}
    assert [f"{command} {column.name}" for command, column in shown if column.personal is None] == []


def test_34_agents_are_declared_personal() -> None:
    assert "agent" in _personal_event_fields()


def _personal_event_fields() -> set[str]:
    return {field.path for field in EVENTS_ENTRY.fields if field.personal}
