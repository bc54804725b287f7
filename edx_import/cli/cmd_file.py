"""The file that `--output` names."""

from __future__ import annotations

import fcntl
import glob
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from edx_import.errors import UsageError


def to_file(path: Path, write: Callable[[Any], int]) -> int:
    """Writes beside the file and then puts it in its place, so that a report is never half there. Raises UsageError.

    It holds learners' data: a new file is for its owner alone, one that is replaced keeps its mode; what a process that was killed has left
    beside it is removed.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _sweep(path)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            _is_free(stream)  # no longer
            rows = write(stream)
        if path.exists():
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "Give --output a file in a folder that exists and is yours.") from error
    finally:
        beside.unlink(missing_ok=True)
    return rows


def _sweep(path: Path) -> None:
    """The number of a process tells nothing here: it may be that of another container. Whoever is at work holds a lock."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(OSError), left.open("rb") as stream:
            if _is_free(stream):
                left.unlink()


def _is_free(stream: IO[bytes]) -> bool:
    """Whether nobody has the file locked; then this process has, as long as the stream is open."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
