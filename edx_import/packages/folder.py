"""A package source of files: the keys of S3 as paths below a folder, or loose files that are recognised by their names."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edx_import.errors import SourceError
from edx_import.model import DeliveredObject, ObjectName
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.listing import Found, choose, printable
from edx_import.packages.naming import parse_file_name, parse_key

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LEAVES = "a link that leaves the folder"
_BUFFER = 1 << 18


class FolderSource:
    """A folder with sealed files. Whatever its layout, each object has its canonical S3 key, so that the ledger knows it again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def description(self) -> str:
        """Where it is, for a person."""
        return f"folder {self._path}"

    def list(self, wanted: Wanted) -> Iterator[DeliveredObject | Passed]:
        """The objects of that kind, in the order of their keys, after the linked folders that are not followed. Raises SourceError."""
        with _file_errors(self.description):
            root = self._root()
            files, outside = _walk(root)
            yield from (Passed(printable(_location(path, root)), _LEAVES) for path in outside)
            yield from choose([_found(path, root) for path in files], wanted)

    def open(self, delivered: DeliveredObject) -> BinaryIO:
        """A stream of the file. Raises SourceError, also while reading, and when the file has changed since it was listed."""
        what = f"{self.description}: {delivered.location}"
        with _file_errors(what):
            root = self._root()
            path = root / delivered.location
            if not path.resolve().is_relative_to(root):
                raise SourceError(f"{delivered.location} is {_LEAVES}", "Put the file itself there.")
            stream = _FileStream(path, delivered, what)
            try:
                stream.check()
            except BaseException:
                stream.close()
                raise
            return io.BufferedReader(stream, _BUFFER)

    def _root(self) -> Path:
        if not self._path.is_dir():
            what = "is not a folder" if self._path.exists() else "does not exist"
            raise SourceError(f"{self.description} {what}", "Give --source an existing folder; in a container it has to be mounted.")
        return self._path.resolve()


class _FileStream(io.RawIOBase):
    """The bytes of a file that stays as it was listed, from the first to the last."""

    def __init__(self, path: Path, delivered: DeliveredObject, what: str) -> None:
        self._file = path.open("rb", buffering=0)
        self._delivered = delivered
        self._what = what

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with _file_errors(self._what):
            size = self._file.readinto(buffer) or 0
            if not size:
                self.check()
        return size

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    def check(self) -> None:
        """Raises SourceError when the file has changed since it was listed."""
        if _fingerprint(os.fstat(self._file.fileno())) != self._delivered.etag:
            hint = "Let it be copied to the end, then run the sync again."
            raise SourceError(f"{self._delivered.location} has changed since it was listed", hint, transient=True)


@contextmanager
def _file_errors(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{what}: gone since it was listed", "Run the command again.", transient=True) from None
    except PermissionError as error:
        raise SourceError(f"{what}: may not be read", "Check owner and mode of the files.") from error
    except OSError as error:
        raise SourceError(f"{what}: {error.strerror or 'cannot be read'}") from error


def _walk(root: Path) -> tuple[list[Path], list[Path]]:
    """All files below `root`, and the linked folders that lead out of it. A linked folder inside it is met at its own place."""
    files: list[Path] = []
    outside: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=_raise):
        here = Path(folder)
        files += (here / name for name in names)
        outside += (here / name for name in folders if not (here / name).resolve().is_relative_to(root))
    return files, sorted(outside)


def _raise(error: OSError) -> None:
    raise error


def _found(path: Path, root: Path) -> Found:
    location = _location(path, root)
    name = _recognise((*root.parts, *path.relative_to(root).parts))
    trouble = _trouble(path, root)
    if trouble:
        return Found(location, name, trouble=trouble)
    status = path.stat()
    return Found(location, name, status.st_size, _fingerprint(status), datetime.fromtimestamp(status.st_mtime, UTC))


def _recognise(parts: tuple[str, ...]) -> ObjectName | None:
    """The longest end of the path that is a key decides (its folder makes a ZIP an email report), else the base name alone."""
    ends = ("/".join(parts[start:]) for start in range(len(parts) - 1))
    return next((name for name in map(parse_key, ends) if name), None) or parse_file_name(parts[-1])


def _trouble(path: Path, root: Path) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not target.is_relative_to(root):
        return _LEAVES
    return "" if stat.S_ISREG(target.stat().st_mode) else "not a regular file"


def _location(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _fingerprint(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}"
