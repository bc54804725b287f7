"""python-gnupg, tamed: the one place where it is imported (and with it, where gpg is started)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Final

import gnupg

from edx_import.decryption.home import child_environment
from edx_import.decryption.verdict import Testimony
from edx_import.errors import ConfigurationError
from edx_import.settings import Secret

# python-gnupg logs the keys it imports, and tracebacks of broken pipes that are of no interest.
logging.getLogger("gnupg").addFilter(lambda record: False)

INSTALL_HINT: Final = "Install GnuPG 2.2 or later (Debian and Ubuntu: apt-get install gnupg)."

_CHUNK: Final = 256 * 1024
_OPTIONS: Final = ["--no-options", "--pinentry-mode", "loopback", "--trust-model", "always", "--no-auto-key-retrieve", "--disable-dirmngr"]


class Heard(gnupg.StatusHandler):  # type: ignore[misc]
    """Takes down all that gpg says and never fails; python-gnupg fills in `data`, `stderr`, `returncode` and `on_data_failure`."""

    data: bytes = b""
    stderr: str = ""
    returncode: int | None = None
    on_data_failure: Exception | None = None

    def __init__(self, gpg: Gpg) -> None:
        super().__init__(gpg)
        gpg.heard = self
        self.status: list[tuple[str, str]] = []

    def handle_status(self, key: str, value: str) -> None:
        """Called by python-gnupg for each status line."""
        self.status.append((key, value))

    @property
    def testimony(self) -> Testimony:
        """What gpg said, once it has ended."""
        words = (line for line in self.stderr.splitlines() if not line.startswith("[GNUPG:]"))
        return Testimony(tuple(self.status), tuple(words), -1 if self.returncode is None else self.returncode)


class Gpg(gnupg.GPG):  # type: ignore[misc]
    """python-gnupg in a home of ours. Its children have a clean environment, and a process group of their own, so that Ctrl-C reaches only us."""

    result_map = gnupg.GPG.result_map | {"crypt": Heard, "import": Heard}
    buffer_size = _CHUNK

    def __init__(self, home: Path, options: Iterable[str] = ()) -> None:
        self.process: Popen[bytes] | None = None
        self.heard: Heard | None = None
        try:
            super().__init__(gnupghome=str(home), options=[*_OPTIONS, *options], env=child_environment(home))
        except (OSError, ValueError):
            raise ConfigurationError("the program gpg is not there, or does not run", INSTALL_HINT) from None

    def _open_subprocess(self, args: list[str], passphrase: bool = False) -> Popen[bytes]:
        command = self.make_args(args, passphrase)
        self.process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self.env, umask=0o077, process_group=0)
        return self.process

    def ask(self, args: list[str], passphrase: Secret | None = None, stdin: bytes = b"") -> Heard:
        """Runs gpg with a command that python-gnupg has no method for, or whose answer it garbles."""
        heard = Heard(self)
        with suppress(BrokenPipeError):  # gpg ended before it had read all; what it said counts
            self._handle_io(args, BytesIO(stdin), heard, passphrase=as_sent(passphrase), binary=True)
        return heard

    def kill(self) -> None:
        """Ends the gpg that runs, if one does."""
        if self.process is not None:
            self.process.kill()


def as_sent(passphrase: Secret | None) -> str | None:
    """A passphrase as python-gnupg wants it, which writes text as Latin-1: with the characters whose bytes are its UTF-8.

    None when it is empty: python-gnupg would announce an empty one and not send it, and gpg would take the message's first line for it.
    """
    if passphrase is None or not passphrase.reveal():
        return None
    return passphrase.reveal().encode("utf-8", "surrogateescape").decode("latin-1")
