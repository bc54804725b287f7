"""Containers that stay, that are stopped, that keep data, and that may do little."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from containers import Engine, docker, inspected, logs, mounted, until
from desk import PASSPHRASE, Package

pytestmark = pytest.mark.image

Options = tuple[str, ...]

#: What a container can be forbidden without loss.
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def test_a_detached_container_to_work_in(engine: Engine, mounts: Options, linked: Options, package: Package) -> None:
    """`docker run -itd --entrypoint /bin/bash`, then `docker exec`, as often as one likes."""
    name = engine.start(options=("--interactive", "--tty", "--entrypoint", "/bin/bash", *mounts, *linked))
    synced = docker("exec", name, "edx-import", "sync")
    assert "0 failed" in synced.err
    report = docker("exec", name, "edx-import", "cmd", "report_enrollments")
    assert report.out.count("\n") == 1 + package.totals.documents["student_courseenrollment"]
    left = docker("exec", name, "sh", "-c", "for each in /proc/[0-9]*; do cat $each/comm; done").out.split()
    assert {"gpg", "gpg-agent", "python", "edx-import"} & set(left) == set(), "what a sync started ends with it"


def test_a_detached_sync_leaves_its_messages_in_the_logs(engine: Engine, mounts: Options, linked: Options) -> None:
    name = engine.start("sync", options=(*mounts, *linked))
    assert docker("wait", name).out == "0\n"
    said = logs(name)
    assert said.out == ""
    assert "done in" in said.err


def test_a_sync_that_runs_keeps_others_away_and_stops_when_it_is_told(engine: Engine, secrets: Path, long_package: Package, linked: Options) -> None:
    options = (*mounted(secrets, long_package.folder), *linked)
    name = engine.start("sync", "--jobs", "1", options=options)
    until(lambda: "[2/" in logs(name).err)
    docker("pause", name)
    other = engine.run("sync", options=options)
    docker("unpause", name)
    assert other.code == 75, other.err
    assert "another sync is running on this database" in other.err

    began = time.monotonic()
    docker("stop", "--time", "60", name)
    assert time.monotonic() - began < 10
    assert inspected(name)["State"]["ExitCode"] == 143
    assert "stopped: what was loaded is kept" in logs(name).err

    finished = engine.run("sync", "--json", options=options)
    assert finished.code == 0, finished.err
    courses = engine.run("cmd", "list_courses", "--format", "json", options=linked).json
    by_course = {course: number for course, number in long_package.totals.events.items() if course and number}
    assert {course["id"]: course["documents"].get("events", 0) for course in courses if course["documents"].get("events")} == by_course


def test_ctrl_c_ends_with_130(engine: Engine, secrets: Path, long_package: Package, linked: Options) -> None:
    name = engine.start("sync", "--jobs", "1", options=(*mounted(secrets, long_package.folder), *linked))
    until(lambda: "[1/" in logs(name).err)
    docker("kill", "--signal", "INT", name)
    assert docker("wait", name).out == "130\n"


def test_a_shell_in_a_container_does_not_hold_it_up(engine: Engine) -> None:
    """`run.sh` becomes what it runs: the signal reaches it. A script of the user's own can end at once."""
    name = engine.start("bash", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done")
    time.sleep(0.5)
    began = time.monotonic()
    docker("stop", "--time", "30", name)
    assert time.monotonic() - began < 5
    assert inspected(name)["State"]["ExitCode"] == 5


def test_health_is_that_of_mongodb(engine: Engine, linked: Options) -> None:
    often = ("--health-interval", "1s", "--health-start-period", "1ms", "--health-retries", "1")
    well = engine.start("bash", "-c", "sleep 60", options=(*often, *linked))
    ill = engine.start("bash", "-c", "sleep 60", options=often, STORAGE_URI="mongodb://somebody:a%20secret@127.0.0.1:1")
    for name, expected in ((well, "healthy"), (ill, "unhealthy")):
        until(lambda name=name: inspected(name)["State"]["Health"]["Log"], 30)  # type: ignore[misc]
        until(lambda name=name, expected=expected: inspected(name)["State"]["Health"]["Status"] == expected, 30)  # type: ignore[misc]
    told = inspected(ill)["State"]["Health"]["Log"][-1]
    assert told["ExitCode"] == 1
    assert "PROBLEM  MongoDB: 127.0.0.1:1" in told["Output"]
    assert "secret" not in told["Output"]


def test_a_confined_container_can_do_all_its_work(engine: Engine, mounts: Options, linked: Options, loaded: Options) -> None:
    said = engine.run("sync", options=(*CONFINED, *mounts, *linked))
    assert said.code == 0, said.err
    assert engine.run("cmd", "report_general", options=(*CONFINED, *loaded)).out.startswith("id,name")


def test_a_volume_keeps_the_local_mongodb_between_runs(engine: Engine, mounts: Options, package: Package) -> None:
    volume = ("--volume", f"{engine.volume()}:/data", "--network", "none")
    first = engine.run("sync", options=(*volume, *mounts), image=engine.full)
    assert first.code == 0, first.err
    report = engine.run("cmd", "report_enrollments", options=(*CONFINED, *volume), image=engine.full)
    assert report.out.count("\n") == 1 + package.totals.documents["student_courseenrollment"]
    assert "nothing new" in engine.run("sync", options=(*volume, *mounts), image=engine.full).err
    owners = docker("run", "--rm", "--entrypoint", "find", *volume, engine.full, "/data", "!", "-user", "10001").out
    assert owners == ""


@pytest.mark.skipif(os.getuid() != 0, reason="takes root to give a file to another user")
def test_a_key_file_of_ones_own_is_read_as_oneself(engine: Engine, mounts: Options, linked: Options, secrets: Path, tmp_path: Path) -> None:
    """`--user "$(id -u)"`: the key need not be readable for anybody else, and the files in /data are one's own."""
    key = tmp_path / "key.asc"
    key.write_bytes((secrets / "edx_key.asc").read_bytes())
    key.chmod(0o600)
    os.chown(key, 4321, 4321)
    tmp_path.chmod(0o755)
    own = (*mounts, *linked, "--volume", f"{key}:/keys/key.asc:ro", "--env", "KEY_FILE=/keys/key.asc")
    refused = engine.run("sync", options=own)
    assert refused.code == 3
    assert "/keys/key.asc cannot be read: Permission denied" in refused.err
    assert engine.run("sync", options=(*own, "--user", "4321")).code == 0


def test_secrets_given_as_files_are_not_told_by_the_engine(engine: Engine, mounts: Options, mongo: str, network: str, tmp_path: Path) -> None:
    """Not by `docker inspect`, the logs, or the list of processes."""
    account = {"AWS_ACCESS_KEY_ID": "AKIDVERYOWN", "AWS_SECRET_ACCESS_KEY": "not for others", "STORAGE_URI": f"mongodb://{mongo}:27017/?appName=hush"}
    tmp_path.chmod(0o755)
    for name, value in account.items():
        (tmp_path / name).write_text(value + "\n")
        (tmp_path / name).chmod(0o644)
    files = tuple(word for name in account for word in ("--env", f"{name}_FILE=/account/{name}"))
    options = (*mounts, *files, "--volume", f"{tmp_path}:/account:ro", "--network", network, "--env", "STORAGE_DB=secretly")
    name = engine.start("bash", "-c", "edx-import -vv doctor; sleep 60", options=options)
    until(lambda: "MongoDB" in logs(name).out)
    assert "ok       MongoDB" in logs(name).out
    told = docker("inspect", name).out + str(logs(name)) + docker("top", name, "-eo", "pid,args").out
    for secret in (PASSPHRASE, "AKIDVERYOWN", "not for others", "appName=hush", "BEGIN PGP"):
        assert secret not in told
