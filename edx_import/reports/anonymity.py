"""What `--anonymize` does: between a command and the output it replaces who a learner is, as the columns of the report say (`Personal`).

A learner's number becomes a keyed hash, the same for the same learner in every report of a site, another on every other site and under every
other key. It is a pseudonym: who has the key can make the hashes of all numbers and compare.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edx_import.model import Site
from edx_import.reports.outputs.base import text_of
from edx_import.reports.report import Column, Personal, Report
from edx_import.settings import Secret

#: 80 bits, which base32 writes as 16 letters and digits: among ten million learners two share a hash with a probability of 4 in 10^11. In hex,
#: some hashes would be digits around one `e`, which spreadsheets take for a number.
_HASH_BYTES = 10

_Hash = Callable[[Any], str]


def anonymized(report: Report, site: Site, key: Secret) -> Report:
    """The same report with the learners' numbers hashed and what else tells who they are null; rows in the same order, as they come."""
    hashed = learner_hash(site, key)
    return replace(report, columns=[_column(column) for column in report.columns], rows=_rows(report, hashed))


def learner_hash(site: Site, key: Secret) -> _Hash:
    """The hash of a learner's number on a site: 16 characters of base32. A number that came as text or as a float has the same one."""
    secret = key.reveal().encode("utf-8", "surrogatepass")

    def hashed(learner: Any) -> str:
        known = f"learner\0{site}\0{_number(learner)}".encode("utf-8", "surrogatepass")
        return base64.b32encode(hmac.digest(secret, known, "sha256")[:_HASH_BYTES]).decode("ascii").lower()

    return hashed


def _number(learner: Any) -> str:
    whole = isinstance(learner, float) and learner.is_integer()
    return text_of(int(learner) if whole else learner)


def _column(column: Column) -> Column:
    is_hash = column.personal is Personal.LEARNER and not issubclass(column.type, (list, tuple, Mapping))
    return replace(column, type=str) if is_hash else column


def _rows(report: Report, hashed: _Hash) -> Iterator[Sequence[Any]]:
    personal = [(index, column.personal) for index, column in enumerate(report.columns) if column.personal]
    for row in report.checked_rows():
        cells = list(row)
        for index, kind in personal:
            cells[index] = _hashed(cells[index], hashed) if kind is Personal.LEARNER else None
        yield cells


def _hashed(value: Any, hashed: _Hash) -> Any:
    """Every part of a list, every key and every value of a mapping: which of them are learners, nobody has said."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {hashed(name): _hashed(part, hashed) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hashed(part, hashed) for part in value]
    return hashed(value)
