"""The guardian, and the sweep: what a process that was killed leaves behind goes, and what somebody still uses stays."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edx_import.decryption.gpg import Gpg
from edx_import.decryption.home import Home
from edx_import.errors import ConfigurationError
from edx_import.guardian import KEYRING_PREFIX, Guardian, hold, private_folder, processes_in, sweep

#: The promise: so long after its process nothing is left of it, in seconds.
GONE_WITHIN = 5.0

#: A process with a guardian, a keyring in which a gpg and an agent work, and a file that it fetches.
_PARENT = """
import subprocess, sys, time
from pathlib import Path
from edx_import.decryption.gpg import Gpg
from edx_import.decryption.home import Home
from edx_import.guardian import SEALED_PREFIX, SEALED_SUFFIX, Guardian, hold
place, scratch, guarded = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "guarded"
guardian = Guardian.start(scratch, [place]) if guarded else None
home = Home.make(place)
gpg = Gpg(home.path)
subprocess.run(["gpg-agent", "--homedir", str(home.path), "--daemon"], stdout=subprocess.DEVNULL, check=True)
file = open(scratch / (SEALED_PREFIX + "x" + SEALED_SUFFIX), "wb")
assert hold(file.fileno())
gpg._open_subprocess(["--decrypt"])  # waits for a message
print(home.path, flush=True)
time.sleep(600)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path, for keyrings."""
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        yield Path(folder)
        for home in Path(folder).glob("*"):
            for process in processes_in(home):
                os.kill(process, signal.SIGKILL)


@pytest.fixture
def parent(place: Path, tmp_path: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], Path]]]:
    """Starts a process that has everything; gives it and its keyring's folder."""
    started: list[subprocess.Popen[str]] = []

    def start(guarded: str) -> tuple[subprocess.Popen[str], Path]:
        command = [sys.executable, "-c", _PARENT, str(place), str(tmp_path), guarded]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        home = Path(process.stdout.readline().strip())
        assert home.parent == place
        return process, home

    yield start
    for each in started:
        each.kill()
        each.communicate()


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_gpg_agent_keyring_and_fetched_files_go_with_a_process_that_is_killed(
    parent: Callable[[str], tuple[subprocess.Popen[str], Path]], tmp_path: Path, place: Path
) -> None:
    process, home = parent("guarded")
    assert len(processes_in(home)) == 2  # gpg and its agent
    assert list(tmp_path.iterdir())
    for each in processes_in(home):
        os.kill(each, signal.SIGSTOP)  # they cannot end by themselves
    process.kill()
    wait_until(lambda: not any((processes_in(home), list(place.iterdir()), list(tmp_path.iterdir()))), GONE_WITHIN)


def test_leftovers_of_a_process_without_a_guardian_are_swept_and_what_is_in_use_is_not(
    parent: Callable[[str], tuple[subprocess.Popen[str], Path]], tmp_path: Path, place: Path
) -> None:
    process, left = parent("alone")
    at_work = processes_in(left)
    sweep(tmp_path, [place])
    assert processes_in(left) == at_work
    assert left.is_dir()
    assert list(tmp_path.iterdir())
    for each in at_work:
        os.kill(each, signal.SIGSTOP)
    process.kill()
    process.wait()
    with Home.make(place) as mine:
        sweep(tmp_path, [place])
        assert list(place.iterdir()) == [mine.path]
    assert not processes_in(left)
    assert not list(tmp_path.iterdir())


def test_a_sweep_takes_only_what_is_ours(tmp_path: Path) -> None:
    mine = tmp_path / f"{KEYRING_PREFIX}1-abandoned"
    others = [tmp_path / "report.sealed", tmp_path / "edx-import-notes.txt", tmp_path / "edx-import-demo-1" / "key.asc"]
    target = tmp_path / "elsewhere" / "kept"
    for path in (mine / "pubring.kbx", *others, target):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    link = tmp_path / f"{KEYRING_PREFIX}2-link"
    link.symlink_to(target.parent)
    sweep(tmp_path, [tmp_path, tmp_path / "missing"])
    assert not mine.exists()
    assert all(path.exists() for path in (*others, target, link))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
def test_a_sweep_leaves_the_keyrings_of_other_users(tmp_path: Path) -> None:
    others = tmp_path / f"{KEYRING_PREFIX}1-others"
    others.mkdir()
    os.chown(others, 12345, 12345)
    sweep(tmp_path, [tmp_path])
    assert others.exists()


def test_a_maker_notices_that_a_sweep_was_faster(tmp_path: Path) -> None:
    with (tmp_path / "being swept").open("wb") as made, (tmp_path / "being swept").open("rb") as sweeping:
        fcntl.flock(sweeping, fcntl.LOCK_EX)
        assert not hold(made.fileno())
    with (tmp_path / "swept").open("wb") as made:
        (tmp_path / "swept").unlink()
        assert not hold(made.fileno())


def test_all_is_well_ends_the_guardian_at_once(tmp_path: Path) -> None:
    with Guardian.start(tmp_path, [tmp_path]) as guardian:
        left = tmp_path / f"{KEYRING_PREFIX}1-left"
        left.mkdir()
    assert not guardian_of(os.getpid())
    assert left.exists()  # it did not even look
    guardian.close()


def test_a_process_that_is_interrupted_leaves_the_rest_to_its_guardian(place: Path) -> None:
    program = """
import sys
from pathlib import Path
from edx_import.decryption.home import Home
from edx_import.guardian import Guardian
try:
    with Guardian.start(Path(sys.argv[1]), [Path(sys.argv[1])]):
        home = Home.make(Path(sys.argv[1]))
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print(home.path)
"""
    made = subprocess.run([sys.executable, "-c", program, str(place)], capture_output=True, text=True, check=True).stdout.strip()
    assert Path(made).parent == place
    wait_until(lambda: not list(place.iterdir()))


def test_signals_to_all_processes_do_not_end_the_guardian_and_its_death_is_no_error(tmp_path: Path) -> None:
    with Guardian.start(tmp_path, [tmp_path]):
        (pid,) = guardian_of(os.getpid())
        assert os.getsid(pid) == pid
        wait_until(lambda: ignores(pid, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        os.kill(pid, signal.SIGKILL)


def test_the_guardian_knows_no_secret_and_holds_nothing_but_its_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSPHRASE", "an invented secret")
    with Home.make(tmp_path), (tmp_path / "open").open("wb"), Guardian.start(tmp_path, [tmp_path]):
        (pid,) = guardian_of(os.getpid())
        process = Path(f"/proc/{pid}")
        wait_until(lambda: ignores(pid, signal.SIGTERM))  # it runs
        assert b"secret" not in (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        pipe, *others = [os.readlink(process / "fd" / name) for name in sorted(os.listdir(process / "fd"))]
        assert pipe.startswith("pipe:")
        assert others == ["/dev/null", "/dev/null"]
        assert (process / "cwd").resolve() == Path("/")


def test_no_more_processes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/program")
    with pytest.raises(ConfigurationError, match="no process can be started"):
        Guardian.start(tmp_path, [tmp_path])


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_folders_are_private_whatever_the_umask_and_one_that_is_there_stays_as_it_is(tmp_path: Path, umask: int) -> None:
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o755)
    before = os.umask(umask)
    try:
        private_folder(there / "made" / "too")
        private_folder(there / "made")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (there, there / "made", there / "made" / "too")] == [0o755, 0o700, 0o700]


def test_the_lock_of_a_keyring_is_not_inherited_by_gpg(place: Path) -> None:
    with Home.make(place) as home:
        assert "owner.lock" in str(open_files(os.getpid()))
        process = Gpg(home.path)._open_subprocess(["--decrypt"])  # waits for a message
        wait_until(lambda: processes_in(home.path) == [process.pid])
        assert "owner.lock" not in str(open_files(process.pid))
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (home.path, *home.path.rglob("*"))} == {0}
    process.communicate()


def guardian_of(process: int) -> list[int]:
    """The living guardians whose parent is that process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == process and b"guardian.py" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def ignores(process: int, *signals: signal.Signals) -> bool:
    status = Path(f"/proc/{process}/status").read_text()
    ignored = int(status.split("SigIgn:")[1].split()[0], 16)
    return all(ignored >> (number - 1) & 1 for number in signals)


def open_files(process: int) -> list[str]:
    found = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # what this looks with, for one
            found.append(os.readlink(link))
    return found
