"""Nobody learns a secret from a sync, nor a learner's data from anything but the database: no other process, no log, no message, no file."""

from __future__ import annotations

import json
import os
import pickle
import pprint
import re
import resource
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import failing
import pytest
from bson.raw_bson import RawBSONDocument
from desk import Said
from pymongo import MongoClient
from s3_proxy import Exchange, Fault, FaultProxy, Reply
from s3_proxy import answer as reply_with
from watching import Watch

from edx_import import secrecy
from edx_import.cli import cmd_file
from edx_import.courses import CourseCatalog
from edx_import.decryption import KeyringTicket
from edx_import.decryption.identity import Identity
from edx_import.errors import ConfigurationError, EdxImportError, SourceError, StoreError, UnexpectedError
from edx_import.packages.s3 import S3Access, S3Source
from edx_import.sample.package import COURSE_BUCKET, EVENT_BUCKET, make_package
from edx_import.sample.people import learners_of
from edx_import.sample.recipe import Recipe, sample_courses_yaml
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.settings import Secret, Settings
from edx_import.store.connection import Store
from edx_import.store.local_server import LocalServer
from edx_import.store.queries import Queries
from edx_import.wiring import WorkerSpec, s3_access

pytestmark = pytest.mark.proof

RECIPE = Recipe(
    seed=3,
    learners=24,
    days=2,
    events_per_day=60,
    blocks_per_learner=2,
    tables=frozenset(("auth_user", "auth_userprofile", "student_courseenrollment")),
    dirt=frozenset(("cut_line", "bad_time", "wrong_field_count", "bad_date", "same_key")),
)

#: What is searched for is the random part; around it is what is written in another way in JSON, in Python and in a URI.
PASSPHRASE, PASSWORD, SECRET_KEY, TOKEN, WRONG = (secrets.token_hex(16) for _ in range(5))
QUOTED = f'{PASSPHRASE} "ü\\'

LEARNERS = tuple(text.encode() for learner in learners_of(RECIPE, "prod") for text in (learner.email, learner.session, learner.hash_id))


@dataclass(frozen=True)
class Place:
    """A key, a package in S3, a MongoDB that asks for a login, and the environment that names them. `needles` are the secrets in it."""

    key: InstitutionKey
    environment: dict[str, str]
    needles: Mapping[str, tuple[bytes, ...]]
    port: int

    def uri(self, password: str = f'{PASSWORD} "ü/') -> str:
        return f"mongodb://importer:{quote(password, safe='')}@127.0.0.1:{self.port}/?authSource=admin"

    def assert_silent(self, text: str) -> None:
        """Neither a secret nor a learner is in there."""
        data = text.encode()
        assert [name for name, needles in self.needles.items() if any(needle in data for needle in needles)] == []
        assert [learner for learner in LEARNERS if learner in data] == []

    def run(self, *arguments: str, program: tuple[str, ...] = ("-m", "edx_import"), **variables: str) -> Said:
        """Runs a command line, which must not tell anything."""
        environment = {name: value for name, value in (self.environment | variables).items() if value}
        done = subprocess.run([sys.executable, *program, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.assert_silent(done.stdout + done.stderr)
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, s3_server: str, start_mongod: Callable[..., tuple[int, subprocess.Popen[bytes]]]) -> Place:
    folder = tmp_path_factory.mktemp("place")
    key = make_key(folder, name="Demo University", email="data@example.org", passphrase=QUOTED, kind="ecc")
    with Sealer(key) as sealer:
        make_package(RECIPE, folder, sealer)
    (folder / "courses.yaml").write_text(sample_courses_yaml(RECIPE), encoding="utf-8")
    port, _ = start_mongod("--auth")
    made = Place(key, {}, _needles(key), port)
    with closing(MongoClient[dict[str, Any]](port=port)) as client:
        client.admin.command("createUser", "importer", pwd=f'{PASSWORD} "ü/', roles=["root"])
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "EDX_ORG": "demox",
        "COURSES_FILE": str(folder / "courses.yaml"),
        "KEY": key.private.reveal(),
        "KEY_PASSPHRASE": key.passphrase.reveal(),
        "STORAGE_URI": made.uri(),
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "AKIDSAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": TOKEN,
        **_uploaded(folder, s3_server),
    }
    return Place(key, environment, made.needles, port)


def _needles(key: InstitutionKey) -> dict[str, tuple[bytes, ...]]:
    lines = tuple(line.encode() for line in key.private.reveal().splitlines() if len(line) > 40 and "-----" not in line)
    assert len(lines) > 5
    random = {"passphrase": PASSPHRASE, "password": PASSWORD, "secret key": SECRET_KEY, "session token": TOKEN, "wrong": WRONG}
    return {"key": lines} | {name: (text.encode(),) for name, text in random.items()}


def _uploaded(folder: Path, endpoint: str) -> dict[str, str]:
    buckets = {COURSE_BUCKET: f"c-{secrets.token_hex(4)}", EVENT_BUCKET: f"e-{secrets.token_hex(4)}"}
    with closing(boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")) as client:
        for part, bucket in buckets.items():
            client.create_bucket(Bucket=bucket)
            for path in (path for path in (folder / part).rglob("*") if path.is_file()):
                client.upload_file(str(path), bucket, path.relative_to(folder / part).as_posix())
    return {"EDX_COURSE_DATA_BUCKET": buckets[COURSE_BUCKET], "EDX_EVENT_BUCKET": buckets[EVENT_BUCKET]}


# --- a sync that goes well


@dataclass(frozen=True)
class Watched:
    """A sync that was watched: what it said, what was seen, all documents that it left, as they are stored."""

    said: Said
    watch: Watch
    programs: tuple[str, ...]
    kept: Path
    documents: list[bytes] = field(default_factory=list)


@pytest.fixture(scope="module", params=["two processes, secrets in the environment", "one process, secrets in files, local MongoDB"])
def watched(request: pytest.FixtureRequest, place: Place) -> Iterator[Watched]:
    """As much as it can say, and with a umask that protects nothing."""
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as name, ExitStack() as stack:
        folder = Path(name)
        for each in ("tmp", "secrets"):
            (folder / each).mkdir(mode=0o700)
        variables = {"EDX_IMPORT_HOME": f"{name}/home", "TMPDIR": f"{name}/tmp", "STORAGE_DB": "watched"}
        options: tuple[str, ...] = ("-vv", "sync", "--jobs", "2")
        programs: tuple[str, ...] = ("--decrypt", "gpg-agent", "guardian.py", "--multiprocessing-fork", "resource_tracker")
        if request.param.startswith("one"):
            options = ("-vv", "--log-format", "json", "sync", "--jobs", "1")
            programs = (*programs[:3], "server_keeper.py", "mongod\0--dbpath")
            variables |= _in_files(place.environment, folder / "secrets") | {"STORAGE_URI": "", "PYTHONDEVMODE": "1"}
        said, watch = _run_watched(place, folder, (*options, "--keep", f"{name}/kept/here"), variables)
        uri = place.uri() if "STORAGE_URI" not in variables else stack.enter_context(LocalServer.attach(folder / "home", None)).uri
        yield Watched(said, watch, programs, folder / "kept", _documents(uri))


def _in_files(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Every secret in a file, and its variable empty."""
    variables: dict[str, str] = {}
    for name in ("KEY", "KEY_PASSPHRASE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        (folder / name).write_text(environment[name], encoding="utf-8")
        variables |= {name: "", f"{name}_FILE": str(folder / name)}
    return variables


def _run_watched(place: Place, folder: Path, arguments: tuple[str, ...], variables: Mapping[str, str]) -> tuple[Said, Watch]:
    environment = {name: value for name, value in {**place.environment, **variables}.items() if value}
    command = [sys.executable, "-m", "edx_import", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, umask=0, cwd=folder / "tmp")
    with process, Watch(process.pid, place.needles, LEARNERS, [folder / part for part in ("home", "tmp", "kept")]) as watch:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return Said(process.returncode, out, err), watch


def _documents(uri: str) -> list[bytes]:
    """Every document of every collection, as it is stored."""
    with closing(MongoClient(uri, document_class=RawBSONDocument)) as client:
        database = client["watched"]
        return [bytes(document.raw) for name in database.list_collection_names() for document in database[name].find()]


def test_no_process_is_told_a_secret_and_nothing_of_a_learner_is_on_disk(watched: Watched) -> None:
    """On its command line or in its environment; in a file that is there at any time, but for MongoDB's own."""
    assert watched.watch.saw(*watched.programs) == list(watched.programs)
    assert [name for name in ("scratch/edx-import-", "edx-import-gpg-", "/kept/here") if not any(name in file for file in watched.watch.files)] == []
    assert watched.watch.found == set()


def test_a_sync_says_much_and_tells_nothing(watched: Watched, place: Place) -> None:
    assert "started demox" in watched.said.err  # -v
    assert "rejected" in watched.said.err
    place.assert_silent(watched.said.out + watched.said.err)


def test_the_database_holds_the_learners_and_no_secret(watched: Watched) -> None:
    together = b"\n".join(watched.documents)
    assert [learner for learner in LEARNERS if learner in together] != []
    assert watched.watch.names_in(together) == []


def test_files_are_for_their_owner_alone_whatever_the_umask(watched: Watched) -> None:
    assert watched.watch.open == set()
    kept = list(watched.kept.rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_dir()} == {0o700}


def test_nothing_stays_in_the_folder_for_temporary_files(watched: Watched) -> None:
    assert list((watched.kept.parent / "tmp").iterdir()) == []


@pytest.mark.parametrize(("mode", "left"), [(None, 0o600), (0o640, 0o640)], ids=["new", "replaced"])
def test_a_report_is_for_its_owner_alone_unless_the_file_was_open_before(tmp_path: Path, mode: int | None, left: int) -> None:
    report = tmp_path / "report.csv"
    if mode is not None:
        report.touch()
        report.chmod(mode)
    before = os.umask(0)
    try:
        cmd_file.to_file(report, lambda stream: int(stream.write(b"id\n")))
    finally:
        os.umask(before)
    assert report.read_bytes() == b"id\n"
    assert stat.S_IMODE(report.stat().st_mode) == left


# --- what goes wrong


def echo(code: int, error: str) -> Callable[[Exchange], None]:
    """S3 refuses, and says all that it was told."""

    def echoed(exchange: Exchange) -> None:
        said = told_to(exchange)
        xml = f"<?xml version='1.0'?><Error><Code>{error}</Code><Message>{said}</Message><StringToSign>{said}</StringToSign></Error>"
        reply_with(Reply(code, {"Content-Type": "application/xml"}, xml.encode()))(exchange)

    return echoed


def welcome(exchange: Exchange) -> None:
    """A gate in the network that wants to be paid first, in S3's place."""
    reply_with(Reply(200, {"Content-Type": "text/html"}, f"<html><p>Welcome! You sent {told_to(exchange)}<br></html>".encode()))(exchange)


def told_to(exchange: Exchange) -> str:
    said = "".join(f"{name}: {value}\n" for name, value in exchange.headers.items())
    assert TOKEN in said
    return said


def test_a_wrong_passphrase_and_a_uri_in_a_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "uri").write_text(place.uri(), encoding="utf-8")
    said = place.run("-vv", "sync", KEY_PASSPHRASE=WRONG, STORAGE_URI="", STORAGE_URI_FILE=str(tmp_path / "uri"))
    assert said.code == 5
    assert "the passphrase does not open the private key" in said.err


def test_a_passphrase_where_the_key_should_be_and_a_wrong_password_of_mongodb(place: Place) -> None:
    said = place.run("--log-format", "json", "-vv", "doctor", KEY=WRONG, STORAGE_URI=place.uri(WRONG))
    assert said.code == 3
    assert "the private key cannot be read" in said.out
    assert "does not accept the user name or password" in said.out


def test_the_key_where_its_path_should_be(place: Place) -> None:
    with pytest.raises(ConfigurationError, match="KEY_FILE: holds the key itself") as caught:
        Settings.from_env({"KEY_FILE": place.key.private.reveal()})
    place.assert_silent(_told(caught))


def test_a_password_with_a_slash_is_not_taken_for_a_host() -> None:
    with pytest.raises(StoreError, match="STORAGE_URI cannot be understood"):
        Store.unchecked("mongodb://importer:4711/4712@127.0.0.1", "edx")


def test_mongodb_is_down(place: Place) -> None:
    with pytest.raises(StoreError, match="MongoDB cannot be reached") as caught:
        Store.connect(place.uri().replace(f":{place.port}/", ":1/"), "down", timeout_s=0.1)
    place.assert_silent(_told(caught))


def test_mongodb_is_not_quoted_where_it_shows_a_document(database: Store) -> None:
    database.database["events"].insert_one({"username": "a learner"})
    for expression in ({"$toInt": "$username"}, {"$dateFromParts": {"year": "$username"}}, {"$mergeObjects": "$username"}):
        with pytest.raises(StoreError, match=r"MongoDB refused \(code ") as caught:
            list(Queries(database.database).aggregate("events", [{"$project": {"n": expression}}]))
        assert "a learner" not in _told(caught)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (echo(403, "AccessDenied"), "access denied"),
        (echo(403, "SignatureDoesNotMatch"), "the secret access key does not belong to the access key"),
        (echo(400, TOKEN), "S3 refused (***)"),
        (welcome, "listing s3://"),
    ],
    ids=["denied", "signature", "unknown", "something else"],
)
def test_s3_repeats_what_it_was_told(place: Place, s3_server: str, answer: Callable[[Exchange], None], told: str) -> None:
    access = S3Access(Secret("AKIDSAMPLE"), Secret(SECRET_KEY), Secret(TOKEN))
    with FaultProxy(s3_server, [Fault(answer, times=None, listing=True)]) as proxy, pytest.raises(SourceError) as caught:
        S3Source(replace(access, endpoint_url=proxy.url)).check_access("demox")
    assert proxy.requests
    assert told in caught.value.what
    place.assert_silent(_told(caught))


def test_a_sync_that_s3_denies_and_repeats(place: Place, s3_server: str) -> None:
    with FaultProxy(s3_server, [Fault(echo(403, TOKEN), times=None, listing=True)]) as proxy:
        said = place.run("--log-format", "json", "-vv", "sync", AWS_ENDPOINT_URL=proxy.url)
    assert said.code == 4
    assert "S3 refused (***)" in said.err


def _told(caught: pytest.ExceptionInfo[Exception]) -> str:
    return "".join(traceback.format_exception(caught.value))


# --- bugs

FAILING = (str(failing.__file__),)
WORDS = f"{QUOTED} of {LEARNERS[0].decode()}"


def test_a_bug_is_told_with_its_place_and_without_its_words(place: Place) -> None:
    said = place.run("sync", program=FAILING, FAIL_AT="start", FAIL_WORDS=WORDS)
    assert said.code == 1
    assert "error: unexpected: RuntimeError\n" in said.err
    assert said.err.count("Traceback (most recent call last):") == 2
    assert '    raise RuntimeError(f"not expected: {words!r}") from error\n' in said.err
    assert "\nKeyError\n\nwhich led to\n" in said.err


def test_a_bug_in_json_is_one_object(place: Place) -> None:
    said = place.run("--log-format", "json", "sync", program=FAILING, FAIL_AT="start", FAIL_WORDS=WORDS)
    told = json.loads(said.err)
    assert told["message"] == "unexpected: RuntimeError"
    assert "in fail" in told["trace"]


def test_a_bug_in_a_thread_and_what_libraries_log(place: Place) -> None:
    said = place.run("cmd", "list_courses", program=FAILING, FAIL_AT="aside", FAIL_WORDS=WORDS)
    assert said.code == 0
    assert "error: unexpected: RuntimeError\n" in said.err
    assert "of a library" not in said.err


@pytest.mark.parametrize(("at", "jobs"), [("begin", "1"), ("build", "2")])
def test_a_bug_is_told_wherever_it_is(place: Place, at: str, jobs: str) -> None:
    """Outside the care for single objects; in a worker."""
    said = place.run("sync", "--jobs", jobs, "--only", "events", "--latest", program=FAILING, FAIL_AT=at, FAIL_WORDS=WORDS, STORAGE_DB=f"bug_{at}")
    assert said.code == 1
    assert len(re.findall(r"^error: .*unexpected: RuntimeError$", said.err, re.MULTILINE)) == 1
    assert said.err.count("in fail\n") == 2  # of two exceptions


def test_a_failed_object_leaves_no_secret_in_the_ledger_and_workers_are_closed(place: Place) -> None:
    """One has a bug; the other an expected error, of which somebody did not see that it holds a secret."""
    arguments = ("sync", "--jobs", "2", "--only", "events", "--json")
    said = place.run(*arguments, program=FAILING, FAIL_AT="piece", FAIL_WORDS=QUOTED, STORAGE_DB="failed")
    told = {outcome["key"][-21:-11]: outcome["error"] for outcome in said.json["imports"]}
    assert told["2020-01-12"]["what"] == "unexpected: RuntimeError"
    assert told["2020-01-11"]["what"] == "expected, but badly told: ***"
    if sys.platform == "linux":
        assert told["2020-01-11"]["hint"] == "dumpable 0, core dumps of (0, 0) bytes"
    with Store.connect(place.uri(), "failed") as store:
        recorded = list(store.database["imports"].find({"state": "failed"}))
    assert len(recorded) == 2
    place.assert_silent(str(recorded))


# --- memory


def _core_dumped(command: list[str], environment: Mapping[str, str], cwd: Path) -> bool:
    """Whether the system made a core dump of a program that ended by a signal, where the limits allow for it."""

    def allow() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    process = subprocess.Popen(command, env=environment, cwd=cwd, stderr=subprocess.DEVNULL, preexec_fn=allow)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == -signal.SIGABRT
    return os.WCOREDUMP(status)


def test_there_is_no_core_dump(place: Place, tmp_path: Path) -> None:
    if not _core_dumped(["sh", "-c", "kill -ABRT $$"], {"PATH": os.environ["PATH"]}, tmp_path):
        pytest.skip("the system makes none of any program")
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    assert not _core_dumped([sys.executable, *FAILING, "sync"], {**place.environment, "FAIL_AT": "abort"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


_CLOSED = """
import contextlib, ctypes, os, resource, subprocess
from edx_import.secrecy import close_to_others
with contextlib.suppress(PermissionError):  # to all but root it is a user's own process
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
close_to_others()
for name in ("environ", "mem", "cmdline", "stat"):
    print(name, subprocess.run(["head", "-c", "1", f"/proc/{os.getpid()}/{name}"], capture_output=True).returncode)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the call is Linux's")
def test_other_processes_of_the_user_cannot_look_into_it_but_find_it() -> None:
    """The guardian and the lock look at command lines and at when a process began."""
    done = subprocess.run([sys.executable, "-c", _CLOSED], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"], "KEY": WRONG})
    assert done.stdout.split() == ["environ", "1", "mem", "1", "cmdline", "0", "stat", "0"]


# --- values


def _values() -> list[object]:
    settings = Settings(
        home=Path("/home"),
        scratch=Path("/scratch"),
        secret_access_key=Secret(SECRET_KEY),
        session_token=Secret(TOKEN),
        key=Secret(WRONG),
        passphrase=Secret(PASSPHRASE),
        storage_uri=Secret(f"mongodb://importer:{PASSWORD}@127.0.0.1:1/"),
    )
    ticket = KeyringTicket(Path("/keyring"), settings.passphrase, Identity("0" * 40, "Demo University", False))
    assert settings.storage_uri is not None
    access = s3_access(settings)
    store = Store.unchecked(settings.storage_uri, "edx")
    return [
        settings,
        access,
        S3Source(access),
        ticket,
        store,
        store.database,
        WorkerSpec(settings.storage_uri, "edx", CourseCatalog()),
        InstitutionKey(Secret(WRONG), "public", "0" * 40, Secret(PASSPHRASE)),
        EdxImportError(PASSPHRASE, TOKEN),
    ]


def test_no_value_shows_a_secret() -> None:
    values = _values()
    for value in values:
        plain = asdict(value) if hasattr(value, "__dataclass_fields__") else value  # type: ignore[call-overload]
        shown = f"{value} {value!r} {[value]} {pprint.pformat(value)} {pprint.pformat(plain)}"
        assert [secret for secret in (PASSPHRASE, PASSWORD, SECRET_KEY, TOKEN, WRONG) if secret in shown] == [], type(value)
    values[4].close()  # type: ignore[attr-defined]


def test_what_cannot_be_sent_to_a_worker_is_not_shown_either() -> None:
    with pytest.raises(Exception, match="pickle") as caught:
        pickle.dumps((S3Access(secret_access_key=Secret(SECRET_KEY)), lambda: None))
    assert SECRET_KEY not in "".join(map(str, (caught.value, caught.getrepr())))


@pytest.mark.parametrize(
    "write",
    [
        str,
        repr,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: repr(text.encode()),
        quote,
        lambda text: quote(text, safe=""),
    ],
    ids=["as it is", "Python", "JSON", "JSON in Unicode", "bytes", "path", "URI"],
)
def test_a_secret_is_masked_however_it_is_written(write: Callable[[str], str]) -> None:
    Secret(QUOTED)
    shown = secrecy.masked(f"before {write(QUOTED)} after")
    assert shown.replace('"', "").replace("'", "").replace(" b***", " ***") == "before *** after"


def test_of_a_uri_the_password_is_secret_as_it_is_written_and_as_it_is_meant() -> None:
    password, option = secrets.token_hex(8) + "/ü", secrets.token_hex(8)
    Secret(f"mongodb://somebody:{quote(password, safe='')}@db.example.org:1/?tls=true&tlsCertificateKeyFilePassword={option}&w=1")
    shown = secrecy.masked(f"somebody {password} {quote(password, safe='')} db.example.org {option} tls=true")
    assert shown == "somebody *** *** db.example.org *** tls=true"


def test_of_a_key_every_line_is_secret(place: Place) -> None:
    Secret(place.key.private.reveal())
    shown = secrecy.masked("\n".join(f"> {line}" for line in place.key.private.reveal().splitlines()))
    place.assert_silent(shown)
    assert "-----BEGIN PGP PRIVATE KEY BLOCK-----" in shown


def test_a_short_secret_is_not_looked_for() -> None:
    """It would be found in ordinary words, and so be told by what is missing."""
    Secret("import")
    assert secrecy.masked("edx-import") == "edx-import"


def test_a_trace_ends_where_exceptions_go_round() -> None:
    first, second = ValueError(WRONG), KeyError(WRONG)
    first.__cause__, second.__cause__ = second, first
    assert UnexpectedError.of(first).trace.count("Traceback") == 2
    assert WRONG not in str(UnexpectedError.of(first).trace)
