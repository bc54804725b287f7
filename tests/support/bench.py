"""Objects loaded in this process, from bytes to a real MongoDB through a real gpg: many of them in little time."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edx_import.courses import CourseCatalog
from edx_import.decryption import Keyring
from edx_import.model import CourseFilter, ImportRecord
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.memory import MemorySource
from edx_import.packages.naming import parse_key
from edx_import.sample.sealing import InstitutionKey, Sealer
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash
from edx_import.store.ledger import Ledger
from edx_import.sync.load_object import load_object
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Coverage, Task
from edx_import.sync.tools import Tools

WEEK = "demox-2020-01-12.zip"
MAIL = "email-opt-in/email-opt-in-demox-2020-01-12.zip"
RDX = "demox/rdx/r-1/DemoX_D101_1T2020.tar.gz.gpg"

MB = 2**20

COURSE, SISTER = "course-v1:DemoX+D101+1T2020", "course-v1:DemoX+D102+1T2020"


def day(number: int) -> str:
    """The key of the events of a day of January 2020."""
    return f"demox/edx/events/2020/demox-edx-events-2020-01-{number:02d}.log.gz.gpg"


def part(task: str, extension: str = "sql", course: str = "DemoX-D101-1T2020") -> str:
    """The path of a weekly member below the top folder."""
    return f"{course}-{task}-prod-analytics.{extension}.gpg"


def enrollments(course: str, *numbers: int) -> bytes:
    """A file of enrolments."""
    header = b"id\tuser_id\tcourse_id\tcreated\tis_active\tmode\n"
    return header + b"".join(f"{number}\t{number}\t{course}\t2020-01-05 10:00:00\t1\taudit\n".encode() for number in numbers)


def people(*numbers: int) -> bytes:
    """A file of users."""
    return b"id\tusername\tfirst_name\n" + b"".join(f"{number}\tuser{number}\tName\n".encode() for number in numbers)


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Files by their keys below a folder."""
    for key, data in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@dataclass(frozen=True)
class Bench:
    """Loads objects by their S3 keys. `sealer` is whoever has the public key: edX, and anybody else."""

    store: Store
    keyring: Keyring
    sealer: Sealer
    scratch: Path
    catalog: CourseCatalog = field(default_factory=CourseCatalog)

    def load(self, key: str, data: bytes, **task: Any) -> ObjectOutcome:
        """Loads one object, as a sync does."""
        outcome = load_object(self.task(key, data, **task), self.tools(key, data))
        assert not list(self.scratch.iterdir())
        return outcome

    def task(self, key: str, data: bytes, **task: Any) -> Task:
        """What a sync would do with the object."""
        name = parse_key(key)
        assert name is not None
        listed = MemorySource({key: data}).list(Wanted(name.kind, name.org))
        (found,) = [found for found in listed if not isinstance(found, Passed)]
        return Task(found, "new", Coverage(("prod",), task.pop("courses", CourseFilter())), **task)

    def tools(self, key: str, data: bytes) -> Tools:
        """What a sync would do it with."""
        return Tools(MemorySource({key: data}), self.keyring, self.store, self.catalog, self.scratch)

    def seal(self, data: bytes) -> bytes:
        return self.sealer.seal(data)

    def weekly(self, members: Mapping[str, bytes]) -> bytes:
        """A ZIP of members, by their paths below the top folder; each is sealed."""
        return zipped({f"demox-2020-01-12/{path}": self.seal(data) for path, data in members.items()})

    def hash(self) -> dict[str, str]:
        return database_hash(self.store)

    def record(self, key: str) -> ImportRecord:
        return Ledger(self.store).records()[key]

    def found(self, collection: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return list(self.store.database[collection].find(query or {}).sort("_id"))

    def collections(self) -> set[str]:
        """Those that have documents, but the ledger."""
        return set(self.hash())

    def clear(self) -> None:
        """Removes all documents; quicker than dropping the database."""
        for name in self.store.database.list_collection_names():
            self.store.database[name].delete_many({})


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of members as they are."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for path, data in members.items():
            file.writestr(zipfile.ZipInfo(path), data)
    return made.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A tar of files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


@contextmanager
def opened_bench(uri: str, key: InstitutionKey, scratch: Path, name: str) -> Iterator[Bench]:
    """A bench with a database of its own, which is gone afterwards."""
    with Keyring.open(key.private, key.passphrase) as keyring, Sealer(key) as sealer, Store.connect(uri, f"test_{name}") as store:
        yield Bench(store, keyring, sealer, scratch)
        store.drop()
