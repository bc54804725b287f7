"""Between reader and writer: without a screen nothing happens, with one every row is looked at, whichever way it was read."""

from __future__ import annotations

import json
from typing import Any

from edx_import.formats.base import ReadContext
from edx_import.formats.table import TableReader
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.model import Counts, Document, Encoded, FastItem, Rejected
from edx_import.privacy.identity import Identity, Kind, identity_hash
from edx_import.privacy.screen import Screen
from edx_import.privacy.state import PrivacyState
from edx_import.store.writer import decoded
from edx_import.sync.screening import screened
from edx_import.tables import AUTH_USER

KEY = b"k" * 32
CONTEXT = ReadContext("prod", "course-v1:DemoX+D101+1T2020", {"name": "Demonstrations"})


def line(user: int, **fields: Any) -> bytes:
    context = {"course_id": CONTEXT.course_id, "user_id": user}
    event = {"username": f"u{user}", "ip": "192.0.2.1", "event_type": "page_close", "time": "2020-01-06T09:01:02.345678+00:00", "context": context}
    return json.dumps(event | fields).encode() + b"\n"


EVENTS = [line(1), line(2), b"no json\n", line(1, event='{"id": "x"}'), line(3, **{"a.b": 2**70}), line(4, event="a=b")]
ROWS = b"id\tusername\temail\tis_staff\n1\tann\tann@example.org\t0\n2\tjane\tjane@example.org\tx\n"


def forgetting(number: int) -> Screen:
    known = identity_hash(KEY, "prod", Identity.of(Kind.USER, number))
    return Screen(PrivacyState(KEY, forgotten=frozenset({known}), sites=frozenset({"prod"})))


def test_without_a_screen_the_rows_are_not_even_looked_at() -> None:
    rows = iter(())
    assert screened(rows, None, Counts()) is rows


def test_the_bytes_of_a_row_say_what_its_document_says() -> None:
    for reader, data in ((TrackingLogReader(), b"".join(EVENTS)), (TableReader(AUTH_USER), ROWS)):
        exact = [item for item in reader.read([data], CONTEXT) if isinstance(item, Document)]
        fast = [item for item in reader.read_fast([data], CONTEXT) if not isinstance(item, Rejected)]
        assert any(isinstance(item, Encoded) for item in fast)
        assert [decoded(item) if isinstance(item, Encoded) else item for item in fast] == exact


def test_rows_of_a_forgotten_learner_are_counted_as_filtered_and_rejected_ones_pass() -> None:
    counts = Counts()
    rows: list[FastItem] = list(screened(TrackingLogReader().read_fast([b"".join(EVENTS)], CONTEXT), forgetting(1), counts))
    assert counts == Counts(filtered=2)
    assert [row.line for row in rows] == [2, 3, 5, 6]
    assert [type(row) for row in rows if row.line == 3] == [Rejected]


def test_under_the_mode_nothing_personal_is_passed_on() -> None:
    screen = Screen(PrivacyState(KEY, keep_removed=True))
    events = list(screened(TrackingLogReader().read_fast([b"".join(EVENTS)], CONTEXT), screen, Counts()))
    users = list(screened(TableReader(AUTH_USER).read_fast([ROWS], CONTEXT), screen, Counts()))
    documents = [row.fields for row in (*events, *users) if isinstance(row, Document)]
    assert len(documents) == 7
    assert not {"username", "email", "ip"} & set().union(*documents)
