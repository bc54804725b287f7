"""Riding out a MongoDB that is away for a moment: restarted, or choosing a new primary.

Whatever a sync asks of the database is done through here, and is of a kind that can be done twice with the same end. What somebody looks at
with their own eyes (a report) is not: they can ask again.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from edx_import.store.mongo_errors import is_passing, mongo_errors, reason_of

Result = TypeVar("Result")

#: How long what has failed is tried again, in seconds. A restart takes some, an election about 12.
LIMIT = 60.0

#: Before the second try, in seconds; then twice as long each time, up to the longest. All give or take a half, so that processes do not come at once.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 4.0

#: How often it is asked whether the user wants to stop, in seconds.
_GLANCE = 0.2


def nothing() -> None:
    """What is done where there is nothing to do."""


def _unheard(text: str) -> None: ...


@dataclass(slots=True)
class Patience:
    """How the threads that share a connection wait for its server.

    `tell` is called once, unless the second try goes well already. `check_stop` is called while the waiting lasts, and raises where the user
    wants to end. `make_sure` is called before anything is done again: after such a time it asks whether this process may still write.
    """

    tell: Callable[[str], None] = _unheard
    check_stop: Callable[[], None] = nothing
    make_sure: Callable[[], None] = nothing
    limit: float = field(default_factory=lambda: LIMIT)
    _told: float = -inf
    _well: bool = True
    _given_up: bool = False
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def ride_out(self, what: str, operation: Callable[[], Result]) -> Result:
        """Does something that can be done twice, again and again while its failure may pass. `what` was being done, for a person.

        Raises StoreError when it cannot be done at all, or not within the limit; after that, nothing is waited for until something goes well again.
        """
        with mongo_errors(what):
            try:
                result = operation()
            except PyMongoError as error:
                if self._given_up or not is_passing(error):
                    raise
                failure = error
            else:
                self._well, self._given_up = True, False
                return result
            return self._again(operation, failure)

    def _again(self, operation: Callable[[], Result], failure: PyMongoError) -> Result:
        deadline = time.monotonic() + self.limit
        for number, pause in enumerate(_pauses()):
            if time.monotonic() + pause > deadline:
                break
            if number or isinstance(failure, ServerSelectionTimeoutError):
                self.explain(failure)
            self._wait(pause)
            try:
                self.make_sure()
                return operation()
            except PyMongoError as error:
                if not is_passing(error):
                    raise
                failure = error
        self._given_up = True
        raise failure

    def _wait(self, pause: float) -> None:
        end = time.monotonic() + pause
        while (left := end - time.monotonic()) > 0:
            self.check_stop()
            time.sleep(min(left, _GLANCE))

    def explain(self, failure: PyMongoError) -> None:
        """Tells the user that we wait, and for what: once, and again only when something went well in between, and not within the limit."""
        now = time.monotonic()
        with self._telling:
            tell = self._well and now - self._told >= self.limit
            if tell:
                self._told, self._well = now, False
        if tell:
            self.tell(f"MongoDB does not answer ({reason_of(failure)}); trying again for up to {_spoken(self.limit)}")


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.5)
        pause = min(2 * pause, LONGEST_PAUSE)


def _spoken(seconds: float) -> str:
    return "a minute" if seconds == 60 else f"{seconds:.0f} seconds"
