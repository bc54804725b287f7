"""Sealed bytes to the scratch folder: whole or not at all, with their room set aside, and gone afterwards."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from small_disk import small_disk

from edx_import.errors import EdxImportError, SourceError
from edx_import.model import DeliveredObject, ObjectKind
from edx_import.packages.base import DamagedError, Wanted
from edx_import.packages.folder import FolderSource
from edx_import.packages.memory import MemorySource
from edx_import.store.connection import Store
from edx_import.store.disk import free_bytes
from edx_import.sync.estimate import Estimate
from edx_import.sync.fetch import fetched

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

KEY = "universityx-2020-01-05.zip"
DATABASE = Wanted(ObjectKind.DATABASE, "universityx")
DATA = os.urandom(700_000)

MakeDisk = Callable[[str], Path]


class Watched(MemorySource):
    """Counts how often an object is asked for; the first `damaged` times it arrives damaged, which is known at its end."""

    def __init__(self, data: bytes, damaged: int = 0) -> None:
        super().__init__({KEY: data})
        self.opened = 0
        self.damaged = damaged

    @property
    def listed(self) -> DeliveredObject:
        [found] = self.list(DATABASE)
        assert isinstance(found, DeliveredObject)
        return found

    def open(self, delivered: DeliveredObject) -> BinaryIO:
        self.opened += 1
        whole = super().open(delivered)
        return io.BufferedReader(_Damaged(whole.read()[:-1])) if self.opened <= self.damaged else whole


class _Damaged(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        size = self._data.readinto(buffer)
        if not size:
            raise DamagedError("it arrived damaged")
        return size


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[MakeDisk]:
    """Makes a small disk with the mount options given."""
    with ExitStack() as stack:
        yield lambda options: stack.enter_context(small_disk(tmp_path / "disk", options))


def fetch(source: Watched, scratch: Path, keep: Path | None = None, advance: Callable[[int], None] = lambda size: None) -> bytes:
    with fetched(source, source.listed, scratch, keep, advance) as path:
        assert path.stat().st_mode & 0o777 == 0o600
        return path.read_bytes()


@contextmanager
def refused(words: str, hint: str) -> Iterator[None]:
    """The error says what and what to do; it is no fault of the object's."""
    with pytest.raises(SourceError, match=words) as caught:
        yield
    assert hint in caught.value.hint
    assert caught.value.transient
    assert caught.value.passing


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_all_bytes_arrive_and_the_file_is_gone_afterwards(tmp_path: Path) -> None:
    pieces: list[int] = []
    assert fetch(Watched(DATA), tmp_path, advance=pieces.append) == DATA
    assert sum(pieces) == len(DATA)
    assert files(tmp_path) == []


def test_the_room_is_set_aside_before_the_first_byte(make_disk: MakeDisk) -> None:
    """Nobody else can take it while the rest arrives."""
    disk = make_disk("size=1m")
    left: list[int] = []

    def advance(size: int) -> None:
        status = os.statvfs(disk)
        left.append(status.f_bavail * status.f_frsize)

    assert fetch(Watched(DATA), disk, advance=advance) == DATA
    assert len(left) > 1
    assert max(left) < (1 << 20) - len(DATA)


def test_a_disk_that_is_too_small_is_told_before_anything_is_asked_for(make_disk: MakeDisk) -> None:
    disk = make_disk("size=256k")
    source = Watched(DATA)
    with refused(rf"no room for {KEY} in {disk}: 700,000 bytes, 262,144 free", "Free some space there. EDX_IMPORT_SCRATCH can"):
        fetch(source, disk)
    assert source.opened == 0
    assert files(disk) == []


def test_a_disk_that_has_room_but_for_no_file_is_told(make_disk: MakeDisk) -> None:
    disk = make_disk("size=4m,nr_inodes=2")
    (disk / "one").touch()
    with refused("no room for", "df -i"):
        fetch(Watched(DATA), disk)


def test_a_disk_that_can_only_be_read_is_told(make_disk: MakeDisk) -> None:
    with refused("cannot be written: its disk can only be read", "EDX_IMPORT_SCRATCH"):
        fetch(Watched(DATA), make_disk("size=4m,ro"))


def test_a_stop_between_two_pieces_leaves_nothing_behind(tmp_path: Path) -> None:
    def advance(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Watched(DATA), tmp_path, advance=advance)
    assert files(tmp_path) == []


def test_what_arrives_damaged_is_fetched_once_more_from_the_start(tmp_path: Path) -> None:
    source = Watched(DATA, damaged=1)
    pieces: list[int] = []
    assert fetch(source, tmp_path, advance=pieces.append) == DATA
    assert source.opened == 2
    assert sum(pieces) == len(DATA)


def test_what_arrives_damaged_twice_is_told(tmp_path: Path) -> None:
    source = Watched(DATA, damaged=2)
    with pytest.raises(DamagedError, match="arrived damaged"):
        fetch(source, tmp_path)
    assert source.opened == 2
    assert files(tmp_path) == []


def test_a_file_that_is_written_while_it_is_copied_is_not_taken(tmp_path: Path) -> None:
    """The same size, and perhaps half of another content."""
    (tmp_path / "delivered").mkdir()
    path = tmp_path / "delivered" / KEY
    path.write_bytes(DATA)
    source = FolderSource(path.parent)
    [found] = source.list(DATABASE)
    assert isinstance(found, DeliveredObject)

    def advance(size: int) -> None:
        path.write_bytes(DATA[::-1])
        os.utime(path, ns=(1, 1))

    with pytest.raises(SourceError, match="changed since it was listed"), fetched(source, found, tmp_path / "scratch", None, advance):
        pass
    assert files(tmp_path / "scratch") == []


def test_an_empty_object_is_not_fetched(tmp_path: Path) -> None:
    source = Watched(b"")
    with pytest.raises(EdxImportError, match="is empty"):
        fetch(source, tmp_path)
    assert source.opened == 0


def test_a_copy_to_keep_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    fetch(Watched(DATA), tmp_path / "scratch", keep=tmp_path / "kept")
    assert [(path, path.read_bytes(), path.stat().st_mode & 0o777) for path in files(tmp_path)] == [(tmp_path / "kept" / KEY, DATA, 0o600)]


def test_a_copy_to_keep_that_has_no_room_leaves_the_old_one(make_disk: MakeDisk, tmp_path: Path) -> None:
    disk = make_disk("size=256k")
    (disk / KEY).write_bytes(b"the week before")
    with refused(f"no room for {KEY} in {disk}", "--keep can point to another place"):
        fetch(Watched(DATA), tmp_path / "scratch", keep=disk)
    assert (disk / KEY).read_bytes() == b"the week before"
    assert [path.name for path in files(disk)] == [KEY]
    assert files(tmp_path / "scratch") == []


def test_what_does_not_suffice_is_known() -> None:
    assert Estimate(100, 100, 600, 600, 1.0).shortages == []
    assert Estimate(100, 99, 600, 599, 1.0).shortages == [("scratch", 100, 99), ("the database", 600, 599)]
    assert Estimate(100, 100, 600, None, 1.0).shortages == []


def test_what_the_server_has_free_is_that_of_its_disk(database: Store, tmp_path: Path) -> None:
    database.database["events"].insert_one({"n": 1})
    status = os.statvfs(tmp_path)  # of these tests' server, the same disk
    free = free_bytes(database)
    assert free is not None
    assert abs(free - status.f_bavail * status.f_frsize) < 0.2 * status.f_blocks * status.f_frsize


def test_what_the_server_does_not_say_is_not_known(mongod: str) -> None:
    with Store.connect(mongod, "test_nothing") as store:
        pass
    assert free_bytes(store) is None
