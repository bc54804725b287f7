"""How fast a sync is, against what the database takes in: `make bench`, or `EVENTS=100000 make bench`.

Measures, in one run on this machine and with a real MongoDB: the limit (the same documents, encoded beforehand, inserted with the same indexes and
the same write concern), and a sync of the sealed file of one day, from the encrypted file to documents that can be queried.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import bson
from bson.raw_bson import RawBSONDocument

from edx_import.courses import load_courses
from edx_import.decryption import Keyring, verified
from edx_import.formats.base import ReadContext
from edx_import.formats.tracking_log import TrackingLogReader
from edx_import.model import Document, ObjectKind
from edx_import.packages.archive import inflate
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.folder import FolderSource
from edx_import.sample.package import make_package
from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.local_server import LocalServer, wait_until_ended
from edx_import.sync.load_object import load_object
from edx_import.sync.plan import SyncRequest, Task
from edx_import.sync.tools import Tools

EVENTS = int(os.environ.get("EVENTS", "30000"))
_BATCH = 1000


def main() -> None:
    """Makes the package, measures, prints a table."""
    with tempfile.TemporaryDirectory(prefix="edx-import-bench-") as name:
        folder = Path(name)
        key, log = _package(folder)
        with LocalServer.attach(folder / "home", None) as server, Keyring.open(key.private, key.passphrase) as keyring:
            with _database(server.uri, "limit") as store:
                documents = list(_encoded(keyring, log))
                limit = _rate(len(documents), partial(_insert, store, documents))
            with _database(server.uri, "sync") as store:
                sync = _rate(len(documents), partial(_sync, Tools(FolderSource(folder), keyring, store, load_courses(None), folder / "scratch")))
        wait_until_ended(folder / "home")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(len(document.raw) for document in documents) / len(documents)
    print(f"{len(documents):,} events of {size:,.0f} bytes each (BSON), {os.cpu_count()} cores, one process")
    print(f"  limit  {limit:>10,.0f} documents/s   encoded beforehand, inserted with all indexes, journaled")
    print(f"  sync   {sync:>10,.0f} events/s      from the sealed file to documents")
    print(f"  ratio  {sync / limit:>10.2f}               peak memory of this process, all documents held: {memory:,.0f} MB")


def _package(folder: Path) -> tuple[InstitutionKey, Path]:
    key = make_key(folder / "keys", name="Bench", email="bench@example.org", passphrase="bench")
    recipe = Recipe(days=1, events_per_day=EVENTS, last_day=date(2020, 1, 12), email=False)
    with Sealer(key) as sealer:
        make_package(recipe, folder, sealer)
    return key, next((folder / "edx-course-data").rglob("*.gpg"))


@contextmanager
def _database(uri: str, name: str) -> Iterator[Store]:
    with Store.connect(uri, f"bench_{name}") as store:
        ensure_collections(store)
        yield store


def _encoded(keyring: Keyring, log: Path) -> Iterator[RawBSONDocument]:
    content = verified(keyring, lambda: log.open("rb"), inflate)
    for number, item in enumerate(TrackingLogReader().read(content.chunks(), ReadContext("prod"))):
        assert isinstance(item, Document)
        yield RawBSONDocument(bson.encode(item.fields | {"import": {"object": log.name, "content": "0" * 12, "line": number}}))


def _insert(store: Store, documents: list[RawBSONDocument]) -> None:
    for start in range(0, len(documents), _BATCH):
        store.database["events"].insert_many(documents[start : start + _BATCH], ordered=False)


def _sync(tools: Tools) -> None:
    (found,) = [found for found in tools.source.list(Wanted(ObjectKind.EVENTS, "demox")) if not isinstance(found, Passed)]
    outcome = load_object(Task(found, "bench", SyncRequest(("demox",)).coverage), tools)
    assert outcome.error is None, outcome.error


def _rate(number: int, work: partial[None]) -> float:
    started = time.perf_counter()
    work()
    return number / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
