"""A data czar's machine: a key, a delivered package in a folder and in S3 over HTTP, a real MongoDB."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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

MakeDesk = Callable[..., AbstractContextManager[Desk]]


@pytest.fixture(scope="session")
def institution(tmp_path_factory: pytest.TempPathFactory) -> InstitutionKey:
    return make_key(tmp_path_factory.mktemp("key"), name="Demo University", email="data@example.org", passphrase=PASSPHRASE)


@pytest.fixture(scope="session")
def package(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The tables that reports read, so that many syncs take little time."""
    tables = frozenset(
        ("auth_user", "auth_userprofile", "certificates_generatedcertificate", "courseware_studentmodule", "student_courseenrollment", "user_id_map")
    )
    return _delivered(
        Recipe(seed=7, learners=40, days=2, events_per_day=250, blocks_per_learner=6, foreign=True, tables=tables), institution, tmp_path_factory
    )


@pytest.fixture(scope="session")
def full_package(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Everything that a package has."""
    return _delivered(Recipe(seed=7, learners=40, days=2, events_per_day=250, blocks_per_learner=6), institution, tmp_path_factory)


@pytest.fixture(scope="session")
def package_of_two_sites(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Everything that a package has, for edx.org and Edge, whose learners have the same numbers; some lines are rejected."""
    dirt = frozenset({"bad_utf8", "cut_line"})
    return _delivered(
        Recipe(seed=7, learners=40, days=2, events_per_day=250, blocks_per_learner=6, edge=True, dirt=dirt), institution, tmp_path_factory
    )


def _delivered(recipe: Recipe, key: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("package")
    with Sealer(key) as sealer:
        return Package(recipe, folder, make_package(recipe, folder, sealer), key)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def make_desk(mongod: str, institution: InstitutionKey, package: Package, tmp_path_factory: pytest.TempPathFactory) -> MakeDesk:
    """Makes a desk where everything is set but a source, with a database that is dropped afterwards."""

    @contextmanager
    def made(**variables: str) -> Iterator[Desk]:
        folder = tmp_path_factory.mktemp("desk")
        (folder / "key.asc").write_text(institution.private.reveal())
        (folder / "courses.yaml").write_text(sample_courses_yaml(package.recipe), encoding="utf-8")
        name = f"test_{uuid4().hex[:12]}"
        yield Desk(mongod, name, _environment(folder, mongod, name) | variables)
        with Store.connect(mongod, name) as store:
            store.drop()

    return made


def _environment(folder: Path, uri: str, database: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "STORAGE_URI": uri,
        "STORAGE_DB": database,
        "EDX_ORG": "demox",
        "EDX_IMPORT_HOME": str(folder / "home"),
        "KEY_FILE": str(folder / "key.asc"),
        "KEY_PASSPHRASE": PASSPHRASE,
        "COURSES_FILE": str(folder / "courses.yaml"),
        "EDX_IMPORT_JOBS": "1",
    }


@pytest.fixture
def desk(make_desk: MakeDesk) -> Iterator[Desk]:
    with make_desk() as made:
        yield made


@pytest.fixture
def at_folder(desk: Desk, package: Package) -> Desk:
    """The desk with the package in a folder."""
    return desk.with_variables(EDX_IMPORT_SOURCE=str(package.folder))


@pytest.fixture
def at_s3(desk: Desk, s3_server: str, package: Package) -> Desk:
    """The desk with the package in S3, in buckets of its own."""
    buckets = {COURSE_BUCKET: f"c-{desk.database}".replace("_", "-"), EVENT_BUCKET: f"e-{desk.database}".replace("_", "-")}
    client = boto3.client(
        "s3", endpoint_url=s3_server, region_name="us-east-1", aws_access_key_id="AKIDSAMPLE", aws_secret_access_key="a secret access key"
    )
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
