"""A sealed research package: it opens with the institution's key to the tar that the maker says, and its totals are what is in it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from edx_import.decryption import Keyring
from edx_import.model import ObjectKind
from edx_import.packages.base import Wanted
from edx_import.packages.folder import FolderSource
from edx_import.packages.rdx_naming import parse_rdx_member
from edx_import.sample.rdx import RdxTotals, make_rdx, rdx_members
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.sealing import Sealer

RECIPE = Recipe(learners=20, courses=2, events_per_day=60, days=2)


@pytest.fixture(scope="module")
def package(sealer: Sealer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RdxTotals]:
    folder = tmp_path_factory.mktemp("rdx")
    return folder, make_rdx(RECIPE, folder, sealer)


def tar_of(folder: Path, key: str, keyring: Keyring) -> bytes:
    sealed = (folder / "edx-course-data" / key).read_bytes()
    return gzip.decompress(b"".join(keyring.decrypt(io.BytesIO(sealed))))


def members(folder: Path, key: str, keyring: Keyring) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar_of(folder, key, keyring)), mode="r:") as tar:
        found = {entry.name: tar.extractfile(entry) for entry in tar}
        return {name: file.read() if file else b"" for name, file in found.items()}


def test_it_opens_with_the_key_to_its_clear_members(package: tuple[Path, RdxTotals], keyring: Keyring) -> None:
    folder, totals = package
    for course in courses_of(RECIPE):
        assert members(folder, totals.keys[course.id], keyring) == dict(rdx_members(RECIPE, course))


def test_a_folder_source_finds_it(package: tuple[Path, RdxTotals]) -> None:
    folder, totals = package
    found = list(FolderSource(folder).list(Wanted(ObjectKind.RDX, "demox")))
    assert {item.key for item in found} == set(totals.keys.values())
    assert totals.site == "rdx:r-2020-001"


def test_totals_equal_a_recount(package: tuple[Path, RdxTotals], keyring: Keyring) -> None:
    folder, totals = package
    counted: Counter[str] = Counter()
    for course_id, key in totals.keys.items():
        for path, content in members(folder, key, keyring).items():
            name = parse_rdx_member(path)
            assert name is not None
            if name.stem:
                counted["events"] += (lines := len(gzip.decompress(content).splitlines()))
                counted[f"events of {course_id}"] += lines
            elif name.state and name.state.extension == "sql":
                counted[name.state.task] += content.count(b"\n") - 1
            elif name.state and name.state.extension == "mongo":
                counted["forum"] += content.count(b"\n")
            elif name.state and name.state.extension == "json":
                counted["course_structure"] += len(json.loads(content))
    said = {collection.removeprefix("other_"): number for collection, number in totals.documents.items()}
    assert counted == Counter(said) + Counter({f"events of {course}": number for course, number in totals.events.items()})
    assert min(totals.events.values()) > 0


def test_known_learners_are_in_the_tables(package: tuple[Path, RdxTotals], keyring: Keyring) -> None:
    folder, totals = package
    assert len(totals.learners) == 6
    assert json.loads(json.dumps(totals.as_dict()))["learners"][0]["original_id"] == totals.learners[0].original_id
    for known in totals.learners:
        files = members(folder, totals.keys[known.course_id], keyring)
        tables = {name.state.task: content for path, content in files.items() if (name := parse_rdx_member(path)) and name.state}
        [user] = [row for row in tables["auth_user"].decode().splitlines() if row.startswith(f"{known.user_id}\t")]
        assert user.split("\t")[1] == known.username
        enrolled = [row.split("\t") for row in tables["student_courseenrollment"].decode().splitlines()]
        assert [row[4:] for row in enrolled if row[1] == str(known.user_id)] == [[str(int(known.is_active)), known.mode]]


def test_two_packages_of_one_request_differ_only_in_their_seal(
    package: tuple[Path, RdxTotals], sealer: Sealer, keyring: Keyring, tmp_path: Path
) -> None:
    folder, totals = package
    assert make_rdx(RECIPE, tmp_path, sealer) == totals
    key = totals.keys[courses_of(RECIPE)[0].id]
    assert (tmp_path / "edx-course-data" / key).read_bytes() != (folder / "edx-course-data" / key).read_bytes()
    assert tar_of(tmp_path, key, keyring) == tar_of(folder, key, keyring)


def test_nothing_clear_is_left_beside_what_is_sealed(package: tuple[Path, RdxTotals]) -> None:
    folder, totals = package
    files = {str(path.relative_to(folder / "edx-course-data")): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files.keys() == set(totals.keys.values())
    assert not [key for key, content in files.items() if b"metadata_file" in content or b"username" in content or content[:2] == b"\x1f\x8b"]
