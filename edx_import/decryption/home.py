"""The throw-away GNUPGHOME: a private folder, in memory where that is possible, and the gpg-agent that lives in it.

Whoever has to clean up after a process that was killed needs only the folder: `remove_home` finds the agent through its socket.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from edx_import.errors import ConfigurationError

#: Every such folder is called this, then the process id of its maker, `-`, and something random.
FOLDER_PREFIX: Final = "edx-import-gpg-"

# The agent protects each key with a hash that takes about half a second by default, and pays that again for every message: thousands of
# times for a weekly ZIP. The keyring is private and short-lived, so a quick hash will do. Nothing is cached, so that a wrong passphrase
# fails even after the right one was used.
_AGENT_CONF: Final = """\
s2k-count 65536
allow-loopback-pinentry
default-cache-ttl 0
max-cache-ttl 0
auto-expand-secmem
disable-scdaemon
"""

_MEMORY: Final = Path("/dev/shm")
_SOCKET: Final = "S.gpg-agent"
#: The path of a socket has at most 108 bytes with its end mark on Linux and 104 on macOS; the agent's longest socket is S.gpg-agent.browser.
_LONGEST_PATH: Final = 103 - len("/S.gpg-agent.browser")
_PATIENCE_SECONDS: Final = 5.0  # it may be busy unlocking a key


def make_home(parent: Path | None = None) -> Path:
    """A new GNUPGHOME that only this user can read, whatever the umask.

    It lies in `parent` if that is given and usable (its path must be short), else in memory, else in the folder for temporary files.
    Raises ConfigurationError when no place will do.
    """
    for place in _places(parent):
        with suppress(OSError):
            return _make_in(place)
    raise ConfigurationError(
        "there is no place for the keyring: neither /dev/shm nor the folder for temporary files can be written to, or their paths are too long",
        "Set TMPDIR to a folder with a short path that this user may write to.",
    )


def child_environment(home: Path) -> dict[str, str]:
    """All that gpg and its agent are told: no secret of ours, and messages in English, since they are read."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "GNUPGHOME": str(home)}


def agent_pid(home: Path) -> int | None:
    """The process id of the agent of a home; None when there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(_PATIENCE_SECONDS)
            agent.connect(str(home / _SOCKET))
            agent.sendall(b"GETINFO pid\n")
            answer = _answer(agent)
    except OSError:
        return None
    found = re.search(rb"^D (\d+)", answer, re.MULTILINE)
    return int(found[1]) if found else None


def remove_home(home: Path) -> None:
    """Ends the agent of a home and removes the folder. It may be gone already."""
    pid = agent_pid(home)
    if pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)


def _places(parent: Path | None) -> Iterator[Path]:
    if parent is not None:
        yield parent
    if _MEMORY.is_dir():
        yield _MEMORY
    yield Path(tempfile.gettempdir())


def _make_in(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=place.absolute()))
    try:
        if len(os.fsencode(home)) > _LONGEST_PATH:
            raise OSError("too long for a socket")
        home.chmod(0o700)
        _write_private(home / "gpg-agent.conf", _AGENT_CONF)
    except OSError:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return home


def _write_private(path: Path, text: str) -> None:
    path.touch()
    path.chmod(0o600)
    path.write_text(text, encoding="ascii")


def _answer(agent: socket.socket) -> bytes:
    """What the agent says up to the end of its second reply (the first is its greeting)."""
    said = b""
    while len(re.findall(rb"^(?:OK|ERR)\b.*\n", said, re.MULTILINE)) < 2:
        more = agent.recv(1024)
        if not more:
            break
        said += more
    return said
