"""The local MongoDB: one for all processes of a home, there as long as any of them, and closed to everybody else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edx_import.errors import ConfigurationError, StoreError
from edx_import.store import local_server
from edx_import.store.connection import Store
from edx_import.store.local_server import LocalServer, find_mongod, wait_until_ended

#: The promise: so long after its last client the server is gone, in seconds.
GONE_WITHIN = 5.0

_CLIENT = """
import sys
from pathlib import Path
from edx_import.store.connection import Store
from edx_import.store.local_server import LocalServer
with LocalServer.attach(Path(sys.argv[1]), None) as server, Store.connect(server.uri, "edx") as store:
    store.database["clients"].insert_one({"_id": sys.argv[2]})
    print("attached", flush=True)
    sys.stdin.readline()
"""

Client = subprocess.Popen[str]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    """Starts another process that attaches to the server of this test's home, writes its name, and stays until told to go."""
    with ExitStack() as stack:

        def start(name: str) -> Client:
            process = subprocess.Popen([sys.executable, "-c", _CLIENT, str(tmp_path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def test_processes_share_one_server_that_goes_with_the_last(tmp_path: Path, client: Callable[[str], Client]) -> None:
    first, second = client("first"), client("second")
    for each in (first, second):
        assert each.stdout is not None
        assert each.stdout.readline() == "attached\n"
    server = _status(tmp_path)["server"]
    assert len(_servers(tmp_path)) == 1
    _leave(first)
    time.sleep(1.5)  # longer than the grace
    assert _servers(tmp_path) == [server]
    _leave(second)
    _expect_gone(tmp_path)
    with LocalServer.attach(tmp_path, None) as again, Store.connect(again.uri, "edx") as store:
        assert sorted(found["_id"] for found in store.database["clients"].find()) == ["first", "second"]


def test_server_goes_when_its_only_client_is_killed(tmp_path: Path, client: Callable[[str], Client]) -> None:
    only = client("only")
    assert only.stdout is not None
    assert only.stdout.readline() == "attached\n"
    only.kill()
    only.wait()
    _expect_gone(tmp_path)
    assert not (tmp_path / "mongodb" / "mongod.sock").exists()


_WRITER = """
import os, sys
from pathlib import Path
from edx_import.store.connection import Store
from edx_import.store.local_server import LocalServer
with LocalServer.attach(Path(sys.argv[1]), None) as server, Store.connect(server.uri, "edx") as store:
    rows, number = store.database["rows"], 0
    while True:
        rows.insert_many([{"_id": number + each, "noise": os.urandom(500)} for each in range(1000)])
        number += 1000
        print(number, flush=True)
"""


def test_server_goes_when_its_client_is_killed_in_the_middle_of_writing_and_has_all_that_it_confirmed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < 20_000:
            pass
        os.kill(_status(tmp_path)["server"], signal.SIGSTOP)  # it is so busy that it does not even hear that it is to end
        writer.kill()
        confirmed = int(["20000", *writer.stdout.read().split()][-1])
    _expect_gone(tmp_path)
    with LocalServer.attach(tmp_path, None) as again, Store.connect(again.uri, "edx") as store:
        assert store.database["rows"].count_documents({"_id": {"$lt": confirmed}}) == confirmed


def test_server_goes_when_its_client_is_killed_while_it_starts(tmp_path: Path, client: Callable[[str], Client]) -> None:
    only = client("only")
    while not _servers(tmp_path):
        time.sleep(0.005)
    (server,) = _servers(tmp_path)
    os.kill(server, signal.SIGSTOP)  # it has much to mend, and does not listen for long
    only.kill()
    only.wait()
    _expect_gone(tmp_path)


def test_many_that_start_together_get_one_server(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        attached = list(pool.map(lambda _: LocalServer.attach(tmp_path, None), range(8)))
    assert len({server.uri for server in attached}) == 1
    assert len(_servers(tmp_path)) == 1
    for server in attached:
        server.close()


@pytest.mark.parametrize("pause", [1.0, 1.15, 1.3])  # the grace, and the server's end
def test_client_that_comes_while_the_server_is_ending_gets_a_new_one(tmp_path: Path, pause: float) -> None:
    LocalServer.attach(tmp_path, None).close()
    time.sleep(pause)
    with LocalServer.attach(tmp_path, None) as after, Store.connect(after.uri, "edx") as store:
        assert store.database["any"].insert_one({}).acknowledged
        assert _servers(tmp_path) == [_status(tmp_path)["server"]]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_server_does_not_outlive_its_keeper_and_the_next_client_gets_another(tmp_path: Path, kind: signal.Signals) -> None:
    with LocalServer.attach(tmp_path, None):
        before = _status(tmp_path)
        os.kill(before["keeper"], kind)
        while _is_running(before["keeper"]) and _status(tmp_path)["state"] == "ready":
            time.sleep(0.01)
        with LocalServer.attach(tmp_path, None) as after, Store.connect(after.uri, "edx") as store:
            assert store.database["any"].insert_one({}).acknowledged
            assert _servers(tmp_path) == [_status(tmp_path)["server"]]
            assert _status(tmp_path)["server"] != before["server"]


def test_nobody_else_gets_at_the_server_or_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSPHRASE", "sEsame")
    home = tmp_path / "home"
    with LocalServer.attach(home, None) as server, Store.connect(server.uri, "edx") as store:
        status = _status(home)
        for folder in (home, home / "mongodb", home / "mongodb" / "data"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        for file in (home / "mongodb").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        assert _listening_sockets(status["server"]) == [status["socket"]]
        for process in (status["keeper"], status["server"]):
            assert b"sEsame" not in Path(f"/proc/{process}/environ").read_bytes()
            assert Path(f"/proc/{process}/cwd").resolve() == Path("/")
        store.database["people"].insert_one({"name": "Ann of Norwich"})
        assert list(store.database["people"].find({"$where": "sleep(150) || true", "name": "Ann of Norwich"}))
        assert "Norwich" not in (home / "mongodb" / "mongod.log").read_text()


def test_home_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 25)
    with LocalServer.attach(home, None) as server, Store.connect(server.uri, "edx"):
        path = Path(_status(home)["socket"])
        assert len(str(path)) <= 100
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    wait_until_ended(home)
    assert _servers(home) == []
    shutil.rmtree(home)
    assert not path.parent.exists()


def test_socket_elsewhere_goes_with_a_server_that_was_killed(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 25)
    with LocalServer.attach(home, None):
        status = _status(home)
        os.kill(status["server"], signal.SIGKILL)
        wait_until_ended(home)
    assert not Path(status["socket"]).parent.exists()


def test_data_in_use_by_another_server_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_mongod: Callable[..., Any]) -> None:
    data = tmp_path / "mongodb" / "data"
    data.mkdir(parents=True)
    start_mongod(data=data)
    monkeypatch.setattr(local_server, "LEFTOVER_PATIENCE", 0.0)
    with pytest.raises(StoreError, match="another MongoDB is using"):
        LocalServer.attach(tmp_path, None)


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        ("#!/bin/sh\necho 'mongod: error while loading shared libraries: libcurl.so.4: cannot open' >&2; exit 127", "libcurl", "libcurl4"),
        ("#!/bin/sh\nkill -ILL $$", "AVX", "STORAGE_URI"),
        ("#!/bin/sh\nexit 62", "another version", "EDX_IMPORT_MONGOD"),
        ("#!/bin/sh\necho 'No space left on device' >&2; exit 14", "no space left", "EDX_IMPORT_HOME"),
        ("#!/bin/sh\nexit 100", "cannot use", "EDX_IMPORT_HOME"),
        ("#!/bin/sh\nexit 3", "exit code 3", "mongod.log"),
        ("#!/no/such/interpreter", "cannot be run", "STORAGE_URI"),
        ("\x7fELF nonsense", "another kind of machine", "STORAGE_URI"),
    ],
)
def test_server_that_does_not_start_says_why(tmp_path: Path, script: str, message: str, hint: str) -> None:
    program = tmp_path / "mongod"
    program.write_text(script)
    program.chmod(0o755)
    with pytest.raises(StoreError, match=message) as caught:
        LocalServer.attach(tmp_path / "home", program)
    assert hint in caught.value.hint


def test_home_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot use") as caught:
        LocalServer.attach(tmp_path / "file", None)
    assert "EDX_IMPORT_HOME" in caught.value.hint


def test_program_is_the_one_asked_for_then_that_on_the_path_then_the_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, on_path = tmp_path / "asked", tmp_path / "bin" / "mongod"
    for program in (asked, on_path):
        program.parent.mkdir(exist_ok=True)
        program.touch(0o755)
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_mongod(asked) == asked
    assert find_mongod(None) == on_path
    monkeypatch.setenv("PATH", "")
    assert find_mongod(None).parts[-5:] == ("site-packages", "fiftyone", "db", "bin", "mongod")
    assert "fiftyone" not in sys.modules


def test_no_program_anywhere_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with monkeypatch.context() as bare:
        bare.setattr(sys, "path", [])
        with pytest.raises(ConfigurationError) as caught:
            find_mongod(None)
    assert "edx-import[embedded]" in caught.value.hint
    assert "STORAGE_URI" in caught.value.hint
    with pytest.raises(ConfigurationError, match="EDX_IMPORT_MONGOD"):
        find_mongod(tmp_path / "nothing")


def _leave(client: Client) -> None:
    assert client.stdin is not None
    client.stdin.write("\n")
    client.stdin.flush()
    assert client.wait(10) == 0


def _status(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "mongodb" / "server.json").read_text())
    return found


def _servers(home: Path) -> list[int]:
    """The processes that run a mongod for this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--dbpath" in command and os.fsencode(home / "mongodb" / "data") in command:
            found.append(int(process.name))
    return found


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except OSError:
        return False


def _expect_gone(home: Path) -> None:
    deadline = time.monotonic() + GONE_WITHIN
    while _servers(home):
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.05)


def _listening_sockets(process: int) -> list[str]:
    """What the process listens on: paths of sockets, numbers of ports."""
    links = [os.readlink(link) for link in Path(f"/proc/{process}/fd").iterdir()]
    inodes = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    ports = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    unix = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    listening = "00010000"  # __SO_ACCEPTCON
    return [row[1] for row in ports if row[9] in inodes] + [row[7] for row in unix if row[6] in inodes and row[3] == listening]
