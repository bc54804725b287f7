"""A sealed sample package: everything in it opens with the institution's key, and holds what the maker says."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random
from zipfile import ZipFile

import pytest

from edx_import.decryption.keyring import Keyring
from edx_import.sample import dirt
from edx_import.sample.events import Line
from edx_import.sample.package import database_members, dirty_lines, make_package
from edx_import.sample.recipe import Recipe
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.sample.totals import SampleTotals, Tally

RECIPE = Recipe(
    learners=20,
    courses=1,
    events_per_day=80,
    days=1,
    edge=True,
    foreign=True,
    dirt=frozenset({dirt.ZERO_BYTE_MEMBER, dirt.DIRECTORY_ENTRY, "bad_utf8", "cut_line"}),
)
EVENTS = "edx-course-data/demox/edx/events/2020/demox-edx-events-2020-01-12.log.gz.gpg"
DATABASE = "course-data/demox-2020-01-12.zip"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> InstitutionKey:
    return make_key(tmp_path_factory.mktemp("keys"), name="Demo University", email="czar@example.org", passphrase="open sesame")


@pytest.fixture(scope="module")
def keyring(key: InstitutionKey) -> Iterator[Keyring]:
    with Keyring.open(key.private, key.passphrase) as opened:
        yield opened


@pytest.fixture(scope="module")
def package(key: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleTotals]:
    folder = tmp_path_factory.mktemp("package")
    with Sealer(key) as sealer:
        return folder, make_package(RECIPE, folder, sealer)


def opened(keyring: Keyring, sealed: bytes) -> bytes:
    return b"".join(keyring.decrypt(io.BytesIO(sealed)))


def test_every_member_opens_with_the_key_to_its_clear_content(package: tuple[Path, SampleTotals], keyring: Keyring) -> None:
    with ZipFile(package[0] / DATABASE) as archive:
        sealed = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    expected = {member.path: member.content for member in database_members(RECIPE, RECIPE.last_day, Tally())}
    assert sealed.keys() == expected.keys()
    empty = [path for path, content in expected.items() if content is None]
    assert [sealed.pop(path) for path in empty] == [b"", b""]  # both sites
    assert {path: opened(keyring, content) for path, content in sealed.items()} == {path: expected[path] for path in sealed}


def test_an_event_file_opens_to_its_lines(package: tuple[Path, SampleTotals], keyring: Keyring) -> None:
    lines = gzip.decompress(opened(keyring, (package[0] / EVENTS).read_bytes())).split(b"\n")
    assert lines == [*(line.data for line in dirty_lines(RECIPE, RECIPE.last_day)), b""]
    totals = package[1].event_files[EVENTS.removeprefix("edx-course-data/")]
    assert (totals.read, totals.rejected) == (len(lines) - 1, 1)


def test_two_packages_of_one_recipe_differ_once_sealed(package: tuple[Path, SampleTotals], key: InstitutionKey, tmp_path: Path) -> None:
    recipe = Recipe(learners=3, courses=0, events_per_day=0, days=1, email=False)
    with Sealer(key) as sealer:
        for name in ("one", "two"):
            make_package(recipe, tmp_path / name, sealer)
    assert (tmp_path / "one" / EVENTS).read_bytes() != (tmp_path / "two" / EVENTS).read_bytes()


def test_nothing_clear_is_left_beside_what_is_sealed(package: tuple[Path, SampleTotals]) -> None:
    files = {str(path.relative_to(package[0])): path.read_bytes() for path in package[0].rglob("*") if path.is_file()}
    assert len(files) == 8
    assert not [key for key, content in files.items() if b"example.org" in content or b"username" in content or content[:2] == b"\x1f\x8b"]


def test_what_fails_while_a_file_is_sealed_is_not_taken_for_its_end(key: InstitutionKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(line: Line, rng: Random) -> list[Line]:
        raise RuntimeError("no such line")

    monkeypatch.setitem(dirt.LINES, "cut_line", fails)
    recipe = Recipe(learners=5, courses=1, events_per_day=50, days=1, dirt=frozenset({"cut_line"}))
    with Sealer(key) as sealer, pytest.raises(RuntimeError, match="no such line"):
        make_package(recipe, tmp_path, sealer)
