"""Containers for tests: what `docker` is asked, and a way to find again and remove all that was started."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from desk import Said


def docker(*arguments: str, check: bool = True, variables: Mapping[str, str] | None = None) -> Said:
    """Runs the command-line client, with variables in its environment; `check`: it must end with 0."""
    environment = {**os.environ, **(variables or {})}
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=300, check=False, env=environment)
    said = Said(done.returncode, done.stdout, done.stderr)
    assert not check or said.code == 0, f"docker {' '.join(arguments)}: {said.err or said.out}"
    return said


def _named(variables: Mapping[str, str]) -> list[str]:
    return [word for name in variables for word in ("--env", name)]


@dataclass(frozen=True)
class Engine:
    """Starts containers of the image under test, under names of its own; `remove_all` leaves none, nor their volumes and networks."""

    image: str
    label: str = field(default_factory=lambda: f"edx-import-test={os.getpid()}")
    _numbers: count[int] = field(default_factory=count)

    @property
    def slim(self) -> str:
        return f"{self.image}:slim"

    @property
    def full(self) -> str:
        return f"{self.image}:full"

    def name(self) -> str:
        """One that nothing has yet."""
        return f"edx-import-test-{os.getpid()}-{next(self._numbers)}"

    def run(self, *arguments: str, options: tuple[str, ...] = (), image: str = "", **variables: str) -> Said:
        """`docker run --rm` to its end; the variables are set in the container, their values not said in any argument."""
        command = ("run", "--rm", "--label", self.label, *options, *_named(variables), image or self.slim, *arguments)
        return docker(*command, check=False, variables=variables)

    def start(self, *arguments: str, options: tuple[str, ...] = (), image: str = "", **variables: str) -> str:
        """`docker run --detach`; the container's name."""
        name = self.name()
        labelled = ("--name", name, "--label", self.label)
        docker("run", "--detach", *labelled, *options, *_named(variables), image or self.slim, *arguments, variables=variables)
        return name

    def volume(self) -> str:
        name = self.name()
        docker("volume", "create", "--label", self.label, name)
        return name

    def network(self) -> str:
        name = self.name()
        docker("network", "create", "--label", self.label, name)
        return name

    def remove_all(self) -> None:
        for kind, remove in (("container", ("rm", "--force", "--volumes")), ("volume", ("rm", "--force")), ("network", ("rm",))):
            every = ("--all",) if kind == "container" else ()
            found = docker(kind, "ls", *every, "--quiet", "--filter", f"label={self.label}").out.split()
            if found:
                docker(kind, *remove, *found)


def inspected(name: str) -> dict[str, Any]:
    """All that the engine tells of a container or an image."""
    found = json.loads(docker("inspect", name).out)[0]
    assert isinstance(found, dict)
    return found


def logs(name: str) -> Said:
    """What a container has written so far."""
    return docker("logs", name)


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something to hold, a minute unless said otherwise."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"did not come in {seconds} s"
        time.sleep(0.1)


def mounted(secrets: Path, package: Path) -> tuple[str, ...]:
    """The options that give a container a folder with key, passphrase and courses.yaml, and a package; all made readable for everybody."""
    for folder in (secrets, package):
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    return (
        *("--volume", f"{secrets}:/run/secrets:ro", "--volume", f"{package}:/package:ro"),
        *("--env", "KEY_PASSPHRASE_FILE=/run/secrets/passphrase", "--env", "COURSES_FILE=/run/secrets/courses.yaml"),
        *("--env", "EDX_IMPORT_SOURCE=/package", "--env", "EDX_ORG=demox"),
    )
