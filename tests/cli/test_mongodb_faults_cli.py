"""MongoDB goes in the middle of a sync: back again, or another member in its place, the sync ends as if nothing had been; else it says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Package
from replica_set import ReplicaSet, Server, wait_for_fail_point

import edx_import

pytestmark = pytest.mark.proof

Clean = tuple[dict[str, str], dict[str, Any]]

PROGRAM = Path(__file__).parents[1] / "support" / "impatient.py"


@pytest.fixture(scope="module")
def clean(make_desk: Callable[..., Any], package: Package) -> Clean:
    """The database after a sync that nothing happened to, and the account of it."""
    with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        summary = desk.sync()
        return desk.hash(), summary["counts"]


@contextmanager
def at(desk: Desk, uri: str) -> Iterator[Desk]:
    """The same desk with another MongoDB."""
    own = replace(desk, uri=uri).with_variables(STORAGE_URI=uri)
    yield own
    with own.store() as store:
        store.drop()


@contextmanager
def syncing(desk: Desk, server: Server, jobs: str, patience: int = 60) -> Iterator[subprocess.Popen[str]]:
    """A sync that has come to its tenth insert, which hangs. It ends in the meantime."""
    hanging = {"failCommands": ["insert"], "appName": "edx-import", "blockConnection": True, "blockTimeMS": 3000}
    before = server.set_fail_point("failCommand", {"skip": 9}, hanging)
    environment = {**desk.environment, "EDX_IMPORT_JOBS": jobs, "PATIENCE": str(patience), "PYTHONPATH": str(Path(edx_import.__file__).parents[1])}
    command = [sys.executable, str(PROGRAM), "sync", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for_fail_point(server, "failCommand", before + 1, lambda: process.poll() is None)
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The code, and what was said on stdout and stderr."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def assert_as_if_nothing_had_been(desk: Desk, process: subprocess.Popen[str], clean: Clean) -> None:
    code, out, err = ended(process)
    assert code == 0, err
    assert json.loads(out)["counts"] == clean[1]
    assert desk.hash() == clean[0]
    assert {record["state"] for record in desk.find("imports")} == {"loaded"}


@pytest.mark.parametrize(("end", "jobs"), [(Server.kill, "2"), (Server.stop, "1")], ids=["killed, two processes", "stopped, one process"])
def test_server_back_again(at_folder: Desk, own_server: Server, clean: Clean, end: Callable[[Server], None], jobs: str) -> None:
    with at(at_folder, own_server.uri) as desk, syncing(desk, own_server, jobs) as process:
        end(own_server)
        own_server.start()
        assert_as_if_nothing_had_been(desk, process, clean)


@pytest.mark.parametrize(("stepped_down", "jobs"), [(False, "2"), (True, "1")], ids=["killed, two processes", "stepped down, one process"])
def test_another_primary(at_folder: Desk, replica_set: ReplicaSet, clean: Clean, stepped_down: bool, jobs: str) -> None:
    primary = replica_set.primary()
    with at(at_folder, replica_set.uri) as desk, syncing(desk, primary, jobs) as process:
        if stepped_down:
            replica_set.step_down()
        else:
            primary.kill()
        assert_as_if_nothing_had_been(desk, process, clean)
        assert replica_set.primary() is not primary


def test_server_away_for_good(at_folder: Desk, own_server: Server, clean: Clean) -> None:
    with at(at_folder, own_server.uri) as desk:
        with syncing(desk, own_server, "1", patience=10) as process:
            own_server.kill()
            code, _, err = ended(process)
        assert code == 6
        assert err.count("warning: MongoDB does not answer (") == 1
        assert err.count("error: ") == 1
        assert "  what to do: Check that MongoDB is running" in err
        own_server.start()
        desk.sync()
        assert desk.hash() == clean[0]
        assert {record["state"] for record in desk.find("imports")} == {"loaded"}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_user_who_stops_it_need_not_wait_for_the_server(at_folder: Desk, own_server: Server, jobs: str) -> None:
    with at(at_folder, own_server.uri) as desk:
        with syncing(desk, own_server, jobs, patience=600) as process:
            own_server.kill()
            process.send_signal(signal.SIGTERM)
            assert ended(process)[0] == 143
        own_server.start()
