"""The limit: the documents that a sync has left, inserted again as they are, with the same indexes and the same write concern.

They are read back from the database as bytes, so that whatever a sync makes of a line, the limit is that of the same documents. They are
inserted by one writer process up to as many as there are cores, each with its own connection; the best of these is the limit.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final

from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from benchmarks import events
from benchmarks.measured import Measured
from benchmarks.place import Place
from benchmarks.scale import cores
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store

_BATCH: Final = 1000
_RAW: Final[CodecOptions[RawBSONDocument]] = CodecOptions(RawBSONDocument)
_DATABASE: Final = "bench_limit"


@dataclass(frozen=True, slots=True)
class Dump:
    """The documents of some collections, each in a file of BSON."""

    files: dict[str, Path]
    number: int
    size: int


def measure(place: Place) -> None:
    """`limit` and `limit, no indexes`, of the events that the sync has loaded."""
    dump = dumped(place, events.DATABASE, ["events"])
    for _ in range(place.scale.rounds):
        place.results.add(best(place, "limit", "the same documents, encoded beforehand, inserted", dump))
        place.results.add(best(place, "limit, no indexes", "the same without secondary indexes", dump, without_indexes=["events"]))
    place.results.compare("sync / limit", "sync", "limit")
    place.results.compare("sync, inside / limit", "sync, inside", "limit")
    place.results.compare("sync / limit without indexes", "sync", "limit, no indexes")
    place.results.compare("sync, indexes later / limit", "sync, indexes later", "limit")
    sync, limit = place.results.measured["sync"], place.results.measured["limit"]
    place.results.ratios["sync / limit, by CPU time of client and server"] = limit.cpu_each / sync.cpu_each


def dumped(place: Place, database: str, collections: Iterable[str]) -> Dump:
    """Writes the documents of collections to files."""
    files, number, size = {}, 0, 0
    with Store.connect(place.server.uri, database) as store:
        for name in collections:
            files[name] = place.folder / f"{database}.{name}.bson"
            with files[name].open("wb") as file:
                for document in store.database.with_options(codec_options=_RAW)[name].find():
                    number += 1
                    size += file.write(document.raw)
    return Dump(files, number, size)


def best(place: Place, name: str, what: str, dump: Dump, *, unit: str = "events", without_indexes: Sequence[str] = ()) -> Measured:
    """The fastest of 1, 2, ... writers."""
    tried = (_inserted(place, name, what, dump, writers, unit, without_indexes) for writers in range(1, cores() + 1))
    return max(tried, key=lambda one: one.rate)


def _inserted(place: Place, name: str, what: str, dump: Dump, writers: int, unit: str, without_indexes: Sequence[str]) -> Measured:
    place.server.drop(_DATABASE)
    with Store.connect(place.server.uri, _DATABASE) as store:
        ensure_collections(store, without_indexes=without_indexes)
    context = multiprocessing.get_context("spawn")
    ready, used = context.Barrier(writers + 1), context.Queue()
    processes = [context.Process(target=_write, args=(place.server.uri, dump, part, writers, ready, used)) for part in range(writers)]
    for process in processes:
        process.start()
    place.server.calm()
    ready.wait()
    begun, server_before = time.perf_counter(), place.server.cpu()
    client_cpu = sum(used.get() for _ in processes)
    seconds, server_cpu = time.perf_counter() - begun, place.server.cpu() - server_before
    for process in processes:
        process.join()
    place.server.drop(_DATABASE)
    return Measured(name, what, dump.number, unit, seconds, client_cpu, server_cpu, notes={"writers": writers, "bytes each": dump.size / dump.number})


def _write(uri: str, dump: Dump, part: int, parts: int, ready: Barrier, used: Queue[float]) -> None:
    """One writer: every `parts`-th batch. Says how much CPU time the inserting took."""
    with Store.connect(uri, _DATABASE) as store:
        work = [(name, batch) for name, path in dump.files.items() for batch in _batches(path)][part::parts]
        ready.wait()
        begun = time.process_time()
        for name, batch in work:
            store.database[name].insert_many(batch, ordered=False)
        used.put(time.process_time() - begun)


def _batches(path: Path) -> Iterator[list[Any]]:
    with path.open("rb") as file:
        documents = decode_file_iter(file, _RAW)
        while batch := list(islice(documents, _BATCH)):
            yield batch
