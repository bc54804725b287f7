"""Gzip while somebody reads: content of any size is packed without memory or disk for it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from edx_import.sample.sealing import Sealer


class _Zipped(io.RawIOBase):
    """What is left to read of the gzip of some pieces, made while it is read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._chunks = gzip_pieces(pieces)
        self._ready = b""
        self._error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        while not self._ready:
            try:
                self._ready = next(self._chunks)
            except StopIteration:
                return 0
            except Exception as error:  # whoever reads may take it for the end
                self._error = error
                raise
        part, self._ready = self._ready[: len(target)], self._ready[len(target) :]
        target[: len(part)] = part
        return len(part)

    def check(self) -> None:
        """Raises what went wrong while it was read by somebody who did not say so."""
        if self._error:
            raise self._error


def seal_zipped(pieces: Iterable[bytes], path: Path, sealer: Sealer) -> None:
    """Writes a message that holds the gzip of some pieces. Raises what making the pieces raises."""
    source = _Zipped(pieces)
    sealer.seal_file(io.BufferedReader(source), path, compress=False)
    source.check()


def gzip_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The gzip of some pieces, in pieces. The same content gives the same bytes: no clock, no name."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
