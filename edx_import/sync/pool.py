"""Who does the work: this process, or several local ones. One object is one piece of work."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from edx_import.errors import PackageError
from edx_import.model import ImportState
from edx_import.progress import Progress
from edx_import.sync.load_object import load_object
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Task
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


_worker_tools: Tools | None = None


def _prepare_worker(build: Callable[[Spec], Tools], spec: Spec) -> None:
    """Runs once in each worker: it makes its own connections. Secrets arrive in `spec` through the pipe, not by the environment."""
    global _worker_tools
    # a Ctrl-C reaches the whole group: the parent decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker_tools = build(spec)


def _work(task: Task) -> ObjectOutcome:
    assert _worker_tools is not None
    return load_object(task, _worker_tools)


@dataclass(frozen=True, slots=True)
class ProcessExecutor(Generic[Spec]):
    """Several objects side by side, each in a process of its own. `build` is a module-level function, `spec` what it needs, both picklable."""

    jobs: int
    build: Callable[[Spec], Tools]
    spec: Spec
    progress: Progress

    def run(self, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        left = {task.delivered.key: task for task in tasks}
        for _ in range(_ATTEMPTS):
            yield from self._round(left)
            if not left:
                return
        for task in left.values():
            error = PackageError(f"the process that loaded {task.delivered.key} was ended from outside", "Out of memory? Try again with --jobs 1.")
            yield ObjectOutcome(task.delivered.key, ImportState.FAILED, error=error)

    def _round(self, left: dict[str, Task]) -> Iterator[ObjectOutcome]:
        """Takes out of `left` what is done; when a process dies, the others' work is lost with it, and left."""
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, context, _prepare_worker, (self.build, self.spec)) as pool:
            futures = {pool.submit(_work, task): task for task in left.values()}
            try:
                for future in as_completed(futures):
                    outcome = _result(future)
                    if outcome is not None:
                        yield self._told(left.pop(outcome.key), outcome)
            except BaseException:
                # what is under way ends, what waits is left for the next sync
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _told(self, task: Task, outcome: ObjectOutcome) -> ObjectOutcome:
        self.progress.advance(task.delivered.key, task.delivered.size)
        self.progress.finish(outcome.key, outcome.line)
        return outcome


def _result(future: Future[ObjectOutcome]) -> ObjectOutcome | None:
    """The outcome; None when a process of the pool has died."""
    try:
        return future.result()
    except BrokenProcessPool:
        return None
