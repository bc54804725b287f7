"""Sealed bytes to the scratch folder, where they stay encrypted, and away again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from edx_import.errors import PackageError, SourceError
from edx_import.model import DeliveredObject
from edx_import.packages.base import PackageSource

_PIECE = 1 << 20


@contextmanager
def fetched(source: PackageSource, delivered: DeliveredObject, scratch: Path, keep: Path | None, advance: Callable[[int], None]) -> Iterator[Path]:
    """The object's sealed bytes as a file of mode 0600 that is gone afterwards (a copy stays below `keep` when that is given).

    Raises SourceError when it cannot be fetched whole, PackageError when it is empty.
    """
    if not delivered.size:
        raise PackageError(f"{delivered.key} is empty (0 bytes)", "edX delivered an empty file: ask your edX contact to send it again.")
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_room(scratch, delivered)
    path = scratch / f"{blake2b(delivered.key.encode(), digest_size=12).hexdigest()}.{os.getpid()}.sealed"
    try:
        _copy(source, delivered, path, advance)
        if keep is not None:
            _keep(path, keep / delivered.key)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _check_room(scratch: Path, delivered: DeliveredObject) -> None:
    free = shutil.disk_usage(scratch).free
    if free < delivered.size:
        raise SourceError(
            f"no room for {delivered.key}: {delivered.size:,} bytes, {free:,} free in {scratch}",
            "Free some space, or point EDX_IMPORT_SCRATCH at a larger disk.",
        )


def _copy(source: PackageSource, delivered: DeliveredObject, path: Path, advance: Callable[[int], None]) -> None:
    size = 0
    with source.open(delivered) as stream, open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        while piece := stream.read(_PIECE):
            target.write(piece)
            size += len(piece)
            advance(len(piece))
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
