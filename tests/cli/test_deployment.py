"""compose.yaml and units/: what they say of settings, secrets and exit codes is what the program knows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edx_import.errors import ExitCode
from edx_import.settings import KEY_PLACES, SECRET_VARIABLES, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ROOT / "units" / "edx-import.service"
CONTAINER = ROOT / "units" / "edx-import.service.d" / "container.conf"
TIMER = ROOT / "units" / "edx-import.timer"
CRONJOB = ROOT / "units" / "cronjob.yaml"

#: The secrets, by the names that their files have everywhere.
SECRETS = {"aws_access_key_id", "aws_secret_access_key", "edx_key.asc", "key_passphrase", "storage_uri"}
KNOWN = {variable.name for variable in VARIABLES} | {f"{name}_FILE" for name in SECRET_VARIABLES}

#: What is worth another try soon (S3, MongoDB), what is none of a failure (another sync, a stop), and what only a person can mend.
PASSING = {ExitCode.SOURCE, ExitCode.STORE}
NO_FAILURE = {ExitCode.LOCKED, ExitCode.TERMINATED}
FOR_A_PERSON = set(ExitCode) - PASSING - NO_FAILURE - {ExitCode.DONE, ExitCode.INTERRUPTED}


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The assignments of a unit, continued lines joined."""
    for line in path.read_text().replace("\\\n", " ").splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            yield name, value.strip()


def _values(path: Path, name: str) -> list[str]:
    return [value for found, value in _lines(path) if found == name]


@pytest.fixture(scope="module")
def cronjob() -> Any:
    return yaml.safe_load(CRONJOB.read_text())["spec"]["jobTemplate"]["spec"]


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def _container(cronjob: Any) -> Any:
    [container] = cronjob["template"]["spec"]["containers"]
    return container


def _variables(compose: Any, cronjob: Any) -> dict[str, dict[str, str]]:
    """What each way of running sets: variable to value, empty where it is passed on."""
    docker = re.findall(r"--env (\w+)(?:=(\S+))?", _values(CONTAINER, "ExecStart")[-1])
    return {
        "compose": compose["services"]["edx-import"]["environment"],
        "service": dict(value.split("=", 1) for value in _values(SERVICE, "Environment")),
        "container": dict(docker),
        "cronjob": {found["name"]: found["value"] for found in _container(cronjob)["env"]},
    }


def test_every_variable_is_one_that_the_program_reads(compose: Any, cronjob: Any) -> None:
    for place, variables in _variables(compose, cronjob).items():
        assert set(variables) - KNOWN == set(), place


def test_every_secret_is_a_file_of_the_same_name_everywhere(compose: Any, cronjob: Any) -> None:
    for place, variables in _variables(compose, cronjob).items():
        files = {name: value.rpartition("/")[2] for name, value in variables.items() if name.endswith("_FILE") and name != "COURSES_FILE"}
        assert set(files.values()) | {"edx_key.asc"} == SECRETS, place
        assert files.get("KEY_FILE", "edx_key.asc") == KEY_PLACES[0].name, "the key is found without a word, too"
        assert not set(variables) & set(SECRET_VARIABLES), "a secret in the environment is told by every tool that shows it"
    assert set(compose["services"]["edx-import"]["secrets"]) == SECRETS
    assert {value.partition(":")[0] for value in _values(SERVICE, "LoadCredential")} == SECRETS


def test_exit_codes_mean_the_same_to_systemd_and_kubernetes(cronjob: Any) -> None:
    assert {int(code) for code in _values(SERVICE, "SuccessExitStatus")[0].split()} == NO_FAILURE
    assert {int(code) for code in _values(SERVICE, "RestartPreventExitStatus")[0].split()} == FOR_A_PERSON
    assert _values(SERVICE, "Restart") == ["on-failure"]
    rules = {rule["action"]: set(rule["onExitCodes"]["values"]) for rule in cronjob["podFailurePolicy"]["rules"] if "onExitCodes" in rule}
    assert rules == {"FailJob": FOR_A_PERSON, "Ignore": NO_FAILURE}
    assert {rule["onExitCodes"]["containerName"] for rule in cronjob["podFailurePolicy"]["rules"] if "onExitCodes" in rule} == {"edx-import"}


def test_a_sync_gets_the_time_to_end_well(cronjob: Any) -> None:
    assert _values(SERVICE, "TimeoutStopSec") == ["5min"]
    assert _values(SERVICE, "KillMode") == ["mixed"]
    assert cronjob["template"]["spec"]["terminationGracePeriodSeconds"] == 300


def test_syncs_are_daily_spread_and_made_up_for() -> None:
    timer = dict(_lines(TIMER))
    assert timer["OnCalendar"].startswith("*-*-* ")
    assert (timer["Persistent"], timer["RandomizedDelaySec"]) == ("yes", "1h")
    job = yaml.safe_load(CRONJOB.read_text())["spec"]
    assert (job["concurrencyPolicy"], job["timeZone"]) == ("Forbid", "Etc/UTC")
    assert job["startingDeadlineSeconds"] > 3600


def test_containers_may_do_no_more_than_they_must(compose: Any, cronjob: Any) -> None:
    service = compose["services"]["edx-import"]
    assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    rights = _container(cronjob)["securityContext"]
    assert rights == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert cronjob["template"]["spec"]["securityContext"]["runAsUser"] == 10001
    assert "--read-only" in _values(CONTAINER, "ExecStart")[-1]
    assert "--cap-drop ALL --security-opt no-new-privileges" in _values(CONTAINER, "ExecStart")[-1]


def test_volumes_are_those_that_the_image_has(cronjob: Any, compose: Any) -> None:
    mounted = {mount["name"]: mount["mountPath"] for mount in _container(cronjob)["volumeMounts"]}
    assert mounted["scratch"] == "/data"
    assert set(mounted) == {volume["name"] for volume in cronjob["template"]["spec"]["volumes"]}
    assert "edx-import:/data" in compose["services"]["edx-import"]["volumes"]
    assert "VOLUME /data" in (ROOT / "Dockerfile").read_text()


def test_no_secret_folder_gets_into_the_repository_or_the_image() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().split()
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


@pytest.fixture
def laptop(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who is not root and has no Docker engine."""
    for name, answer in (("docker", "exit 1"), ("id", "echo 1000")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{answer}\n")
        program.chmod(0o755)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin"}


def test_without_an_engine_the_tests_of_the_image_are_skipped_with_a_word(laptop: dict[str, str]) -> None:
    outcome = subprocess.run([ROOT / ".ci" / "image-tests"], env=laptop, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0
    assert outcome.stdout == "IMAGE TESTS SKIPPED: no Docker engine answers, and it takes root to start one\n"


def test_where_an_engine_is_required_its_lack_is_a_failure(laptop: dict[str, str]) -> None:
    outcome = subprocess.run([ROOT / ".ci" / "image-tests"], env=laptop | {"REQUIRE_ENGINE": "1"}, capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert "IMAGE TESTS SKIPPED" in outcome.stdout
