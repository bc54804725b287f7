"""Decryption with a real gpg: whole messages come out whole, and everything else is told apart."""

from __future__ import annotations

import hashlib
import io
import random
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sealed import NOISE, flipped, opened

from edx_import.decryption import Keyring
from edx_import.errors import (
    CorruptMessageError,
    DecryptionError,
    SourceError,
    UnprotectedMessageError,
    WrongKeyError,
)
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

pytestmark = pytest.mark.usefixtures("nothing_left_running")


@pytest.fixture(scope="module")
def foreign_key(tmp_path_factory: pytest.TempPathFactory) -> InstitutionKey:
    return make_key(tmp_path_factory.mktemp("key"), name="Another Institution", email="czar@example.org", passphrase="another", kind="ecc")


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
