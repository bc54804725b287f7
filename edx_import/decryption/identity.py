"""Whose key it is: what gpg lists of a private key. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key for people. `fingerprint` has 40 hex digits, `owner` is `Name <address>`.

    `expired`: nobody can encrypt for it any more (what was encrypted for it can still be read).
    """

    fingerprint: str
    owner: str
    expired: bool


def identify(listing: bytes) -> Identity | None:
    """The first key of `gpg --list-secret-keys --with-colons` (fields as in doc/DETAILS of GnuPG); None when there is none."""
    records = [line.split(":") for line in listing.decode("utf-8", "replace").split("\n")]
    starts = [number for number, record in enumerate(records) if record[0] == "sec"]
    if not starts:
        return None
    key = records[starts[0] : starts[1] if len(starts) > 1 else None]
    return Identity(fingerprint=_first(key, "fpr"), owner=_unescaped(_first(key, "uid")), expired=_is_expired(key))


def _first(records: list[list[str]], kind: str) -> str:
    return next((record[9] for record in records if record[0] == kind), "")


def _unescaped(text: str) -> str:
    """gpg writes what would break its lines as `\\xNN`."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)


def _is_expired(key: list[list[str]]) -> bool:
    """Whether the key, or every part of it that can be encrypted for, has expired (validity `e`; capability `e`)."""
    validities = {record[1] for record in key if record[0] in ("sec", "ssb") and "e" in record[11]}
    return key[0][1] == "e" or validities == {"e"}
