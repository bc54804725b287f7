"""MongoDB servers that tests can strike: killed, stopped and started again on the same files and port; alone, or three in a replica set.

They have their test commands on, so that they fail when they are told to (`fail`).
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ExecutionTimeout, PyMongoError

from edx_import.store.local_server import find_mongod
from edx_import.store.server_keeper import die_with_parent

Client = MongoClient[dict[str, Any]]

_NAME = "rs"
_PATIENCE = 60.0

#: Below the ports that the system gives to outgoing connections: one of those could take the port while its server is down.
_PORTS = range(20_000, 32_000)

_OPTIONS = (
    *("--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"),
    *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)"),
    *("--setParameter", "enableTestCommands=1", "--setParameter", "diagnosticDataCollectionEnabled=false"),
    # a primary that is stopped hands over at once
    *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
)


@dataclass
class Server:
    """One mongod. `options` go with every start."""

    folder: Path
    options: Sequence[str] = ()
    port: int = field(default_factory=lambda: _free_port())
    _process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        return f"mongodb://{self.host}/?directConnection=true&serverMonitoringMode=poll"

    def start(self) -> None:
        """On the same files as before; returns once it answers."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Starts it, and does not wait."""
        parent = os.getpid()
        command = [str(find_mongod(None)), "--dbpath", str(self.folder), "--port", str(self.port), "--logpath", str(self.folder / "log")]
        self._process = subprocess.Popen([*command, *_OPTIONS, *self.options], stdout=subprocess.DEVNULL, preexec_fn=lambda: die_with_parent(parent))

    def wait(self) -> None:
        """Returns once it answers."""
        wait_until(lambda: self._listens() or self._has_ended())
        assert not self._has_ended(), (self.folder / "log").read_text()[-2000:]

    def kill(self) -> None:
        """As a crash, or the kernel's out-of-memory killer, does it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an administrator does it."""
        self._end(signal.SIGTERM)

    def set_fail_point(self, name: str, mode: Any, data: Mapping[str, Any] | None = None) -> int:
        """Makes it fail in one of the ways that it knows; how often it has so far."""
        with _client(self.uri) as client:
            return int(client.admin.command({"configureFailPoint": name, "mode": mode, "data": data or {}})["count"])

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def wait_for_end(self) -> None:
        """Returns once somebody else has ended it."""
        self._end(0)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_up(self) -> bool:
        return self._process is not None

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _listens(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running_server(folder: Path, *options: str) -> Iterator[Server]:
    """A server of its own, without a replica set."""
    server = Server(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@dataclass(frozen=True)
class ReplicaSet:
    """Three members on this machine, which elect a new primary within some two seconds."""

    members: tuple[Server, ...]

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(member.host for member in self.members)}/?replicaSet={_NAME}"

    def primary(self) -> Server:
        """The member that is the primary, as soon as there is one that can be written to."""
        found: list[Server] = []

        def look() -> bool:
            found[:] = [member for member in self.members if member.is_up and _hello(member).get("isWritablePrimary")]
            return len(found) == 1

        wait_until(look)
        return found[0]

    def step_down(self) -> None:
        """The primary becomes a secondary, and may not be elected again at once."""
        with _client(self.primary().uri) as client:
            client.admin.command({"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 4, "force": True})

    def heal(self) -> None:
        """All members up, and one of them the primary."""
        for member in self.members:
            if not member.is_up:
                member.start()
            mend(member)
        self.primary()
        wait_until(lambda: all(_hello(member).get("isWritablePrimary") or _hello(member).get("secondary") for member in self.members))


@contextmanager
def running_replica_set(folder: Path) -> Iterator[ReplicaSet]:
    """A new one, ended afterwards."""
    with ExitStack() as stack:
        servers = [Server(folder / str(number), ("--replSet", _NAME, "--oplogSize", "64")) for number in range(3)]
        for server in servers:
            server.folder.mkdir()
            stack.callback(server.kill)
            server.launch()
        for server in servers:
            server.wait()
        quick = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 300}
        members = [{"_id": number, "host": server.host} for number, server in enumerate(servers)]
        with _client(servers[0].uri) as client:
            client.admin.command({"replSetInitiate": {"_id": _NAME, "members": members, "settings": quick}})
        replica_set = ReplicaSet(tuple(servers))
        replica_set.heal()
        yield replica_set


def fail(server: Server, commands: Sequence[str], how: Mapping[str, Any], times: int | None = 1) -> None:
    """Makes the next commands of edx-import fail (None: until `mend`), as `failCommand` of the server's test commands describes it."""
    mode = "alwaysOn" if times is None else {"times": times}
    server.set_fail_point("failCommand", mode, {"failCommands": list(commands), "appName": "edx-import", **how})


def mend(server: Server) -> int:
    """Ends what `fail` began; how many commands have failed since the server started."""
    return server.set_fail_point("failCommand", "off")


@contextmanager
def when_hanging(server: Server, fail_point: str, strike: Callable[[], None]) -> Iterator[None]:
    """Makes the server hang at the next thing that comes to a fail point, strikes then, and lets it go on if it still can."""
    before = server.set_fail_point(fail_point, "alwaysOn")
    struck: list[BaseException | None] = []

    def watch() -> None:
        try:
            wait_for_fail_point(server, fail_point, before + 1)
            strike()
            if server.is_up:
                server.set_fail_point(fail_point, "off")
            struck.append(None)
        except BaseException as error:
            struck.append(error)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        watching.join()
    assert struck == [None]


def wait_for_fail_point(server: Server, name: str, times: int, still: Callable[[], bool] = lambda: True) -> None:
    """Returns once so many, since the server started, have come to a fail point and failed, or hang there. `still`: whether somebody may yet."""
    end = time.monotonic() + _PATIENCE
    with _client(server.uri) as client:
        while True:
            try:
                client.admin.command({"waitForFailPoint": name, "timesEntered": times, "maxTimeMS": 500})
            except ExecutionTimeout:
                assert still(), "it has ended without coming there"
                assert time.monotonic() < end, "it did not come there in time"
            else:
                return


def wait_until(condition: Any) -> None:
    """Polls until something is so; fails after a minute."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.02)


def _hello(member: Server) -> dict[str, Any]:
    try:
        with _client(member.uri) as client:
            return client.admin.command("hello")
    except PyMongoError:
        return {}


def _client(uri: str) -> Client:
    return MongoClient(uri, serverSelectionTimeoutMS=5000)


def _free_port() -> int:
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port
