"""S3 that refuses, breaks off, stalls, damages, replaces and removes, under a sync as a user runs it.

What may pass is ridden out; what does not fails its own object, with a line that says so, and the next sync ends in the database of a clean one.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Said
from s3_proxy import Action, Fault, FaultProxy, cut, damage, first, hang, reset, status, trickle
from s3_shelf import S3Shelf
from small_disk import small_disk

from edx_import.model import ObjectKind, ObjectName
from edx_import.packages.naming import build_key
from edx_import.sample.sealing import InstitutionKey, Sealer

pytestmark = pytest.mark.proof

MakeDesk = Callable[..., AbstractContextManager[Desk]]

SYNC = ("sync", "--json", "--only", "events")

#: Every process that is started with this on its path waits less than a user would want to.
IMPATIENT = """
from edx_import.packages import download
download.PATIENCE = download.Patience(read_timeout=1.5, first_wait=0.01, resumes=2)
"""


def key_of(day: int) -> str:
    return build_key(ObjectName(ObjectKind.EVENTS, "demox", date(2020, 3, day), "edx"))


def log_of(day: int) -> bytes:
    line = '{{"time": "2020-03-{day:02}T10:00:{second:02}.000001+00:00", "event_type": "page_close", "event": "", "username": "learner-{second}"}}\n'
    return "".join(line.format(day=day, second=second) for second in range(20)).encode()


@dataclass
class Delivery:
    """Days of events in S3, and a proxy before it."""

    shelf: S3Shelf
    proxy: FaultProxy
    sealer: Sealer
    variables: dict[str, str]

    def put(self, day: int) -> None:
        """A day's events, sealed anew each time: other bytes, same content."""
        self.shelf.put(key_of(day), self.sealer.seal(gzip.compress(log_of(day))))

    def remove(self, day: int) -> None:
        self.shelf.remove(key_of(day))

    def fail(self, day: int, do: Action, nth: int = 1, times: int | None = 1) -> None:
        self.proxy.faults.append(Fault(do, key=key_of(day), nth=nth, times=times))


DAYS = range(1, 14)


@pytest.fixture(scope="module")
def delivery(s3_server: str, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    shelf = S3Shelf.made(s3_server, "demox")
    path = tmp_path_factory.mktemp("impatient")
    (path / "sitecustomize.py").write_text(IMPATIENT)
    with FaultProxy(s3_server) as proxy, Sealer(institution) as sealer:
        variables = {
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_ACCESS_KEY_ID": "AKIDSAMPLE",
            "AWS_SECRET_ACCESS_KEY": "a secret access key",
            "EDX_COURSE_DATA_BUCKET": shelf.access.course_bucket,
            "EDX_EVENT_BUCKET": shelf.access.event_bucket,
            "PYTHONPATH": str(path),
        }
        made = Delivery(shelf, proxy, sealer, variables)
        for day in DAYS:
            made.put(day)
        yield made


@pytest.fixture(scope="module")
def clean_sync(delivery: Delivery, make_desk: MakeDesk) -> tuple[Said, dict[str, str]]:
    """A sync that nothing disturbed: what it said, its database."""
    with make_desk(**delivery.variables) as desk:
        said = desk.run(*SYNC, check=True)
        assert desk.count("events") == 20 * len(DAYS)
        return said, desk.hash()


@pytest.fixture(scope="module")
def clean(clean_sync: tuple[Said, dict[str, str]]) -> dict[str, str]:
    return clean_sync[1]


@pytest.fixture
def at_proxy(delivery: Delivery, make_desk: MakeDesk) -> Iterator[Desk]:
    """A desk whose S3 is behind the proxy, where nothing happens yet."""
    delivery.proxy.forget()
    with make_desk(**delivery.variables) as desk:
        yield desk
    delivery.proxy.forget()


def test_what_passes_is_ridden_out(at_proxy: Desk, delivery: Delivery, clean: dict[str, str]) -> None:
    listing = "prefix=demox/edx/events/2020"
    delivery.proxy.faults += [
        Fault(status(500, "InternalError"), key=listing, listing=True),
        Fault(reset(), key=listing, listing=True, nth=2),
    ]
    delivery.fail(1, status(500, "InternalError"), times=2)
    delivery.fail(2, status(503, "SlowDown"))
    delivery.fail(3, reset())
    delivery.fail(4, reset(300))
    delivery.fail(5, cut(300))
    delivery.fail(6, cut(300, honest=True))
    delivery.fail(7, hang())
    delivery.fail(8, hang(300))
    delivery.fail(9, trickle(100, 0.05))
    delivery.fail(10, damage(300))
    delivery.fail(11, cut(300))
    delivery.fail(11, status(503, "SlowDown"), nth=2)
    delivery.fail(11, cut(100), nth=3)
    said = at_proxy.run(*SYNC, "--jobs", "2", check=True)
    assert {outcome["state"] for outcome in said.json["imports"]} == {"loaded"}
    assert [fault for fault in delivery.proxy.faults if not fault.seen] == []
    assert at_proxy.hash() == clean


#: What lasts: the day it strikes, and how its error is told.
LASTING = {
    "server error": (1, "S3 is busy (InternalError)", "later"),
    "throttled": (2, "S3 is busy (SlowDown)", "later"),
    "reset before an answer": (3, "S3 cannot be reached", "network"),
    "reset over and over": (4, "the connection broke, after 300 of", "network"),
    "cut over and over": (5, "the answer ended too early, after 300 of", "later"),
    "no answer": (6, "S3 cannot be reached (ReadTimeoutError)", "network"),
    "silent in the middle": (7, "no byte came for 1.5 s", "network"),
    "damaged each time": (8, "it arrived damaged", "ask your edX contact"),
    "replaced before the fetch": (9, "has changed since it was listed", "takes the new one"),
    "replaced during the fetch": (10, "has changed since it was listed", "takes the new one"),
    "gone": (11, "the object is gone", "run the sync again"),
    "denied": (12, "access denied to this account, which lacks s3:GetObject", "Ask edX"),
}


@dataclass
class Struck:
    """A sync that met everything that lasts."""

    desk: Desk
    said: Said

    def outcome(self, day: int) -> dict[str, Any]:
        found: dict[str, Any] = next(outcome for outcome in self.said.json["imports"] if outcome["key"] == key_of(day))
        return found


@pytest.fixture(scope="module")
def struck(delivery: Delivery, make_desk: MakeDesk, clean: dict[str, str]) -> Iterator[Struck]:
    delivery.proxy.forget()
    delivery.fail(1, status(500, "InternalError"), times=None)
    delivery.fail(2, status(503, "SlowDown"), times=None)
    delivery.fail(3, reset(), times=None)
    delivery.fail(4, cut(300))
    delivery.fail(4, reset(0), nth=2, times=None)
    delivery.fail(5, cut(300))
    delivery.fail(5, cut(0, honest=True), nth=2, times=None)
    delivery.fail(6, hang(), times=None)
    delivery.fail(7, hang(300), times=None)
    delivery.fail(8, damage(), times=None)
    delivery.fail(9, first(lambda: delivery.put(9)))
    delivery.fail(10, cut(300))
    delivery.fail(10, first(lambda: delivery.put(10)), nth=2)
    delivery.fail(11, first(lambda: delivery.remove(11)))
    delivery.fail(12, status(403, "AccessDenied"), times=None)
    with make_desk(**delivery.variables) as desk:
        yield Struck(desk, desk.run(*SYNC, AWS_MAX_ATTEMPTS="1"))


@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_fails_its_own_object_and_says_why(struck: Struck, fault: str) -> None:
    day, what, hint = LASTING[fault]
    outcome = struck.outcome(day)
    assert outcome["state"] == "failed"
    assert what in outcome["error"]["what"]
    assert key_of(day) in outcome["error"]["what"]
    assert hint in outcome["error"]["hint"]
    assert f"error: {outcome['error']['what']}\n  what to do: {outcome['error']['hint']}\n" in struck.said.err


def test_the_others_are_loaded_and_it_is_partly_done(struck: Struck) -> None:
    assert struck.said.code == 7
    assert struck.outcome(13)["state"] == "loaded"
    assert struck.desk.count("events") == 20 * (len(DAYS) - len(LASTING))


def test_nothing_of_what_failed_stays_in_scratch(struck: Struck) -> None:
    home = Path(struck.desk.environment["EDX_IMPORT_HOME"])
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_the_next_sync_ends_in_the_database_of_a_clean_one(struck: Struck, delivery: Delivery, clean: dict[str, str]) -> None:
    """The last of these: it mends what the others look at."""
    delivery.proxy.forget()
    delivery.put(11)
    struck.desk.run(*SYNC, check=True)
    assert struck.desk.hash() == clean


def test_when_all_there_is_cannot_be_fetched_it_is_the_source(at_proxy: Desk, delivery: Delivery) -> None:
    delivery.fail(13, status(503, "SlowDown"), times=None)
    said = at_proxy.run(*SYNC, "--latest", AWS_MAX_ATTEMPTS="1")
    assert said.code == 4
    assert "S3 is busy (SlowDown)" in said.err


def test_when_nothing_can_be_listed_it_is_the_source(at_proxy: Desk, delivery: Delivery) -> None:
    delivery.proxy.faults.append(Fault(status(503, "SlowDown"), listing=True, times=None))
    said = at_proxy.run("sync", AWS_MAX_ATTEMPTS="1")
    assert said.code == 4
    assert "error: listing s3://" in said.err
    assert "S3 is busy (SlowDown)" in said.err


def test_a_disk_without_room_is_told_before_anything_is_fetched(at_proxy: Desk, delivery: Delivery, tmp_path: Path) -> None:
    with small_disk(tmp_path / "scratch", "size=16k") as scratch:
        (scratch / "full").write_bytes(bytes(16 << 10))
        said = at_proxy.run(*SYNC, "--latest", EDX_IMPORT_SCRATCH=str(scratch))
    assert said.code == 4
    assert "warning: there may be too little room in scratch: " in said.err
    assert f"no room for {key_of(13)} in {scratch}" in said.err
    assert "EDX_IMPORT_SCRATCH can point to another place" in said.err
    assert delivery.proxy.of_objects() == []


def test_what_is_free_is_said_of_scratch_and_database(clean_sync: tuple[Said, dict[str, str]]) -> None:
    said, _ = clean_sync
    [line] = [line for line in said.err.splitlines() if line.startswith("needs about ")]
    assert line.count(" free)") == 2


def test_json_is_alone_on_stdout_whatever_happens(struck: Struck) -> None:
    assert json.loads(struck.said.out)["failed"] == len(LASTING)
