"""The keyring: what it tells when it is opened, and who may share it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sealed import NOISE, opened

from edx_import.decryption import Keyring
from edx_import.errors import (
    ConfigurationError,
    WrongPassphraseError,
)
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.settings import Secret


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
