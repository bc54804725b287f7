"""Who does the work: this process, or several local ones. One object is one piece of work."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from threading import Thread
from typing import Generic, Protocol, TypeVar

from edx_import.errors import EdxImportError, Interrupted, PackageError, UnexpectedError
from edx_import.model import ImportState
from edx_import.progress import Progress
from edx_import.secrecy import close_to_others, keep_silent, silence_libraries
from edx_import.sync.load_object import load_object
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Task
from edx_import.sync.stop import Stop
from edx_import.sync.tools import Tools

Spec = TypeVar("Spec")

#: How often a set of objects is begun when processes are killed.
_ATTEMPTS = 2


class Executor(Protocol):
    """Loads objects, in any order."""

    def run(self, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        """The outcome of each task, as it comes."""


@dataclass(frozen=True, slots=True)
class InlineExecutor:
    """One object after the other, in this process."""

    tools: Tools

    def run(self, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        for task in tasks:
            yield load_object(task, self.tools)


_worker_tools: Tools | EdxImportError | None = None


def _prepare_worker(build: Callable[[Spec, Stop], Tools], spec: Spec, stop: Stop) -> None:
    """Runs once in each worker: it makes its own connections. Secrets arrive in `spec` through the pipe, not by the environment.

    What goes wrong is kept for the first task: the pool would only say that the worker has died.
    """
    global _worker_tools
    close_to_others()
    keep_silent()
    silence_libraries()
    # a signal reaches the whole group: the parent decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Thread(target=_die_with_parent, daemon=True).start()
    try:
        _worker_tools = build(spec, stop)
    except EdxImportError as error:
        _worker_tools = error
    except Exception as error:
        _worker_tools = UnexpectedError.of(error)


def _die_with_parent() -> None:
    """A worker whose parent was killed must not go on: nobody holds the lock for it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


def _work(task: Task) -> ObjectOutcome:
    """Raises only what may be told: the pool would also send what an unexpected exception says."""
    assert _worker_tools is not None
    if isinstance(_worker_tools, EdxImportError):
        raise _worker_tools
    try:
        return load_object(task, _worker_tools)
    except EdxImportError:
        raise
    except Exception as error:
        raise UnexpectedError.of(error) from None


@dataclass(frozen=True, slots=True)
class ProcessExecutor(Generic[Spec]):
    """Several objects side by side, each in a process of its own. `build` is a module-level function, `spec` what it needs, both picklable."""

    jobs: int
    build: Callable[[Spec, Stop], Tools]
    spec: Spec
    stop: Stop
    progress: Progress

    def run(self, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        left = {task.delivered.key: task for task in tasks}
        for _ in range(_ATTEMPTS):
            yield from self._round(left)
            if not left:
                return
            self.stop.check()
        for task in left.values():
            error = PackageError(f"the process that loaded {task.delivered.key} was ended from outside", "Out of memory? Try again with --jobs 1.")
            yield ObjectOutcome(task.delivered.key, ImportState.FAILED, error=error)

    def _round(self, left: dict[str, Task]) -> Iterator[ObjectOutcome]:
        """Takes out of `left` what is done; when a process dies, the others' work is lost with it, and left."""
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, context, _prepare_worker, (self.build, self.spec, self.stop)) as pool:
            futures = {pool.submit(_work, task): task for task in left.values()}
            try:
                for future in as_completed(futures):
                    outcome = _result(future)
                    if outcome is not None:
                        yield self._told(left.pop(outcome.key), outcome)
            except KeyboardInterrupt:
                # asked a second time: at once
                for child in multiprocessing.active_children():
                    child.kill()
                raise
            except BaseException:
                # what is under way is left where it can be taken up again, what waits is not begun
                self.stop.ask()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _told(self, task: Task, outcome: ObjectOutcome) -> ObjectOutcome:
        self.progress.advance(task.delivered.key, task.delivered.size)
        self.progress.finish(outcome.key, outcome.line)
        return outcome


def _result(future: Future[ObjectOutcome]) -> ObjectOutcome | None:
    """The outcome; None when there is none: a process of the pool has died, or the work was left because it is to end."""
    try:
        return future.result()
    except (BrokenProcessPool, Interrupted):
        return None
