"""`docker run IMAGE ...` as its users say it: commands, settings, what comes out where, and exit codes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import boto3
import pytest
from containers import Engine, mounted
from desk import PASSPHRASE, Package
from moto.server import ThreadedMotoServer

import edx_import
from edx_import.reports.render import FORMATS

pytestmark = pytest.mark.image

Options = tuple[str, ...]
HEADER = "course_name,course_id,registration_date"


def test_without_arguments_it_tells_what_it_can(engine: Engine) -> None:
    said = engine.run()
    assert (said.code, said.err) == (0, "")
    assert "Usage: edx-import [OPTIONS] COMMAND" in said.out


def test_commands_are_listed_and_explained(engine: Engine) -> None:
    assert "report_enrollments" in engine.run("cmd", "--list").out
    assert "registration_date" in engine.run("cmd", "report_enrollments", "--help").out


def test_a_shell_to_work_in(engine: Engine) -> None:
    assert engine.run("bash", "-c", "edx-import --version && pwd").out == f"edx-import {edx_import.__version__}\n/app\n"
    assert engine.run("sh", "-c", "exit 9").code == 9


def test_sync_and_report_with_a_linked_mongodb(engine: Engine, mounts: Options, linked: Options, package: Package) -> None:
    said = engine.run("sync", "--json", options=(*mounts, *linked))
    assert said.code == 0, said.err
    assert {record["state"] for record in said.json["imports"]} == {"loaded"}
    report = engine.run("cmd", "report_enrollments", options=linked)
    rows = report.out.splitlines()
    assert rows[0].startswith(HEADER)
    assert len(rows) == 1 + package.totals.documents["student_courseenrollment"]
    assert engine.run("status", options=linked).code == 0
    again = engine.run("sync", options=(*mounts, *linked))
    assert again.code == 0
    assert "nothing new" in again.err


def test_sync_from_s3(engine: Engine, secrets: Path, linked: Options, package: Package) -> None:
    """With the S3 account in the environment, as the README shows it; S3 is a server on this machine."""
    server = ThreadedMotoServer("0.0.0.0", port=0, verbose=False)
    server.start()
    try:
        port = server.get_host_and_port()[1]
        _fill(f"http://127.0.0.1:{port}", package)
        key = ("--volume", f"{secrets}/edx_key.asc:/run/secrets/edx_key.asc:ro", "--volume", f"{secrets}/courses.yaml:/data/courses.yaml:ro")
        said = engine.run(
            "sync",
            options=(*key, *linked, "--add-host", "desk:host-gateway"),
            AWS_ENDPOINT_URL=f"http://desk:{port}",
            AWS_ACCESS_KEY_ID="AKIDSAMPLE",
            AWS_SECRET_ACCESS_KEY="a secret access key",
            KEY_PASSPHRASE=PASSPHRASE,
        )
    finally:
        server.stop()
    assert said.code == 0, said.err
    assert "4 of 4 objects loaded, 0 failed" in said.err
    assert said.out == ""


def _fill(endpoint: str, package: Package) -> None:
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="AKIDSAMPLE", aws_secret_access_key="a secret access key"
    )
    for bucket in ("course-data", "edx-course-data"):
        client.create_bucket(Bucket=bucket)
        for path in (package.folder / bucket).rglob("*"):
            if path.is_file():
                client.upload_file(str(path), bucket, path.relative_to(package.folder / bucket).as_posix())
    client.close()


def test_rows_go_to_stdout_and_everything_else_to_stderr(engine: Engine, loaded: Options) -> None:
    """`docker run ... cmd report_enrollments | head -3` prints the head of the table, and nothing fails."""
    command = f"docker run --rm {' '.join(loaded)} {engine.slim} cmd report_enrollments | head -3; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    head, *rows, code = done.stdout.splitlines()
    assert head.startswith(HEADER)
    assert len(rows) == 2
    assert all(row.count(",") >= 6 for row in rows)
    assert code == "0"
    assert "Traceback" not in done.stderr


def test_every_format_can_be_written(engine: Engine, loaded: Options) -> None:
    """Those included that need a library of an extra."""
    written = "".join(f"edx-import cmd report_enrollments --format {name} > /tmp/{name} && wc -c /tmp/{name}; " for name in FORMATS)
    said = engine.run("bash", "-c", written, options=loaded)
    sizes = {line.split("/tmp/")[1]: int(line.split()[0]) for line in said.out.splitlines()}
    assert set(sizes) == set(FORMATS), said.err
    assert min(sizes.values()) > 1000


def test_settings_from_a_file_of_variables(engine: Engine, loaded: Options, tmp_path: Path) -> None:
    database = loaded[loaded.index("--env") + 1]
    file = tmp_path / "settings.env"
    file.write_text(f"# a comment\n{database}\nEDX_ORG=demox\n")
    said = engine.run("cmd", "list_courses", "--format", "csv", options=(*loaded[:2], "--env-file", str(file)))
    assert said.out.count("\n") > 2


def test_a_command_of_ones_own_is_mounted(engine: Engine, loaded: Options, tmp_path: Path) -> None:
    module = (
        '"""Mine."""\nfrom edx_import.api import Column, Context, Report\n\n\n'
        'def run(context: Context) -> Report:\n    return Report([Column("courses", int, "how many")], [(len(context.courses),)])\n'
    )
    tmp_path.chmod(0o755)
    (tmp_path / "mine.py").write_text(module)
    (tmp_path / "mine.py").chmod(0o644)
    there = engine.run("cmd", "mine", options=(*loaded, "--volume", f"{tmp_path}:/app/commands:ro"))
    elsewhere = engine.run("cmd", "mine", options=(*loaded, "--volume", f"{tmp_path}:/mine:ro", "--env", "COMMANDS_PATH=/mine"))
    assert there.out == elsewhere.out == "courses\n3\n"


def test_demo_works_without_network_keys_or_mongodb(engine: Engine) -> None:
    said = engine.run("demo", options=("--network", "none"), image=engine.full)
    assert said.code == 0, said.err
    assert "Data for Better Decisions" in said.out
    assert "0 failed" in said.err


def test_exit_2_usage(engine: Engine) -> None:
    said = engine.run("snyc")
    assert said.code == 2
    assert "snyc" in said.err


def test_exit_3_configuration(engine: Engine, linked: Options, package: Package) -> None:
    source = ("--volume", f"{package.folder}:/package:ro")
    no_key = engine.run("sync", options=(*source, *linked), EDX_ORG="demox", EDX_IMPORT_SOURCE="/package")
    assert no_key.code == 3
    assert "no private key" in no_key.err
    no_mongodb = engine.run("cmd", "list_courses")
    assert no_mongodb.code == 3
    assert "--link NAME:storage" in no_mongodb.err
    no_server = engine.run("demo")
    assert no_server.code == 3
    assert "its target `full`" in no_server.err


def test_exit_4_source(engine: Engine, mounts: Options, linked: Options) -> None:
    said = engine.run(
        "sync",
        options=(*mounts, *linked),
        EDX_IMPORT_SOURCE="s3",
        AWS_ENDPOINT_URL="http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID="A",
        AWS_SECRET_ACCESS_KEY="B",
    )
    assert said.code == 4, said.err


def test_exit_5_decryption(engine: Engine, mounts: Options, linked: Options) -> None:
    said = engine.run("sync", options=(*mounts, *linked, "--env", "KEY_PASSPHRASE_FILE="), KEY_PASSPHRASE="not this one")
    assert said.code == 5, said.err
    assert "passphrase" in said.err


def test_exit_6_mongodb(engine: Engine) -> None:
    said = engine.run("cmd", "list_courses", STORAGE_URI="mongodb://127.0.0.1:1")
    assert said.code == 6, said.err
    assert "MongoDB cannot be reached" in said.err


def test_exit_7_partly_done(engine: Engine, secrets: Path, damaged_package: Path, linked: Options) -> None:
    said = engine.run("sync", options=(*mounted(secrets, damaged_package), *linked))
    assert said.code == 7, said.err
    assert "3 of 4 objects loaded, 1 failed" in said.err


def test_on_a_network_of_ones_own_mongodb_is_the_host_called_storage_or_what_the_uri_says(
    engine: Engine, loaded: Options, network: str, mongo: str
) -> None:
    options = ("--network", network, "--env", "STORAGE_DB=loaded")
    by_name = engine.run("cmd", "list_courses", "--format", "csv", options=options)
    by_uri = engine.run("cmd", "list_courses", "--format", "csv", options=options, STORAGE_URI=f"mongodb://{mongo}:27017/")
    assert by_name.code == 0, by_name.err
    assert by_name.out.count("\n") > 2
    assert by_uri.out == by_name.out
