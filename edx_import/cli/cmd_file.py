"""The file that `--output` names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edx_import.errors import UsageError


def to_file(path: Path, write: Callable[[Any], int]) -> int:
    """Writes beside the file and then puts it in its place, so that a report is never half there. Raises UsageError.

    It holds learners' data: a new file is for its owner alone, one that is replaced keeps its mode.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            rows = write(stream)
        if path.exists():
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "Give --output a file in a folder that exists and is yours.") from error
    finally:
        beside.unlink(missing_ok=True)
    return rows
