"""What tests with real services share."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sealed import NOISE

from edx_import.decryption import Keyring
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key


@pytest.fixture(scope="session")
def institution_key(tmp_path_factory: pytest.TempPathFactory) -> InstitutionKey:
    """An RSA key as a data czar makes it, with a passphrase that is easily spoilt on its way: blanks, quotes, a backslash, letters beyond ASCII."""
    folder = tmp_path_factory.mktemp("key")
    return make_key(folder, name="Åsa Öberg", email="data@universityx.example.org", passphrase=" blånk \"q'\\n £ {ключ} ")


@pytest.fixture(scope="session")
def sealer(institution_key: InstitutionKey) -> Iterator[Sealer]:
    with Sealer(institution_key) as sealer:
        yield sealer


@pytest.fixture(scope="session")
def keyring(institution_key: InstitutionKey) -> Iterator[Keyring]:
    with Keyring.open(institution_key.private, institution_key.passphrase) as keyring:
        yield keyring


@pytest.fixture(scope="session")
def message(sealer: Sealer) -> bytes:
    """Noise, sealed."""
    return sealer.seal(NOISE, compress=False)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path, where a keyring can be watched; it must be empty in the end."""
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


@pytest.fixture
def nothing_left_running() -> Iterator[None]:
    """No thread outlives the test."""
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= threads
