"""Rows near and over the size that MongoDB takes, through the whole way: a document of 16 MB, a command of 48 MB."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from bench import COURSE, MB, WEEK, Bench, day, opened_bench, part

from edx_import.model import ImportState
from edx_import.sample.sealing import InstitutionKey
from edx_import.store.rejects import RAW_LIMIT

TABLE = "student_courseenrollment"

#: Five of them are more than a command may have; each is a document for itself.
LARGE = 10 * MB
#: A row of this size is read; as a document, with what is added, it is too large.
TOO_LARGE = 16 * MB - 100


@pytest.fixture(scope="module")
def bench(mongod: str, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with opened_bench(mongod, institution, tmp_path_factory.mktemp("scratch"), "large") as bench:
        yield bench


def event(number: int, size: int) -> bytes:
    return b'{"time": "2020-01-12T10:00:00.%06d+00:00", "page": "%s"}' % (number, b"x" * size)


def assert_one_rejected(bench: Bench, line: int, size: int) -> None:
    (kept,) = bench.found("rejects")
    assert (kept["line"], kept["reason"], len(kept["raw"]), kept["raw_length"] > size) == (line, "document over 16 MB", RAW_LIMIT, True)


def test_events(bench: Bench) -> None:
    bench.clear()
    lines = [event(1, 10), *(event(number, LARGE) for number in range(2, 7)), event(7, TOO_LARGE), event(8, 10)]
    data = bench.sealer.seal(gzip.compress(b"\n".join(lines), 1), compress=False)
    outcome = bench.load(day(12), data)
    assert outcome.state is ImportState.LOADED
    assert (outcome.counts.read, outcome.counts.loaded, outcome.counts.rejected) == (8, 7, 1)
    assert_one_rejected(bench, 7, TOO_LARGE)
    assert bench.store.database["events"].count_documents({}) == 7


def test_rows_of_a_table(bench: Bench) -> None:
    bench.clear()
    sizes = [10, *[LARGE] * 5, TOO_LARGE, 10]
    rows = [f"{number}\t{number}\t{COURSE}\t2020-01-05 10:00:00\t1\t{'x' * size}\n".encode() for number, size in enumerate(sizes)]
    data = bench.weekly({part(TABLE): b"id\tuser_id\tcourse_id\tcreated\tis_active\tmode\n" + b"".join(rows)})
    for _ in range(2):
        outcome = bench.load(WEEK, data, force=True)
        assert outcome.members == {"loaded": 1}
        assert (outcome.counts.read, outcome.counts.loaded, outcome.counts.rejected, outcome.counts.removed) == (8, 7, 1, 0)
        assert_one_rejected(bench, 8, TOO_LARGE)
        assert bench.store.database[TABLE].count_documents({}) == 7
