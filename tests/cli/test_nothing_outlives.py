"""However `edx-import` ends, nothing of it runs on, and nothing is left of its keyring and of what it fetched."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from desk import Desk, Package

from edx_import.decryption.home import places
from edx_import.guardian import KEYRING_PREFIX

pytestmark = pytest.mark.proof

MakeDesk = Callable[..., AbstractContextManager[Desk]]

#: The promise: so long after its process nothing is left of it, in seconds.
GONE_WITHIN = 5.0

#: How long anything else may take on a busy machine, in seconds.
PATIENCE = 60.0


@dataclass(frozen=True)
class Running:
    """A command line that runs, and what belongs to it."""

    process: subprocess.Popen[bytes]
    home: Path
    workers: set[int] = field(default_factory=set)

    def keyrings(self) -> list[Path]:
        return [found for place in places() for found in place.glob(f"{KEYRING_PREFIX}{self.process.pid}-*")]

    def fetched(self) -> list[Path]:
        return list((self.home / "scratch").glob("*"))

    def at_work(self, what: str = "") -> list[int]:
        """The processes that it or others have started for it, and whose command line has that in it."""
        told = re.compile(f"{KEYRING_PREFIX}{self.process.pid}-|{re.escape(str(self.home))}/")
        return [pid for pid, line in command_lines().items() if what in line and (pid in self.workers or told.search(line))]

    def left(self) -> list[object]:
        return [*self.at_work(), *self.keyrings(), *self.fetched()]

    def wait_until_gone(self) -> None:
        wait_until(lambda: not self.left(), GONE_WITHIN, 0.05)

    def stop_gpg(self) -> None:
        """Stops a gpg, in the middle of decrypting what has been fetched, and its agent, so that they cannot end by themselves."""
        wait_until(lambda: self.fetched() or self.has_ended(), pause=0.002)
        (agent,) = self.at_work("gpg-agent")
        os.kill(agent, signal.SIGSTOP)
        # one that needs the agent waits for it now
        wait_until(lambda: any(stopped(gpg) for gpg in self.at_work("--decrypt")) or self.has_ended())
        self.workers.update(children_of(self.process.pid))
        assert not self.has_ended()

    def has_ended(self) -> bool:
        return self.process.poll() is not None


@contextmanager
def running(desk: Desk, *arguments: str) -> Iterator[Running]:
    """Runs a command line; whatever is left of it in the end is killed."""
    environment = {name: value for name, value in desk.environment.items() if value}
    command = [sys.executable, "-m", "edx_import", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = Running(process, Path(desk.environment["EDX_IMPORT_HOME"]))
    try:
        yield started
    finally:
        process.kill()
        process.wait()
        for left in started.at_work():
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)


@pytest.fixture
def at_local_server(make_desk: MakeDesk, package: Package) -> Iterator[Desk]:
    """The desk with the package in a folder, and no other MongoDB than its own."""
    with make_desk(STORAGE_URI="", EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        yield desk


def test_a_sync_that_is_killed_while_gpg_runs(at_local_server: Desk) -> None:
    with running(at_local_server, "sync") as sync:
        sync.stop_gpg()
        assert sync.keyrings()
        assert [len(sync.at_work(name)) for name in ("guardian.py", "gpg-agent", "server_keeper.py", "mongod --dbpath")] == [1, 1, 1, 1]
        assert readable_by_others(sync) == []
        assert holders_of_the_pipe(sync) - {sync.process.pid} == set(sync.at_work("guardian.py"))
        sync.process.kill()
        sync.process.wait()
        sync.wait_until_gone()


def test_a_sync_of_several_processes_that_is_killed_while_its_workers_wait_for_mongodb(at_local_server: Desk) -> None:
    with running(at_local_server, "sync", "--jobs", "2") as sync:
        wait_until(lambda: workers_of(sync) or sync.has_ended(), pause=0.002)
        (server,) = sync.at_work("mongod --dbpath")
        os.kill(server, signal.SIGSTOP)
        sync.workers.update(workers_of(sync))
        assert sync.workers
        assert holders_of_the_pipe(sync) - {sync.process.pid} == set(sync.at_work("guardian.py"))
        sync.process.kill()
        sync.process.wait()
        sync.wait_until_gone()


def workers_of(sync: Running) -> set[int]:
    lines = command_lines()
    return {pid for pid in children_of(sync.process.pid) if "--multiprocessing-fork" in lines.get(pid, "")}


def test_a_sync_that_is_told_twice_to_end_while_gpg_hangs(at_folder: Desk) -> None:
    with running(at_folder, "sync") as sync:
        sync.stop_gpg()
        sync.process.terminate()  # a request: it ends where it can be taken up again, and so waits for gpg
        with pytest.raises(subprocess.TimeoutExpired):
            sync.process.wait(0.5)
        sync.process.terminate()
        assert sync.process.wait(PATIENCE) == 143
        sync.wait_until_gone()


def test_leftovers_of_a_sync_whose_guardian_was_killed_too_go_with_the_next_sync(at_local_server: Desk) -> None:
    with running(at_local_server, "sync") as sync:
        sync.stop_gpg()
        for each in (*sync.at_work("guardian.py"), sync.process.pid):
            os.kill(each, signal.SIGKILL)
        sync.process.wait()
        wait_until(lambda: not sync.at_work("mongod"), GONE_WITHIN)
        assert sync.fetched()  # its keyring and its agent are there, too, unless another sync on this machine has begun meanwhile
        with running(at_local_server, "sync") as following:
            assert following.process.wait(PATIENCE) == 0
            assert not sync.keyrings()
            assert not sync.fetched()
            following.wait_until_gone()
        assert not sync.left()


def test_a_sync_that_fails(at_folder: Desk) -> None:
    with running(at_folder.with_variables(KEY_PASSPHRASE="wrong"), "sync") as sync:
        assert sync.process.wait(PATIENCE) == 5
        sync.wait_until_gone()


def test_a_demo_that_is_killed_while_it_makes_its_key(desk: Desk) -> None:
    with tempfile.TemporaryDirectory(prefix="d", dir="/tmp") as place, running(desk.with_variables(TMPDIR=place), "demo") as demo:
        wait_until(lambda: any(stopped(agent) for agent in demo.at_work("gpg-agent")) or demo.has_ended(), pause=0.002)
        assert list(Path(place).glob(f"*/keys/{KEYRING_PREFIX}*"))
        demo.process.kill()
        demo.process.wait()
        wait_until(lambda: not list(Path(place).glob(f"*/keys/{KEYRING_PREFIX}*")), GONE_WITHIN)
        assert not demo.at_work()


def wait_until(true: Callable[[], object], seconds: float = PATIENCE, pause: float = 0.02) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(pause)


def command_lines() -> dict[int, str]:
    """Of all living processes."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError), open(f"/proc/{entry}/cmdline", "rb") as file:
                found[int(entry)] = file.read().replace(b"\0", b" ").decode(errors="replace")
    return {pid: line for pid, line in found.items() if line}


def children_of(process: int) -> list[int]:
    return [pid for pid in command_lines() if stat_of(pid)[1:2] == [str(process)]]


def stopped(process: int) -> bool:
    """Stops it, if it still is there."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGSTOP)
    return stat_of(process)[:1] == ["T"]


def stat_of(process: int) -> list[str]:
    """State, parent and so on; nothing if it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def readable_by_others(sync: Running) -> list[Path]:
    """Of all that it has made."""
    seen, found = 0, []
    for top in (sync.home, *sync.keyrings()):
        for folder, _, files in os.walk(top):
            for path in (Path(folder), *(Path(folder) / file for file in files)):
                with suppress(FileNotFoundError):  # the server's files come and go
                    seen += 1
                    if stat.S_IMODE(path.lstat().st_mode) & 0o077:
                        found.append(path)
    assert seen > 5
    return found


def holders_of_the_pipe(sync: Running) -> set[int]:
    """Who has the pipe open between a sync and its guardian. The sync lets only root see that of itself."""
    (guardian,) = sync.at_work("guardian.py")
    pipe = os.readlink(f"/proc/{guardian}/fd/0")
    holders = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if os.readlink(descriptor) == pipe:
                holders.add(int(descriptor.parts[2]))
    return holders
