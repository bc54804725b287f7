"""Who a learner is, in all the ways in which rows name one; and the keyed hashes by which one that was forgotten is known again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from edx_import.model import Site

_HASH_BYTES = 16
#: Numbers of learners are above zero; a pseudonym lies below it, and within what every program takes for a whole number.
_PSEUDONYMS = 2**52


class Kind(StrEnum):
    """The kinds of value that lead to a learner: directly, or as the number of a row of theirs that other rows refer to."""

    USER = "user"
    NAME = "name"
    MAIL = "mail"
    ANONYMOUS = "anonymous"
    PROFILE = "profile"
    ITEM = "item"
    SUBMISSION = "submission"
    ASSESSMENT = "assessment"
    FEEDBACK = "feedback"
    WORKFLOW = "workflow"
    PEER = "peer"
    TRAINING = "training"


#: Values that are text, and written in capitals or not.
_WITHOUT_CASE = frozenset({Kind.NAME, Kind.MAIL, Kind.ANONYMOUS})


@dataclass(frozen=True, slots=True)
class Identity:
    """One value that leads to a learner."""

    kind: Kind
    value: str

    @classmethod
    def of(cls, kind: Kind, value: object) -> Identity:
        """The value without what does not matter: blanks around it, capitals."""
        text = str(value).strip()
        return cls(kind, text.casefold() if kind in _WITHOUT_CASE else text)


def identity_hash(key: bytes, site: Site, identity: Identity) -> bytes:
    """16 bytes that tell nothing to who has not the key of the database."""
    known = f"{site}\0{identity.kind}\0{identity.value}".encode("utf-8", "surrogatepass")
    return blake2b(known, key=key, digest_size=_HASH_BYTES).digest()


def pseudonym_number(key: bytes, site: Site, user: object) -> int:
    """The number that stands for a learner under a pseudonym: below zero, and always the same."""
    digest = blake2b(f"{site}\0pseudonym\0{user}".encode(), key=key, digest_size=8).digest()
    return -1 - int.from_bytes(digest, "big") % _PSEUDONYMS
