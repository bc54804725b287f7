"""Containers: ZIP archives with encrypted members, and gzip streams. Whatever is wrong with one is a PackageError.

Limits against archives made to harm: members, inflation, overlaps, paths.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from types import TracebackType
from typing import IO, TYPE_CHECKING, BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from isal import igzip_lib

from edx_import.errors import PackageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_MEMBERS = 20_000
#: Inflation over 1000:1 is refused, beyond the first gigabyte.
MAX_RATIO = 1000
FREE_SIZE = 1 << 30

#: The longest path of a member, in characters. (S3 and file systems have less room than that.)
MAX_PATH = 1024

_PIECE = 256 << 10
#: Of the directory, too: with the shortest names it would otherwise list more members than memory is for.
_MOST_AT_ONCE = 10 << 20
_AGAIN = "Fetch it again; if it stays so, ask edX to deliver it again."
_REFUSED = "A package that edX made is not like this: do not import it."


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file in a ZIP. `size` is that of the (still encrypted) content, `crc` its CRC-32: the same in both means unchanged."""

    path: str
    size: int
    crc: int


class Archive:
    """A ZIP archive over a seekable stream, checked against the limits when it is opened. The stream stays the caller's to close.

    Raises PackageError when it is damaged or refused.
    """

    def __init__(self, file: BinaryIO) -> None:
        with _zip_errors("the ZIP"):
            self._zip = ZipFile(_Careful(file))
            _check_end(self._zip, file)
            _check(self._zip.infolist())
            _check_overlaps(self._zip.infolist(), file, self._zip.start_dir)
            self._files = sorted((info for info in self._zip.infolist() if not info.is_dir()), key=attrgetter("filename"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def members(self) -> list[ArchiveMember]:
        """The files in it, by path; directories are left out."""
        return [ArchiveMember(info.filename, info.file_size, info.CRC) for info in self._files]

    def open(self, path: str) -> BinaryIO:
        """A stream of a member's bytes; what is wrong with them is raised while reading."""
        with _zip_errors(repr(path)):
            try:
                info = self._zip.getinfo(path)
            except KeyError:
                raise PackageError(f"{path!r}: not in the ZIP") from None
            return io.BufferedReader(_MemberStream(self._zip.open(info), info), _PIECE)


class _Careful:
    """A file that never gives more than so much at once: a directory of any size would be read into memory whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        return self._file.read(_MOST_AT_ONCE if size < 0 else min(size, _MOST_AT_ONCE))


class _MemberStream(io.RawIOBase):
    """A member's bytes, exactly as many as the directory says."""

    def __init__(self, stream: IO[bytes], info: ZipInfo) -> None:
        self._stream = stream
        self._info = info
        self._left = info.file_size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with _zip_errors(repr(self._info.filename)):
            data = self._stream.read(len(view))
        self._left -= len(data)
        if self._left and not data and len(view):
            raise PackageError(f"{self._info.filename!r}: cut short in the ZIP", _AGAIN)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


@contextmanager
def _zip_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (BadZipFile, LargeZipFile, zlib.error, struct.error, EOFError, ValueError, OSError, OverflowError, RuntimeError) as error:
        raise PackageError(f"{what} is cut or damaged ({error})", _AGAIN) from error


def _check(entries: list[ZipInfo]) -> None:
    if len(entries) > MAX_MEMBERS:
        raise PackageError(f"the ZIP has {len(entries):,} members, more than {MAX_MEMBERS:,}", _REFUSED)
    seen: set[str] = set()
    for info in entries:
        trouble = _trouble(info) or ("twice in the ZIP" if info.filename in seen else "")
        if trouble:
            raise PackageError(f"{info.filename!r}: {trouble}", _REFUSED)
        seen.add(info.filename)


_END_RECORD = 22
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")


def _trouble(info: ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED_FLAGS:
        return "encrypted by ZIP itself"
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return f"compressed by a method that is not used in packages ({info.compress_type})"
    if len(info.filename) > MAX_PATH:
        return "a path that is too long"
    if not info.filename or _ABSOLUTE.match(info.filename) or ".." in re.split(r"[/\\]", info.filename):
        return "a path that leads out of the ZIP"
    if info.file_size > FREE_SIZE and info.file_size > MAX_RATIO * info.compress_size:
        return f"inflates to {info.file_size:,} bytes from {info.compress_size:,}"
    return ""


def _check_end(archive: ZipFile, file: BinaryIO) -> None:
    """The end record, with its comment, is the last of the file: the library would pass over whatever comes after it."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - _END_RECORD - len(archive.comment)))
    record = file.read(_END_RECORD)
    if record[:4] != b"PK\5\6" or struct.unpack("<H", record[20:]) != (len(archive.comment),):
        raise PackageError("something follows the end of the ZIP", _AGAIN)


def _check_overlaps(entries: list[ZipInfo], file: BinaryIO, directory: int) -> None:
    """Bombs let many members share the same bytes. Lengths are those of the local headers: what the directory says of them may differ."""
    end = 0
    for info in sorted(entries, key=attrgetter("header_offset")):
        file.seek(info.header_offset)
        name_length, extra_length = struct.unpack("<26x2H", file.read(30))
        if info.header_offset < end:
            raise PackageError(f"{info.filename!r}: shares its bytes with another member", _REFUSED)
        end = info.header_offset + 30 + name_length + extra_length + info.compress_size
    if end > directory:
        raise PackageError("the last member of the ZIP shares its bytes with the directory", _REFUSED)


def inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Gunzips a stream of chunks into pieces of bounded size, whatever the chunks' own.

    Several gzip members in a row are one stream; zero padding after a member is ignored. Raises PackageError when there is nothing at all,
    when it is no gzip, damaged, cut short, followed by something else, or inflates out of all proportion.
    """
    state = _Inflation()
    for chunk in chunks:
        yield from state.feed(chunk)
    state.finish()


class _Inflation:
    """Where a stream of gzip members stands."""

    def __init__(self) -> None:
        self._member: igzip_lib.IgzipDecompressor | None = None
        self._members = 0
        self._read = 0
        self._written = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes inflate to."""
        self._read += len(data)
        while data:
            if self._member is None:
                data = self._begin(data)
            if self._member is not None:
                yield from self._pieces(self._member, data)
                data = self._member.unused_data if self._member.eof else b""
                self._member = None if self._member.eof else self._member

    def finish(self) -> None:
        """Raises PackageError unless the stream may end here."""
        if self._member is not None:
            raise PackageError("the gzip stream is cut short", _AGAIN)
        if not self._members:
            raise PackageError("there is nothing where a gzip stream should be (0 bytes)", _AGAIN)

    def _begin(self, data: bytes) -> bytes:
        """Starts the next member, if there is one; gives back its bytes."""
        rest = data.lstrip(b"\0") if self._members else data
        if rest:
            self._member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            self._members += 1
        return rest

    def _pieces(self, member: igzip_lib.IgzipDecompressor, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._inflate(member, data)
            if piece:
                yield piece
            if member.eof or member.needs_input:
                return
            data = b""

    def _inflate(self, member: igzip_lib.IgzipDecompressor, data: bytes) -> bytes:
        try:
            piece = member.decompress(data, _PIECE)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub says instance, it is a class
            other = "no gzip stream" if self._members == 1 else "followed by something else"
            raise PackageError(f"the gzip stream is damaged, or {other} ({error})", _AGAIN) from error
        self._written += len(piece)
        if self._written > FREE_SIZE and self._written > MAX_RATIO * self._read:
            raise PackageError(f"the gzip stream inflates to more than {MAX_RATIO} times its size", _REFUSED)
        return piece
