"""The image as it was built (IMAGE_UNDER_TEST names it), a package for it to load, and a MongoDB in a container of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import Engine, docker, inspected, mounted, until
from desk import PASSPHRASE, Package

from edx_import.sample.package import make_package
from edx_import.sample.recipe import Recipe, sample_courses_yaml
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key

RECIPE = Recipe(
    seed=7,
    learners=30,
    days=2,
    events_per_day=250,
    blocks_per_learner=5,
    tables=frozenset(
        ("auth_user", "auth_userprofile", "certificates_generatedcertificate", "courseware_studentmodule", "student_courseenrollment", "user_id_map")
    ),
)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Starts containers; all are gone at the end."""
    image = os.environ.get("IMAGE_UNDER_TEST", "")
    if not image:
        pytest.skip("IMAGE_UNDER_TEST is not set: `make image-test` builds the image and sets it")
    made = Engine(image)
    yield made
    made.remove_all()


@pytest.fixture(scope="session")
def institution(tmp_path_factory: pytest.TempPathFactory) -> InstitutionKey:
    return make_key(tmp_path_factory.mktemp("key"), name="Demo University", email="data@example.org", passphrase=PASSPHRASE)


@pytest.fixture(scope="session")
def package(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A small sealed package."""
    return _sealed(RECIPE, institution, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def long_package(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """One that takes a container some seconds."""
    recipe = Recipe(seed=8, learners=20, days=24, events_per_day=3000, blocks_per_learner=3, tables=RECIPE.tables)
    return _sealed(recipe, institution, tmp_path_factory.mktemp("long_package"))


def _sealed(recipe: Recipe, key: InstitutionKey, folder: Path) -> Package:
    with Sealer(key) as sealer:
        return Package(recipe, folder, make_package(recipe, folder, sealer), key)


@pytest.fixture(scope="session")
def secrets(institution: InstitutionKey, package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a data czar mounts into the container: a key, its passphrase, courses.yaml; readable for everybody, as the container's user needs it."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "edx_key.asc").write_text(institution.private.reveal())
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    (folder / "courses.yaml").write_text(sample_courses_yaml(package.recipe), encoding="utf-8")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _open_to_containers(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> None:
    """pytest's folders are for their owner alone; the user in a container is another one."""
    for folder in (tmp_path_factory.getbasetemp(), *tmp_path_factory.getbasetemp().parents):
        if folder.owner() == Path.home().owner() and folder.name.startswith("pytest-"):
            folder.chmod(0o755)


@pytest.fixture(scope="session")
def mounts(secrets: Path, package: Package) -> tuple[str, ...]:
    """The options that give a container key, passphrase, courses.yaml and package."""
    return mounted(secrets, package.folder)


@pytest.fixture(scope="session")
def network(engine: Engine) -> str:
    return engine.network()


@pytest.fixture(scope="session")
def mongo(engine: Engine, network: str) -> str:
    """A container with a MongoDB server, on the default network for `--link NAME:storage` and on one of the users', where it is called storage."""
    options = ("--expose", "27017", "--entrypoint", "mongod", "--no-healthcheck")
    name = engine.start("--bind_ip_all", "--dbpath", "/data", "--wiredTigerCacheSizeGB", "0.25", "--quiet", options=options, image=engine.full)
    docker("network", "connect", "--alias", "storage", network, name)
    until(lambda: "Waiting for connections" in docker("logs", name).out)
    assert inspected(name)["State"]["Running"]
    return name


@pytest.fixture
def linked(mongo: str, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options that give a container the server as a link called storage, and a database of its own."""
    name = "".join(char if char.isalnum() else "_" for char in request.node.name)[:60]
    return ("--link", f"{mongo}:storage", "--env", f"STORAGE_DB={name}")


@pytest.fixture(scope="session")
def loaded(engine: Engine, mongo: str, mounts: tuple[str, ...]) -> tuple[str, ...]:
    """The options that give a container a database in which the package is."""
    options = ("--link", f"{mongo}:storage", "--env", "STORAGE_DB=loaded")
    said = engine.run("sync", options=(*mounts, *options))
    assert said.code == 0, said.err
    return options


@pytest.fixture
def damaged_package(package: Package, tmp_path: Path) -> Path:
    """The package with an event file that was cut."""
    folder = tmp_path / "damaged"
    shutil.copytree(package.folder, folder)
    [first, *_] = sorted(folder.rglob("*.log.gz.gpg"))
    first.write_bytes(first.read_bytes()[:-100])
    return folder
