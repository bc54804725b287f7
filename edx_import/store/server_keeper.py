"""Keeps the local MongoDB of one home running while it has clients, and ends it after the last. A program of its own.

Started by `local_server`, by path and in isolated mode, so it uses the standard library only. Three files in the folder are the protocol:

    clients.lock    every client holds a shared lock on it; who can lock it exclusively knows that there is no client
    keeper.lock     held by the keeper as long as it lives; handed down, already locked, by the client that starts it
    server.json     what became of the server: `{"state": "ready" | "failed" | "ending" | "ended", ...}`, replaced in one step

Locks of this kind (flock) end with the last process that holds them, however it ends: nothing depends on anybody cleaning up.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

CLIENTS_LOCK = "clients.lock"
KEEPER_LOCK = "keeper.lock"
STATUS = "server.json"
DATA = "data"
SERVER_LOG = "mongod.log"
KEEPER_LOG = "keeper.log"

#: How long after the last client the server stays up for the next one, in seconds.
GRACE = 1.0

_POLL = 0.2
_CACHE_GB = 0.5

#: How long a server may take to write everything to disk at its end before it is killed, in seconds. With the grace it is less than the five
#: seconds that nothing of ours may outlive its process. That loses nothing that was confirmed: every write waits for the journal.
_END_PATIENCE = 2.0

_PR_SET_PDEATHSIG = 1


def server_arguments(mongod: str, folder: Path, socket_path: str) -> list[str]:
    """The command line of the server: one private socket, no TCP port, small, and nothing of its data in its log."""
    return [
        mongod,
        *("--dbpath", str(folder / DATA)),
        # Without the second option it would make a socket of a fixed name in /tmp, too, and fight over that with any other server.
        *("--bind_ip", socket_path, "--nounixsocket", "--filePermissions", "0600"),
        *("--networkMessageCompressors", "disabled"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--wiredTigerCacheSizeGB", str(_CACHE_GB)),
        *("--logpath", str(folder / SERVER_LOG), "--logappend"),
        # An operation that counts as slow is logged with the values in it.
        *("--slowms", "1000000000", "--quiet"),
    ]


def write_status(folder: Path, **status: Any) -> None:
    """Replaces what is said of the server, so that a reader sees the old or the new."""
    new = folder / f"{STATUS}.new"
    new.write_text(json.dumps(status), encoding="utf-8")
    new.replace(folder / STATUS)


def answers(socket_path: str) -> bool:
    """Whether somebody listens at the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
        tried.settimeout(1)
        try:
            tried.connect(socket_path)
        except OSError:
            return False
    return True


def data_in_use(folder: Path) -> bool:
    """Whether a server works on the data (it locks this file of its own)."""
    try:
        with (folder / DATA / "mongod.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def die_with_parent(parent: int) -> None:
    """In a new process, before it becomes the server: have the system end it when its parent is gone, and at once: nobody is left to insist."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class _StopError(Exception):
    """The server is not wanted any more: it has no client, or somebody asked the keeper to end."""


def _ask_to_stop(number: int, frame: FrameType | None) -> None:
    raise _StopError


class _Keeper:
    def __init__(self, mongod: str, folder: Path, socket_path: str, leftover_patience: float) -> None:
        self._mongod = mongod
        self._folder = folder
        self._socket = socket_path
        self._leftover_patience = leftover_patience
        self._clients = os.open(folder / CLIENTS_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        self._alone_since: float | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Starts the server, waits for the last client to leave, ends the server."""
        log = self._folder / SERVER_LOG
        if log.exists():
            log.replace(log.with_name(SERVER_LOG + ".old"))
        try:
            server = self._started()
            if server is not None:
                self._say("failed", exit=self._wait_while_wanted(server))
        except _StopError:
            self._say("ending")
            self._end()
            self._say("ended")
        self._leave_socket_folder()

    def _started(self) -> subprocess.Popen[bytes] | None:
        """The server, listening; None when it failed, which has been said then."""
        deadline = time.monotonic() + self._leftover_patience
        while True:
            try:
                self._server = server = self._launched()
            except OSError as error:
                self._say("failed", errno=error.errno)
                return None
            exit_code = self._wait_until_listening(server)
            if exit_code is None:
                self._say("ready", socket=self._socket, host=socket.gethostname(), keeper=os.getpid(), server=server.pid)
                return server
            if not data_in_use(self._folder) or time.monotonic() > deadline:
                self._say("failed", exit=exit_code)
                return None
            time.sleep(_POLL)

    def _launched(self) -> subprocess.Popen[bytes]:
        Path(self._socket).unlink(missing_ok=True)
        keeper = os.getpid()
        return subprocess.Popen(
            server_arguments(self._mongod, self._folder, self._socket),
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: die_with_parent(keeper),
        )

    def _wait_until_listening(self, server: subprocess.Popen[bytes]) -> int | None:
        """None when it listens, else its exit code. However long it takes: after a crash of the machine there may be much to mend."""
        while not answers(self._socket):
            self._check_clients()
            try:
                return server.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        return None

    def _wait_while_wanted(self, server: subprocess.Popen[bytes]) -> int:
        """The exit code of a server that ended by itself."""
        while True:
            try:
                return server.wait(_POLL)
            except subprocess.TimeoutExpired:
                self._check_clients()

    def _check_clients(self) -> None:
        """Raises _StopError when there has been no client for a while; the exclusive lock is held then, so that none comes."""
        if not self._no_client():
            self._alone_since = None
            return
        self._alone_since = self._alone_since or time.monotonic()
        if time.monotonic() - self._alone_since >= GRACE:
            raise _StopError
        fcntl.flock(self._clients, fcntl.LOCK_UN)

    def _no_client(self) -> bool:
        try:
            fcntl.flock(self._clients, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _end(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self._server is None:
            return
        self._server.terminate()
        try:
            self._server.wait(_END_PATIENCE)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _leave_socket_folder(self) -> None:
        """The socket's folder goes too, where it was made for the socket alone."""
        place = Path(self._socket).parent
        Path(self._socket).unlink(missing_ok=True)
        if place != self._folder:
            with suppress(OSError):
                place.rmdir()

    def _say(self, state: str, **facts: Any) -> None:
        write_status(self._folder, state=state, **facts)


def main(arguments: list[str]) -> None:
    """`server_keeper.py MONGOD FOLDER SOCKET PATIENCE`, with the keeper's lock held on an inherited descriptor.

    PATIENCE is how long a server whose keeper was killed may take to leave the data folder to this one, in seconds.
    Goes into the background: the program that started it gets its first process back at once, and has no child to look after.
    """
    mongod, folder, socket_path, leftover_patience = arguments
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _ask_to_stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _Keeper(mongod, Path(folder), socket_path, float(leftover_patience)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
