"""How long the program simeon (PyPI) takes to split the same lines, where SIMEON names one. It is no dependency, and writes files, not documents."""

from __future__ import annotations

import gzip
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.measured import Measured
from benchmarks.packages import lines
from benchmarks.place import Place

_ARGUMENTS: Final = ("-Q", "split", "-f", "log", "-d")


def measure(place: Place) -> None:
    """`simeon`: the lines of the part `sync`, unsealed. Nothing without SIMEON."""
    program = os.environ.get("SIMEON")
    if not program:
        return
    number = place.scale.events
    with _log(number) as log:
        begun = time.perf_counter()
        process = subprocess.Popen([program, *_ARGUMENTS, str(log.parent / "out"), str(log)], cwd=log.parent)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{program} ended with {process.returncode}")
    what = "simeon splits the unsealed lines into files"
    place.results.add(Measured("simeon", what, number, "events", seconds, usage.ru_utime + usage.ru_stime))
    place.results.compare("sync / simeon", "sync", "simeon")


@contextmanager
def _log(number: int) -> Iterator[Path]:
    """The clear lines as a gzip file, named as a delivery names it once it is decrypted."""
    with TemporaryDirectory(prefix="edx-import-bench-simeon-") as folder:
        path = Path(folder) / "demox-edx-events-2020-01-12.log.gz"
        with gzip.open(path, "wb", 6) as file:
            file.writelines(lines(number))
        yield path
