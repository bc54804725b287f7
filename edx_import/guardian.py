"""Nothing outlives the process: what one that was killed leaves behind is removed at once by its guardian, or else by the next sync.

The guardian is a program of its own, started by `Guardian`, by path and in isolated mode, so this module uses the standard library only.
Its standard input is a pipe from its parent, which the system closes in whatever way the parent ends. Who owns what is told by locks:

    edx-import-gpg-*/owner.lock     a keyring folder: locked by the process that made it
    edx-import-*.sealed             a file in the scratch folder: locked by the process that fetches it

Locks of this kind (flock) end with the process that holds them, and mean the same to all containers that share a folder, unlike process ids.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

#: Every keyring folder is called this, then the process id of its maker, `-`, and something random.
KEYRING_PREFIX: Final = "edx-import-gpg-"
OWNER_LOCK: Final = "owner.lock"

#: Every file in the scratch folder is called this, then something random, then the suffix.
SEALED_PREFIX: Final = "edx-import-"
SEALED_SUFFIX: Final = ".sealed"

_WELL: Final = b"ended well"

#: How long a guardian looks after its parent was killed, in seconds: the system lets go of locks one after the other, and worker
#: processes need a moment to notice.
_LINGER: Final = 3.0
_POLL: Final = 0.1

#: How long a process that was killed may take to be gone, in seconds.
_KILL_PATIENCE: Final = 2.0

#: How long a guardian may take to end when all is well, in seconds.
_END_PATIENCE: Final = 5.0


class Guardian:
    """The process that cleans up after this one should it be killed. A context manager: to be entered before there is anything to clean up."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def start(cls, scratch: Path, places: Iterable[Path]) -> Self:
        """Starts the guardian of the files in the scratch folder and of the keyrings in these places; does not wait for it to be ready.

        Raises ConfigurationError when the system starts no more processes.
        """
        command = [sys.executable, "-I", "-S", __file__, *(str(each.absolute()) for each in (scratch, *places))]
        try:
            # its write end of the pipe is closed in every other process that is started, or the pipe would stay open after us
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env=bare_environment(),
            )
        except OSError as error:
            raise _no_process(error) from None
        return cls(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or isinstance(error, Exception):
            self.close()
        elif self._process.stdin is not None:
            # Interrupted, perhaps in the middle of its own cleaning up, which is left to the guardian: the pipe stays open to the very end.
            os.dup(self._process.stdin.fileno())

    def close(self) -> None:
        """Ends the guardian: what it was to look after is gone. May be called again."""
        if self._process.returncode is not None:
            return
        try:
            self._process.communicate(_WELL, _END_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def bare_environment() -> dict[str, str]:
    """What a program of ours needs to run, and no secret."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


def private_folder(folder: Path) -> None:
    """Makes a folder, and those above it that are missing, for this user only, whatever the umask. What is there stays as it is."""
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            with suppress(FileExistsError):
                each.mkdir(mode=0o700)
                each.chmod(0o700)


def hold(descriptor: int) -> bool:
    """Locks a file that this process has just made, for as long as it is open. False when a sweep was faster: then it is gone."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def sweep(scratch: Path, places: Iterable[Path]) -> None:
    """Removes what processes that are gone have left in the scratch folder and, of keyrings, in these places. What it cannot remove stays."""
    for path in _found(scratch, f"{SEALED_PREFIX}*{SEALED_SUFFIX}"):
        with _abandoned(path) as abandoned, suppress(OSError):
            if abandoned:
                path.unlink()
    for home in (home for place in places for home in _found(place, f"{KEYRING_PREFIX}*") if _is_ours(home)):
        with _abandoned(home / OWNER_LOCK, os.O_CREAT) as abandoned:
            if abandoned:
                remove_keyring(home)


def remove_keyring(home: Path) -> None:
    """Ends what works in a keyring, gpg and its agent, and removes the folder. It may be gone already."""
    deadline = time.monotonic() + _KILL_PATIENCE
    while (at_work := processes_in(home)) and time.monotonic() < deadline:
        for process in at_work:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.005)
    shutil.rmtree(home, ignore_errors=True)


def processes_in(home: Path) -> list[int]:
    """The processes that were told to work in a keyring, gpg and its agent.

    Where there is no /proc none is found: there gpg ends when its pipes close, and the agent when it misses its folder.
    """
    told = b"\0--homedir\0" + os.fsencode(home) + b"\0"
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if told in _command_line(process)]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def _found(place: Path, pattern: str) -> Iterator[Path]:
    with suppress(OSError):
        yield from place.glob(pattern)


def _is_ours(home: Path) -> bool:
    """Whether it is a folder of this user: in /tmp, others' may lie, too."""
    try:
        found = home.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


@contextmanager
def _abandoned(lock: Path, flags: int = 0) -> Iterator[bool]:
    """Whether no process holds it. If so, nobody can take hold of it meanwhile."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | flags, 0o600)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _no_process(error: OSError) -> Exception:
    from edx_import.errors import ConfigurationError  # not to be had when this is run as a program

    return ConfigurationError(f"no process can be started: {error.strerror}", "Does the system, or the container, limit their number or memory?")


def main(arguments: list[str]) -> None:
    """`guardian.py SCRATCH PLACE...`: waits until the parent ends or says that all is well; after a bad end, cleans up behind it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == _WELL:
        return
    scratch, *places = map(Path, arguments)
    end = time.monotonic() + _LINGER
    while time.monotonic() < end:
        sweep(scratch, places)
        time.sleep(_POLL)


if __name__ == "__main__":
    main(sys.argv[1:])
