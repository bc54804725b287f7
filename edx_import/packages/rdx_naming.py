"""What the names of members in the tar of a research package (RDX) say, read and written. Pure; no I/O.

    metadata_file.json                                             which version of the producer made it
    events/{Org}_{Course}_{Run}-events-{date}.log.gz               a day of the course's events
    state/{date}/{Org}-{Course}-{Run}-{task}-{site}.{extension}    a member as of a weekly ZIP, not encrypted by itself

The producer puts hyphens between org, course and run of a state file, its guide underscores; both are read, and come out as the course part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from edx_import.model import MemberName
from edx_import.packages.naming import build_member, parse_member

METADATA_FILE = "metadata_file.json"

_DATE = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
_EVENTS = re.compile(rf"events/(?P<stem>[^/]+)-events-{_DATE}\.log\.gz")
_STATE = re.compile(rf"state/{_DATE}/(?P<base>[^/]+)")


class RdxMemberKind(StrEnum):
    """The kinds of member in a research package."""

    METADATA = "metadata"
    EVENTS = "events"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class RdxMember:
    """What the name of a member says. `path` is the name as it stands in the tar.

    `date` is the UTC day of events, or the snapshot date of the state (None for the metadata file). `stem` is the `{Org}_{Course}_{Run}` of an
    events file. `state` says of a state file what the same name says in a weekly ZIP: course part, task, extension, site of its origin.
    """

    path: str
    kind: RdxMemberKind
    date: date | None
    stem: str = ""
    state: MemberName | None = None


def parse_rdx_member(path: str) -> RdxMember | None:
    """What the name of a member says; None for a folder and for a name of no kind that we know. A leading `./` does not count."""
    name = path.removeprefix("./")
    if name == METADATA_FILE:
        return RdxMember(path, RdxMemberKind.METADATA, None)
    if found := _EVENTS.fullmatch(name):
        day = _day(found["date"])
        return RdxMember(path, RdxMemberKind.EVENTS, day, stem=found["stem"]) if day else None
    if found := _STATE.fullmatch(name):
        day, state = _day(found["date"]), _state(found["base"])
        return RdxMember(path, RdxMemberKind.STATE, day, state=replace(state, path=path)) if day and state else None
    return None


def build_rdx_member(member: RdxMember) -> str:
    """The path of a member from its other fields. Raises ValueError when one that its kind needs is missing."""
    if member.kind is RdxMemberKind.METADATA:
        return METADATA_FILE
    if member.kind is RdxMemberKind.EVENTS and member.date and member.stem:
        return f"events/{member.stem}-events-{member.date.isoformat()}.log.gz"
    if member.kind is RdxMemberKind.STATE and member.date and member.state:
        return build_member(member.state, f"state/{member.date.isoformat()}").removesuffix(".gpg")
    raise ValueError(f"a member of kind {member.kind} needs more than this for a name")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:  # not in the calendar
        return None


def _state(base: str) -> MemberName | None:
    """Read as the name of the sealed member of a ZIP would be; nothing is sealed within the tar."""
    return None if base.endswith(".gpg") else parse_member(f"{base}.gpg")
