"""The processes that read and write rows, so that one large file keeps every core busy; the first process fetches, opens and cuts the files."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from threading import Lock, Thread
from typing import Any

from edx_import.errors import EdxImportError, Interrupted, PackageError
from edx_import.secrecy import close_to_others, keep_silent, silence_libraries, wordless
from edx_import.store.rejects import CollectedRejects
from edx_import.sync.pieces import Loaded, RowJob, RowTools, load_piece, rows_of
from edx_import.sync.stop import Stop

#: How often a piece is begun when the processes that have it are killed.
_ATTEMPTS = 3


_tools: RowTools | Exception | None = None


def _prepare(build: Callable[[Any, Stop], RowTools], spec: Any, stop: Stop) -> None:
    """Runs once in each worker. Secrets arrive in `spec` through the pipe, not by the environment.

    What goes wrong is kept for the first piece: the pool would only say that the worker has died.
    """
    global _tools
    close_to_others()
    keep_silent()
    silence_libraries()
    # Ctrl-C reaches the whole group: the first process decides what it means. SIGTERM still ends a worker: so does the pool where another has died.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_die_with_parent, daemon=True).start()
    try:
        _tools = build(spec, stop)
    except EdxImportError as error:
        _tools = error
    except Exception as error:
        _tools = wordless(error)


def _die_with_parent() -> None:
    """A worker whose parent was killed must not go on: nobody holds the lock for it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


def _work(job: RowJob, data: bytes, first_line: int) -> Loaded:
    """Raises only what may be told: the pool would also send what an unexpected exception says."""
    assert _tools is not None
    if isinstance(_tools, Exception):
        raise _tools
    try:
        return _load(_tools, job, data, first_line)
    except EdxImportError:
        raise
    except Exception as error:
        raise wordless(error) from None


def _load(tools: RowTools, job: RowJob, data: bytes, first_line: int) -> Loaded:
    loaded, rejects = Loaded(), CollectedRejects(tools.screen)
    load_piece(tools, job, rows_of(job, tools.catalog, [data], first_line, loaded), loaded, rejects)
    loaded.rejects = rejects.kept
    return loaded


def _nothing() -> None:
    """What a worker does that is only to be there."""


class Workers:
    """`jobs` processes, started with the first piece if not before. Several threads may submit. `build` is a function of a module."""

    def __init__(self, jobs: int, build: Callable[[Any, Stop], RowTools], spec: Any, stop: Stop) -> None:
        self.jobs = jobs
        self._prepared = (build, spec, stop)
        self._lock = Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    def begin(self) -> None:
        """Starts the processes before there is something for them: they are ready when it comes. Raises Interrupted."""
        pool = self.running()
        for _ in range(self.jobs):
            pool.submit(_nothing)

    def submit(self, job: RowJob, data: bytes, first_line: int = 1) -> Piece:
        """Has a piece loaded: whole lines of a file, or all of it."""
        return Piece(self, job, data, first_line)

    def start(self, job: RowJob, data: bytes, first_line: int) -> tuple[ProcessPoolExecutor, Future[Loaded]]:
        """The pool that has taken the piece, and what will come of it there."""
        while True:
            pool = self.running()
            try:
                return pool, pool.submit(_work, job, data, first_line)
            except RuntimeError:  # broken, or left by another thread meanwhile
                self.leave(pool)

    def leave(self, broken: ProcessPoolExecutor) -> None:
        """A process of this pool has died: whoever comes next gets a new one. Others who wait for this one find out by themselves."""
        with self._lock:
            if self._pool is broken:
                self._pool = None
        broken.shutdown(wait=False)

    def close(self, at_once: bool = False) -> None:
        """Ends the processes: when they have done what they have begun, or at once. Whoever still wants something of them is told to stop."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if at_once:
            for child in multiprocessing.active_children():
                child.kill()
        if pool is not None:
            pool.shutdown(wait=not at_once, cancel_futures=True)

    def running(self) -> ProcessPoolExecutor:
        """The pool that takes pieces now. Raises Interrupted once it is closed."""
        with self._lock:
            if self._closed:
                raise Interrupted("stopped before its end", "What was loaded is kept; the next sync goes on from there.")
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self.jobs, multiprocessing.get_context("spawn"), _prepare, self._prepared)
            return self._pool


class Piece:
    """A piece that is being loaded."""

    def __init__(self, workers: Workers, job: RowJob, data: bytes, first_line: int) -> None:
        self._workers = workers
        self._what = (job, data, first_line)
        self.pool, self._future = workers.start(*self._what)

    def result(self) -> Loaded:
        """Waits for what comes of it; begins again when the process that had it was killed. Raises Interrupted, StoreError, PackageError."""
        for _ in range(_ATTEMPTS):
            try:
                return self._future.result()
            except (BrokenProcessPool, CancelledError):
                self._workers.leave(self.pool)
                self.pool, self._future = self._workers.start(*self._what)
        what = f"the processes that loaded {self._what[0].target.import_key} were ended from outside"
        raise PackageError(what, "Out of memory? Try again with --jobs 1.")
