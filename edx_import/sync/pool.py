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
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, context, _prepare_worker, (self.build, self.spec)) as pool:
            try:
                yield from self._outcomes(pool, tasks)
            except KeyboardInterrupt:
                # what is under way ends well, what waits is left for the next sync
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _outcomes(self, pool: ProcessPoolExecutor, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        futures = {pool.submit(_work, task): task for task in tasks}
        for future in as_completed(futures):
            task = futures[future]
            outcome = _result(future, task)
            self.progress.advance(task.delivered.key, task.delivered.size)
            self.progress.finish(outcome.key, outcome.line)
            yield outcome


def _result(future: Future[ObjectOutcome], task: Task) -> ObjectOutcome:
    try:
        return future.result()
    except BrokenProcessPool:
        error = PackageError(f"the process that loaded {task.delivered.key} was ended from outside", "Out of memory? Try again with --jobs 1.")
        return ObjectOutcome(task.delivered.key, ImportState.FAILED, error=error)
