"""The local MongoDB of one home: started by the first process that needs it, shared by the others, ended after the last.

What happens between the processes is told in `server_keeper`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from edx_import.errors import ConfigurationError, StoreError
from edx_import.guardian import bare_environment, private_folder
from edx_import.store import server_keeper
from edx_import.store.server_failure import explained

#: A Unix socket's path has to fit into 108 bytes (104 on other systems), with its closing NUL.
_SOCKET_PATH_LIMIT = 100

#: pymongo takes nothing for a socket that does not end like this.
_SOCKET = "mongod.sock"

_POLL = 0.02

#: How long a server may take to start (there may be much to recover), or the one before to end, in seconds.
_START_PATIENCE = 300.0

_END_PATIENCE = 60.0

#: How long a server that is said to be ready may not answer.
_ANSWER_PATIENCE = 10.0

#: How long a server that lost its keeper may take to leave the data to the next one, in seconds.
LEFTOVER_PATIENCE = 15.0


class LocalServer:
    """A client's hold on the local MongoDB of a home; while any process has one, the server runs.

    A process that is killed loses its hold, so that nothing needs to be cleaned up. `uri` is where the server is; it asks for no login,
    but only this user can reach it.
    """

    def __init__(self, uri: str, hold: int) -> None:
        self.uri = uri
        self._hold: int | None = hold

    @classmethod
    def attach(cls, home: Path, mongod: Path | None) -> LocalServer:
        """Joins the server of this home, or starts it: with `mongod` if given, else the one on PATH, else the embedded one.

        Raises ConfigurationError when there is no mongod, StoreError when it does not start.
        """
        program = find_mongod(mongod)
        try:
            folder = _private_folder(home)
            hold = _hold(folder)
            try:
                path = _running(folder, program)
            except BaseException:
                os.close(hold)
                raise
        except OSError as error:
            raise _unusable_home(home, error) from None
        return cls("mongodb://" + quote(path, safe=""), hold)

    def close(self) -> None:
        """Lets go of the server; may be called again."""
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def wait_until_ended(home: Path) -> None:
    """Returns once no server works on this home any more: for who wants to remove it. Raises StoreError when it is still in use after a minute."""
    folder = home.resolve() / "mongodb"
    deadline = time.monotonic() + _END_PATIENCE
    while folder.is_dir():
        lock = _keeper_lock(folder)
        if lock is not None:
            os.close(lock)
            return
        if time.monotonic() > deadline:
            raise StoreError(f"the local MongoDB of {home} is still in use", "End the other edx-import that uses it.")
        time.sleep(_POLL)


def find_mongod(asked: Path | None) -> Path:
    """The server program. Raises ConfigurationError when there is none."""
    if asked is not None:
        if not os.access(asked, os.X_OK) or not asked.is_file():
            raise ConfigurationError(f"EDX_IMPORT_MONGOD: {asked} is not a program", "Give the path of mongod, or leave it out.")
        return asked.resolve()
    found = shutil.which("mongod")
    if found:
        return Path(found).resolve()
    for place in _embedded_places():
        if os.access(place, os.X_OK):
            return place
    raise ConfigurationError(
        "there is no MongoDB: STORAGE_URI is not set, and no mongod is installed",
        "Set STORAGE_URI to a MongoDB server (or give a container one by --link NAME:storage), or install one for local use: "
        "pip install 'edx-import[embedded]' (Linux, x86_64).",
    )


def _embedded_places() -> list[Path]:
    """Where the package with the server may have put it; looked up without running any code of that package."""
    spec = importlib.util.find_spec("fiftyone")
    return [Path(place) / "db" / "bin" / "mongod" for place in (spec.submodule_search_locations or ()) if place] if spec else []


def _private_folder(home: Path) -> Path:
    """The server's folder in the home, for this user only."""
    private_folder(home)
    folder = home.resolve() / "mongodb"
    for each in (folder, folder / server_keeper.DATA):
        each.mkdir(mode=0o700, exist_ok=True)
        if stat.S_IMODE(each.stat().st_mode) & 0o077:
            each.chmod(0o700)
    return folder


def _unusable_home(home: Path, error: OSError) -> StoreError:
    if error.errno == errno.ENOSPC:
        return StoreError(f"no disk space is left in {home}", "Free some space, or set EDX_IMPORT_HOME to a folder on another disk.")
    return StoreError(f"the local MongoDB cannot use {home}: {error.strerror}", "Set EDX_IMPORT_HOME to a folder that this user can write to.")


def _hold(folder: Path) -> int:
    """The shared lock of a client. While the server of those before is ending, nobody gets it."""
    descriptor = os.open(folder / server_keeper.CLIENTS_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _START_PATIENCE
    while not _locked(descriptor, fcntl.LOCK_SH):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise StoreError("the local MongoDB has been ending for minutes", f"Look into {folder / server_keeper.SERVER_LOG}, then try again.")
        time.sleep(_POLL)
    return descriptor


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _running(folder: Path, program: Path) -> str:
    """The socket of the running server, started if need be. Who starts one waits for that, and tells what became of it; the others only wait."""
    started = False
    beginning = time.monotonic()
    ready_since: float | None = None
    while time.monotonic() - beginning < _START_PATIENCE:
        lock = _keeper_lock(folder)
        status = _status(folder)
        if lock is not None:
            if started:
                os.close(lock)
                raise explained(status, folder)
            _start_keeper(lock, folder, program)
            started = True
        elif status.get("state") == "ready":
            if server_keeper.answers(status["socket"]):
                return str(status["socket"])
            ready_since = ready_since or time.monotonic()
            if time.monotonic() - ready_since > _ANSWER_PATIENCE:
                raise _out_of_reach(folder, status)
        time.sleep(_POLL)
    raise StoreError("the local MongoDB has not started within minutes", f"Look into {folder / server_keeper.SERVER_LOG}.")


def _keeper_lock(folder: Path) -> int | None:
    """The keeper's lock, if there is no keeper."""
    descriptor = os.open(folder / server_keeper.KEEPER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    if _locked(descriptor, fcntl.LOCK_EX):
        return descriptor
    os.close(descriptor)
    return None


def _status(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / server_keeper.STATUS).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _out_of_reach(folder: Path, status: dict[str, Any]) -> StoreError:
    host = status.get("host")
    if host != socket.gethostname():
        where = f"on another machine or in another container ({host})"
        return StoreError(f"the local MongoDB of {folder.parent} is in use {where}", "Wait until it is done there.")
    return StoreError(f"the local MongoDB of {folder.parent} runs but does not answer", f"Look into {folder / server_keeper.SERVER_LOG}.")


def _start_keeper(lock: int, folder: Path, program: Path) -> None:
    """Starts the keeper and hands the lock over to it, so that it is held without a gap."""
    try:
        (folder / server_keeper.STATUS).unlink(missing_ok=True)
        log = os.open(folder / server_keeper.KEEPER_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            subprocess.run(
                [sys.executable, "-I", "-S", server_keeper.__file__, str(program), str(folder), _socket_path(folder), str(LEFTOVER_PATIENCE)],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
                cwd="/",
                env=bare_environment(),
            )
        finally:
            os.close(log)
    except subprocess.CalledProcessError:
        raise explained({}, folder) from None
    finally:
        os.close(lock)


def _socket_path(folder: Path) -> str:
    """A place for the socket that only this user can enter: in the home, where all who share it find it, unless that cannot be."""
    path = folder / _SOCKET
    if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT and _holds_sockets(folder):
        return str(path)
    name = f"edx-import-{os.getuid()}-{hashlib.blake2b(os.fsencode(folder), digest_size=6).hexdigest()}"
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if base and Path(base).is_dir() and len(os.fsencode(Path(base) / name / _SOCKET)) <= _SOCKET_PATH_LIMIT:
            return str(_checked(Path(base) / name) / _SOCKET)
    hint = "Set TMPDIR or EDX_IMPORT_HOME to a folder with a shorter path."
    raise StoreError("there is no folder for the socket of the local MongoDB: all have long paths", hint)


def _holds_sockets(folder: Path) -> bool:
    """Not every file system does, for example some that are shared with a container."""
    probe = folder / "probe.sock"
    probe.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
        try:
            tried.bind(str(probe))
        except OSError:
            return False
    probe.unlink(missing_ok=True)
    return True


def _checked(folder: Path) -> Path:
    """The folder, made for this user only; one that was there already must be so, too: others may write where it lies."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise StoreError(f"{folder} does not belong to this user alone", "Remove it, or set TMPDIR to a folder of your own.")
    return folder
