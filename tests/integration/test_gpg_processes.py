"""What runs beside us while messages are decrypted, what it is told, and that nothing of it is left."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sealed import NOISE, opened

from edx_import.decryption import Keyring
from edx_import.errors import (
    DecryptionError,
)
from edx_import.guardian import KEYRING_PREFIX, remove_keyring
from edx_import.sample.sealing import InstitutionKey, Sealer


def processes_of(home: Path) -> list[int]:
    """The living processes that were started with that home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(home).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def wait_until(true: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_a_consumer_who_leaves_ends_gpg_at_once(keyring: Keyring, sealer: Sealer) -> None:
    home = keyring.ticket.home
    (agent,) = processes_of(home)
    chunks = keyring.decrypt(io.BytesIO(sealer.seal(NOISE * 40, compress=False)))
    assert next(chunks)
    assert len(processes_of(home)) == 2  # gpg waits, since nobody takes what it has
    start = time.monotonic()
    chunks.close()
    assert processes_of(home) == [agent]
    assert time.monotonic() - start < 5


class Slow(io.BytesIO):
    """A source that calls `pause` once, when gpg has the beginning of the message."""

    def __init__(self, sealed: bytes, pause: Callable[[], None]) -> None:
        super().__init__(sealed)
        self.pause = pause
        self.reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads == 2:
            self.pause()
        return super().read(min(100_000, size or 0))


def test_no_secret_reaches_the_environment_or_the_arguments_of_gpg(
    institution_key: InstitutionKey, message: bytes, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    passphrase = institution_key.passphrase.reveal()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an invented secret")
    monkeypatch.setenv("KEY_PASSPHRASE", passphrase)
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    seen: list[tuple[bytes, bytes]] = []

    def look() -> None:
        for pid in processes_of(home):
            seen.append(((Path("/proc") / str(pid) / "environ").read_bytes(), (Path("/proc") / str(pid) / "cmdline").read_bytes()))
            assert os.getpgid(pid) != os.getpgrp()

    with Keyring.open(institution_key.private, institution_key.passphrase, place) as keyring:
        home = keyring.ticket.home
        assert b"".join(keyring.decrypt(Slow(message, look))) == NOISE
    assert len(seen) == 2  # gpg and its agent
    for environment, arguments in seen:
        names = {line.split(b"=")[0] for line in environment.split(b"\0") if line}
        assert names <= {b"PATH", b"LANG", b"GNUPGHOME", b"GPG_AGENT_INFO", b"PWD"}
        assert b"LANG=C" in environment.split(b"\0")
        assert passphrase.encode() not in environment + arguments
        assert b"secret" not in environment


def test_a_closed_keyring_leaves_no_folder_and_no_agent(institution_key: InstitutionKey, place: Path) -> None:
    with Keyring.open(institution_key.private, institution_key.passphrase, place) as keyring:
        home = keyring.ticket.home
        assert home.parent == place
        assert home.name.startswith(f"{KEYRING_PREFIX}{os.getpid()}-")
        assert [entry.stat().st_mode & 0o077 for entry in (home, home / "gpg-agent.conf")] == [0, 0]
        assert len(processes_of(home)) == 1  # the agent
    assert not home.exists()
    wait_until(lambda: not processes_of(home))
    keyring.close()
    with pytest.raises(DecryptionError, match="closed"):
        opened(keyring, b"")


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_the_keyring_is_private_and_works_whatever_the_umask(institution_key: InstitutionKey, message: bytes, place: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with Keyring.open(institution_key.private, institution_key.passphrase, place) as keyring:
            assert opened(keyring, message) == NOISE
            assert {entry.stat().st_mode & 0o077 for entry in keyring.ticket.home.rglob("*")} == {0}
    finally:
        os.umask(before)


def test_a_second_process_can_clean_up(institution_key: InstitutionKey, place: Path) -> None:
    """What is needed after a kill -9: the folder alone leads to the agent."""
    home = Keyring.open(institution_key.private, institution_key.passphrase, place).ticket.home
    subprocess.run([sys.executable, "-c", f"from edx_import.guardian import *; remove_keyring(Path({str(home)!r}))"], check=True)
    assert not processes_of(home)
    assert not home.exists()
    remove_keyring(home)
