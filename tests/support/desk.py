"""A data czar's desk for tests: the command line as a process of its own, and a look into the database it works on."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey
from edx_import.sample.totals import SampleTotals
from edx_import.store.connection import Store
from edx_import.store.fingerprint import database_hash

PASSPHRASE = 'pass "phrase" with \\ and ü'


@dataclass(frozen=True)
class Said:
    """What a command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Desk:
    """Runs `edx-import` with an environment, and looks into its database."""

    uri: str
    database: str
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, check: bool = False, **variables: str) -> Said:
        environment = {name: value for name, value in (self.environment | variables).items() if value}
        command = [sys.executable, "-m", "edx_import", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        said = Said(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in said.err, said.err
        if check:
            assert said.code == 0, said.err
        return said

    def sync(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """A sync that must go well; its summary."""
        summary = self.run("sync", "--json", *arguments, check=True, **variables).json
        assert isinstance(summary, dict)
        return summary

    def with_variables(self, **variables: str) -> Desk:
        return replace(self, environment=self.environment | variables)

    def store(self) -> Store:
        return Store.connect(self.uri, self.database)

    def hash(self) -> dict[str, str]:
        with self.store() as store:
            return database_hash(store)

    def find(self, collection: str, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        with self.store() as store:
            return list(store.database[collection].find(query or {}))

    def count(self, collection: str, query: dict[str, Any] | None = None) -> int:
        with self.store() as store:
            return store.database[collection].count_documents(query or {})


@dataclass(frozen=True)
class Package:
    """A sample package on disk, sealed for `key`, and what is in it."""

    recipe: Recipe
    folder: Path
    totals: SampleTotals
    key: InstitutionKey
