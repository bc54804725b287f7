"""Nothing is believed before gpg has called it whole: the first pass to nowhere, and the second one that is read."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator

import pytest
from sealed import NOISE, flipped

from edx_import.decryption import Keyring, verified
from edx_import.errors import (
    CorruptMessageError,
    PackageError,
    SourceError,
)
from edx_import.sample.sealing import Sealer

pytestmark = pytest.mark.usefixtures("nothing_left_running")


class Failing(io.BytesIO):
    """A source that breaks off after its first piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise SourceError("the connection was lost", transient=True)
        return super().read(70_000)


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
