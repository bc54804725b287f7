"""Nothing is believed before it is known to be whole: a message is decrypted and unpacked once to nowhere, and only then read.

Plaintext exists in memory only: a small content is kept from the first pass, a large one is decrypted again.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO

from edx_import.decryption.keyring import Keyring
from edx_import.errors import PackageError, SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Unpack = Callable[[Iterable[bytes]], Iterator[bytes]]

#: A message may become this many times its size, beyond the first gigabyte: OpenPGP compresses, too, and what it holds may be compressed again.
MAX_RATIO = 1000
FREE_SIZE = 1 << 30


@dataclass(frozen=True, slots=True)
class VerifiedContent:
    """The unpacked content of a message that was found whole. `content_hash` is its BLAKE2b-256 in hex, `size` its bytes, `lines` its line ends."""

    content_hash: str
    size: int
    lines: int
    _open: Callable[[], Iterator[bytes]]

    def chunks(self) -> Iterator[bytes]:
        """The content, from its beginning, as often as wanted: unpacked from memory if it is small, else decrypted again.

        Decrypting again can fail as the first time did; SourceError when it gives another content.
        """
        return self._open()


def verified(keyring: Keyring, open_sealed: Callable[[], BinaryIO], unpack: Unpack, *, memory_limit: int = 16 * 2**20) -> VerifiedContent:
    """Decrypts and unpacks a message once to nowhere, so that everything about it has been checked before it is used.

    Up to `memory_limit` bytes of plaintext, still packed, are kept, in memory only, so that a second pass need not decrypt. Raises the errors of
    `Keyring.decrypt`, of `open_sealed` and what it opens, PackageError from `unpack`, and PackageError for a message that becomes more than a
    thousand times its size. A damaged message mostly breaks the archive in it first: the message is then decrypted to its end, and gpg's error is
    raised rather than the archive's.
    """
    tally, kept = _Tally(), _Kept(memory_limit)
    for chunk in _unpacked(keyring, open_sealed, unpack, kept):
        tally.add(chunk)
    content_hash, packed = tally.content_hash, kept.chunks
    if packed is not None:
        return VerifiedContent(content_hash, tally.size, tally.lines, lambda: unpack(iter(packed)))
    return VerifiedContent(content_hash, tally.size, tally.lines, lambda: _again(keyring, open_sealed, unpack, content_hash))


class _Tally:
    """Hash and length of what passes."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=32)
        self.size = 0
        self.lines = 0

    @property
    def content_hash(self) -> str:
        return self._hash.hexdigest()

    def add(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.size += len(chunk)
        self.lines += chunk.count(b"\n")


class _Kept:
    """What passes, as long as it is little."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.chunks: list[bytes] | None = []

    def all_of(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks."""
        for chunk in chunks:
            self._left -= len(chunk)
            if self._left < 0:
                self.chunks = None
            elif self.chunks is not None:
                self.chunks.append(chunk)
            yield chunk


def _again(keyring: Keyring, open_sealed: Callable[[], BinaryIO], unpack: Unpack, content_hash: str) -> Iterator[bytes]:
    """The second pass; what it gave is compared at its end."""
    tally = _Tally()
    for chunk in _unpacked(keyring, open_sealed, unpack, _Kept(0)):
        tally.add(chunk)
        yield chunk
    if tally.content_hash != content_hash:
        raise SourceError("the object has changed between its verification and its loading", "Start again.", transient=True)


def _unpacked(keyring: Keyring, open_sealed: Callable[[], BinaryIO], unpack: Unpack, kept: _Kept) -> Iterator[bytes]:
    """Unpacked plaintext; ends well only if gpg found the message whole, even when `unpack` did not want all of it."""
    with closing(open_sealed()) as source:
        sealed = _Sealed(source)
        with closing(keyring.decrypt(io.BufferedReader(sealed, _PIECE))) as decrypted:
            plain = kept.all_of(sealed.in_proportion(decrypted))
            try:
                yield from sealed.in_proportion(unpack(plain))
            except _OutOfProportionError:
                raise
            except PackageError:
                _drain(plain)
                raise
            _drain(plain)


_PIECE = 256 << 10


class _OutOfProportionError(PackageError):
    """A message made to become endless; it is not decrypted to its end."""


class _Sealed(io.RawIOBase):
    """The sealed bytes, counted, so that what becomes of them can be held against them."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._source.read(len(view))
        self._size += len(data)
        view[: len(data)] = data
        return len(data)

    def in_proportion(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks, until they are too many. Raises _OutOfProportionError."""
        written = 0
        for chunk in chunks:
            written += len(chunk)
            if written > FREE_SIZE and written > MAX_RATIO * self._size:
                raise _OutOfProportionError(
                    f"the message becomes more than {MAX_RATIO:,} times its size", "A package that edX made is not like this: do not import it."
                )
            yield chunk


def _drain(plain: Iterator[bytes]) -> None:
    for _ in plain:
        pass
