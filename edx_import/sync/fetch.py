"""Sealed bytes to the scratch folder, where they stay encrypted, and away again."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edx_import.errors import PackageError, SourceError
from edx_import.model import DeliveredObject
from edx_import.packages.base import PackageSource

_PIECE = 1 << 20
_SUFFIX = ".sealed"


@contextmanager
def fetched(source: PackageSource, delivered: DeliveredObject, scratch: Path, keep: Path | None, advance: Callable[[int], None]) -> Iterator[Path]:
    """The object's sealed bytes as a file of mode 0600 that is gone afterwards (a copy stays below `keep` when that is given).

    Raises SourceError when it cannot be fetched whole, PackageError when it is empty.
    """
    if not delivered.size:
        raise PackageError(f"{delivered.key} is empty (0 bytes)", "edX delivered an empty file: ask your edX contact to send it again.")
    with _disk_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_room(scratch, delivered)
        descriptor, name = tempfile.mkstemp(suffix=_SUFFIX, dir=scratch)  # mode 0600
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    path = Path(name)
    with open(descriptor, "wb") as target:  # held, and so locked, to the end
        try:
            with _disk_errors(scratch):
                _copy(source, delivered, target, advance)
                if keep is not None:
                    _keep(path, keep / delivered.key)
            yield path
        finally:
            path.unlink(missing_ok=True)


def sweep(scratch: Path) -> None:
    """Removes what processes that are gone have left in the scratch folder: the files that nobody holds."""
    for path in scratch.glob(f"*{_SUFFIX}"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


@contextmanager
def _disk_errors(scratch: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or scratch
        what = f"{where} cannot be written: {(error.strerror or str(error)).lower()}"
        raise SourceError(what, "Free some space, or set EDX_IMPORT_SCRATCH (or --keep) to a folder of your own.") from None


def _check_room(scratch: Path, delivered: DeliveredObject) -> None:
    free = shutil.disk_usage(scratch).free
    if free < delivered.size:
        raise SourceError(
            f"no room for {delivered.key}: {delivered.size:,} bytes, {free:,} free in {scratch}",
            "Free some space, or point EDX_IMPORT_SCRATCH at a larger disk.",
        )


def _copy(source: PackageSource, delivered: DeliveredObject, target: BinaryIO, advance: Callable[[int], None]) -> None:
    size = 0
    with source.open(delivered) as stream:
        while piece := stream.read(_PIECE):
            target.write(piece)
            size += len(piece)
            advance(len(piece))
    target.flush()
    if size != delivered.size:
        raise SourceError(
            f"{delivered.key}: got {size:,} of {delivered.size:,} bytes",
            "Run the sync again; if it happens again, the object was changed while it was fetched.",
            transient=True,
        )


def _keep(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(path, target)
    target.chmod(0o600)
