"""Many event files, and whatever may happen on the way at random: at the end every line of every file is accounted for.

SOAK=200 for as many files; SEED=n for another run of chance (the seed is in the message of a failure).
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from desk import Desk
from s3_proxy import Action, Fault, FaultProxy, cut, damage, reset, status
from s3_shelf import S3Shelf

import edx_import
from edx_import.model import ObjectKind, ObjectName
from edx_import.packages.naming import build_key
from edx_import.progress import Step
from edx_import.sample.sealing import InstitutionKey, Sealer

pytestmark = pytest.mark.proof

FILES = int(os.environ.get("SOAK", "30"))
SEED = int(os.environ.get("SEED", "1"))
LINES = 30
FIRST = date(2020, 1, 1)
SUPPORT = Path(__file__).parents[1] / "support"

#: What may befall a request for an object; every third one is struck.
FAULTS: list[Action] = [status(500, "InternalError"), status(503, "SlowDown"), reset(10), cut(40), damage()]
#: What may befall a process: where, and what.
BLOWS = [
    *((str(step), "process") for step in (Step.FETCHED, Step.VERIFIED, Step.READING, Step.WRITTEN, Step.RECORDING, Step.RECORDED)),
    *((str(step), "SIGTERM") for step in (Step.FETCHING, Step.READING, Step.RECORDED)),
    ("decrypting", "gpg"),
]


@dataclass(frozen=True)
class Log:
    """A day's lines, and how many of them are of each kind."""

    lines: list[bytes]
    good: int
    twice: int
    bad: int


def log_of(day: int, chance: random.Random) -> Log:
    good = [
        json.dumps({"time": f"{FIRST + timedelta(day)}T10:00:{second:02}.5+00:00", "event_type": "page_close", "event": "", "username": f"l{second}"})
        for second in range(chance.randint(1, LINES))
    ]
    twice = chance.sample(good, len(good) // 5)
    bad = chance.choices(["null", "not JSON", '{"time": "2020-13-01T00:00:00"}', '{"event_type": "no time"}'], k=chance.randint(0, len(good) // 4))
    lines = [line.encode() for line in (*good, *twice, *bad)]
    chance.shuffle(lines)
    return Log(lines, len(good), len(twice), len(bad))


@pytest.fixture
def chance() -> random.Random:
    return random.Random(SEED)


def test_every_line_of_many_files_is_accounted_for(
    make_desk: Callable[..., AbstractContextManager[Desk]], institution: InstitutionKey, s3_server: str, chance: random.Random
) -> None:
    logs = {build_key(ObjectName(ObjectKind.EVENTS, "demox", FIRST + timedelta(day), "edx")): log_of(day, chance) for day in range(FILES)}
    shelf = S3Shelf.made(s3_server, "demox")
    with Sealer(institution) as sealer:
        for key, log in logs.items():
            shelf.put(key, sealer.seal(gzip.compress(b"\n".join(log.lines) + b"\n")))
    with FaultProxy(s3_server) as proxy, make_desk(**variables(shelf, proxy.url)) as desk:
        for number, key in enumerate(logs):
            if number % 3 == 0:
                proxy.faults.append(Fault(chance.choice(FAULTS), key=key, times=chance.randint(1, 4)))
        codes = [beaten(desk, chance) for _ in range(6)]
        assert set(codes) <= {0, 7, 143, -9}, f"SEED={SEED}: {codes}"
        assert len(set(codes)) > 1, f"SEED={SEED}: nothing befell it"
        while desk.run("sync", "--retry-failed").code != 0:
            assert len(codes) < 20, f"SEED={SEED}"
            codes.append(7)
        assert_accounted(desk, logs)


def variables(shelf: S3Shelf, url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIDSAMPLE",
        "AWS_SECRET_ACCESS_KEY": "a secret access key",
        "EDX_EVENT_BUCKET": shelf.access.event_bucket,
        "EDX_IMPORT_ONLY": "events",
        "EDX_IMPORT_JOBS": "2",
    }


def beaten(desk: Desk, chance: random.Random) -> int:
    """A sync that something befalls after a few objects; its exit code."""
    at, what = chance.choice(BLOWS)
    blow = {"CRASH_AT": at, "CRASH_WHAT": what, "CRASH_NTH": str(chance.randint(1, max(2, FILES // 8)))}
    environment = desk.environment | blow | {"PYTHONPATH": str(Path(edx_import.__file__).parents[1])}
    command = [sys.executable, str(SUPPORT / "crashing.py"), "-q", "sync"]
    return subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False).returncode


def assert_accounted(desk: Desk, logs: dict[str, Log]) -> None:
    """File by file: the ledger says what is in the file, the database has each line once, and each refused line is kept with its reason."""
    records = {record["_id"]: record for record in desk.find("imports")}
    assert set(records) == set(logs)
    for key, log in logs.items():
        counts = records[key]["counts"]
        read, loaded, duplicate, rejected = (counts[name] for name in ("read", "loaded", "duplicate", "rejected"))
        assert (read, loaded, duplicate, rejected) == (len(log.lines), log.good, log.twice, log.bad), f"SEED={SEED} {key}"
    assert desk.count("events") == sum(log.good for log in logs.values())
    refused = desk.find("rejects")
    assert sorted((row["file"], row["line"], bytes(row["raw"])) for row in refused) == sorted(
        (key, number, line) for key, log in logs.items() for number, line in enumerate(log.lines, 1) if b"10:00:" not in line
    )
