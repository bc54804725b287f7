"""Where it all happens: a server of the benchmark's own, packages, and `edx-import` run as a process of its own, measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks.measured import Measured, Results
from benchmarks.packages import Cabinet, courses_yaml, open_cabinet
from benchmarks.scale import Scale, cache_folder
from benchmarks.usage import Watch, adopt_orphans, cpu_seconds, forget_peak, peak_mb
from edx_import.store.local_server import LocalServer, wait_until_ended


@dataclass(frozen=True, slots=True)
class Server:
    """The MongoDB that is measured."""

    uri: str
    pid: int
    version: str
    client: MongoClient[dict[str, Any]]

    def calm(self) -> None:
        """Puts all that was written before on disk, so that the next measurement does not pay for it."""
        self.client.admin.command("fsync")
        forget_peak(self.pid)

    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_seconds(self.pid)

    def drop(self, database: str) -> None:
        """Removes a database."""
        self.client.drop_database(database)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of the program wrote to stdout, and what it used."""

    out: bytes
    seconds: float
    client_cpu: float
    server_cpu: float
    memory: Mapping[str, float]
    together: float
    processes: Mapping[str, int]

    def measured(self, name: str, what: str, number: int, unit: str, notes: Mapping[str, float]) -> Measured:
        """As a measurement: this number of `unit` was worked on."""
        return Measured(name, what, number, unit, self.seconds, self.client_cpu, self.server_cpu, self.memory, self.together, notes)


@dataclass(frozen=True, slots=True)
class Place:
    """What every part of the benchmark works with."""

    folder: Path
    cabinet: Cabinet
    server: Server
    scale: Scale
    results: Results
    environment: Mapping[str, str]

    def sync(self, name: str, what: str, source: Path, database: str, *options: str, unit: str = "events", **variables: str) -> Measured:
        """Runs `edx-import sync --source SOURCE` into a database, from the start of the program to its end; what it read is the number.

        `notes` say how long the objects themselves took, without start-up (`inside`), and count what the sync did. Raises RuntimeError when it fails.
        """
        ran = self.run(database, "sync", "--json", "--source", str(source), *options, **variables)
        summary = json.loads(ran.out)
        counts = summary["counts"]
        notes = {
            "inside": summary["seconds"],
            "rolled up in": summary["rollup_seconds"],
            "loaded": counts["loaded"],
            "duplicate": counts["duplicate"],
            "rejected": counts["rejected"],
        }
        notes |= {f"{role} processes": number for role, number in ran.processes.items()}
        return ran.measured(name, what, counts["read"], unit, notes)

    def run(self, database: str, *arguments: str, **variables: str) -> Ran:
        """Runs `edx-import` on a database, from the start of the program to its end. Raises RuntimeError when it fails."""
        command = [sys.executable, "-m", "edx_import", *arguments]
        self.server.calm()
        server_before = self.server.cpu()
        with Watch() as watch, (self.folder / "out").open("w+b") as out, (self.folder / "err").open("w+b") as err:
            begun = time.perf_counter()
            process = subprocess.Popen(command, env={**self.environment, "STORAGE_DB": database, **variables}, stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
            server_cpu = self.server.cpu() - server_before
            client_cpu = usage.ru_utime + usage.ru_stime + watch.reap()
            if process.returncode:
                err.seek(0)
                raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {err.read().decode()}")
            out.seek(0)
            told = out.read()
        peaks = watch.peaks
        memory = peaks.largest | {"mongod": peak_mb(self.server.pid)}
        return Ran(told, seconds, client_cpu, server_cpu, memory, peaks.together, peaks.processes)


@contextmanager
def opened(scale: Scale) -> Iterator[Place]:
    """A place for one run; nothing of it is left, but packages where a cache is asked for."""
    adopt_orphans()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edx-import-bench-")))
        home = folder / "home"
        cabinet = open_cabinet(cache_folder(os.environ) or folder / "packages")
        stack.callback(wait_until_ended, home)
        mongod = os.environ.get("EDX_IMPORT_MONGOD")
        server = _joined(stack.enter_context(LocalServer.attach(home, Path(mongod) if mongod else None)), stack)
        yield Place(folder, cabinet, server, scale, Results(), _environment(folder, cabinet, server.uri))


def _joined(local: LocalServer, stack: ExitStack) -> Server:
    client: MongoClient[dict[str, Any]] = stack.enter_context(MongoClient(local.uri))
    status = client.admin.command("serverStatus")
    return Server(local.uri, int(status["pid"]), str(status["version"]), client)


def _environment(folder: Path, cabinet: Cabinet, uri: str) -> dict[str, str]:
    """What `edx-import` is told; nothing of the caller's environment but where programs are."""
    (folder / "key.asc").write_text(cabinet.key.private.reveal(), encoding="utf-8")
    (folder / "courses.yaml").write_text(courses_yaml(), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "STORAGE_URI": uri,
        "EDX_ORG": "demox",
        "EDX_IMPORT_HOME": str(folder / "sync-home"),
        "KEY_FILE": str(folder / "key.asc"),
        "KEY_PASSPHRASE": cabinet.key.passphrase.reveal(),
        "COURSES_FILE": str(folder / "courses.yaml"),
    }
