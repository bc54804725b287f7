"""Sealed bytes to the scratch folder, where they stay encrypted, and away again."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from edx_import.errors import PackageError, SourceError
from edx_import.guardian import SEALED_PREFIX, SEALED_SUFFIX, hold, private_folder
from edx_import.model import DeliveredObject
from edx_import.packages.base import DamagedError, PackageSource
from edx_import.sync.estimate import free_space

_PIECE = 1 << 18
_SCRATCH = "EDX_IMPORT_SCRATCH"
_KEEP = "--keep"

#: What a disk that cannot set room aside says.
_NO_SUCH_CALL = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV, errno.EINVAL)


@contextmanager
def fetched(source: PackageSource, delivered: DeliveredObject, scratch: Path, keep: Path | None, advance: Callable[[int], None]) -> Iterator[Path]:
    """The object's sealed bytes as a file of mode 0600 that is gone afterwards (a copy stays below `keep` when that is given).

    Its room is set aside before the first byte is asked for. `advance` is told of every piece, and of a negative one when it begins anew; what
    it raises ends the work. Raises SourceError when it cannot be fetched whole, PackageError when it is empty.
    """
    if not delivered.size:
        raise PackageError(f"{delivered.key} is empty (0 bytes)", "edX delivered an empty file: ask your edX contact to send it again.")
    with _disk_errors(scratch, delivered, _SCRATCH):
        private_folder(scratch)
        descriptor, path = _new_file(scratch)
    with open(descriptor, "wb", buffering=0) as target:  # held, and so locked, to the end
        try:
            with _disk_errors(scratch, delivered, _SCRATCH):
                _reserve(target, delivered.size)
                _fetch(source, delivered, target, advance)
            if keep is not None:
                _keep(path, delivered, keep)
            yield path
        finally:
            path.unlink(missing_ok=True)


def _new_file(scratch: Path) -> tuple[int, Path]:
    """A file of mode 0600 that no sweep takes away as long as it is open."""
    while True:
        descriptor, name = tempfile.mkstemp(SEALED_SUFFIX, SEALED_PREFIX, scratch)
        if hold(descriptor):
            return descriptor, Path(name)
        os.close(descriptor)


def _reserve(target: FileIO, size: int) -> None:
    """Takes the room now: a disk that is too small is known before anything is fetched, and nobody else can take it meanwhile."""
    try:
        os.posix_fallocate(target.fileno(), 0, size)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise
        status = os.fstatvfs(target.fileno())
        if status.f_bavail * status.f_frsize < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None


def _fetch(source: PackageSource, delivered: DeliveredObject, target: FileIO, advance: Callable[[int], None]) -> None:
    """Once more from the start when it arrives damaged."""
    told: list[int] = []

    def tell(size: int) -> None:
        told.append(size)
        advance(size)

    try:
        _copy(source, delivered, target, tell)
    except DamagedError:
        advance(-sum(told))
        target.seek(0)
        _copy(source, delivered, target, advance)


def _copy(source: PackageSource, delivered: DeliveredObject, target: FileIO, advance: Callable[[int], None]) -> None:
    size = 0
    with source.open(delivered) as stream:
        while piece := stream.read(_PIECE):
            _write(target, piece)
            size += len(piece)
            advance(len(piece))
    if size != delivered.size:
        raise SourceError(
            f"{delivered.key}: got {size:,} of {delivered.size:,} bytes",
            "Run the sync again; if it happens again, the object was changed while it was fetched.",
            transient=True,
        )


def _write(target: FileIO, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[target.write(left) :]


def _keep(path: Path, delivered: DeliveredObject, keep: Path) -> None:
    """A copy under its key, which is there whole or not at all."""
    target = keep / delivered.key
    part = target.with_name(f".{target.name}.part")
    with _disk_errors(keep, delivered, _KEEP):
        private_folder(target.parent)
        try:
            _copy_file(path, part, delivered.size)
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _copy_file(path: Path, part: Path, size: int) -> None:
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b", buffering=0) as copy:
        _reserve(copy, size)
    with path.open("rb") as source, part.open("r+b") as copy:
        shutil.copyfileobj(source, copy, _PIECE)


@contextmanager
def _disk_errors(folder: Path, delivered: DeliveredObject, option: str) -> Iterator[None]:
    """Says what is wrong with the disk of `folder`, to which `option` points. The object is not to blame, so it may pass."""
    try:
        yield
    except OSError as error:
        happened, hint = _explained(error, folder, delivered)
        raise SourceError(happened, f"{hint} {option} can point to another place.", transient=True) from None


def _explained(error: OSError, folder: Path, delivered: DeliveredObject) -> tuple[str, str]:
    """What happened, what to do."""
    where = error.filename or folder
    match error.errno:
        case errno.ENOSPC:
            free = free_space(folder)
            files = free >= delivered.size  # a disk may have room, and yet none for another file
            hint = "Free some space there" + (" (or remove files: `df -i`)." if files else ".")
            return f"no room for {delivered.key} in {folder}: {delivered.size:,} bytes, {free:,} free", hint
        case errno.EDQUOT:
            return f"no room for {delivered.key} in {folder}: {delivered.size:,} bytes, and the disk quota is used up", "Free some space there."
        case errno.EFBIG:
            return f"no file in {folder} can be as large as {delivered.key}: {delivered.size:,} bytes", "See `ulimit -f`."
        case errno.EROFS:
            return f"{where} cannot be written: its disk can only be read", "Mount it so that it can be written."
        case errno.EACCES | errno.EPERM:
            return f"{where} cannot be written: not allowed", "Check owner and mode of the folder."
    return f"{where} cannot be written: {(error.strerror or str(error)).lower()}", "Check the folder."
