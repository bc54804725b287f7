"""What a package source can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Protocol

from edx_import.errors import SourceError
from edx_import.model import DeliveredObject, ObjectKind


@dataclass(frozen=True, slots=True)
class Wanted:
    """One kind of object of one organisation, to be listed. `sites` are `prod` and/or `edge`; the days are log or snapshot dates, both included.

    Research packages have neither: for them, sites and days do not count.
    """

    kind: ObjectKind
    org: str
    sites: tuple[str, ...] = ("prod",)
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """An object that is there but not taken by any sync, with the reason (`patches`, a foreign name, ...)."""

    key: str
    reason: str


class UnavailableError(SourceError):
    """The source does not answer, has too much to do or breaks off: the same question a little later may well be answered."""

    def __init__(self, what: str, hint: str = "Run the sync again later.", transient: bool = True) -> None:
        super().__init__(what, hint, transient)


class DamagedError(SourceError):
    """What came is not what was sent: worth fetching once more from the start."""

    def __init__(self, what: str, hint: str = "Run the sync again later; if it happens again, ask your edX contact.", transient: bool = True) -> None:
        super().__init__(what, hint, transient)


class PackageSource(Protocol):
    """A place that delivers sealed objects."""

    @property
    def description(self) -> str:
        """Where it is, for a person (no secret)."""

    def list(self, wanted: Wanted) -> Iterator[DeliveredObject | Passed]:
        """The objects of that kind, in the order of their keys. Raises SourceError."""

    def open(self, delivered: DeliveredObject) -> BinaryIO:
        """A stream of its sealed bytes; the caller closes it.

        Raises SourceError, also while reading, and when the object has changed since it was listed; DamagedError in place of the last bytes of
        what is not as it was sent.
        """


def newest(objects: Iterable[DeliveredObject]) -> DeliveredObject | None:
    """The one with the latest date in its name (not the latest upload)."""
    return max(objects, key=lambda found: (found.name.date, found.key), default=None)
