"""The bundle of edges that loading an object needs. Built by the front, used by `load_object` in this process or in a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edx_import.courses import CourseCatalog
from edx_import.decryption import Keyring
from edx_import.model import FastItems
from edx_import.packages.base import PackageSource
from edx_import.privacy.screen import Screen
from edx_import.progress import Progress, SilentProgress, Step
from edx_import.store.connection import Store
from edx_import.store.ledger import Ledger
from edx_import.store.lock import LockToken
from edx_import.store.rollups import NotedDays
from edx_import.sync.pieces import RowTools
from edx_import.sync.stop import Stop
from edx_import.sync.workers import Workers

#: How many rows are read between two looks at whether the work is to end.
_ROWS_BETWEEN = 1000


@dataclass(frozen=True, slots=True)
class Tools:
    """What `load_object` works with. `keep`: a folder that gets a copy of every sealed object. `workers`: who loads rows; None: this process.

    `screen`: what may be written of them; None: all.
    """

    source: PackageSource
    keyring: Keyring
    store: Store
    catalog: CourseCatalog
    scratch: Path
    lock: LockToken | None = None
    keep: Path | None = None
    progress: Progress = field(default_factory=SilentProgress)
    stop: Stop = field(default_factory=Stop)
    workers: Workers | None = None
    screen: Screen | None = None
    #: Site and id of the courses that are known to be in the database.
    known_courses: set[tuple[str, str]] = field(default_factory=set)
    noted_days: NotedDays = field(default_factory=NotedDays)

    def check_lock(self) -> None:
        """Before something is removed or confirmed: is this sync still the one? Raises LockHeldError, StoreError."""
        if self.lock is not None:
            self.lock.check(self.store)

    def at(self, step: Step, key: str) -> None:
        """Tells of a step, where the work may be left. Raises Interrupted when it is to end."""
        self.progress.step(key, step)
        self.stop.check()

    @property
    def rows(self) -> RowTools:
        """What the loading of rows needs of it."""
        return RowTools(self.store, self.catalog, self.screen, self.noted_days)

    @property
    def threads(self) -> int:
        """How many pieces of work this process does side by side."""
        return 1 if self.workers is None else self.workers.jobs + 1

    def stoppable(self, items: FastItems, key: str) -> FastItems:
        """The same items; in between, the work may be left. Raises Interrupted."""
        for number, item in enumerate(items):
            if number % _ROWS_BETWEEN == 0:
                self.at(Step.READING, key)
            yield item

    @property
    def ledger(self) -> Ledger:
        """The record of what has been imported."""
        return Ledger(self.store)
