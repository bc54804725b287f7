"""Rows that several processes load: the same database and the same account as one process alone gives."""

from __future__ import annotations

import gzip
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import COURSE, WEEK, Bench, day, enrollments, part

from edx_import.courses import CourseCatalog
from edx_import.decryption import Keyring
from edx_import.errors import Interrupted
from edx_import.model import ImportState
from edx_import.sample.sealing import Sealer
from edx_import.settings import Secret
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.store.writer import WriteTarget
from edx_import.sync import load_rows
from edx_import.sync.load_object import load_object
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.pieces import RowJob
from edx_import.sync.stop import Stop
from edx_import.sync.workers import Workers
from edx_import.wiring import WorkerSpec, build_worker


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of some thousand rows is a large one."""
    monkeypatch.setattr(load_rows, "PIECE_SIZE", 20_000)
    monkeypatch.setattr(load_rows, "_WHOLE_LIMIT", 10_000)


@pytest.fixture
def bench(database: Store, keyring: Keyring, sealer: Sealer, tmp_path: Path) -> Bench:
    return Bench(database, keyring, sealer, tmp_path)


@pytest.fixture
def workers(mongod: str, database: Store) -> Iterator[Workers]:
    made = Workers(2, build_worker, WorkerSpec(Secret(mongod), database.name, CourseCatalog()), Stop())
    yield made
    made.close()


def both_ways(bench: Bench, workers: Workers, mongod: str, key: str, data: bytes, **tools: Any) -> tuple[ObjectOutcome, ObjectOutcome]:
    """What comes of an object with workers, and alone in another database. The databases are equal."""
    task = bench.task(key, data)
    with Store.connect(mongod, f"{bench.store.name}_alone") as alone:
        inline = load_object(task, replace(bench.tools(key, data), store=alone))
        by_workers = load_object(task, replace(bench.tools(key, data), workers=workers, **tools))
        try:
            assert database_hash(bench.store) == database_hash(alone)
        finally:
            alone.drop()
    return by_workers, inline


def log(rows: int) -> bytes:
    line = '{{"time": "2020-01-05T10:{0:02}:{1:02}.5+00:00", "event_type": "page_close", "event": "", "context": {{"course_id": "' + COURSE + '"}}}}'
    lines = [line.format(number // 60 % 60, number % 60) for number in range(rows)]
    return "\n".join([*lines, "not JSON", "", "\ufeffnull", *lines[:50], "{}"]).encode()


def test_event_file_in_pieces(bench: Bench, workers: Workers, mongod: str, small_pieces: None) -> None:
    by_workers, inline = both_ways(bench, workers, mongod, day(5), bench.sealer.seal(gzip.compress(log(3000))))
    assert by_workers.counts == inline.counts
    assert (by_workers.counts.read, by_workers.counts.loaded, by_workers.counts.duplicate, by_workers.counts.rejected) == (3053, 3000, 50, 3)
    assert by_workers.reasons == inline.reasons


def test_table_in_pieces_where_the_second_of_two_rows_with_one_key_is_rejected(
    bench: Bench, workers: Workers, mongod: str, small_pieces: None
) -> None:
    rows = enrollments(COURSE, *range(1, 2000)) + b"7\t8\t" + COURSE.encode() + b"\t2020-01-05 10:00:00\t1\thonor\n" + b"too\tfew\n"
    by_workers, inline = both_ways(bench, workers, mongod, WEEK, bench.weekly({part("student_courseenrollment"): rows}))
    assert by_workers.counts == inline.counts
    assert (by_workers.counts.loaded, by_workers.counts.rejected) == (1999, 2)
    assert by_workers.reasons == {"two rows with one key": 1, "wrong number of fields": 1}


def test_worker_that_is_killed_with_pieces_under_way_is_replaced(bench: Bench, mongod: str, small_pieces: None) -> None:
    class Killing(Workers):
        """Kills its processes when the third piece is under way."""

        left = 3

        def submit(self, *arguments: Any) -> Any:
            piece = super().submit(*arguments)
            self.left -= 1
            if not self.left:
                for child in multiprocessing.active_children():
                    child.kill()
            return piece

    killing = Killing(2, build_worker, WorkerSpec(Secret(mongod), bench.store.name, CourseCatalog()), Stop())
    by_workers, _ = both_ways(bench, killing, mongod, day(5), bench.sealer.seal(gzip.compress(log(2000))))
    assert (by_workers.state, by_workers.counts.loaded) == (ImportState.LOADED, 2000), by_workers.error
    killing.close()


def job(bench: Bench) -> RowJob:
    return RowJob(WriteTarget(day(5), "content", replace=False), "prod")


def test_pool_that_another_thread_has_left_costs_no_piece(bench: Bench, workers: Workers) -> None:
    """One thread has seen that a process died, and given up the pool, while others still wait for their pieces in it."""
    waiting = [workers.submit(job(bench), f"piece {number}".encode(), number) for number in range(1, 21)]
    workers.leave(waiting[0].pool)
    assert [piece.result().counts.rejected for piece in waiting] == [1] * 20


def test_pool_that_is_left_while_a_piece_is_handed_over(bench: Bench, mongod: str) -> None:
    class Leaving(Workers):
        """Another thread leaves the pool between its choice and its use."""

        times = 1

        def running(self) -> ProcessPoolExecutor:
            pool = super().running()
            if self.times:
                self.times -= 1
                self.leave(pool)
            return pool

    leaving = Leaving(1, build_worker, WorkerSpec(Secret(mongod), bench.store.name, CourseCatalog()), Stop())
    assert leaving.submit(job(bench), b"no event").result().counts.rejected == 1
    leaving.close()


def test_pieces_of_closed_workers_are_not_begun_again(bench: Bench, workers: Workers) -> None:
    waiting = [workers.submit(job(bench), b"x" * 100, number) for number in range(1, 21)]
    workers.close(at_once=True)
    with pytest.raises(Interrupted):
        waiting[-1].result()
    with pytest.raises(Interrupted):
        workers.submit(job(bench), b"more")
