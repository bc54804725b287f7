"""A data czar's machine: a key, a delivered package in a folder and in S3 over HTTP, a real MongoDB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from desk import PASSPHRASE, Desk, Package
from moto.server import ThreadedMotoServer

from edx_import.sample.package import COURSE_BUCKET, EVENT_BUCKET, make_package
from edx_import.sample.recipe import Recipe, sample_courses_yaml
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.store.connection import Store


@pytest.fixture(scope="session")
def institution(tmp_path_factory: pytest.TempPathFactory) -> InstitutionKey:
    return make_key(tmp_path_factory.mktemp("key"), name="Demo University", email="data@example.org", passphrase=PASSPHRASE)


@pytest.fixture(scope="session")
def package(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    recipe = Recipe(seed=7, learners=40, days=2, events_per_day=250, blocks_per_learner=6, foreign=True)
    folder = tmp_path_factory.mktemp("package")
    with Sealer(institution) as sealer:
        return Package(recipe, folder, make_package(recipe, folder, sealer), institution)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def desk(mongod: str, institution: InstitutionKey, package: Package, tmp_path: Path) -> Iterator[Desk]:
    """Everything set but a source. Its database is dropped afterwards."""
    (tmp_path / "key.asc").write_text(institution.private.reveal())
    (tmp_path / "courses.yaml").write_text(sample_courses_yaml(package.recipe))
    name = f"test_{uuid4().hex[:12]}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "STORAGE_URI": mongod,
        "STORAGE_DB": name,
        "EDX_ORG": "demox",
        "EDX_IMPORT_HOME": str(tmp_path / "home"),
        "KEY_FILE": str(tmp_path / "key.asc"),
        "KEY_PASSPHRASE": PASSPHRASE,
        "COURSES_FILE": str(tmp_path / "courses.yaml"),
        "EDX_IMPORT_JOBS": "1",
    }
    yield Desk(mongod, name, environment)
    with Store.connect(mongod, name) as store:
        store.drop()


@pytest.fixture
def at_folder(desk: Desk, package: Package) -> Desk:
    """The desk with the package in a folder."""
    return desk.with_variables(EDX_IMPORT_SOURCE=str(package.folder))


@pytest.fixture
def at_s3(desk: Desk, s3_server: str, package: Package) -> Desk:
    """The desk with the package in S3, in buckets of its own."""
    buckets = {COURSE_BUCKET: f"c-{desk.database}".replace("_", "-"), EVENT_BUCKET: f"e-{desk.database}".replace("_", "-")}
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1", aws_access_key_id="AKIDSAMPLE", aws_secret_access_key="a secret access key")
    for folder, bucket in buckets.items():
        client.create_bucket(Bucket=bucket)
        for path in (package.folder / folder).rglob("*"):
            if path.is_file():
                client.upload_file(str(path), bucket, path.relative_to(package.folder / folder).as_posix())
    client.close()
    return desk.with_variables(
        AWS_ENDPOINT_URL=s3_server,
        AWS_ACCESS_KEY_ID="AKIDSAMPLE",
        AWS_SECRET_ACCESS_KEY="a secret access key",
        EDX_COURSE_DATA_BUCKET=buckets[COURSE_BUCKET],
        EDX_EVENT_BUCKET=buckets[EVENT_BUCKET],
    )
