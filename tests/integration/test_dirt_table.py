"""The known dirt of data packages, first part: event lines. One test a kind, from bytes over the reader into a real MongoDB, and what is found there.

The numbers are those of the list of known dirt; `test_dirt_table_packages.py` has those from 28 on, about tables, people and whole packages.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edx_import.courses import Course, CourseCatalog
from edx_import.formats import tracking_log
from edx_import.formats.base import FormatReader, ReadContext
from edx_import.formats.email_opt_in import EmailOptInReader
from edx_import.formats.forum import ForumReader
from edx_import.formats.table import TableReader
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.writer import WriteResult, WriteTarget, write
from edx_import.tables import AUTH_USER, USER_ID_MAP

COURSE = "course-v1:DemoX+D101+1T2020"
OLD_FORM = "DemoX/D101/1T2020"
DAY = "demox/edx/events/2020/demox-edx-events-2020-01-06.log.gz.gpg"
TIME = "2020-01-06T09:01:02.345678+00:00"
MOMENT = datetime(2020, 1, 6, 9, 1, 2, 345000, tzinfo=UTC)

Documents = list[dict[str, Any]]


@dataclass(frozen=True)
class Warehouse:
    """A database to bring files into. `notes` counts what had to be mended."""

    store: Store
    notes: Counter[str] = field(default_factory=Counter)

    def load(self, reader: FormatReader, data: bytes, *, key: str = DAY, replace: bool = False, **context: Any) -> WriteResult:
        given: dict[str, Any] = {"site": "prod", "note": lambda name: self.notes.update([name])} | context
        told = ReadContext(**given)
        result = write(self.store, reader.read([data], told), WriteTarget(key, "content", replace=replace))
        assert result.counts.balanced
        return result

    def log(self, *lines: bytes, **more: Any) -> WriteResult:
        return self.load(TrackingLogReader(), b"\n".join(lines) + b"\n", **more)

    def event(self, **fields: Any) -> dict[str, Any]:
        """The document of one event, as the database has it; restored, it must say what the line said."""
        return self.only(render(**fields))

    def only(self, line: bytes, **context: Any) -> dict[str, Any]:
        assert self.log(line, **context).counts.loaded == 1
        (found,) = self.found("events")
        return found

    def found(self, collection: str, query: dict[str, Any] | None = None) -> Documents:
        return list(self.store.database[collection].find(query or {}).sort("import.line"))

    def rejected(self) -> list[tuple[int, str, bytes]]:
        return [(found["line"], found["reason"], found["raw"]) for found in self.store.database["rejects"].find().sort("line")]


@pytest.fixture
def warehouse(database: Store) -> Warehouse:
    return Warehouse(database)


def render(**fields: Any) -> bytes:
    return json.dumps({"time": TIME} | fields).encode()


def said(document: dict[str, Any]) -> dict[str, Any]:
    """What the line of a document from the database said, but for its time."""
    restored: dict[str, Any] = tracking_log.restore(document)
    del restored["time"]
    return restored


def table(*rows: Iterable[str]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def test_01_truncated_or_broken_line(warehouse: Warehouse) -> None:
    """Rejected with file, number, reason and bytes; the rest of the file is loaded."""
    cut = [render(agent="x" * 20_000)[:length] for length in (2_043, 10_000)]
    result = warehouse.log(render(n=1), cut[0], b"connection reset by peer", cut[1], render(n=2))
    assert (result.counts.loaded, result.reasons) == (2, {"not JSON": 3})
    assert warehouse.rejected() == [(2, "not JSON", cut[0]), (3, "not JSON", b"connection reset by peer"), (4, "not JSON", cut[1])]
    assert {found["file"] for found in warehouse.found("rejects")} == {DAY}
    assert [found["n"] for found in warehouse.found("events")] == [1, 2]


def test_02_prefix_before_the_brace(warehouse: Warehouse) -> None:
    found = warehouse.only(b"Sep  9 00:00:48 localhost " + render(username="ann"))
    assert (found["username"], found["time"], found["original"]) == ("ann", MOMENT, {"prefix": "Sep  9 00:00:48 localhost "})
    assert warehouse.notes == {"text before the object": 1}


def test_03_json_but_not_an_object(warehouse: Warehouse) -> None:
    lines = [b"5", b'"text"', b"[1]", b"null"]
    assert warehouse.log(*lines, render()).counts.loaded == 1
    assert warehouse.rejected() == [(number, "not an object", line) for number, line in enumerate(lines, 1)]


def test_04_payload_cut_at_512(warehouse: Warehouse) -> None:
    cut = '{"POST": {"body": ["'.ljust(512, "x")
    warehouse.log(render(event=cut), render(event=cut[:-1]))
    assert [found["event"] for found in warehouse.found("events", {"event_truncated": True})] == [cut]
    assert [found["event"] for found in warehouse.found("events", {"event_truncated": {"$exists": False}})] == [cut[:-1]]


def test_05_payload_not_json(warehouse: Warehouse) -> None:
    """Stays what it is in the one field `event`: nothing is wrapped. The empty payload is an empty object, and known to have been a text."""
    payloads: list[Any] = ["input_ab12_2_1=choice_0", ["a=1", "<p>"], "", "some text"]
    warehouse.log(*(render(event=payload) for payload in payloads))
    documents = warehouse.found("events")
    assert [found["event"] for found in documents] == ["input_ab12_2_1=choice_0", ["a=1", "<p>"], {}, "some text"]
    assert [said(found)["event"] for found in documents] == payloads


def test_06_double_encoded_payload(warehouse: Warehouse) -> None:
    payload = json.dumps(json.dumps({"id": "cd34"}))
    found = warehouse.event(event=payload)
    assert found["event"] == {"id": "cd34"}
    assert said(found) == {"event": payload}


def test_07_missing_envelope_fields(warehouse: Warehouse) -> None:
    """Only the time is needed. A field that is not there stays away; course and user are null."""
    warehouse.log(b'{"username": "ann"}', render(context=None), render(event_type=None), render())
    assert [reason for _, reason, _ in warehouse.rejected()] == ["no time"]
    documents = warehouse.found("events", {"course_id": None, "user_id": None})
    assert [said(found) for found in documents] == [{"context": None}, {"event_type": None}, {}]


def test_08_no_user(warehouse: Warehouse) -> None:
    """The event is kept; `user_id` is a number or null, and what stood there is where it was. A username is not stripped."""
    ids = [None, "", "123", 123, "anonymous"]
    warehouse.log(render(), *(render(context={"user_id": value}, username="ann\n") for value in ids))
    documents = warehouse.found("events")
    assert [found["user_id"] for found in documents] == [None, None, None, 123, 123, None]
    assert [found["context"]["user_id"] for found in documents[1:]] == ids
    assert {found["username"] for found in documents[1:]} == {"ann\n"}


def test_09_numeric_usernames(warehouse: Warehouse) -> None:
    warehouse.load(TableReader(AUTH_USER), table(("id", "username", "email"), ("7", "00123", "n@example.org")), course_id=COURSE, replace=True)
    warehouse.log(render(username="00123"))
    joined = [{"$lookup": {"from": "events", "localField": "username", "foreignField": "username", "as": "events"}}]
    (user,) = warehouse.store.database["auth_user"].aggregate(joined)
    assert (user["username"], user["id"], len(user["events"])) == ("00123", 7, 1)


def test_10_no_or_bad_course_id(warehouse: Warehouse) -> None:
    """Another place that names a course is asked; what stood in the context stays there."""
    bad = ["", " \n", "bogus", None]
    page = f"https://courses.example.org/courses/{COURSE}/courseware/x/"
    warehouse.log(*(render(context={"course_id": value}, event_source="browser", page=page) for value in bad))
    warehouse.log(render(context={"course_id": "library-v1:DemoX+Lib"}, page=page), key="next day")
    assert [found["context"]["course_id"] for found in warehouse.found("events", {"course_id": COURSE})] == bad
    assert [found["context"]["course_id"] for found in warehouse.found("events", {"course_id": None})] == ["library-v1:DemoX+Lib"]


def test_11_two_id_forms_for_one_course(warehouse: Warehouse) -> None:
    """One exact key, not the slash form of everything; the form that was used stays in the context."""
    catalog = CourseCatalog([Course(COURSE)])
    warehouse.log(*(render(context={"course_id": form}) for form in (COURSE, OLD_FORM)), resolve=catalog.resolve)
    assert [found["context"]["course_id"] for found in warehouse.found("events", {"course_id": COURSE})] == [COURSE, OLD_FORM]


def test_12_keys_with_dots_dashes_digits_first(warehouse: Warehouse) -> None:
    payload = {"xblock.partition_service.partition_0": "2", "i4x-DemoX-D101-problem-ab12_2_1": "a", "5b60_2_1": 1, "child-id": [{"q. 1": 1}]}
    found = warehouse.event(event=payload)
    assert said(found) == {"event": payload}
    assert warehouse.found("events", {"event.xblock%2Epartition_service%2Epartition_0": "2", "event.5b60_2_1": 1, "event.child-id.q%2E 1": 1})


def test_13_keys_starting_with_a_dollar(warehouse: Warehouse) -> None:
    """In the forum they are wrappers, and opened; in events they are learners' texts, and escaped."""
    post = b'{"_id": {"$oid": "5e1200000000000000000001"}, "_type": "Comment", "created_at": {"$date": "2020-01-06T09:07:00.000Z"}, "$x": 1}'
    warehouse.load(ForumReader(), post, course_id=COURSE)
    (found,) = warehouse.found("forum", {"created_at": datetime(2020, 1, 6, 9, 7, tzinfo=UTC)})
    assert (str(found["post_id"]), found["%24x"]) == ("5e1200000000000000000001", 1)
    event = warehouse.event(event={"$oid": 1, "$a": {"$date": 2}})
    assert event["event"] == {"%24oid": 1, "%24a": {"%24date": 2}}
    assert said(event) == {"event": {"$oid": 1, "$a": {"$date": 2}}}


def test_14_what_mongodb_accepts(warehouse: Warehouse) -> None:
    """Keys that it refuses, or stores where no query finds them, are escaped, NUL and the empty key too: none is stripped, so none can clash."""
    payload = {"": 1, "a\0b": 2, "ab": 3, "%": 4, "a.b": 5, "$a": 6}
    assert said(warehouse.event(event=payload)) == {"event": payload}
    query = {"%": 1, "a%00b": 2, "ab": 3, "%25": 4, "a%2Eb": 5, "%24a": 6}
    assert warehouse.found("events", {f"event.{key}": value for key, value in query.items()})


def test_15_nul(warehouse: Warehouse) -> None:
    """Kept, in events, tables and CSV alike: a database has no trouble with it, and stripping would lose what was said."""
    assert warehouse.event(agent="a\0b")["agent"] == "a\0b"
    warehouse.load(TableReader(AUTH_USER), table(("id", "username", "first_name"), ("7", "ann", "A\0n")), course_id=COURSE, replace=True)
    assert warehouse.found("auth_user", {"first_name": "A\0n"})
    warehouse.load(EmailOptInReader(), b"user_id,full_name,course_id\r\n7,A\0n," + COURSE.encode() + b"\r\n", replace=True)
    assert warehouse.found("email_opt_in", {"full_name": "A\0n"})


def test_16_lone_surrogates(warehouse: Warehouse) -> None:
    fields = {"event": {"body": "cut \ud83d", "\udc00": 1}}
    found = warehouse.event(**fields)
    assert found["event"] == {"body": "cut \ufffd", "%uDC00": 1}
    assert said(found) == fields


def test_17_numbers_out_of_range(warehouse: Warehouse) -> None:
    """Integers beyond 64 bits are stored as digits and given back as what they were. NaN and infinities stay: BSON has them, null would say less."""
    numbers = {"huge": 2**64, "low": -(2**70), "fits": 2**63 - 1}
    line = render(event=numbers)[:-1] + b', "speed": NaN, "end": -Infinity}'
    found = warehouse.only(line)
    assert found["event"] == {"huge": "18446744073709551616", "low": str(-(2**70)), "fits": 2**63 - 1}
    assert math.isnan(found["speed"])
    assert (found["end"], said(found)["event"]) == (-math.inf, numbers)


def test_18_invalid_utf8_and_mojibake(warehouse: Warehouse) -> None:
    """Bad bytes are U+FFFD, counted, and the raw line is kept. Text that was encoded twice is left as it is: nobody can tell it for sure."""
    line = render(agent="?", host="cafÃ©").replace(b"?", b"caf\xe9")
    found = warehouse.only(line)
    assert (found["agent"], found["host"], found["original"]) == ("caf\ufffd", "cafÃ©", {"line": line})
    assert warehouse.notes == {"not UTF-8": 1}


def test_19_bom(warehouse: Warehouse) -> None:
    bom = b"\xef\xbb\xbf"
    assert "original" not in warehouse.only(bom + render())
    assert warehouse.log(render(), key="next day").counts.duplicate == 1
    warehouse.load(TableReader(AUTH_USER), bom + table(("id", "username"), ("7", "ann")), course_id=COURSE, replace=True)
    assert warehouse.found("auth_user", {"id": 7})
    warehouse.load(EmailOptInReader(), bom + b"user_id,course_id\r\n7," + COURSE.encode() + b"\r\n", replace=True)
    assert warehouse.found("email_opt_in", {"user_id": 7})


def test_20_duplicates(warehouse: Warehouse) -> None:
    """One line is one event, however often and in whichever file of its site it comes; blanks at its ends do not make it another."""
    assert warehouse.log(render(n=1), render(n=1) + b" \r", render(n=2)).counts.duplicate == 1
    before = warehouse.found("events")
    assert warehouse.log(render(n=1), render(n=1) + b" \r", render(n=2)).counts.duplicate == 1
    assert warehouse.log(render(n=2), render(n=1), key=DAY.replace("demox", "aliasx")).counts.duplicate == 2
    assert warehouse.found("events") == before
    assert warehouse.log(render(n=1), site="edge", key="edge").counts.loaded == 1


def test_21_neighbour_day_and_late_events(warehouse: Warehouse) -> None:
    """An event is of the day of its own time, and by that it is found, with an index; the file's date means nothing."""
    ensure_collections(warehouse.store)
    late = "2020-01-03T22:00:00+00:00"
    warehouse.log(render(time=late, context={"course_id": COURSE, "received_at": TIME}), render(context={"course_id": COURSE}))
    third = datetime(2020, 1, 3, tzinfo=UTC)
    wanted = {"site": "prod", "course_id": COURSE, "time": {"$gte": third, "$lt": third + timedelta(days=1)}}
    assert [found["import"]["object"] for found in warehouse.found("events", wanted)] == [DAY]
    plan = warehouse.store.database["events"].find(wanted).explain()
    assert "site_course_time" in json.dumps(plan["queryPlanner"]["winningPlan"], default=str)


def test_22_not_sorted(warehouse: Warehouse) -> None:
    seconds = [30, 10, 50, 20]
    warehouse.log(*(render(time=f"2020-01-06T09:01:{second}+00:00", n=second) for second in seconds))
    by_id = warehouse.store.database["events"].find().sort("_id")
    assert [found["n"] for found in by_id] == sorted(seconds)
    assert [found["n"] for found in warehouse.found("events")] == seconds


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-01-06T09:01:02+00:00", MOMENT.replace(microsecond=0)),
        ("2020-01-06T09:01:02.345678", MOMENT),
        ("2020-01-06T09:01:02.345Z", MOMENT),
        ("2020-01-06 11:01:02.345+02:00", MOMENT),
    ],
)
def test_23_time_variants(warehouse: Warehouse, text: str, moment: datetime) -> None:
    warehouse.log(render(time=text), render(time="yesterday"))
    (found,) = warehouse.found("events")
    assert found["time"] == moment
    assert tracking_log.restore(found)["time"] == text
    assert [reason for _, reason, _ in warehouse.rejected()] == ["unreadable time"]


def test_24_type_clashes_for_one_key(warehouse: Warehouse) -> None:
    """Each value keeps its type; nothing is made a string for the sake of others."""
    options: list[Any] = ["choice_0", ["choice_0", "choice_1"], 1.5, {"name": "choice_0"}, None, True]
    warehouse.log(*(render(event={"option": option}) for option in options), render(event=["option"]), render(event="option"))
    assert [found["event"].get("option") for found in warehouse.found("events", {"event": {"$type": "object"}})][:6] == options
    assert len(warehouse.found("events", {"event.option": "choice_0"})) == 2


def test_25_renamed_things(warehouse: Warehouse) -> None:
    """Columns are read by all names they have had; in events the old names stay, being what the line said."""
    for number, name in enumerate(("id", "user_id"), 1):
        rows = table(("hash_id", name, "username"), (f"{number}" * 32, str(number), f"ann{number}"))
        warehouse.load(TableReader(USER_ID_MAP), rows, key=f"week {number}", course_id=COURSE, replace=True)
    assert {found["user_id"] for found in warehouse.found("user_id_map")} == {1, 2}
    found = warehouse.event(event_type="save_problem_check", event={"child-id": "x", "currentTime": 1, "current_time": 2})
    assert said(found) == {"event_type": "save_problem_check", "event": {"child-id": "x", "currentTime": 1, "current_time": 2}}


def test_26_odd_values(warehouse: Warehouse) -> None:
    """Left alone: what they mean is for a report to say."""
    fields = {"event_type": "seek_video", "event": {"id": "\ni4x-DemoX-D101-video-cd34", "old_time": 5, "new_time": 5, "ab12_2_1_dynamath": ""}}
    assert said(warehouse.event(**fields)) == fields


def test_27_ip_values(warehouse: Warehouse) -> None:
    values = ["192.0.2.7", "2001:db8::1", "::1", "", "192.0.2.7, 192.0.2.8"]
    warehouse.log(*(render(ip=value) for value in values))
    assert [found["ip"] for found in warehouse.found("events")] == values
