"""What becomes of an object when something happens to gpg: it fails with the cause, the others are loaded, and the next sync loads it."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench import COURSE, WEEK, Bench, day, enrollments, part, people, zipped

from edx_import.decryption import Keyring
from edx_import.errors import (
    CorruptMessageError,
    DecryptionError,
    EdxImportError,
    ExitCode,
    UnprotectedMessageError,
    WrongKeyError,
    WrongPassphraseError,
)
from edx_import.model import ImportState
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.settings import Secret
from edx_import.store.connection import Store
from edx_import.sync.outcome import ObjectOutcome

LINE = b'{"time": "2020-01-12T10:00:00.000001+00:00", "context": {"course_id": "%s"}, "event": ""}' % COURSE.encode()
NOISE = random.Random(7).randbytes(2_000_000)
PATIENCE_SECONDS = 60


@pytest.fixture
def own_keyring(institution_key: InstitutionKey) -> Iterator[Keyring]:
    """One that a test may do anything to."""
    with Keyring.open(institution_key.private, institution_key.passphrase) as keyring:
        yield keyring


@pytest.fixture
def bench(database: Store, own_keyring: Keyring, sealer: Sealer, tmp_path: Path) -> Bench:
    (tmp_path / "scratch").mkdir()
    return Bench(database, own_keyring, sealer, tmp_path / "scratch")


@dataclass(frozen=True)
class FaultyGpg:
    """A bench whose gpg can be told what to do instead of decrypting."""

    bench: Bench
    program: Path

    def happens(self, fault: str) -> None:
        self.program.with_suffix(".fault").write_text(fault)


@pytest.fixture
def faulty(bench: Bench, institution_key: InstitutionKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultyGpg]:
    program = tmp_path / "bin" / "gpg"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
PATH=/usr/bin:/bin
gpg_itself() {{ {shutil.which("gpg")} "$@"; }}
case "$*" in *--decrypt*) [ -e "$0.fault" ] && . "$0.fault" ;; esac
exec {shutil.which("gpg")} "$@"
""")
    program.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(program.parent))
        keyring = Keyring.open(institution_key.private, institution_key.passphrase)
    with keyring:
        yield FaultyGpg(replace(bench, keyring=keyring), program)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    threads = set(threading.enumerate())
    yield
    wait_until(lambda: set(threading.enumerate()) <= threads)


def wait_until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def log_of(size: int = 0) -> bytes:
    """A gzipped log of one line; with so many bytes more that cannot be compressed, in lines that are no JSON."""
    return gzip.compress(LINE + b"\n" + NOISE[:size].replace(b"\n", b""), 1)


def processes_of(keyring: Keyring, program: bytes) -> list[int]:
    """The living processes of that program that work with the keyring."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if arguments[0].endswith(program) and str(keyring.ticket.home).encode() in environment + b" ".join(arguments):
                found.append(int(entry.name))
    return found


class Pausing(io.BytesIO):
    """Sealed bytes; once gpg has the beginning of the message, something happens, and the rest follows."""

    def __init__(self, sealed: bytes, happens: Callable[[], None]) -> None:
        super().__init__(sealed)
        self.happens = happens
        self.reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads == 3:
            self.happens()
        return super().read(min(size or 0, 100_000))


def failed(outcome: ObjectOutcome, bench: Bench, kind: type[DecryptionError], *words: str) -> DecryptionError:
    """The object failed for that reason, which the ledger has, and nothing of it is in the database."""
    assert outcome.state is ImportState.FAILED
    error = outcome.error
    assert type(error) is kind, repr(error)
    assert error.exit_code is ExitCode.DECRYPTION
    assert all(word in error.what for word in words), error.what
    assert error.hint
    record = bench.record(outcome.key)
    assert (record.state, record.error) == (ImportState.FAILED, f"{error.what} {error.hint}")
    assert not bench.found("events")
    assert not bench.found("courses")
    return error


def loads_now(bench: Bench, key: str, sealed: bytes) -> None:
    """Without the fault, the next sync takes it."""
    outcome = bench.load(key, sealed)
    assert (outcome.state, outcome.counts.loaded) == (ImportState.LOADED, 1)
    assert (bench.record(key).state, bench.record(key).error) == (ImportState.LOADED, "")


# --- the processes


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_gpg_that_is_ended_in_the_middle_of_a_message(keyring: Keyring, sealer: Sealer, number: signal.Signals) -> None:
    sealed = sealer.seal(NOISE, compress=False)

    def end() -> None:
        (gpg,) = processes_of(keyring, b"gpg")
        os.kill(gpg, number)

    with pytest.raises(DecryptionError, match=r"ended by signal|damaged|cut") as told:
        list(keyring.decrypt(Pausing(sealed, end)))
    if number is signal.SIGKILL:
        assert told.value.what == "gpg was ended by signal 9"
        assert told.value.passing
    assert b"".join(keyring.decrypt(io.BytesIO(sealed))) == NOISE


def test_gpg_that_hangs_is_ended_with_whoever_waits_for_it(keyring: Keyring, sealer: Sealer) -> None:
    """A process that is stopped says nothing; killed, or left by its consumer, it is gone at once."""
    sealed, stopped = sealer.seal(NOISE, compress=False), threading.Event()

    def stop() -> None:
        (gpg,) = processes_of(keyring, b"gpg")
        os.kill(gpg, signal.SIGSTOP)
        threading.Timer(0.1, end, (gpg,)).start()

    def end(gpg: int) -> None:
        os.kill(gpg, signal.SIGKILL)
        stopped.set()

    with pytest.raises(DecryptionError, match="ended by signal 9"):
        list(keyring.decrypt(Pausing(sealed, stop)))
    assert stopped.wait(PATIENCE_SECONDS)
    chunks = keyring.decrypt(io.BytesIO(sealed))
    assert next(chunks)
    for gpg in processes_of(keyring, b"gpg"):
        os.kill(gpg, signal.SIGSTOP)
    chunks.close()
    assert processes_of(keyring, b"gpg") == []


FAULTS = {
    "killed at once": "kill -9 $$",
    "killed in the middle": 'gpg_itself "$@" | head -c 100000; kill -9 $$',
    "asked to end": "kill -15 $$",
    "ends without a word": "exit 2",
    "ends well without a word": "exit 0",
    "says nothing but the text": 'gpg_itself "$@" 2>/dev/null; exit 0',
    "cannot reach its agent": 'GNUPGHOME=/nowhere; export GNUPGHOME; gpg_itself "$@" --homedir /nowhere; exit $?',
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_object_whose_gpg_fails_is_loaded_by_the_next_sync(faulty: FaultyGpg, fault: str) -> None:
    bench, sealed = faulty.bench, faulty.bench.sealer.seal(log_of(800_000), compress=False)
    faulty.happens(fault)
    outcome = bench.load(day(1), sealed)
    faulty.happens("")
    assert outcome.state is ImportState.FAILED
    assert isinstance(outcome.error, DecryptionError)
    assert bench.hash() == {}
    if "kill -9" in fault:
        assert outcome.error.what == "gpg was ended by signal 9"
        assert bench.record(day(1)).failures == 0  # no fault of the object's
    loads_now(bench, day(2), bench.seal(log_of()))
    assert bench.load(day(1), sealed).state is ImportState.LOADED


LARGE = b"x" * 20_000
SECOND_PASS = """
n=$(cat "$0.calls" 2>/dev/null || echo 0); echo $((n + 1)) > "$0.calls"
if [ $n -ge 1 ]; then gpg_itself "$@" | head -c 5000000; kill -9 $$; fi
"""


def test_gpg_that_is_killed_while_rows_are_written(faulty: FaultyGpg) -> None:
    """The first pass was well, so that the rows are believed; what the second one wrote is taken up by the next sync."""
    rows = [LINE.replace(b"000001", b"%06d" % number).replace(b'""', b'"' + LARGE + b'"') for number in range(1000)]
    sealed, bench = faulty.bench.sealer.seal(gzip.compress(b"\n".join(rows), 0), compress=False), faulty.bench
    faulty.happens(SECOND_PASS)
    outcome = bench.load(day(1), sealed)
    faulty.happens("")
    assert str(outcome.error) == "gpg was ended by signal 9"
    assert 0 < len(bench.found("events")) < 1000
    assert bench.load(day(1), sealed).counts.loaded == 1000
    assert len(bench.found("events")) == 1000


def test_gpg_that_is_killed_while_a_table_is_replaced(faulty: FaultyGpg) -> None:
    """Nothing is removed before the stream has ended well."""
    bench = faulty.bench
    large = b"id\tusername\tfirst_name\n" + b"".join(b"%d\tuser%d\t%s\n" % (number, number, LARGE) for number in range(1000))
    week = bench.weekly({part("auth_user"): large})
    assert bench.load(WEEK, week).counts.loaded == 1000
    expected = bench.hash()
    again = bench.weekly({part("auth_user"): large.replace(b"user5\t", b"changed\t")})
    faulty.happens(SECOND_PASS)
    outcome = bench.load(WEEK, again, force=True)
    faulty.happens("")
    assert outcome.members == {"failed": 1}
    assert any("gpg was ended by signal 9" in warning for warning in outcome.warnings)
    assert len(bench.found("auth_user")) == 1000
    assert bench.load(WEEK, week).state is ImportState.LOADED
    assert bench.hash() == expected


def test_an_agent_that_is_killed_between_two_messages_is_started_again(bench: Bench) -> None:
    loads_now(bench, day(1), bench.seal(log_of()))
    (agent,) = processes_of(bench.keyring, b"gpg-agent")
    os.kill(agent, signal.SIGKILL)
    wait_until(lambda: agent not in processes_of(bench.keyring, b"gpg-agent"))
    assert bench.load(day(2), bench.seal(log_of())).state is ImportState.LOADED
    assert processes_of(bench.keyring, b"gpg-agent") not in ([], [agent])


def test_a_keyring_that_is_removed_in_the_middle_of_a_sync(bench: Bench, institution_key: InstitutionKey) -> None:
    sealed = bench.seal(log_of())
    shutil.rmtree(bench.keyring.ticket.home)
    failed(bench.load(day(1), sealed), bench, DecryptionError, "the keyring is gone")
    with Keyring.open(institution_key.private, institution_key.passphrase) as another:
        loads_now(replace(bench, keyring=another), day(1), sealed)


def test_a_keyring_whose_keys_are_removed_in_the_middle_of_a_sync(bench: Bench, institution_key: InstitutionKey) -> None:
    """gpg then knows nobody any more: the key is ours, and yet not there."""
    sealed = bench.seal(log_of())
    shutil.rmtree(bench.keyring.ticket.home / "private-keys-v1.d")
    outcome = bench.load(day(1), sealed)
    assert isinstance(outcome.error, DecryptionError)
    assert not bench.found("events")
    with Keyring.open(institution_key.private, institution_key.passphrase) as another:
        loads_now(replace(bench, keyring=another), day(1), sealed)


def test_gpg_that_is_gone_in_the_middle_of_a_sync(faulty: FaultyGpg) -> None:
    bench, sealed = faulty.bench, faulty.bench.seal(log_of())
    faulty.program.rename(faulty.program.with_name("away"))
    error = failed(bench.load(day(1), sealed), bench, DecryptionError, "gpg cannot be started", "no such file")
    faulty.program.with_name("away").rename(faulty.program)
    assert "gnupg" in error.hint
    assert error.passing
    loads_now(bench, day(1), sealed)


# --- the key and the passphrase


def test_a_wrong_passphrase_after_the_right_one(bench: Bench) -> None:
    sealed = bench.seal(log_of())
    loads_now(bench, day(2), sealed)
    bench.clear()
    wrong = replace(bench, keyring=Keyring.attached(replace(bench.keyring.ticket, passphrase=Secret("wrong horse"))))
    error = failed(wrong.load(day(1), sealed), bench, WrongPassphraseError, bench.keyring.fingerprint)
    assert "wrong horse" not in f"{error.what} {error.hint}"
    loads_now(bench, day(1), sealed)


def test_a_message_for_another_key(bench: Bench, tmp_path: Path) -> None:
    stranger = make_key(tmp_path, name="Another Institution", email="czar@example.org", passphrase="another", kind="ecc")
    with Sealer(stranger) as theirs:
        sealed = theirs.seal(log_of())
    failed(bench.load(day(1), sealed), bench, WrongKeyError, bench.keyring.fingerprint)
    loads_now(bench, day(2), bench.seal(log_of()))
    with Keyring.open(stranger.private, stranger.passphrase) as right:
        assert replace(bench, keyring=right).load(day(1), sealed).state is ImportState.LOADED


def test_an_expired_key_reads_what_was_sealed_before(bench: Bench, tmp_path: Path) -> None:
    made = datetime(2014, 5, 1, tzinfo=UTC)
    key = make_key(tmp_path, name="Expired Key", email="old@example.org", passphrase="old", kind="ecc", created=made, lifetime=timedelta(days=365))
    with Sealer(key, clock=made + timedelta(days=30)) as before:
        sealed = before.seal(log_of())
    with Keyring.open(key.private, key.passphrase) as expired:
        assert expired.expired
        loads_now(replace(bench, keyring=expired), day(1), sealed)


# --- the message


@pytest.mark.parametrize(
    ("damage", "kind", "words"),
    [
        (lambda sealed: b"", None, "empty"),
        (lambda sealed: sealed[:100], CorruptMessageError, "only the beginning of one"),
        (lambda sealed: sealed[:-1], CorruptMessageError, "cut short"),
        (lambda sealed: sealed[: len(sealed) // 2], CorruptMessageError, "cut short"),
        (lambda sealed: sealed[:-5] + bytes([sealed[-5] ^ 1]) + sealed[-4:], CorruptMessageError, "damaged"),
        (lambda sealed: sealed[:400_000] + bytes([sealed[400_000] ^ 1]) + sealed[400_001:], CorruptMessageError, "damaged"),
        (lambda sealed: sealed + b"\n", CorruptMessageError, "message"),
        (lambda sealed: b"<Error><Code>AccessDenied</Code></Error>", CorruptMessageError, "no OpenPGP message"),
    ],
    ids=["empty", "cut in its header", "last byte gone", "half", "check changed", "content changed", "added to", "an error page"],
)
def test_a_message_that_is_not_whole(bench: Bench, damage: Callable[[bytes], bytes], kind: type[DecryptionError] | None, words: str) -> None:
    sealed = bench.sealer.seal(log_of(800_000), compress=False)
    outcome = bench.load(day(1), damage(sealed))
    if kind is None:
        assert isinstance(outcome.error, EdxImportError)
        assert words in str(outcome.error)
    else:
        assert not failed(outcome, bench, kind, words).passing
    loads_now(bench, day(2), bench.seal(log_of()))


def test_an_unprotected_message_needs_permission_and_must_still_be_whole(bench: Bench, institution_key: InstitutionKey) -> None:
    """Without protection a flipped byte may go unnoticed by gpg; the gzip within has a checksum, and a table in a ZIP has none."""
    with Sealer(institution_key, protected=False) as before:
        sealed, member = before.seal(log_of()), before.seal(people(1, 2))
    error = failed(bench.load(day(1), sealed), bench, UnprotectedMessageError, "no integrity protection")
    assert "--allow-unprotected" in error.hint
    week = zipped(
        {f"demox-2020-01-12/{part('auth_user')}": member, f"demox-2020-01-12/{part('student_courseenrollment')}": bench.seal(enrollments(COURSE, 1))}
    )
    assert bench.load(WEEK, week).members == {"failed": 1, "loaded": 1}
    with Keyring.open(institution_key.private, institution_key.passphrase, allow_unprotected=True) as lenient:
        permitted = replace(bench, keyring=lenient)
        bench.clear()
        for place in (len(sealed) - 20, len(sealed) - 60):  # in the gzip
            outcome = permitted.load(day(1), sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
            assert outcome.state is ImportState.FAILED
        assert permitted.load(day(1), sealed[:-1]).state is ImportState.FAILED
        assert bench.collections() == set()
        loads_now(permitted, day(1), sealed)
        assert permitted.load(WEEK, week).state is ImportState.LOADED
