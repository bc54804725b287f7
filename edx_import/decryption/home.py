"""The throw-away GNUPGHOME: a private folder, in memory where that is possible, held by the process that made it.

Whoever finds one that nobody holds may remove it: `guardian` does.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from edx_import.errors import ConfigurationError
from edx_import.guardian import KEYRING_PREFIX, OWNER_LOCK, hold, private_folder, remove_keyring

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
#: The path of a socket has at most 108 bytes with its end mark on Linux and 104 on macOS; the agent's longest socket is S.gpg-agent.browser.
_LONGEST_PATH: Final = 103 - len("/S.gpg-agent.browser")


class Home:
    """A GNUPGHOME of this process, and its hold on it. A context manager."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path: Final = path
        self._lock: int | None = lock

    @classmethod
    def make(cls, parent: Path | None = None) -> Self:
        """A new one that only this user can read, whatever the umask.

        It lies in `parent` if that is given and usable (its path must be short), else in memory, else in the folder for temporary files.
        Raises ConfigurationError when no place will do.
        """
        for place in places(parent):
            with suppress(OSError):
                return cls(*_made_in(place))
        raise ConfigurationError(
            "there is no place for the keyring: neither /dev/shm nor the folder for temporary files can be written to, or their paths are too long",
            "Set TMPDIR to a folder with a short path that this user may write to.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.remove()

    def remove(self) -> None:
        """Ends gpg and the agent that work in it, and removes the folder. May be called again."""
        if self._lock is not None:
            remove_keyring(self.path)
            os.close(self._lock)
            self._lock = None


def places(parent: Path | None = None) -> Iterator[Path]:
    """Where a home may be made, the best place first."""
    if parent is not None:
        yield parent
    if _MEMORY.is_dir():
        yield _MEMORY
    yield Path(tempfile.gettempdir())


def child_environment(home: Path) -> dict[str, str]:
    """All that gpg and its agent are told: no secret of ours, and messages in English, since they are read."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "GNUPGHOME": str(home)}


def _made_in(place: Path) -> tuple[Path, int]:
    """The folder, and the descriptor that holds its lock."""
    private_folder(place)
    home = Path(tempfile.mkdtemp(prefix=f"{KEYRING_PREFIX}{os.getpid()}-", dir=place.absolute()))
    try:
        if len(os.fsencode(home)) > _LONGEST_PATH:
            raise OSError("too long for a socket")
        home.chmod(0o700)
        _write_private(home / "gpg-agent.conf", _AGENT_CONF)
        return home, _held(home)
    except OSError:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _held(home: Path) -> int:
    lock = os.open(home / OWNER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    os.fchmod(lock, 0o600)
    if not hold(lock):
        os.close(lock)
        raise OSError("swept away")
    return lock


def _write_private(path: Path, text: str) -> None:
    path.touch()
    path.chmod(0o600)
    path.write_text(text, encoding="ascii")
