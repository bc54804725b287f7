"""Decryption with a real gpg: whole messages come out whole, and everything else is told apart."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edx_import.decryption import Keyring, verified
from edx_import.decryption.home import FOLDER_PREFIX, agent_pid, remove_home
from edx_import.errors import (
    ConfigurationError,
    CorruptMessageError,
    DecryptionError,
    PackageError,
    SourceError,
    UnprotectedMessageError,
    WrongKeyError,
    WrongPassphraseError,
)
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.settings import Secret

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NOISE = random.Random(7).randbytes(300_000)


@pytest.fixture(scope="module")
def foreign_key(tmp_path_factory: pytest.TempPathFactory) -> InstitutionKey:
    return make_key(tmp_path_factory.mktemp("key"), name="Another Institution", email="czar@example.org", passphrase="another", kind="ecc")


@pytest.fixture(scope="module")
def sealer(institution_key: InstitutionKey) -> Iterator[Sealer]:
    with Sealer(institution_key) as sealer:
        yield sealer


@pytest.fixture(scope="module")
def keyring(institution_key: InstitutionKey) -> Iterator[Keyring]:
    with Keyring.open(institution_key.private, institution_key.passphrase) as keyring:
        yield keyring


@pytest.fixture(scope="module")
def message(sealer: Sealer) -> bytes:
    return sealer.seal(NOISE, compress=False)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path, where a keyring can be watched; it must be empty in the end."""
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= threads


def opened(keyring: Keyring, sealed: bytes) -> bytes:
    return b"".join(keyring.decrypt(io.BytesIO(sealed)))


def flipped(sealed: bytes, position: int) -> bytes:
    changed = bytearray(sealed)
    changed[position] ^= 0x10
    return bytes(changed)


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


# --- what is whole


@pytest.mark.parametrize("size", [0, 1, 1_000_000])
@pytest.mark.parametrize("compress", [True, False])
def test_a_message_of_any_size_comes_out_as_it_went_in(sealer: Sealer, keyring: Keyring, size: int, compress: bool) -> None:
    content = random.Random(size).randbytes(size)
    assert opened(keyring, sealer.seal(content, compress=compress)) == content


class Pattern(io.RawIOBase):
    """A stream of 50 MB that never lies in memory as a whole."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        chunk = NOISE[: min(len(view), self.left)]
        view[: len(chunk)] = chunk
        self.left -= len(chunk)
        self.hash.update(chunk)
        return len(chunk)


def test_memory_stays_flat_over_50_mb(sealer: Sealer, keyring: Keyring, tmp_path: Path) -> None:
    size, source, hashed = 50_000_000, Pattern(50_000_000), hashlib.sha256()
    sealer.seal_file(io.BufferedReader(source), tmp_path / "big.gpg", compress=False)
    tracemalloc.start()
    with (tmp_path / "big.gpg").open("rb") as sealed:
        for chunk in keyring.decrypt(sealed):
            hashed.update(chunk)
            size -= len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (size, hashed.digest()) == (0, source.hash.digest())
    assert peak < 8_000_000


def test_recipients_other_than_us_do_not_matter_wherever_they_stand(
    institution_key: InstitutionKey, foreign_key: InstitutionKey, keyring: Keyring
) -> None:
    for keys in ((institution_key, foreign_key), (foreign_key, institution_key)):
        with Sealer(*keys) as sealer:
            assert opened(keyring, sealer.seal(b"for several")) == b"for several"


def test_several_threads_decrypt_with_one_keyring(keyring: Keyring, message: bytes) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: opened(keyring, message) == NOISE, range(24))) == {True}


def test_unlocking_the_key_does_not_cost_half_a_second_per_message(sealer: Sealer, keyring: Keyring) -> None:
    small = sealer.seal(b"id\tcourse_id\n")
    times = []
    for _ in range(30):
        start = time.perf_counter()
        opened(keyring, small)
        times.append(time.perf_counter() - start)
    median = sorted(times)[15]
    print(f"{median:.4f} s per small message")
    assert median < 0.2


# --- what is not


@pytest.mark.parametrize("kept", [100, 272, 1000, 150_000, -1, -22])
@pytest.mark.parametrize("compress", [True, False])
def test_a_cut_message_is_called_cut(sealer: Sealer, keyring: Keyring, kept: int, compress: bool) -> None:
    sealed = sealer.seal(NOISE, compress=compress)[:kept]
    with pytest.raises(CorruptMessageError, match=r"cut short|only the beginning"):
        opened(keyring, sealed)


def test_a_changed_byte_never_goes_unnoticed(keyring: Keyring, sealer: Sealer) -> None:
    for compress in (True, False):
        sealed = sealer.seal(NOISE[:20_000], compress=compress)
        for position in random.Random(1).sample(range(len(sealed)), 25):
            with pytest.raises(DecryptionError):
                opened(keyring, flipped(sealed, position))


def test_a_changed_byte_is_called_damage(keyring: Keyring, message: bytes) -> None:
    with pytest.raises(CorruptMessageError, match="damaged"):
        opened(keyring, flipped(message, 150_000))
    with pytest.raises(CorruptMessageError, match="damaged in its header"):
        opened(keyring, flipped(message, 150))


@pytest.mark.parametrize(
    ("sealed", "said"),
    [
        (b"", "empty"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "no OpenPGP message"),
        (b"\x1f\x8b\x08\x00" + bytes(500), "no OpenPGP message"),
        (NOISE, "no OpenPGP message"),
        (b"\xcb\x0bb\x00\0\0\0\0hello", "not encrypted"),  # a literal data packet: what gpg prints and calls good
    ],
)
def test_what_is_no_sealed_message_is_said(keyring: Keyring, sealed: bytes, said: str) -> None:
    with pytest.raises(CorruptMessageError, match=said):
        opened(keyring, sealed)


def test_a_key_in_the_place_of_a_message_is_said(keyring: Keyring, institution_key: InstitutionKey) -> None:
    with pytest.raises(CorruptMessageError, match="key"):
        opened(keyring, institution_key.public.encode())


def test_a_second_message_or_rubbish_after_the_end_is_an_error(keyring: Keyring, sealer: Sealer, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(NOISE)
    sealer.seal_file(tmp_path / "plain", tmp_path / "sealed", compress=False)
    sealed = (tmp_path / "sealed").read_bytes()
    assert opened(keyring, sealed) == NOISE
    for tail in (sealed, b"\n", b"rubbish", b"\xcb\x0bb\x00\0\0\0\0hello"):
        with pytest.raises(CorruptMessageError):
            opened(keyring, sealed + tail)


def test_a_message_for_others_only_is_a_wrong_key(keyring: Keyring, foreign_key: InstitutionKey) -> None:
    with Sealer(foreign_key) as sealer, pytest.raises(WrongKeyError, match=keyring.fingerprint):
        opened(keyring, sealer.seal(NOISE))


def test_an_unprotected_message_needs_permission(institution_key: InstitutionKey, keyring: Keyring) -> None:
    with Sealer(institution_key, protected=False) as sealer:
        unprotected = sealer.seal(NOISE)
    with pytest.raises(UnprotectedMessageError) as refused:
        opened(keyring, unprotected)
    assert "--allow-unprotected" in refused.value.hint
    with Keyring.open(institution_key.private, institution_key.passphrase, allow_unprotected=True) as lenient:
        assert opened(lenient, unprotected) == NOISE
        with pytest.raises(CorruptMessageError, match="cut short"):
            opened(lenient, unprotected[:-1])


def test_the_permission_does_not_let_damage_pass(institution_key: InstitutionKey, message: bytes) -> None:
    with Keyring.open(institution_key.private, institution_key.passphrase, allow_unprotected=True) as lenient:
        assert opened(lenient, message) == NOISE
        for damaged in (flipped(message, -5), flipped(message, 150_000), message[:-22], message[:-1]):
            with pytest.raises(CorruptMessageError):
                opened(lenient, damaged)


# --- where the bytes come from and go to


class Failing(io.BytesIO):
    """A source that breaks off after its first piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise SourceError("the connection was lost", transient=True)
        return super().read(70_000)


def test_an_error_of_the_source_is_not_taken_for_a_cut_message(keyring: Keyring, message: bytes) -> None:
    with pytest.raises(SourceError, match="the connection was lost"):
        list(keyring.decrypt(Failing(message)))


def test_a_consumer_who_leaves_ends_gpg_at_once(keyring: Keyring, sealer: Sealer) -> None:
    home = keyring.ticket.home
    agent = agent_pid(home)
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


# --- the keyring


def test_a_closed_keyring_leaves_no_folder_and_no_agent(institution_key: InstitutionKey, place: Path) -> None:
    with Keyring.open(institution_key.private, institution_key.passphrase, place) as keyring:
        home = keyring.ticket.home
        assert home.parent == place
        assert home.name.startswith(f"{FOLDER_PREFIX}{os.getpid()}-")
        assert [entry.stat().st_mode & 0o077 for entry in (home, home / "gpg-agent.conf")] == [0, 0]
        assert agent_pid(home) in processes_of(home)
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


def test_it_lies_in_a_short_path_even_if_a_long_one_was_asked_for(institution_key: InstitutionKey, message: bytes, tmp_path: Path) -> None:
    with Keyring.open(institution_key.private, institution_key.passphrase, tmp_path / ("long" * 30)) as keyring:
        assert opened(keyring, message) == NOISE


def test_the_owner_is_named(keyring: Keyring, institution_key: InstitutionKey) -> None:
    assert keyring.owner == "Åsa Öberg <data@universityx.example.org>"
    assert keyring.fingerprint == institution_key.fingerprint
    assert not keyring.expired


@pytest.mark.parametrize("wrong", ["wrong", " blånk", "x" * 200])
def test_a_wrong_passphrase_is_told_at_the_opening_even_if_another_keyring_knows_the_right_one(
    institution_key: InstitutionKey, keyring: Keyring, message: bytes, place: Path, wrong: str
) -> None:
    assert opened(keyring, message) == NOISE
    with pytest.raises(WrongPassphraseError) as refused:
        Keyring.open(institution_key.private, Secret(wrong), place)
    assert "KEY_PASSPHRASE" in refused.value.hint
    assert wrong not in f"{refused.value} {refused.value.hint}"


def test_a_passphrase_of_two_lines_is_refused(institution_key: InstitutionKey) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Keyring.open(institution_key.private, Secret("two\nlines"))
    assert "KEY_PASSPHRASE" in refused.value.hint


def test_no_passphrase_for_a_key_that_has_one(institution_key: InstitutionKey, place: Path) -> None:
    with pytest.raises(WrongPassphraseError, match="none was given") as refused:
        Keyring.open(institution_key.private, None, place)
    assert "KEY_PASSPHRASE" in refused.value.hint


def test_a_wrong_passphrase_fails_after_the_right_one_was_used(keyring: Keyring, message: bytes) -> None:
    assert opened(keyring, message) == NOISE
    with pytest.raises(WrongPassphraseError):
        opened(Keyring.attached(replace(keyring.ticket, passphrase=Secret("wrong"))), message)


@pytest.mark.parametrize("passphrase", [None, Secret("")], ids=["none", "empty"])
def test_a_key_may_have_no_passphrase(tmp_path: Path, passphrase: Secret | None) -> None:
    key = make_key(tmp_path, name="No Passphrase", email="open@example.org", passphrase="", kind="ecc")
    with Sealer(key) as sealer, Keyring.open(key.private, passphrase) as keyring:
        assert opened(keyring, sealer.seal(b"first line\nsecond line\n")) == b"first line\nsecond line\n"


def test_an_expired_key_still_reads_what_was_sealed_for_it(tmp_path: Path) -> None:
    made = datetime(2014, 5, 1, tzinfo=UTC)
    key = make_key(tmp_path, name="Expired Key", email="old@example.org", passphrase="old", kind="ecc", created=made, lifetime=timedelta(days=365))
    with Sealer(key, clock=made + timedelta(days=30)) as sealer:
        sealed = sealer.seal(b"of old")
    with Keyring.open(key.private, key.passphrase) as keyring:
        assert keyring.expired
        assert opened(keyring, sealed) == b"of old"
    with pytest.raises(WrongPassphraseError):
        Keyring.open(key.private, Secret("new"))
    with Sealer(key) as sealer, pytest.raises(ConfigurationError):
        sealer.seal(b"nobody can encrypt for it any more")


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nbG9yZW0gaXBzdW0=\n-----END PGP PRIVATE KEY BLOCK-----\n"])
def test_a_garbled_key_is_a_matter_of_configuration(text: str, place: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as refused:
        Keyring.open(Secret(text), None, place)
    assert "--export-secret-keys" in refused.value.hint


def test_a_public_key_is_not_enough(institution_key: InstitutionKey, place: Path) -> None:
    with pytest.raises(ConfigurationError, match="public key"):
        Keyring.open(Secret(institution_key.public), institution_key.passphrase, place)


def test_a_missing_gpg_names_the_package(institution_key: InstitutionKey, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place))
    with pytest.raises(ConfigurationError, match="gpg") as refused:
        Keyring.open(institution_key.private, institution_key.passphrase, place)
    assert "gnupg" in refused.value.hint


def test_another_process_uses_the_keyring_and_leaves_it_open(keyring: Keyring, message: bytes) -> None:
    program = """
import io, pickle, sys
from edx_import.decryption import Keyring
ticket, sealed = pickle.load(sys.stdin.buffer)
with Keyring.attached(ticket) as keyring:
    sys.stdout.buffer.write(b"".join(keyring.decrypt(io.BytesIO(sealed))))
"""
    worker = subprocess.run([sys.executable, "-c", program], input=pickle.dumps((keyring.ticket, message)), capture_output=True, check=True)
    assert worker.stdout == NOISE
    assert opened(keyring, message) == NOISE


def test_no_secret_is_shown(keyring: Keyring, institution_key: InstitutionKey) -> None:
    shown = f"{keyring.ticket!r} {institution_key!r}"
    assert institution_key.passphrase.reveal() not in shown
    assert "PRIVATE KEY" not in shown


def test_a_second_process_can_clean_up(institution_key: InstitutionKey, place: Path) -> None:
    """What is needed after a kill -9: the folder alone leads to the agent."""
    home = Keyring.open(institution_key.private, institution_key.passphrase, place).ticket.home
    subprocess.run([sys.executable, "-c", f"from edx_import.decryption.home import *; remove_home(Path({str(home)!r}))"], check=True)
    wait_until(lambda: not processes_of(home))
    remove_home(home)


# --- verification


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(31)
    for chunk in chunks:
        try:
            yield inflater.decompress(chunk)
        except zlib.error as error:
            raise PackageError(f"the gzip stream is damaged ({error})") from error
        if inflater.eof:
            return  # as a reader that is not interested in what follows
    raise PackageError("the gzip stream is cut short")


class Shelf:
    """Counts how often the sealed bytes are taken from it."""

    def __init__(self, *sealed: bytes) -> None:
        self.sealed = sealed
        self.streams: list[io.BytesIO] = []

    def open(self) -> io.BytesIO:
        self.streams.append(io.BytesIO(self.sealed[min(len(self.streams), len(self.sealed) - 1)]))
        return self.streams[-1]


def zipped(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content) + packer.flush()


def test_a_small_content_is_read_from_memory_as_often_as_wanted(keyring: Keyring, sealer: Sealer) -> None:
    shelf = Shelf(sealer.seal(zipped(NOISE), compress=False))
    content = verified(keyring, shelf.open, gunzip)
    assert [b"".join(content.chunks()), b"".join(content.chunks())] == [NOISE, NOISE]
    assert (content.size, content.content_hash) == (len(NOISE), hashlib.blake2b(NOISE, digest_size=32).hexdigest())
    assert [stream.closed for stream in shelf.streams] == [True]


def test_a_large_content_is_decrypted_again(keyring: Keyring, sealer: Sealer) -> None:
    shelf = Shelf(sealer.seal(zipped(NOISE), compress=False))
    content = verified(keyring, shelf.open, gunzip, memory_limit=len(NOISE) - 1)
    assert [b"".join(content.chunks()), b"".join(content.chunks())] == [NOISE, NOISE]
    assert [stream.closed for stream in shelf.streams] == [True] * 3
    first = next(content.chunks())  # and drops the rest
    assert NOISE.startswith(first)


def test_the_content_hash_does_not_depend_on_how_it_was_sealed(keyring: Keyring, sealer: Sealer) -> None:
    hashes = {verified(keyring, Shelf(sealer.seal(zipped(NOISE))).open, gunzip).content_hash for _ in range(2)}
    assert hashes == {verified(keyring, Shelf(sealer.seal(NOISE)).open, iter).content_hash}


def test_a_content_that_changed_after_verification_is_an_error(keyring: Keyring, sealer: Sealer, message: bytes) -> None:
    other = sealer.seal(NOISE[::-1], compress=False)
    content = verified(keyring, Shelf(message, other).open, iter, memory_limit=0)
    with pytest.raises(SourceError, match="changed"):
        list(content.chunks())


def test_a_message_damaged_after_verification_is_an_error(keyring: Keyring, message: bytes) -> None:
    content = verified(keyring, Shelf(message, flipped(message, -5)).open, iter, memory_limit=0)
    with pytest.raises(CorruptMessageError):
        list(content.chunks())


def test_a_broken_archive_in_a_whole_message_is_the_archives_error(keyring: Keyring, sealer: Sealer) -> None:
    with pytest.raises(PackageError, match="cut short"):
        verified(keyring, Shelf(sealer.seal(zipped(NOISE)[:-1000], compress=False)).open, gunzip)


def test_a_broken_archive_in_a_damaged_message_is_the_messages_error(keyring: Keyring, sealer: Sealer) -> None:
    sealed = sealer.seal(zipped(NOISE), compress=False)
    for damaged in (flipped(sealed, 100_000), sealed[:100_000]):
        with pytest.raises(CorruptMessageError):
            verified(keyring, Shelf(damaged).open, gunzip)


def test_the_end_of_the_message_is_checked_even_if_the_archive_ends_before(keyring: Keyring, sealer: Sealer) -> None:
    sealed = sealer.seal(zipped(b"few") + NOISE, compress=False)
    assert b"".join(verified(keyring, Shelf(sealed).open, gunzip).chunks()) == b"few"
    with pytest.raises(CorruptMessageError):
        verified(keyring, Shelf(flipped(sealed, -5)).open, gunzip)


def test_an_error_of_the_source_passes_through_verification(keyring: Keyring, message: bytes) -> None:
    with pytest.raises(SourceError, match="the connection was lost"):
        verified(keyring, lambda: Failing(message), gunzip)
