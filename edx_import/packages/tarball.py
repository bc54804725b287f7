"""Tar archives as a stream: each file once, in order, in bounded memory. Whatever is wrong with an archive is a PackageError.

The standard library's tarfile is not used: it takes a damaged header, or none at all, for the end of the archive, and holds headers of any size.
Read are the formats that tar programs write today: ustar, with the long names of GNU tar, and pax.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from edx_import.errors import PackageError

#: Headers of files, folders and links, more than which an archive may not have.
MAX_ENTRIES = 1_000_000
#: The largest file that is given out, unless a limit is given, in bytes.
MAX_FILE_SIZE = 64 << 20

LINK = "a link"
NO_FILE = "no regular file"
SPARSE = "a file with holes"
OUTSIDE = "a path that leads out of the archive"
PATH_TOO_LONG = "a path that is too long"
TWICE = "twice in the archive"
TOO_LARGE = "too large"

_BLOCK = 512
_PIECE = 256 << 10
_MAX_EXTENSION = 1 << 20
_MAX_PATH = 4096
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
_AGAIN = "Fetch it again; if it stays so, ask edX to deliver it again."
_REFUSED = "A package that edX made is not like this: do not import it."


@dataclass(frozen=True, slots=True)
class TarMember:
    """A regular file. `path` is without `.` and empty parts; bytes of it that are not UTF-8 are lone surrogates."""

    path: str
    size: int
    _content: _Content = field(repr=False, compare=False)

    def chunks(self) -> Iterator[bytes]:
        """Its content, once, in pieces of bounded size, and only until the next member is asked for (then: RuntimeError)."""
        return self._content.chunks()


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that is not given out, and why."""

    path: str
    reason: str


def tar_members(chunks: Iterable[bytes], size_limit: int | None = MAX_FILE_SIZE) -> Iterator[TarMember | Skipped]:
    """The files of an archive that is no longer compressed, in its order; folders are left out.

    What of a member's content is not taken is passed over. `size_limit`: the largest file that is given out, in bytes; None: any.
    Raises PackageError when the archive is no tar, damaged, cut, has no end marker, something after it, or too many entries.
    """
    stream = _Stream(chunks)
    seen: set[bytes] = set()
    for number, entry in enumerate(_entries(stream), 1):
        if number > MAX_ENTRIES:
            raise PackageError(f"the tar archive has more than {MAX_ENTRIES:,} entries", _REFUSED)
        content = _Content(stream, entry.data_size)
        if reason := _reason_to_skip(entry, seen, size_limit):
            yield Skipped(entry.path[:_MAX_PATH], reason)
        elif not entry.is_folder:
            yield TarMember(entry.path, entry.size, content)
        content.pass_over()


def _reason_to_skip(entry: _Entry, seen: set[bytes], size_limit: int | None) -> str:
    if entry.reason:
        return entry.reason
    if entry.is_folder:
        return ""
    digest = blake2b(entry.path.encode("utf-8", "surrogatepass"), digest_size=16).digest()  # paths themselves would take too much memory
    if digest in seen:
        return TWICE
    seen.add(digest)
    return TOO_LARGE if size_limit is not None and entry.size > size_limit else ""


class _Stream:
    """The bytes of the archive, taken in whatever amounts are wanted. Raises PackageError when they end too early."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._position = 0

    def piece(self, limit: int) -> bytes:
        """The next bytes, at least one, at most so many."""
        if not self._fill():
            raise PackageError("the tar archive is cut short", _AGAIN)
        start = self._position
        self._position = min(len(self._chunk), start + limit)
        return self._chunk[start : self._position]

    def take(self, size: int) -> bytes:
        """Exactly so many bytes."""
        taken = bytearray()
        while len(taken) < size:
            taken += self.piece(size - len(taken))
        return bytes(taken)

    def rest(self) -> Iterator[bytes]:
        """All that is left."""
        while self._fill():
            yield self.piece(_PIECE)

    def _fill(self) -> bool:
        while self._position == len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._chunk, self._position = chunk, 0
        return True


class _Content:
    """The content of one entry, and the padding after it, as long as it is its turn."""

    def __init__(self, stream: _Stream, size: int) -> None:
        self._stream = stream
        self._left = size
        self._padding = -size % _BLOCK
        self._passed = False

    def chunks(self) -> Iterator[bytes]:
        while self._left or self._passed:
            if self._passed:
                raise RuntimeError("the member of the tar archive has been passed")
            piece = self._stream.piece(min(self._left, _PIECE))
            self._left -= len(piece)
            yield piece

    def pass_over(self) -> None:
        for _ in self.chunks():
            pass
        self._stream.take(self._padding)
        self._passed = True


# --- headers


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the headers of an entry say. `data_size`: how many bytes of content follow; `reason`: why it cannot be given out."""

    path: str
    size: int
    data_size: int
    is_folder: bool
    reason: str


_FILES = frozenset(b"0\x007")
_LINKS = frozenset(b"12")
_FOLDER = ord("5")
#: Entries without content, whatever size their header gives.
_WITHOUT_CONTENT = frozenset(b"123456")
_GNU_SPARSE = ord("S")
_GNU_LONG_NAME = ord("L")
_GNU_LONG_LINK = ord("K")
_PAX = frozenset(b"xX")
_PAX_GLOBAL = ord("g")
_BEFORE_AN_ENTRY = frozenset({*_PAX, _GNU_LONG_NAME, _GNU_LONG_LINK})


@dataclass(slots=True)
class _Extension:
    """What headers before an entry say of it instead of its own."""

    path: bytes | None = None
    size: int | None = None
    is_sparse: bool = False

    def pax(self, data: bytes) -> None:
        """Takes over pax records: `length keyword=value` and a line end, the length counting all of it."""
        start = 0
        while start < len(data):
            digits, blank, _ = data[start : start + 20].partition(b" ")
            end = start + int(digits) if blank and digits.isdigit() else start
            key, equals, value = data[start + len(digits) + 1 : end].partition(b"=")
            if not equals or end > len(data) or not value.endswith(b"\n"):
                raise _damaged("a pax header")
            self._record(key, value[:-1])
            start = end

    def _record(self, key: bytes, value: bytes) -> None:
        if key == b"path":
            self.path = value
        elif key == b"size":
            if not value.isdigit() or len(value) > 20:
                raise _damaged("a pax header")
            self.size = int(value)
        elif key.startswith(b"GNU.sparse."):
            self.is_sparse = True


def _damaged(what: str) -> PackageError:
    return PackageError(f"{what} of the tar archive is damaged, or it is no tar archive", _AGAIN)


def _entries(stream: _Stream) -> Iterator[_Entry]:
    """The entries up to the end marker. Whoever takes one also takes its content and padding from the stream."""
    common, own, awaited = _Extension(), _Extension(), False
    while (header := stream.take(_BLOCK)).strip(b"\0"):
        kind, size = _checked(header), _number(header[124:136])
        awaited = kind in _BEFORE_AN_ENTRY
        if kind == _PAX_GLOBAL:
            common.pax(_extension_data(stream, size))
        elif kind in _PAX:
            own.pax(_extension_data(stream, size))
        elif kind == _GNU_LONG_NAME:
            own.path = _extension_data(stream, size).rstrip(b"\0")
        elif kind == _GNU_LONG_LINK:
            _extension_data(stream, size)
        else:
            yield _entry(header, kind, size, own, common)
            own = _Extension()
    if awaited:
        raise _damaged("the last header")
    if stream.take(_BLOCK).strip(b"\0") or any(piece.strip(b"\0") for piece in stream.rest()):
        raise PackageError("something follows the end of the tar archive", _AGAIN)


def _checked(header: bytes) -> int:
    """The type of an entry whose header's checksum is right. Some old programs summed signed bytes."""
    stated = _number(header[148:156])
    summed = header[:148] + b" " * 8 + header[156:]
    if stated not in (sum(summed), sum(byte - 256 if byte > 127 else byte for byte in summed)):
        raise _damaged("a header")
    return header[156]


def _number(raw: bytes) -> int:
    """Octal digits, or (GNU) a binary number after a byte 0x80."""
    if raw[0] == 0x80:
        return int.from_bytes(raw[1:], "big")
    digits = raw.partition(b"\0")[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise _damaged("a number in a header")
    return int(digits or b"0", 8)


def _extension_data(stream: _Stream, size: int) -> bytes:
    if size > _MAX_EXTENSION:
        raise PackageError(f"a header of the tar archive has {size:,} bytes", _REFUSED)
    data = stream.take(size)
    stream.take(-size % _BLOCK)
    return data


def _entry(header: bytes, kind: int, size: int, own: _Extension, common: _Extension) -> _Entry:
    raw = next((path for path in (own.path, common.path) if path is not None), None)
    raw = _path(header) if raw is None else raw
    size = next((said for said in (own.size, common.size) if said is not None), size)
    given = raw.decode("utf-8", "surrogateescape")
    path = "/".join(part for part in given.split("/") if part not in ("", "."))
    is_folder = kind == _FOLDER or (kind in _FILES and not size and given.endswith("/"))
    reason = "" if is_folder else _kind_trouble(kind, own.is_sparse or common.is_sparse) or _path_trouble(given, path)
    return _Entry(path, size, 0 if kind in _WITHOUT_CONTENT else size, is_folder, reason)


def _path(header: bytes) -> bytes:
    """GNU tar has other things where POSIX has the beginning of the path; their magics differ."""
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _kind_trouble(kind: int, sparse: bool) -> str:
    if kind in _LINKS:
        return LINK
    if sparse or kind == _GNU_SPARSE:
        return SPARSE
    return "" if kind in _FILES else NO_FILE


def _path_trouble(given: str, path: str) -> str:
    if len(path) > _MAX_PATH:
        return PATH_TOO_LONG
    outside = not path or "\0" in path or _ABSOLUTE.match(given) or ".." in re.split(r"[/\\]", path)
    return OUTSIDE if outside else ""
