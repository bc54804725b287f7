"""`edx-import` with a bug. `python failing.py ARGUMENTS`, with where it is and what it says in the environment.

    FAIL_AT     start     before anything is done
                abort     there, so that the system may dump the process
                aside     in a thread, after which a library logs an error, and all goes on
                begin     outside the care for single objects
                build     while a worker prepares itself
                piece     in a worker: of one object a bug, of the others an expected error that says too much, and whether the worker can be dumped
    FAIL_WORDS  what the exception says, and every local variable holds

Workers import this file as well.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import threading
from typing import Any, NoReturn

from edx_import import wiring
from edx_import.__main__ import main
from edx_import.cli import cmd_run, sync_run
from edx_import.errors import PackageError
from edx_import.reports import discovery
from edx_import.sync import workers
from edx_import.sync.attempt import Attempt
from edx_import.sync.pieces import RowJob

_AT = os.environ.get("FAIL_AT", "")
_WORDS = os.environ.get("FAIL_WORDS", "")
_catalog_of = wiring.catalog_of
_load_command = discovery.load_command


def fail() -> NoReturn:
    """An exception that came of another."""
    words = _WORDS
    try:
        raise KeyError(words)
    except KeyError as error:
        raise RuntimeError(f"not expected: {words!r}") from error


def _start(settings: Any) -> Any:
    if _AT == "start":
        fail()
    if _AT == "abort":
        os.abort()
    return _catalog_of(settings)


def _aside(*arguments: Any) -> Any:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    logging.getLogger("some.library").error("the words of a library: %s", _WORDS)
    return _load_command(*arguments)


def _fail(*arguments: Any) -> NoReturn:
    fail()


def _piece(tools: Any, job: RowJob, *others: Any) -> NoReturn:
    if "2020-01-12" in job.target.import_key:
        fail()
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
    raise PackageError(f"expected, but badly told: {_WORDS}", f"dumpable {dumpable}, core dumps of {resource.getrlimit(resource.RLIMIT_CORE)} bytes")


sync_run.catalog_of = _start  # type: ignore[attr-defined]
if _AT == "build":
    wiring.build_worker = _fail  # type: ignore[assignment]
if _AT == "piece":
    workers.load_piece = _piece  # type: ignore[assignment,attr-defined]
if _AT == "begin":
    Attempt.begin = _fail  # type: ignore[assignment,method-assign]
if _AT == "aside":
    cmd_run.load_command = _aside  # type: ignore[assignment,attr-defined]

if __name__ == "__main__":
    main()
