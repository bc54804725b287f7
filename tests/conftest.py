"""Fixtures that every test may use: a real MongoDB, a real key, S3 over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from replica_set import ReplicaSet, Server

    from edx_import.store.connection import Store

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real server, running as long as the tests do."""
    from edx_import.store.local_server import LocalServer

    with LocalServer.attach(tmp_path_factory.mktemp("home"), None) as server:
        yield server.uri


@pytest.fixture
def database(mongod: str) -> Iterator[Store]:
    """A new, empty database, gone after the test."""
    from edx_import.store.connection import Store

    with Store.connect(mongod, f"test_{os.getpid()}_{next(_NUMBERS)}") as store:
        yield store
        store.drop()


@pytest.fixture(scope="session")
def _own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from replica_set import running_server

    with running_server(tmp_path_factory.mktemp("own_server")) as server:
        yield server


@pytest.fixture
def own_server(_own_server: Server) -> Server:
    """A server that a test may kill, stop and make fail: it is well again for the next one."""
    from replica_set import mend

    if not _own_server.is_up:
        _own_server.start()
    mend(_own_server)
    return _own_server


@pytest.fixture(scope="session")
def _replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    from replica_set import running_replica_set

    with running_replica_set(tmp_path_factory.mktemp("replica_set")) as replica_set:
        yield replica_set


@pytest.fixture
def replica_set(_replica_set: ReplicaSet) -> ReplicaSet:
    """Three servers of which a test may strike one: all are well again for the next one."""
    _replica_set.heal()
    return _replica_set


@pytest.fixture(scope="session")
def start_mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., tuple[int, subprocess.Popen[bytes]]]]:
    """Starts a server of its own with the options given, on a port of 127.0.0.1; gives port and process. Ended after the tests."""
    with ExitStack() as stack:

        def start(*options: str, data: Path | None = None) -> tuple[int, subprocess.Popen[bytes]]:
            return _started(data or tmp_path_factory.mktemp("mongod"), options, stack)

        yield start


def _started(folder: Path, options: tuple[str, ...], stack: ExitStack) -> tuple[int, subprocess.Popen[bytes]]:
    from edx_import.store.local_server import find_mongod
    from edx_import.store.server_keeper import die_with_parent

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    parent = os.getpid()
    command = [str(find_mongod(None)), "--dbpath", str(folder), "--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"]
    command += ["--wiredTigerCacheSizeGB", "0.25", "--logpath", str(folder / "log"), *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=lambda: die_with_parent(parent))
    stack.callback(server.wait)
    stack.callback(server.kill)
    while server.poll() is None and not _listens(port):
        time.sleep(0.05)
    return port, server


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
