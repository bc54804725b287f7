"""The bundle of edges that loading an object needs. Built by the front, used by `load_object` in this process or in a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edx_import.courses import CourseCatalog
from edx_import.decryption import Keyring
from edx_import.model import Items
from edx_import.packages.base import PackageSource
from edx_import.progress import Progress, SilentProgress, Step
from edx_import.store.connection import Store
from edx_import.store.ledger import Ledger
from edx_import.store.lock import LockToken
from edx_import.sync.stop import Stop

#: How many rows are read between two looks at whether the work is to end.
_ROWS_BETWEEN = 1000


@dataclass(frozen=True, slots=True)
class Tools:
    """What `load_object` works with. `keep`: a folder that gets a copy of every sealed object."""

    source: PackageSource
    keyring: Keyring
    store: Store
    catalog: CourseCatalog
    scratch: Path
    lock: LockToken | None = None
    keep: Path | None = None
    progress: Progress = field(default_factory=SilentProgress)
    stop: Stop = field(default_factory=Stop)

    def check_lock(self) -> None:
        """Before something is removed or confirmed: is this sync still the one? Raises LockHeldError, StoreError."""
        if self.lock is not None:
            self.lock.check(self.store)

    def at(self, step: Step, key: str) -> None:
        """Tells of a step, where the work may be left. Raises Interrupted when it is to end."""
        self.progress.step(key, step)
        self.stop.check()

    def stoppable(self, items: Items, key: str) -> Items:
        """The same items; in between, the work may be left. Raises Interrupted."""
        for number, item in enumerate(items):
            if number % _ROWS_BETWEEN == 0:
                self.at(Step.READING, key)
            yield item

    @property
    def ledger(self) -> Ledger:
        """The record of what has been imported."""
        return Ledger(self.store)
