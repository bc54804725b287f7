"""What is in the image, and what is not: only what runs, for a user that is not root."""

from __future__ import annotations

from pathlib import Path

import pytest
from containers import Engine, docker, inspected

import edx_import

pytestmark = pytest.mark.image

TARGETS = ("slim", "full")


@pytest.fixture(scope="module", params=TARGETS)
def target(engine: Engine, request: pytest.FixtureRequest) -> str:
    return engine.slim if request.param == "slim" else engine.full


def shell(image: str, command: str, *options: str) -> str:
    """What a shell in the image says, as root so that nothing is hidden."""
    return docker("run", "--rm", "--user", "0", "--network", "none", "--entrypoint", "sh", *options, image, "-c", command).out


def test_nothing_of_the_build_is_left(target: str) -> None:
    """No tools that build, no caches, no lists of packages, no sources."""
    tools = "gcc cc g++ make git hatchling hatch pytest ruff mypy curl wget"
    unwanted = f"for name in {tools}; do command -v $name; done; ls -d /opt/builder /opt/embedded /build"
    assert shell(target, f"({unwanted}) 2>/dev/null || true") == ""
    caches = "-path '*/.cache/*' -o -path '/var/lib/apt/lists/*' -o -path '/var/cache/apt/*.bin' -o -name '*.whl'"
    left = f"find / -xdev \\( {caches} \\) -type f"
    assert [path for path in shell(target, left).split() if "ensurepip/_bundled" not in path] == []
    assert shell(target, "ls -A /tmp /root /app/commands | grep -v ':$' | grep -v '^\\.\\(bashrc\\|profile\\)$' || true").split() == []
    assert shell(
        target, "ls /opt; ls /opt/edx-import/lib/python3*/site-packages | grep -xi 'pip\\|setuptools\\|hatchling\\|tests' || true"
    ).split() == ["edx-import"]


def test_the_certificates_are_those_of_the_distribution(target: str) -> None:
    """A certificate that the build was made to trust must not be trusted by everybody who runs the image."""
    trusted = (
        "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt; grep -vc '^[!#]' /etc/ca-certificates.conf; ls /usr/local/share/ca-certificates | wc -l"
    )
    in_bundle, of_distribution, added = map(int, shell(target, trusted).split())
    assert in_bundle == of_distribution
    assert added == 0


def test_no_file_that_could_be_a_secret_is_in_it(target: str) -> None:
    found = shell(
        target,
        "find /opt /app /usr/local/bin /data /home /root -xdev -name '*.asc' -o -name '*.gpg' -o -name '.env*' -o -name '.git' -o -name '*.pem'",
    )
    assert [path for path in found.split() if not path.endswith(("/cacert.pem", "/certifi/cacert.pem"))] == []


def test_the_mongodb_server_is_in_full_only(engine: Engine) -> None:
    assert shell(engine.slim, "command -v mongod || find / -xdev -name 'mongod*' -type f") == ""
    assert "db version v" in shell(engine.full, "mongod --version")


def test_no_program_gives_rights_that_the_user_has_not(target: str) -> None:
    """Of edx-import: the distribution's few remain, and --security-opt no-new-privileges takes those, too."""
    assert shell(target, "find /opt /app /usr/local /data -xdev -perm /6000 -type f") == ""


def test_the_program_belongs_to_root_and_cannot_be_changed_by_its_user(target: str) -> None:
    assert shell(target, "find /opt/edx-import /usr/local/bin /app \\( ! -user 0 -o -perm /022 \\) ! -type l") == ""


def test_it_runs_as_a_user_that_is_not_root_and_owns_data(target: str) -> None:
    config = inspected(target)["Config"]
    assert config["User"] == "10001"
    assert config["Volumes"] == {"/data": {}}
    said = docker("run", "--rm", target, "sh", "-c", "id -u; stat -c '%u %a' /data; touch /data/x && echo written; echo $HOME").out
    assert said.split("\n")[:4] == ["10001", "10001 1777", "written", "/data"]


def test_labels_and_health(target: str) -> None:
    config = inspected(target)["Config"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["version"] == edx_import.__version__
    assert labels["licenses"] == ("MIT AND SSPL-1.0" if target.endswith("full") else "MIT")
    assert {"title", "description", "revision"} <= set(labels)
    assert "edx-import doctor --quick" in config["Healthcheck"]["Test"][-1]
    assert config["Entrypoint"] == ["/usr/local/bin/run.sh"]


def test_every_extra_of_reports_is_installed(engine: Engine) -> None:
    """One list, constraints.txt, says what is in the image: a report must not find its library missing."""
    program = (
        "from importlib.metadata import distribution, version; from importlib.metadata import PackageNotFoundError as gone\n"
        "import re\n"
        "for text in distribution('edx-import').requires:\n"
        "    name, extra = re.match(r'[\\w.-]+', text)[0], re.search(r'extra == .(\\w+).', text)\n"
        "    if not extra or extra[1] not in ('dev', 'embedded'):\n"
        "        try: version(name)\n"
        "        except gone: print(name, 'is missing')\n"
    )
    assert docker("run", "--rm", "--entrypoint", "/opt/edx-import/bin/python", engine.slim, "-c", program).out == ""


def test_slim_is_small(engine: Engine) -> None:
    """What edx-import puts on the image that it begins with: a limit, so that a package that is much larger than thought is noticed."""
    layers = [int(size) for size in docker("history", "--human=false", "--format", "{{.Size}}", engine.slim).out.split()]
    assert sum(layers) - layers[-1] < 400e6


def test_it_starts_from_compiled_code(engine: Engine) -> None:
    """Nothing is compiled at every start: where nothing can be written, that would be done again and again."""
    missing = "cd /opt/edx-import/lib/python3*/site-packages/edx_import && find . -name '*.py' | wc -l && find . -name '*.pyc' | wc -l"
    sources, compiled = map(int, shell(engine.slim, missing).split())
    assert compiled >= sources > 100


def test_the_clone_holds_what_the_image_is_made_of() -> None:
    """What .dockerignore lets in exists; a new folder is left out until it is named there."""
    root = Path(__file__).resolve().parents[2]
    named = [line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert named
    assert [name for name in named if not (root / name).exists()] == []
