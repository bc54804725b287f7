"""What goes wrong at a data czar's desk: each with a clear message, its exit code, and the rest loaded."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import boto3
import pytest
from desk import Desk, Package, Said

from edx_import.model import ObjectKind, ObjectName
from edx_import.packages.naming import build_key
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key

DAY = date(2020, 1, 12)
EVENT_KEY = build_key(ObjectName(ObjectKind.EVENTS, "demox", DAY, "edx"))
GOOD = b'{"time": "2020-01-12T10:00:00.000001+00:00", "event_type": "page_close", "event": ""}'


def put(folder: Path, key: str, data: bytes) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def sealed_log(key: InstitutionKey, log: bytes) -> bytes:
    with Sealer(key) as sealer:
        return sealer.seal(gzip.compress(log))


def failed(said: Said, code: int, *words: str) -> None:
    """One line of what happened, one of what to do, the exit code."""
    assert said.code == code, said.err
    assert any(line.startswith("error: ") and all(word in line for word in words) for line in said.err.splitlines()), said.err
    assert "  what to do: " in said.err


# --- settings


def test_no_key(at_folder: Desk) -> None:
    failed(at_folder.run("sync", KEY_FILE=""), 3, "there is no private key", "KEY_FILE")


def test_key_file_that_holds_no_key(at_folder: Desk, tmp_path: Path) -> None:
    (tmp_path / "other.asc").write_text("not a key\n")
    failed(at_folder.run("sync", KEY_FILE=str(tmp_path / "other.asc")), 3, "key")


def test_wrong_passphrase(at_folder: Desk) -> None:
    said = at_folder.run("sync", KEY_PASSPHRASE="wrong horse")
    failed(said, 5, "passphrase")
    assert "wrong horse" not in said.err
    assert at_folder.count("events") == 0


def test_no_passphrase(at_folder: Desk) -> None:
    failed(at_folder.run("sync", KEY_PASSPHRASE=""), 5, "passphrase")


def test_passphrase_from_a_file(at_folder: Desk, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text(at_folder.environment["KEY_PASSPHRASE"] + "\n", encoding="utf-8")
    at_folder.run("sync", "--latest", "--only", "events", KEY_PASSPHRASE="", KEY_PASSPHRASE_FILE=str(tmp_path / "passphrase"), check=True)


def test_every_problem_of_the_environment_at_once(at_folder: Desk) -> None:
    said = at_folder.run("sync", STORAGE_DB="a b", EDX_ORG="A/B", AWS_ACCESS_KEY_ID="AKID")
    assert said.code == 3
    assert [name for name in ("STORAGE_DB", "EDX_ORG", "AWS_") if f"  - {name}" not in said.err] == []


def test_organisation_unknown_to_the_settings(desk: Desk, tmp_path: Path) -> None:
    Path(desk.environment["COURSES_FILE"]).write_text("courses: []\n")
    failed(desk.run("sync", "--source", str(tmp_path), EDX_ORG=""), 3, "organisation is not known")


def test_organisation_that_has_nothing(at_folder: Desk) -> None:
    failed(at_folder.run("sync", EDX_ORG="demo"), 4, "nothing for the organisation 'demo'")


def test_broken_courses_yaml(at_folder: Desk) -> None:
    Path(at_folder.environment["COURSES_FILE"]).write_text("courses:\n  - id: course-v1:DemoX+D101+1T2020\n    nmae: x\n  - name: y\n")
    said = at_folder.run("sync")
    assert said.code == 3
    assert "line 3" in said.err
    assert "line 4" in said.err
    assert "nmae" in said.err


def test_courses_yaml_that_is_not_yaml(at_folder: Desk) -> None:
    Path(at_folder.environment["COURSES_FILE"]).write_text("courses: [\n")
    failed(at_folder.run("sync"), 3, "courses.yaml", "line")


def test_mongodb_down(at_folder: Desk) -> None:
    said = at_folder.run("sync", STORAGE_URI="mongodb://someone:secret-word@127.0.0.1:9/?serverSelectionTimeoutMS=500")
    failed(said, 6, "127.0.0.1:9")
    assert "secret-word" not in said.err


def test_day_that_is_no_day(at_folder: Desk) -> None:
    failed(at_folder.run("sync", "--since", "yesterday"), 2, "--since yesterday")


def test_source_folder_that_is_not_there(at_folder: Desk) -> None:
    failed(at_folder.run("sync", "--source", "/nowhere/at/all"), 4, "/nowhere/at/all")


# --- S3


def test_empty_buckets(desk: Desk, s3_server: str) -> None:
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1", aws_access_key_id="A", aws_secret_access_key="B")
    client.create_bucket(Bucket="empty-bucket")
    client.close()
    buckets = {"EDX_COURSE_DATA_BUCKET": "empty-bucket", "EDX_EVENT_BUCKET": "empty-bucket"}
    access = {"AWS_ENDPOINT_URL": s3_server, "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"}
    failed(desk.with_variables(**buckets, **access).run("sync"), 4, "nothing for the organisation")


def test_bucket_that_does_not_exist(at_s3: Desk) -> None:
    said = at_s3.run("sync", EDX_COURSE_DATA_BUCKET="no-such-bucket")
    failed(said, 7, "no-such-bucket")
    assert at_s3.count("events") > 0


def test_no_aws_keys(at_s3: Desk) -> None:
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    failed(at_s3.with_variables(**none).run("sync"), 4, "AWS")


# --- objects


def test_damaged_objects_are_told_apart_and_the_rest_is_loaded(
    at_folder: Desk, package: Package, institution: InstitutionKey, tmp_path: Path
) -> None:
    good = (package.folder / "edx-course-data" / EVENT_KEY).read_bytes()
    stranger = make_key(tmp_path / "stranger", name="Other", email="other@example.org", passphrase="x", kind="ecc")
    damaged = {
        date(2020, 1, 1): good[: len(good) // 2],
        date(2020, 1, 2): good[:-200] + bytes([good[-200] ^ 1]) + good[-199:],
        date(2020, 1, 3): b"",
        date(2020, 1, 4): b"no message at all",
        date(2020, 1, 5): sealed_log(stranger, GOOD),
        date(2020, 1, 6): _sealed(institution, gzip.compress(GOOD)[:-6]),
        date(2020, 1, 7): _sealed(institution, b"not gzip"),
        DAY: good,
    }
    for day, data in damaged.items():
        put(tmp_path / "source", build_key(ObjectName(ObjectKind.EVENTS, "demox", day, "edx")), data)
    said = at_folder.run("sync", "--json", EDX_IMPORT_SOURCE=str(tmp_path / "source"))
    assert said.code == 7
    errors = {found["key"][-21:-11]: found["error"]["what"] for found in said.json["imports"] if "error" in found}
    assert sorted(errors) == [f"2020-01-0{number}" for number in range(1, 8)]
    assert len(set(errors.values())) >= 5
    assert "empty" in errors["2020-01-03"]
    assert "key" in errors["2020-01-05"]
    assert at_folder.count("events") == package.totals.event_files[EVENT_KEY].loaded


def _sealed(key: InstitutionKey, data: bytes) -> bytes:
    with Sealer(key) as sealer:
        return sealer.seal(data)


def test_all_objects_for_another_key(at_folder: Desk, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger", name="Other", email="other@example.org", passphrase="x", kind="ecc")
    put(tmp_path / "source", EVENT_KEY, sealed_log(stranger, GOOD))
    failed(at_folder.run("sync", EDX_IMPORT_SOURCE=str(tmp_path / "source")), 5, "key")


def test_broken_member_does_not_stop_the_others_and_is_tried_again(at_folder: Desk, package: Package, tmp_path: Path) -> None:
    original = package.folder / "course-data" / "demox-2020-01-12.zip"
    broken = tmp_path / "source" / original.name
    broken.parent.mkdir()
    member = _rewrite(original, broken, "D101-1T2020-student_courseenrollment", lambda data: data[:-40])
    said = at_folder.run("sync", EDX_IMPORT_SOURCE=str(broken.parent))
    assert said.code == 7
    assert member in said.err
    course = {"course_id": "course-v1:DemoX+D101+1T2020"}
    assert at_folder.count("student_courseenrollment", course) == 0
    assert at_folder.count("auth_user", course) > 0
    broken.write_bytes(original.read_bytes())
    summary = at_folder.sync(EDX_IMPORT_SOURCE=str(broken.parent))
    assert summary["imports"][0]["members"]["loaded"] == 1
    assert at_folder.count("student_courseenrollment") == package.totals.documents["student_courseenrollment"]


def _rewrite(original: Path, target: Path, name: str, change: Callable[[bytes], bytes]) -> str:
    """Copies a ZIP with one member changed; gives that member's path."""
    changed = ""
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(target, "w") as copy:
        for info in source.infolist():
            data = source.read(info)
            if name in info.filename:
                data, changed = change(data), info.filename
            copy.writestr(info, data)
    assert changed
    return changed


def test_cut_zip(at_folder: Desk, package: Package, tmp_path: Path) -> None:
    original = (package.folder / "course-data" / "demox-2020-01-12.zip").read_bytes()
    put(tmp_path / "source", "demox-2020-01-12.zip", original[: len(original) // 2])
    said = at_folder.run("sync", EDX_IMPORT_SOURCE=str(tmp_path / "source"))
    failed(said, 7, "demox-2020-01-12.zip")
    assert at_folder.count("auth_user") == 0


# --- lines


def long_line(megabytes: int) -> bytes:
    return GOOD.replace(b'"event": ""', b'"event": "' + b"x" * (megabytes * 2**20) + b'"')


def test_log_full_of_dirt_loads_the_rest_and_says_why(at_folder: Desk, institution: InstitutionKey, tmp_path: Path) -> None:
    dirt = {
        b"null": "not an object",
        b"[1]": "not an object",
        b"{}": "no time",
        GOOD[:40]: "not JSON",
        b'{"time": "soon"}': "unreadable time",
        b'{"time": "1906-01-01T00:00:00+00:00"}': "time out of range",
        long_line(20): "line over 16 MB",
    }
    fine = [GOOD.replace(b"000001", b"%06d" % number) for number in range(10, 20)]
    fine += [GOOD.replace(b"page_close", b"caf\xe9"), long_line(5)]
    put(tmp_path / "source", EVENT_KEY, sealed_log(institution, b"\n".join([*fine[:6], *dirt, b"", *fine[6:], fine[0]])))
    summary = at_folder.sync(EDX_IMPORT_SOURCE=str(tmp_path / "source"))
    counts = summary["counts"]
    assert (counts["read"], counts["loaded"], counts["duplicate"], counts["rejected"]) == (20, 12, 1, 7)
    assert counts["notes"]["not UTF-8"] == 1
    rejects = at_folder.find("rejects")
    assert sorted(reject["reason"] for reject in rejects) == sorted(dirt.values())
    assert {reject["raw"] for reject in rejects if reject["raw_length"] < 1000} == {line for line in dirt if len(line) < 1000}
    assert max(len(event["event"]) for event in at_folder.find("events")) == 5 * 2**20


def test_log_that_is_mostly_refused_fails_as_a_whole(at_folder: Desk, institution: InstitutionKey, tmp_path: Path) -> None:
    put(tmp_path / "source", EVENT_KEY, sealed_log(institution, b"\n".join([GOOD] + [b"no json"] * 150)))
    failed(at_folder.run("sync", EDX_IMPORT_SOURCE=str(tmp_path / "source")), 7, "150 of 151 rows were rejected")


# --- messages


def test_messages_as_json(at_folder: Desk) -> None:
    said = at_folder.run("--log-format", "json", "sync", KEY_PASSPHRASE="wrong")
    levels = [json.loads(line)["level"] for line in said.err.splitlines()]
    assert levels[-1] == "error"
    assert said.code == 5


def test_quiet_says_nothing_when_all_is_well(at_folder: Desk) -> None:
    said = at_folder.run("-q", "sync", "--only", "events", check=True)
    assert (said.out, said.err) == ("", "warning: not in courses.yaml, loaded all the same (listed: false): DemoX/D90/2013_Fall\n")


def test_unknown_command(desk: Desk) -> None:
    failed(desk.run("snyc"), 2, "snyc")


@pytest.mark.parametrize("name", ["report_enrolments", "../../etc/passwd"])
def test_unknown_report(desk: Desk, name: str) -> None:
    failed(desk.run("cmd", name), 2, "there is no command")
