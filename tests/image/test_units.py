"""units/: the service and the timer under a real systemd, and the container that the drop-in starts."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import Engine, docker, mounted, until
from desk import PASSPHRASE, Package

pytestmark = pytest.mark.image

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "units"
SETTINGS = "EDX_ORG=demox\nSTORAGE_DB=units\nEDX_IMPORT_SOURCE=/package\n"


@pytest.fixture(scope="module")
def etc(engine: Engine, secrets: Path, mongo: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/etc/edx-import as docs/deploy.md tells to make it: root's alone."""
    folder = tmp_path_factory.mktemp("etc")
    files = {
        "aws_access_key_id": "AKIDSAMPLE\n",
        "aws_secret_access_key": "a secret access key\n",
        "edx_key.asc": (secrets / "edx_key.asc").read_text(),
        "key_passphrase": PASSPHRASE + "\n",
        "storage_uri": "mongodb://storage:27017/?appName=hush\n",
        "courses.yaml": (secrets / "courses.yaml").read_text(),
        "settings.env": SETTINGS,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    (folder / "courses.yaml").chmod(0o644)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def machine(engine: Engine, etc: Path, mongo: str, package: Package, secrets: Path) -> Iterator[str]:
    """A container that systemd runs in, with the units installed."""
    image = f"{engine.image}:systemd"
    docker("build", "--quiet", "--build-arg", f"INSTALLED={engine.slim}", "--tag", image, str(ROOT / "tests" / "image" / "systemd"))
    mounted(secrets, package.folder)
    rights = ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns", "private")
    places = ("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp", "--volume", f"{package.folder}:/package:ro")
    name = engine.start(options=(*rights, *places, "--link", f"{mongo}:storage"), image=image)
    try:
        until(lambda: docker("exec", name, "systemctl", "is-system-running", check=False).out.strip() in ("running", "degraded"), 30)
    except AssertionError:
        if os.environ.get("REQUIRE_ENGINE") == "1":
            raise
        pytest.skip("systemd does not run in a container of this engine")
    docker("exec", name, "rm", "-rf", "/etc/edx-import")
    docker("cp", str(etc), f"{name}:/etc/edx-import")
    docker("cp", f"{UNITS}/edx-import.service", f"{name}:/etc/systemd/system/edx-import.service")
    docker("cp", f"{UNITS}/edx-import.timer", f"{name}:/etc/systemd/system/edx-import.timer")
    systemctl(name, "daemon-reload")
    yield name
    docker("rm", "--force", "--volumes", name)
    docker("image", "rm", "--force", image)


def systemctl(machine: str, *arguments: str) -> str:
    return docker("exec", machine, "systemctl", "--no-pager", *arguments, check=False).out


def ended(machine: str, program: str) -> dict[str, str]:
    """How the service ends that runs the given program instead of its own, or its own."""
    drop_in = "/etc/systemd/system/edx-import.service.d"
    override = f"[Service]\\nExecStart=\\nExecStart={program}\\nRestartSec=1h\\n" if program else ""
    docker("exec", machine, "sh", "-c", f"mkdir -p {drop_in}; printf '{override}' > {drop_in}/tested.conf")
    systemctl(machine, "daemon-reload")
    systemctl(machine, "reset-failed", "edx-import.service")
    systemctl(machine, "start", "--no-block", "edx-import.service")
    until(lambda: shown(machine)["ActiveState"] != "activating" or shown(machine)["SubState"] == "auto-restart", 60)
    return shown(machine)


def shown(machine: str) -> dict[str, str]:
    lines = systemctl(machine, "show", "edx-import.service", "--property=ActiveState,SubState,Result,ExecMainStatus").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_systemd_understands_every_line_of_the_units(machine: str) -> None:
    said = docker("exec", machine, "systemd-analyze", "verify", "/etc/systemd/system/edx-import.service", "/etc/systemd/system/edx-import.timer")
    assert (said.out, said.err) == ("", "")


def test_the_service_syncs_with_secrets_that_only_it_can_read(engine: Engine, machine: str, mongo: str) -> None:
    state = ended(machine, "")
    log = docker("exec", machine, "journalctl", "--unit", "edx-import.service", "--no-pager", "--output", "cat").out
    assert (state["ActiveState"], state["Result"], state["ExecMainStatus"]) == ("inactive", "success", "0"), log
    assert "4 of 4 objects loaded, 0 failed" in log
    for secret in (PASSPHRASE, "a secret access key", "appName=hush"):
        assert secret not in log + systemctl(machine, "show", "edx-import.service")
    listed = engine.run("cmd", "list_courses", "--format", "csv", options=("--link", f"{mongo}:storage", "--env", "STORAGE_DB=units"))
    assert listed.out.count("\n") > 2


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (0, ("inactive", "dead", "success")),
        (75, ("inactive", "dead", "success")),
        (7, ("failed", "failed", "exit-code")),
        (3, ("failed", "failed", "exit-code")),
        (4, ("activating", "auto-restart", "exit-code")),
        (6, ("activating", "auto-restart", "exit-code")),
    ],
)
def test_exit_codes_are_treated_as_they_are_meant(machine: str, code: int, state: tuple[str, str, str]) -> None:
    found = ended(machine, f'/bin/sh -c "exit {code}"')
    systemctl(machine, "stop", "edx-import.service")
    assert (found["ActiveState"], found["SubState"], found["Result"]) == state


def test_a_stopped_sync_is_no_failure(machine: str) -> None:
    docker("exec", machine, "sh", "-c", "mkdir -p /etc/systemd/system/edx-import.service.d")
    override = "[Service]\\nExecStart=\\nExecStart=/bin/bash -c \"trap \\'exit 143\\' TERM; while :; do sleep 0.1; done\"\\n"
    docker("exec", machine, "bash", "-c", f"printf $'{override}' > /etc/systemd/system/edx-import.service.d/tested.conf")
    systemctl(machine, "daemon-reload")
    systemctl(machine, "start", "--no-block", "edx-import.service")
    until(lambda: shown(machine)["SubState"] == "start")
    systemctl(machine, "stop", "edx-import.service")
    assert shown(machine)["ActiveState"] == "inactive"


def test_the_timer_waits_for_tomorrow(machine: str) -> None:
    systemctl(machine, "enable", "--now", "edx-import.timer")
    lines = systemctl(
        machine, "show", "edx-import.timer", "--property=ActiveState,Persistent,RandomizedDelayUSec,NextElapseUSecRealtime"
    ).splitlines()
    told = dict(line.split("=", 1) for line in lines)
    assert (told["ActiveState"], told["Persistent"], told["RandomizedDelayUSec"]) == ("active", "yes", "1h")
    assert re.search(r" 0[56]:\d\d:\d\d UTC", told["NextElapseUSecRealtime"])


@pytest.mark.skipif(os.getuid() != 0, reason="takes root to make files that root alone can read")
def test_the_container_of_the_drop_in_syncs(engine: Engine, etc: Path, mongo: str, package: Package) -> None:
    """The command line of container.conf, with credentials as systemd makes them: readable for root alone."""
    text = (UNITS / "edx-import.service.d" / "container.conf").read_text().replace("\\\n", " ")
    [command] = re.findall(r"^ExecStart=(/usr/bin/docker run .+)$", text, re.MULTILINE)
    words = shlex.split(command.replace("%d", str(etc)).replace("/etc/edx-import", str(etc)))[2:]
    name, volume = engine.name(), engine.volume()
    assert words[:3] == ["--rm", "--name", "edx-import-sync"]
    assert words[-2:] == ["iadb/edx-import", "sync"]
    options = [word.replace("edx-import:/data", f"{volume}:/data") for word in words[3:-2]]
    there = ("--link", f"{mongo}:storage", "--volume", f"{package.folder}:/package:ro", "--env", "EDX_IMPORT_SOURCE=/package")
    variables = {"EDX_ORG": "demox", "STORAGE_DB": "drop_in"}
    command_line = ("run", "--rm", "--name", name, "--label", engine.label, *options, *there, engine.slim, "sync")
    said = docker(*command_line, check=False, variables=variables)
    assert said.code == 0, said.err
    assert "4 of 4 objects loaded, 0 failed" in said.err
