"""Several pieces of work side by side in this process, where most of the time is spent waiting for gpg, the network, workers and the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

#: A signal that comes just before the first thread begins to wait does not wake it: it looks up so often (s).
_LOOK_UP = 0.1

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ended(Generic[Work, Result]):
    """What came of one piece of work: a result, or what was raised."""

    work: Work
    result: Result | None
    error: BaseException | None


def side_by_side(do: Callable[[Work], Result], works: Iterable[Work], threads: int) -> Iterator[Ended[Work, Result]]:
    """Does each work, up to `threads` at a time, begun in their order; gives what came of each as it ends.

    After the first error no more is begun; what is under way comes to its end. The threads do not keep the process alive when it is told to end.
    """
    waiting: SimpleQueue[Work] = SimpleQueue()
    for work in works:
        waiting.put(work)
    ended: SimpleQueue[Ended[Work, Result] | None] = SimpleQueue()
    running = [Thread(target=_run, args=(do, waiting, ended), daemon=True) for _ in range(min(threads, waiting.qsize()))]
    for thread in running:
        thread.start()
    for _ in running:
        while (one := _next(ended)) is not None:
            yield one


def all_of(do: Callable[[Work], Result], works: Iterable[Work], threads: int) -> list[Result]:
    """The results in the order of the works. Raises the first error, once all that was begun has ended."""
    numbered = list(enumerate(works))
    if threads < 2:
        return [do(work) for _, work in numbered]
    results: dict[int, Result] = {}
    errors: list[BaseException] = []
    for one in side_by_side(lambda pair: (pair[0], do(pair[1])), numbered, threads):
        if one.error is not None:
            errors.append(one.error)
        elif one.result is not None:
            results[one.result[0]] = one.result[1]
    if errors:
        raise errors[0]
    return [results[number] for number, _ in numbered]


def _run(do: Callable[[Work], Result], waiting: SimpleQueue[Work], ended: SimpleQueue[Ended[Work, Result] | None]) -> None:
    """One thread: work after work; None when there is no more for it."""
    try:
        while True:
            work = waiting.get_nowait()
            try:
                ended.put(Ended(work, do(work), None))
            except BaseException as error:
                _empty(waiting)
                ended.put(Ended(work, None, error))
    except Empty:
        ended.put(None)


def _next(ended: SimpleQueue[Ended[Work, Result] | None]) -> Ended[Work, Result] | None:
    while True:
        try:
            return ended.get(timeout=_LOOK_UP)
        except Empty:
            continue


def _empty(waiting: SimpleQueue[Work]) -> None:
    try:
        while True:
            waiting.get_nowait()
    except Empty:
        return
