"""Settles a batch of rows: finds out what each means beside what the database holds, then inserts, replaces, counts or rejects it.

A batch can be settled again after any failure, and after any part of it was written, with the same end and the same account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure

from edx_import.errors import StoreError
from edx_import.model import Rejected
from edx_import.store.connection import CODEC

NOT_STORABLE = "not storable"
TWO_ROWS = "two rows with one key"

_DUPLICATE_KEY = 11000
#: A document over this many bytes is written alone: a command with it and a whole batch of others might be too large.
LARGE = 2**20

#: Codes of the server that blame the document: bad value, overflow (nested too deep), invalid BSON, bad names, bad id, validation, arrays, size.
_DOCUMENT_AT_FAULT = frozenset({2, 15, 22, 52, 53, 121, 171, 10334})

#: How often what another process changes at the same moment is looked at again.
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class WriteTarget:
    """What is being written, and how it meets what is there.

    `import_key` names the delivered object or member, `content` what was read of it (a short hash of its bytes; it should change with the
    reader's version as well). `replace`: rows take the place of older ones (weekly tables); else the first to arrive stays (events).
    `force`: events take the place of older ones, too. `reject_file`: the name under which rejected rows are kept, where it is not `import_key`.
    `fresh`: nothing of the import was written before, so that its rows are taken to be new until the database says otherwise.
    """

    import_key: str
    content: str
    replace: bool
    force: bool = False
    reject_file: str = ""
    fresh: bool = False


@dataclass(slots=True)
class Row:
    """A document as it is written: encoded, with its provenance, `size` bytes. `raw` is what it was read from. (Frozen, it would take longer.)"""

    id: Any
    line: int
    raw: bytes
    encoded: RawBSONDocument
    size: int

    @property
    def document(self) -> dict[str, Any]:
        """The document as the database would give it back."""
        return bson.decode(self.encoded.raw, CODEC)

    def rejected(self, reason: str, detail: str = "") -> Rejected:
        """The row as one that cannot be loaded."""
        return Rejected(self.line, reason, self.raw, detail)


@dataclass(slots=True)
class Outcome:
    """What became of the rows of a batch."""

    loaded: int = 0
    duplicate: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def settle(collection: Collection[Any], rows: Sequence[Row], target: WriteTarget, *, again: bool = False) -> Outcome:
    """Writes a batch. `again`: an earlier try at it was cut off, and nobody knows what it wrote. Raises pymongo's errors, StoreError."""
    outcome = Outcome()
    open_rows = _without_repeats(rows, target, outcome)
    if target.fresh and not again:
        open_rows = _Round(collection, target, outcome, again).run_blind(open_rows)
    for _ in range(_ROUNDS):
        if not open_rows:
            return outcome
        open_rows = _Round(collection, target, outcome, again).run(open_rows)
    if not open_rows:
        return outcome
    raise StoreError(f"another process keeps changing the same documents of {collection.name}", "Make sure that only one sync runs on this database.")


def _without_repeats(rows: Sequence[Row], target: WriteTarget, outcome: Outcome) -> list[Row]:
    """The first row of each id; the others are duplicates or clashes."""
    first: dict[Any, Row] = {}
    for row in rows:
        other = first.setdefault(row.id, row)
        if other is not row:
            _count_repeat(row, not target.replace or same_content(row.document, other.document), outcome)
    return list(first.values())


def _count_repeat(row: Row, same: bool, outcome: Outcome) -> None:
    if same:
        outcome.duplicate += 1
    else:
        outcome.rejected.append(row.rejected(TWO_ROWS, f"_id {row.id}"))


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two documents say the same, wherever they come from."""
    return _content(one) == _content(other)


def _content(document: Mapping[str, Any]) -> bytes:
    # As bytes, because a NaN is not equal to itself; the id first, as the server puts it.
    fields = {name: value for name, value in document.items() if name not in ("_id", "import")}
    return bson.encode({"_id": document["_id"], **fields})


class _Round:
    """One look at the database, and the writes that follow from it. Gives back the rows that somebody else changed meanwhile."""

    def __init__(self, collection: Collection[Any], target: WriteTarget, outcome: Outcome, unsure: bool) -> None:
        self._collection = collection
        self._target = target
        self._outcome = outcome
        self._unsure = unsure
        self._again: list[Row] = []

    def run_blind(self, rows: Sequence[Row]) -> list[Row]:
        """Takes all for new, without a look; gives back those that are not."""
        self._write(rows, self._insert)
        return self._again

    def run(self, rows: Sequence[Row]) -> list[Row]:
        found = self._collection.find({"_id": {"$in": [row.id for row in rows]}}, {"import": 1})
        existing = {document["_id"]: document.get("import") or {} for document in found}
        replaceable, clashing = self._sorted_out((row, existing[row.id]) for row in rows if row.id in existing)
        self._settle_clashes(clashing)
        self._write([row for row in rows if row.id not in existing], self._insert)
        self._write([row for row in replaceable if row.size <= LARGE], self._replace)
        for row in replaceable:
            if row.size > LARGE:
                self._write([row], self._replace_large)
        return self._again

    def _sorted_out(self, rows: Iterable[tuple[Row, Mapping[str, Any]]]) -> tuple[list[Row], list[Row]]:
        """Of the rows that are there already: those that replace, and those that another line of the same content has written.

        An event that an earlier version of the same file brought is written again, so that its provenance tells that the newest has it, too. So is
        one that a try which was cut off may have written: a primary that goes away takes with it what no majority has confirmed.
        """
        target = self._target
        replaceable: list[Row] = []
        clashing: list[Row] = []
        for row, origin in rows:
            ours = origin.get("object") == target.import_key
            same_line = ours and origin.get("line") == row.line
            redelivered = ours and origin.get("content") != target.content
            if not (target.replace or target.force or redelivered or (same_line and self._unsure)):
                self._outcome.loaded += same_line
                self._outcome.duplicate += not same_line
            elif ours and not same_line and origin.get("content") == target.content:
                clashing.append(row)
            else:
                replaceable.append(row)
        return replaceable, clashing

    def _settle_clashes(self, rows: Sequence[Row]) -> None:
        """Two lines with one id. Equal events have equal lines; rows of a table may differ and still have the same key."""
        if not self._target.replace:
            self._outcome.duplicate += len(rows)
        elif rows:
            found = {document["_id"]: document for document in self._collection.find({"_id": {"$in": [row.id for row in rows]}})}
            for row in rows:
                if row.id in found:
                    _count_repeat(row, same_content(row.document, found[row.id]), self._outcome)
                else:
                    self._again.append(row)

    def _write(self, rows: Sequence[Row], write: Callable[[Sequence[Row]], None]) -> None:
        """Writes them all; where the server refuses the whole for the sake of one, in halves, down to that one."""
        if not rows:
            return
        try:
            write(rows)
        except BulkWriteError:
            raise
        except DocumentTooLarge:
            self._write_parts(rows, write, "too large to be sent")
        except OperationFailure as error:
            if error.code not in _DOCUMENT_AT_FAULT:
                raise
            self._write_parts(rows, write, f"MongoDB's error {error.code}")

    def _write_parts(self, rows: Sequence[Row], write: Callable[[Sequence[Row]], None], detail: str) -> None:
        if len(rows) == 1:
            self._outcome.rejected.append(rows[0].rejected(NOT_STORABLE, detail))
            return
        self._write(rows[: len(rows) // 2], write)
        self._write(rows[len(rows) // 2 :], write)

    def _insert(self, rows: Sequence[Row]) -> None:
        try:
            self._collection.insert_many([row.encoded for row in rows], ordered=False)
        except BulkWriteError as error:
            self._outcome.loaded += len(rows) - len(self._sort_errors(rows, error.details or {}))
        else:
            self._outcome.loaded += len(rows)

    def _replace(self, rows: Sequence[Row]) -> None:
        # Not an upsert: that needs the shard key on a sharded cluster. What is gone meanwhile is found missing, and inserted then.
        reply = self._update(rows)
        failed = self._sort_errors(rows, reply)
        if reply["n"] + len(failed) == len(rows):
            self._outcome.loaded += reply["n"]
        else:
            self._again += [row for index, row in enumerate(rows) if index not in failed]

    def _replace_large(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if self._collection.replace_one({"_id": row.id}, row.encoded).matched_count:
                self._outcome.loaded += 1
            else:
                self._again.append(row)

    def _update(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        """The server's reply. The driver's own bulk write takes almost twice the time of this command, which must fit into 16 MB, though."""
        command = {
            "update": self._collection.name,
            "updates": [{"q": {"_id": row.id}, "u": row.encoded} for row in rows],
            "ordered": False,
            "writeConcern": self._collection.write_concern.document,
        }
        return self._collection.database.command(command)

    def _sort_errors(self, rows: Sequence[Row], reply: Mapping[str, Any]) -> set[int]:
        """Takes up what single writes failed for, and gives their indexes; raises what is no fault of the documents."""
        problems = reply.get("writeErrors", [])
        unconfirmed = [*reply.get("writeConcernErrors", []), *([reply["writeConcernError"]] if "writeConcernError" in reply else [])]
        if unconfirmed or any(problem["code"] not in _DOCUMENT_AT_FAULT | {_DUPLICATE_KEY} for problem in problems):
            raise BulkWriteError({"writeErrors": problems, "writeConcernErrors": unconfirmed})
        for problem in problems:
            row = rows[problem["index"]]
            if problem["code"] == _DUPLICATE_KEY:
                self._again.append(row)
            else:
                self._outcome.rejected.append(row.rejected(NOT_STORABLE, f"MongoDB's error {problem['code']}"))
        return {problem["index"] for problem in problems}
