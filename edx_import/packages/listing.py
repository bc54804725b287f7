"""Which of the keys or files that were found are what is wanted: one rule for every source. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from edx_import.model import DeliveredObject, ObjectKind, ObjectName
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.naming import build_key, listing_prefixes


@dataclass(frozen=True, slots=True)
class Found:
    """A key or file that is there. `location` is its place in the source; `trouble` says why it cannot be taken, if so."""

    location: str
    name: ObjectName | None
    size: int = 0
    etag: str = ""
    modified: datetime | None = None
    trouble: str = ""

    @property
    def key(self) -> str:
        """The canonical key; the location of what has none."""
        return build_key(self.name) if self.name and not _of_unknown_request(self.name) else self.location


def prefixes_now(wanted: Wanted) -> tuple[str, ...]:
    """The prefixes to list for what is wanted, today."""
    return listing_prefixes(wanted, datetime.now(UTC).year)


def choose(found: Iterable[Found], wanted: Wanted) -> Iterator[DeliveredObject | Passed]:
    """What is wanted among what was found, in the order of keys. Foreign names are left out; ours that cannot be taken come as `Passed`.

    The same object found twice is taken from its first place in sorted order.
    """
    prefixes = prefixes_now(wanted)
    ours = (item for item in found if _concerns(item, wanted, prefixes))
    taken: dict[str, str] = {}
    for item in sorted(ours, key=lambda item: (item.key, item.location)):
        reason = _reason_to_pass(item, wanted, taken)
        if reason or item.name is None:
            yield Passed(printable(item.location), reason)
            continue
        taken[item.key] = item.location
        yield DeliveredObject(item.name, item.key, item.size, item.etag, item.modified, item.location)


def printable(location: str) -> str:
    """A file name as text that every terminal takes: names are bytes, not always UTF-8."""
    return location.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _concerns(item: Found, wanted: Wanted, prefixes: tuple[str, ...]) -> bool:
    if item.name is None:
        return _in_own_folder(item.location, wanted, prefixes)
    if _of_unknown_request(item.name) and _in_own_folder(item.location, wanted, prefixes):
        return True
    return item.name.kind is wanted.kind and item.name.org == wanted.org and _on_wanted_day(item.name, wanted) and _of_wanted_site(item.name, wanted)


def _in_own_folder(location: str, wanted: Wanted, prefixes: tuple[str, ...]) -> bool:
    """Whether an unknown name lies where only our own files belong (the root and the folder of email reports are shared with other orgs)."""
    if wanted.kind not in (ObjectKind.EVENTS, ObjectKind.RDX) or location.endswith("/"):
        return False
    return any(f"/{prefix}" in f"/{location}" for prefix in prefixes)


def _of_unknown_request(name: ObjectName) -> bool:
    return name.kind is ObjectKind.RDX and not name.request


def _on_wanted_day(name: ObjectName, wanted: Wanted) -> bool:
    if name.kind is ObjectKind.RDX:  # made for one request, of no day
        return True
    return (wanted.since is None or wanted.since <= name.date) and (wanted.until is None or name.date <= wanted.until)


def _of_wanted_site(name: ObjectName, wanted: Wanted) -> bool:
    """An object of several or of unknown sites is never left out for its site: what is in it decides, or the reason why it is passed.

    A research package is a site of its own, and asked for by its kind.
    """
    return name.kind is ObjectKind.RDX or name.site is None or name.site in wanted.sites


def _reason_to_pass(item: Found, wanted: Wanted, taken: dict[str, str]) -> str:
    if item.trouble:
        return item.trouble
    if item.name is None:
        return "not a name we know"
    if _of_unknown_request(item.name):
        return f"a research package of an unknown request: put it into a folder {item.name.org}/rdx/REQUEST-ID"
    if item.name.site_token == "patches":
        return "patches: what these files hold and replace is not documented"
    if item.key in taken:
        return f"the same object as {taken[item.key]}"
    return ""
