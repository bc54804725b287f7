"""What a package source can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Protocol

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


class PackageSource(Protocol):
    """A place that delivers sealed objects."""

    @property
    def description(self) -> str:
        """Where it is, for a person (no secret)."""

    def list(self, wanted: Wanted) -> Iterator[DeliveredObject | Passed]:
        """The objects of that kind, in the order of their keys. Raises SourceError."""

    def open(self, delivered: DeliveredObject) -> BinaryIO:
        """A stream of its sealed bytes; the caller closes it. Raises SourceError, also when the object has changed since it was listed."""


def newest(objects: Iterable[DeliveredObject]) -> DeliveredObject | None:
    """The one with the latest date in its name (not the latest upload)."""
    return max(objects, key=lambda found: (found.name.date, found.key), default=None)
