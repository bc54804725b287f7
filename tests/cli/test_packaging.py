"""What an installation holds: the wheel in a bare environment, the source package, the pins, the entry point of the image."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMMANDS = {path.stem for path in (ROOT / "commands").glob("[!_]*.py")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source package, and the wheel that was built from it; made in a work tree in which secrets lie about."""
    tree = tmp_path_factory.mktemp("tree") / "clone"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", ".hypothesis", "dist", "build"))
    for folder in (tree, tree / "edx_import", tree / "commands", tree / "tests"):
        (folder / "key.asc").write_text("a private key")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(tree)]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script of the wheel, installed with nothing but what it declares to need."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, symlinks=True)
    site = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(home / "bin" / "python")]
    subprocess.run([*command, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    for entry in declared_requirements():
        (site / entry.name).symlink_to(entry)
    return home / "bin" / "edx-import"


def declared_requirements() -> set[Path]:
    """What the declared requirements, and theirs, have in this environment's site-packages."""
    waiting = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    found: dict[str, set[Path]] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or not (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            continue
        package = distribution(name)
        tops = {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}
        found[name] = {Path(str(package.locate_file(top))) for top in tops}
        waiting += [Requirement(text) for text in package.requires or ()]
    return set().union(*found.values())


def run(program: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "EDX_IMPORT_HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([program, *arguments], capture_output=True, text=True, cwd=cwd, env=environment, timeout=60)


def test_an_installed_wheel_lists_its_commands(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, "cmd", "--list", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert COMMANDS
    assert {line.split()[0] for line in listed.stdout.splitlines()} >= COMMANDS


def test_an_installed_wheel_needs_no_undeclared_package(installed: Path, tmp_path: Path) -> None:
    """Every module of it can be imported where only the declared requirements are."""
    program = (
        "import importlib, pkgutil, edx_import\n"
        "names = [found.name for found in pkgutil.walk_packages(edx_import.__path__, 'edx_import.')]\n"
        "for name in names:\n"
        "    if '__main__' not in name:\n"
        "        importlib.import_module(name)\n"
        "print(edx_import.__file__, len(names))\n"
    )
    imported = run(installed.parent / "python", "-W", "error", "-c", program, cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    where, number = imported.stdout.split()
    assert Path(where).is_relative_to(installed.parents[1])
    assert int(number) > 50


def test_a_wheel_holds_commands_and_courses_inside_the_package(wheel_names: set[str]) -> None:
    assert {f"edx_import/_commands/{name}.py" for name in COMMANDS} <= wheel_names
    assert {"edx_import/courses.yaml", "edx_import/py.typed"} <= wheel_names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)
    tops = {name.split("/")[0] for name in wheel_names if ".dist-info/" not in name}
    assert tops == {"edx_import"}, "another top-level name could clash in site-packages"


def test_no_key_gets_into_a_package(built: Path, wheel_names: set[str]) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        source_names = archive.getnames()
    assert len(source_names) > len(wheel_names) / 2
    assert [name for name in (*source_names, *wheel_names) if name.endswith(".asc")] == []


def pinned() -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement of constraints.txt with its hashes."""
    text = (ROOT / "constraints.txt").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith(("#", "--only-binary", "--no-binary")):
            requirement, *hashes = line.split(" --hash=")
            yield Requirement(requirement.strip()), [value.strip() for value in hashes]


def test_every_package_is_pinned_by_a_hash() -> None:
    pins = list(pinned())
    assert len(pins) > 80
    assert [pin.name for pin, hashes in pins if not re.fullmatch(r"==[^,*]+", str(pin.specifier)) or not hashes] == []
    assert {value for _, hashes in pins for value in hashes if not re.fullmatch(r"sha256:[0-9a-f]{64}", value)} == set()


def test_the_pins_satisfy_every_requirement() -> None:
    """Also a newly declared one: `make pins` has been run."""
    project = PROJECT["project"]
    declared = [
        *project["dependencies"],
        *PROJECT["build-system"]["requires"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
    ]
    pins = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin, _ in pinned()}
    wanted = [Requirement(text) for text in declared]
    assert [str(want) for want in wanted if not want.specifier.contains(pins.get(canonicalize_name(want.name), "0"))] == []


def test_the_pins_name_no_place() -> None:
    """They hold wherever the packages are fetched from."""
    text = (ROOT / "constraints.txt").read_text()
    assert re.findall(r"(?m)\w+://.*|^-(?!-(?:only|no)-binary).*|@ .*|(?<=\s)/\w+.*", text) == []


def test_what_runs_needs_no_package_of_the_later_sections() -> None:
    """The image installs constraints.txt up to a section: what it runs on must stand before that."""
    runtime = (ROOT / "constraints.txt").read_text().split("\n# ==== extras")[0]
    assert "pytest==" not in runtime
    missing = {path for path in declared_requirements() if path.suffix == ".dist-info" and f"\n{distribution_name(path)}==" not in runtime}
    assert missing == set()


def distribution_name(metadata: Path) -> str:
    return canonicalize_name(metadata.name.removesuffix(".dist-info").rpartition("-")[0])


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with an `edx-import` that says which process it is and how it was called, and ends with 7."""
    program = tmp_path / "bin" / "edx-import"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$$ $*"\nexit 7\n')
    program.chmod(0o755)
    return program.parent


def test_run_sh_becomes_edx_import(stand_in: Path, tmp_path: Path) -> None:
    """Arguments, exit code and process are its own: a signal to the container reaches edx-import."""
    script = shutil.copy(ROOT / "run.sh", tmp_path)
    environment = {"PATH": f"{stand_in}:/usr/bin:/bin"}
    with subprocess.Popen([script, "cmd", "a report", "--x"], stdout=subprocess.PIPE, text=True, env=environment) as started:
        said, _ = started.communicate(timeout=20)
    assert said == f"{started.pid} cmd a report --x\n"
    assert started.returncode == 7


def test_run_sh_says_what_to_do_without_edx_import(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "run.sh", tmp_path)
    outcome = subprocess.run([script, "sync"], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert (outcome.returncode, outcome.stdout) == (3, "")
    assert "make setup" in outcome.stderr
