"""Settings to tools: the one place that knows every concrete part and puts them together."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edx_import.courses import CourseCatalog, load_courses
from edx_import.decryption import Keyring
from edx_import.decryption.home import places
from edx_import.errors import ConfigurationError
from edx_import.guardian import Guardian, sweep
from edx_import.packages.base import PackageSource
from edx_import.packages.folder import FolderSource
from edx_import.privacy.screen import screen_of
from edx_import.privacy.state import PrivacyState
from edx_import.progress import Progress, SilentProgress
from edx_import.settings import Secret, Settings
from edx_import.store.changes import Writer
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store
from edx_import.store.local_server import LocalServer
from edx_import.store.lock import LockToken, sync_lock
from edx_import.store.privacy_books import privacy_state
from edx_import.store.schema import check_schema
from edx_import.sync.pieces import RowTools
from edx_import.sync.plan import Plan
from edx_import.sync.pool import Executor, InlineExecutor, ParallelExecutor
from edx_import.sync.stop import Stop
from edx_import.sync.tools import Tools
from edx_import.sync.workers import Workers

if TYPE_CHECKING:
    from edx_import.packages.s3 import S3Access


@contextmanager
def storage(settings: Settings) -> Iterator[Secret]:
    """The URI of the MongoDB to use: the one that was given, a linked container's, else our own local one, running meanwhile."""
    uri = given_storage(settings)
    if uri is not None:
        yield uri
    else:
        with LocalServer.attach(settings.home, settings.mongod) as server:
            yield Secret(server.uri)


def given_storage(settings: Settings) -> Secret | None:
    """The URI of the MongoDB that was given, or of a linked container; None when that is for our own local one to be."""
    if settings.storage_uri is None and _in_container() and _resolves("storage"):
        return Secret("mongodb://storage:27017")
    return settings.storage_uri


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists() or "KUBERNETES_SERVICE_HOST" in os.environ


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 27017)
    except OSError:
        return False
    return True


@contextmanager
def opened_store(uri: Secret, settings: Settings) -> Iterator[Store]:
    """A connection to the database, of a schema that we know, with its collections and indexes in place."""
    with Store.connect(uri, settings.storage_db) as store:
        check_schema(store)
        ensure_collections(store)
        yield store


@contextmanager
def writer_for(store: Store, writes: bool) -> Iterator[Writer | None]:
    """For a command that says that it writes: holds the lock that syncs take, and gives what it writes with. Raises LockHeldError, StoreError."""
    if not writes:
        yield None
        return
    with sync_lock(store) as lock:
        yield Writer(store, lock)


def open_source(settings: Settings, uri: str | None) -> PackageSource:
    """The package source: S3, or the folder at `uri` (a path, or `file:///...`)."""
    if uri is None or uri == "s3":
        from edx_import.packages.s3 import S3Source  # boto3 takes a third of a second, which a folder need not wait for

        return S3Source(s3_access(settings))
    if "://" in uri and not uri.startswith("file://"):
        raise ConfigurationError(f"--source {uri}: not a kind of source", "Leave it out for S3, or give the path of a folder.")
    return FolderSource(Path(uri.removeprefix("file://")))


def s3_access(settings: Settings) -> S3Access:
    """What S3 needs of the settings."""
    from edx_import.packages.s3 import S3Access

    return S3Access(
        access_key_id=settings.access_key_id,
        secret_access_key=settings.secret_access_key,
        session_token=settings.session_token,
        course_bucket=settings.course_bucket,
        event_bucket=settings.event_bucket,
    )


@contextmanager
def open_keyring(settings: Settings, *, allow_unprotected: bool = False) -> Iterator[Keyring]:
    """The institution's key in a throw-away keyring; its passphrase has been tried. Raises ConfigurationError, DecryptionError.

    While it is open, a guardian stands by to clean up after this process: keyring, gpg, and what has been fetched.
    """
    key = settings.require_key()
    with start_guardian(settings.scratch), Keyring.open(key, settings.passphrase, allow_unprotected=allow_unprotected) as keyring:
        yield keyring


def start_guardian(scratch: Path, keyrings: Path | None = None) -> Guardian:
    """Cleans up after this process if it is killed: in the scratch folder, and wherever keyrings may lie (also there). Raises ConfigurationError."""
    return Guardian.start(scratch, places(keyrings))


def organisations(settings: Settings, catalog: CourseCatalog, asked: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The organisations in the keys: those asked for, else EDX_ORG, else those of the ids in courses.yaml."""
    orgs = tuple(org.strip().lower() for org in asked) or settings.orgs or catalog.org_candidates()
    if not orgs:
        raise ConfigurationError(
            "the organisation is not known: EDX_ORG is not set, and courses.yaml lists no course",
            "Set EDX_ORG to the name of your institution as it stands in the S3 keys, in lower case (for example EDX_ORG=universityx).",
        )
    return orgs


def catalog_of(settings: Settings) -> CourseCatalog:
    """courses.yaml, read and checked."""
    return load_courses(settings.courses_file)


@dataclass(frozen=True, slots=True)
class Means:
    """How the user wants a sync to be done: from where (None: S3), by how many processes, where copies of the sealed objects are kept."""

    source: str | None = None
    jobs: int = 1
    keep: Path | None = None
    allow_unprotected: bool = False


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that a worker process needs. Picklable; goes through a pipe, never by the environment."""

    uri: Secret
    database: str
    catalog: CourseCatalog
    lock: LockToken | None = None
    privacy: PrivacyState | None = None


def build_worker(spec: WorkerSpec, stop: Stop) -> RowTools:
    """The tools of a worker process; they live as long as it does."""
    store = Store.unchecked(spec.uri, spec.database)
    store.patience.check_stop = stop.check
    if spec.lock is not None:
        spec.lock.guard(store)
    return RowTools(store, spec.catalog, screen_of(spec.privacy))


@dataclass(slots=True)
class Workplace:
    """What a sync runs with: the open database, the source, the courses, and the keyring once something must be decrypted."""

    settings: Settings
    uri: Secret
    store: Store
    source: PackageSource
    catalog: CourseCatalog
    means: Means
    stack: ExitStack
    progress: Progress = field(default_factory=SilentProgress)
    lock: LockToken | None = None
    stop: Stop = field(default_factory=Stop)

    def take_lock(self) -> None:
        """Makes this the one sync of the database until the workplace is closed. Raises LockHeldError."""
        self.lock = self.stack.enter_context(sync_lock(self.store))
        sweep(self.settings.scratch, places())

    def executor_for(self, plan: Plan) -> Executor:
        """This process alone, or with `jobs` workers. Opens the keyring, so that a wrong passphrase is told before anything is fetched."""
        keyring = self.stack.enter_context(open_keyring(self.settings, allow_unprotected=self.means.allow_unprotected))
        privacy = privacy_state(self.store)
        tools = Tools(self.source, keyring, self.store, self.catalog, self.settings.scratch, self.lock, self.means.keep, self.progress, self.stop)
        tools = replace(tools, screen=screen_of(privacy))
        if self.means.jobs == 1:
            return InlineExecutor(tools)
        workers = Workers(self.means.jobs, build_worker, WorkerSpec(self.uri, self.settings.storage_db, self.catalog, self.lock, privacy), self.stop)
        return ParallelExecutor(replace(tools, workers=workers), workers)


@contextmanager
def workplace(settings: Settings, catalog: CourseCatalog, means: Means, progress: Progress) -> Iterator[Workplace]:
    """Everything a sync needs, closed at the end."""
    source = open_source(settings, means.source)
    with ExitStack() as stack:
        uri = stack.enter_context(storage(settings))
        store = stack.enter_context(opened_store(uri, settings))
        place = Workplace(settings, uri, store, source, catalog, means, stack, progress)
        store.patience.tell, store.patience.check_stop = progress.note, place.stop.check
        yield place
