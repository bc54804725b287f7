"""compose.yaml: a MongoDB that asks for a login, secrets as files, and `docker compose run --rm edx-import sync`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from containers import Engine, docker, mounted
from desk import PASSPHRASE, Package, Said

pytestmark = pytest.mark.image

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "p@ss/word"
PROJECT = f"edximporttest{os.getpid()}"
Compose = Callable[..., Said]


def _program() -> list[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    if os.environ.get("REQUIRE_ENGINE") == "1":
        pytest.fail("there is no docker compose")
    pytest.skip("there is no docker compose")


@pytest.fixture(scope="module")
def compose(engine: Engine, secrets: Path, package: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """Runs compose as in a folder with compose.yaml, courses.yaml and secrets/; only the images are those under test."""
    program = _program()
    folder = tmp_path_factory.mktemp("composed")
    server = f"{engine.image}:mongo"
    docker("build", "--quiet", "--build-arg", f"SERVER={engine.full}", "--tag", server, str(ROOT / "tests" / "image" / "mongo"))
    shutil.copy(ROOT / "compose.yaml", folder)
    shutil.copy(secrets / "courses.yaml", folder)
    (folder / "secrets").mkdir()
    for name, text in _secrets(secrets).items():
        (folder / "secrets" / name).write_text(text)
    mounted(folder, package.folder)
    source = f'["{package.folder}:/package:ro"]'
    (folder / "tested.yaml").write_text(
        f"services:\n  mongo: {{image: '{server}'}}\n"
        f"  edx-import: {{image: '{engine.slim}', volumes: {source}, environment: {{EDX_IMPORT_SOURCE: /package}}}}\n"
    )

    def run(*arguments: str) -> Said:
        command = [*program, "--project-name", PROJECT, "--file", "compose.yaml", "--file", "tested.yaml", *arguments]
        environment = {**os.environ, "EDX_ORG": "demox", "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, env=environment)
        return Said(done.returncode, done.stdout, done.stderr)

    yield run
    run("down", "--volumes", "--remove-orphans")
    docker("image", "rm", "--force", server)


def _services() -> list[str]:
    """Those whose containers run."""
    shown = '{{.Label "com.docker.compose.service"}}'
    return docker("ps", "--format", shown, "--filter", f"label=com.docker.compose.project={PROJECT}").out.split()


def _secrets(folder: Path) -> dict[str, str]:
    """What docs/deploy.md tells to put into secrets/."""
    return {
        "aws_access_key_id": "AKIDSAMPLE\n",
        "aws_secret_access_key": "a secret access key\n",
        "edx_key.asc": (folder / "edx_key.asc").read_text(),
        "key_passphrase": PASSPHRASE + "\n",
        "mongo_password": PASSWORD + "\n",
        "storage_uri": "mongodb://edx-import:p%40ss%2Fword@mongo:27017/?authSource=admin\n",
    }


def test_sync_starts_the_mongodb_and_waits_until_it_is_well(compose: Compose, package: Package) -> None:
    synced = compose("run", "--rm", "edx-import", "sync")
    assert synced.code == 0, synced.err + synced.out
    assert "0 failed" in synced.err + synced.out
    assert "lets anybody in" not in synced.err + synced.out, "the server asks for a login"
    report = compose("run", "--rm", "-T", "edx-import", "cmd", "report_enrollments", "--format", "csv")
    assert report.out.count("\n") == 1 + package.totals.documents["student_courseenrollment"]


def test_up_starts_the_mongodb_alone_and_its_data_stay(compose: Compose, package: Package) -> None:
    compose("run", "--rm", "-T", "edx-import", "sync")
    assert compose("down").code == 0
    assert compose("up", "--detach").code == 0
    assert _services() == ["mongo"]
    again = compose("run", "--rm", "-T", "edx-import", "sync")
    assert "nothing new" in again.err, again.err


def test_no_secret_is_told_by_the_engine(compose: Compose) -> None:
    compose("up", "--detach")
    [server] = compose("ps", "--quiet", "mongo").out.split()
    told = docker("inspect", server).out + compose("config").out
    assert [secret for secret in (PASSWORD, PASSPHRASE, "a secret access key", "p%40ss") if secret in told] == []
