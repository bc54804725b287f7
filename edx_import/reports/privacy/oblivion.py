"""Takes one learner out of all collections, and has every later sync leave the learner out."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from edx_import.privacy.forgetting import Forgetting
from edx_import.privacy.identity import Identity, Kind, identity_hash
from edx_import.privacy.pseudonym import Pseudonym
from edx_import.privacy.removal import NOT_LOOKED_INTO
from edx_import.privacy.state import PrivacyState
from edx_import.reports.context import Context
from edx_import.reports.privacy.learner import Learner, check_way
from edx_import.reports.privacy.summaries import make_summaries

Row = dict[str, Any]

#: By these a learner is found again when the work was cut off: they come last.
_LAST = ("user_id_map", "auth_user")
_WAYS = {"user_id": (Kind.USER,), "username": (Kind.NAME,), "email": (Kind.MAIL,), None: (Kind.USER, Kind.NAME, Kind.MAIL)}


def forgotten_before(context: Context, given: str, way: str | None = None) -> frozenset[bytes]:
    """The hashes of a learner who was forgotten before, given as for `find_learner`; empty where nobody is known by that.

    Raises UsageError for an unknown way, StoreError.
    """
    check_way(way)
    books = context.writer.privacy
    key = books.state.key
    return books.learner(context.site, [identity_hash(key, context.site, Identity.of(kind, given)) for kind in _WAYS[way]])


def forget(
    context: Context, learner: Learner, known: frozenset[bytes] = frozenset(), *, pseudonymise: bool, dry_run: bool
) -> Iterator[tuple[str, int, int]]:
    """Collection, the learner's own documents (removed, or put under a pseudonym), and others that named the learner, as it goes. Raises StoreError.

    `known`: hashes of one who was forgotten before, of whom something may be left.
    """
    books = context.writer.privacy
    key, site = books.state.key, learner.site
    hashes = known | {identity_hash(key, site, identity) for identity in learner.identities}
    if not dry_run:
        books.forget(site, hashes, pseudonymised=pseudonymise)
    state = PrivacyState(key, forgotten=hashes, sites=frozenset({site}))
    forgetting = Forgetting(state)
    pseudonym = Pseudonym(state, forgetting, site, learner.number) if pseudonymise else None
    may_concern = None if known else _may_concern(learner)
    for collection in sorted(context.writer.collections(), key=lambda name: (_LAST.index(name) if name in _LAST else -1, name)):
        if collection in NOT_LOOKED_INTO:
            continue
        counts: Counter[str] = Counter()
        change = _change(collection, forgetting, pseudonym, counts)
        context.writer.rewrite(collection, change, may_concern=may_concern, dry_run=dry_run)
        if counts.total():
            yield collection, counts["own"], counts["named"]
    if not dry_run:
        make_summaries(context)


def _change(collection: str, forgetting: Forgetting, pseudonym: Pseudonym | None, counts: Counter[str]) -> Callable[[Row], Row | None]:
    def change(document: Row) -> Row | None:
        left = forgetting.left(collection, document)
        if left is None:
            counts["own"] += 1
            return None if pseudonym is None else pseudonym.document(collection, document)
        counts["named"] += left is not document
        return left

    return change


def _may_concern(learner: Learner) -> Callable[[bytes], bool]:
    """Whether the bytes of a document hold any value that leads to the learner: a quick look, which spares most documents a slow one."""
    values = {identity.value for identity in learner.identities}
    wanted = {text.lower().encode() for text in values} | {text.replace("@", "%40").lower().encode() for text in values}
    numbers = {int(text) for text in values if text.isascii() and text.isdigit()}
    wanted |= {struct.pack("<q" if number >= 2**31 else "<i", number).lower() for number in numbers if number < 2**63}
    patterns = tuple(sorted(wanted))

    def may_concern(data: bytes) -> bool:
        small = data.lower()
        return any(pattern in small for pattern in patterns)

    return may_concern
