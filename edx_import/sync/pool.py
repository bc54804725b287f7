"""Who loads the objects: one after the other, or several side by side, whose rows then go to worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from edx_import.errors import Interrupted
from edx_import.model import ObjectKind
from edx_import.sync.load_object import load_object
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Task
from edx_import.sync.threads import side_by_side
from edx_import.sync.tools import Tools
from edx_import.sync.workers import Workers


class Executor(Protocol):
    """Loads objects, in any order."""

    def run(self, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        """The outcome of each task, as it comes. Raises Interrupted, LockHeldError, StoreError."""


@dataclass(frozen=True, slots=True)
class InlineExecutor:
    """One object after the other, in this process."""

    tools: Tools

    def run(self, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        for task in tasks:
            yield load_object(task, self.tools)


@dataclass(frozen=True, slots=True)
class ParallelExecutor:
    """Several objects side by side, one more than there are workers: while their rows are loaded, another is fetched and opened."""

    tools: Tools
    workers: Workers

    def run(self, tasks: Sequence[Task]) -> Iterator[ObjectOutcome]:
        errors: list[BaseException] = []
        try:
            if any(task.delivered.name.kind is ObjectKind.EVENTS for task in tasks):
                # while the first file is verified; of weekly tables, it may turn out that all are as they were
                self.workers.begin()
            for ended in side_by_side(lambda task: load_object(task, self.tools), tasks, self.workers.jobs + 1):
                if ended.result is not None:
                    yield ended.result
                elif ended.error is not None:
                    errors.append(ended.error)
                    # the others are left where they can be taken up again
                    self.tools.stop.ask()
        except BaseException:
            # asked a second time: at once
            self.workers.close(at_once=True)
            raise
        self.workers.close()
        if errors:
            raise next((error for error in errors if not isinstance(error, Interrupted)), errors[0])
