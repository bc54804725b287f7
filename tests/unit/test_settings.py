"""The environment: every variable, every mistake told at once, and secrets that do not leak."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from collections import UserDict
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from edx_import.errors import ConfigurationError, ExitCode
from edx_import.settings import SECRET_VARIABLES, VARIABLES, Secret, Settings, forget_secrets

TEXT = "correct horse battery"
KEY = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabc\n-----END PGP PRIVATE KEY BLOCK-----\n"


@pytest.fixture(autouse=True)
def _bare_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No courses.yaml, no key.asc; a home of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("edx_import.settings.KEY_PLACES", (tmp_path / "run" / "edx_key.asc", Path("key.asc")))


def problems_of(env: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(env)
    return caught.value.problems


# --- Secret


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{:>40}".format, "%s".__mod__, "%r".__mod__, lambda secret: f"{[secret]}"])
def test_a_secret_never_shows(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(TEXT))
    assert "***" in shown
    assert TEXT not in shown


def test_a_secret_is_revealed_only_when_asked() -> None:
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize("encode", [json.dumps, orjson.dumps, vars])
def test_a_secret_is_not_serialised_by_accident(encode: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        encode(Secret(TEXT))


def test_a_secret_travels_to_a_worker() -> None:
    assert pickle.loads(pickle.dumps(Secret(TEXT))).reveal() == TEXT
    assert copy.deepcopy(Secret(TEXT)) == Secret(TEXT)


def test_secrets_are_compared_by_their_text() -> None:
    assert Secret("é") == Secret("é")
    assert len({Secret(TEXT), Secret(TEXT), Secret("other")}) == 2
    assert Secret(TEXT) != TEXT


def test_a_secret_does_not_change() -> None:
    secret = Secret(TEXT)
    with pytest.raises(AttributeError):
        secret._text = "other"
    with pytest.raises(AttributeError):
        del secret._text


def test_settings_show_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    env = dict.fromkeys(SECRET_VARIABLES, TEXT) | {"STORAGE_URI": f"mongodb://u:{TEXT}@192.0.2.1"}
    settings = Settings.from_env(env)
    logging.getLogger("test").warning("%s %r", settings, dataclasses.asdict(settings))
    assert TEXT not in caplog.text
    assert "***" in caplog.text


# --- what is read


def test_nothing_set_means_the_defaults(tmp_path: Path) -> None:
    assert Settings.from_env({"EDX_IMPORT_HOME": str(tmp_path)}) == Settings(
        home=tmp_path,
        scratch=tmp_path / "scratch",
        course_bucket="course-data",
        event_bucket="edx-course-data",
        storage_db="edx",
        courses_file=Path(__file__).parents[2] / "courses.yaml",
    )


def test_the_home_is_in_the_users_data_folder_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings.from_env({}).home == tmp_path / "edx-import"


def test_every_documented_variable_is_read_under_its_name(tmp_path: Path) -> None:
    asked = set[str]()

    class Environment(UserDict[str, str]):
        def __getitem__(self, name: str) -> str:
            asked.add(name)
            return super().__getitem__(name)

        def __contains__(self, name: object) -> bool:
            asked.add(str(name))
            return super().__contains__(name)

    Settings.from_env(Environment())
    documented = {variable.name for variable in VARIABLES}
    assert documented <= asked
    assert asked - documented == {f"{name}_FILE" for name in SECRET_VARIABLES} - {"KEY_FILE"}


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    courses, mongod = tmp_path / "courses.yaml", tmp_path / "mongod"
    courses.touch()
    mongod.touch(mode=0o700)
    settings = Settings.from_env(
        {
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
            "EDX_ORG": "UniversityX, demox,,demox",
            "EDX_COURSE_DATA_BUCKET": "packages",
            "EDX_EVENT_BUCKET": "events",
            "KEY": KEY,
            "KEY_PASSPHRASE": " blanks count ",
            "STORAGE_URI": "mongodb+srv://db.example.org",
            "STORAGE_DB": "edx-2",
            "EDX_IMPORT_HOME": str(tmp_path),
            "EDX_IMPORT_SCRATCH": "relative",
            "COURSES_FILE": str(courses),
            "COMMANDS_PATH": f"{tmp_path}::.",
            "EDX_IMPORT_MONGOD": str(mongod),
        }
    )
    assert settings == Settings(
        home=tmp_path,
        scratch=Path.cwd() / "relative",
        access_key_id=Secret("id"),
        secret_access_key=Secret("secret"),
        session_token=Secret("token"),
        orgs=("universityx", "demox"),
        course_bucket="packages",
        event_bucket="events",
        key=Secret(KEY),
        passphrase=Secret(" blanks count "),
        storage_uri=Secret("mongodb+srv://db.example.org"),
        storage_db="edx-2",
        courses_file=courses,
        commands_path=(tmp_path, Path.cwd()),
        mongod=mongod,
    )


def test_an_empty_variable_is_unset() -> None:
    assert Settings.from_env({variable.name: "" for variable in VARIABLES}) == Settings.from_env({})


@pytest.mark.parametrize(
    ("env", "uri"),
    [
        ({"STORAGE_PORT_27017_TCP_ADDR": "192.0.2.7", "STORAGE_PORT_27017_TCP_PORT": "27018"}, "mongodb://192.0.2.7:27018"),
        ({"STORAGE_PORT_27017_TCP_ADDR": "2001:db8::7"}, "mongodb://[2001:db8::7]:27017"),
        ({"STORAGE_PORT_27017_TCP_ADDR": "192.0.2.7", "STORAGE_URI": "mongodb://192.0.2.8"}, "mongodb://192.0.2.8"),
    ],
)
def test_a_linked_container_is_the_storage_unless_a_uri_says_otherwise(env: dict[str, str], uri: str) -> None:
    assert Settings.from_env(env).storage_uri == Secret(uri)


def test_the_nearest_courses_file_is_taken(tmp_path: Path) -> None:
    env = {"EDX_IMPORT_HOME": str(tmp_path)}
    for nearest in (tmp_path / "courses.yaml", Path.cwd() / "courses.yaml"):
        nearest.touch()
        assert Settings.from_env(env).courses_file == nearest


# --- secrets in files


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_a_secret_may_be_in_a_file(tmp_path: Path, start: bytes, ending: str) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(start + f" é{TEXT} {ending}".encode())
    assert Settings.from_env({"KEY_PASSPHRASE_FILE": str(path)}).passphrase == Secret(f" é{TEXT} ")


@pytest.mark.parametrize("name", SECRET_VARIABLES)
def test_a_secret_said_twice_is_a_problem(name: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("mongodb://192.0.2.1")
    env = {name: "mongodb://192.0.2.1", f"{name}_FILE": str(path), "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert problems_of(env) == (f"{name} and {name}_FILE are both set: keep one of them",)


@pytest.mark.parametrize("content", [None, b"abc\xff" + TEXT.encode()], ids=["absent", "not UTF-8"])
def test_a_secret_file_that_cannot_be_read_is_told_by_its_variable_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"STORAGE_URI_FILE": str(path)})
    (problem,) = caught.value.problems
    assert problem.startswith("STORAGE_URI_FILE: ")
    assert TEXT not in "".join(traceback.format_exception(caught.value))


def test_secrets_can_be_taken_out_of_an_environment() -> None:
    environ = dict.fromkeys(SECRET_VARIABLES[1:], TEXT) | {"PATH": "/bin", "KEY_FILE": "key.asc"}
    forget_secrets(environ)
    assert environ == {"PATH": "/bin", "KEY_FILE": "key.asc"}


# --- the private key


def test_the_key_is_read_when_it_is_needed(tmp_path: Path) -> None:
    settings = Settings.from_env({"KEY_FILE": "mine.asc"})
    Path("mine.asc").write_text(KEY)
    assert settings.require_key() == Secret(KEY)


def test_the_key_itself_may_have_its_line_ends_written_out() -> None:
    assert Settings.from_env({"KEY": KEY.replace("\n", "\\n")}).require_key() == Secret(KEY)


def test_the_usual_places_of_the_key_in_their_order(tmp_path: Path) -> None:
    Path("key.asc").write_text("near")
    assert Settings.from_env({}).require_key() == Secret("near\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "edx_key.asc").write_text("first")
    assert Settings.from_env({}).require_key() == Secret("first\n")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\x95\xff" + TEXT.encode()], ids=["absent", "empty", "blank", "binary"])
def test_a_key_that_cannot_be_used_is_a_matter_of_configuration(content: bytes | None) -> None:
    if content is not None:
        Path("mine.asc").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"KEY_FILE": "mine.asc"}).require_key()
    assert "mine.asc" in caught.value.what
    assert caught.value.hint
    assert TEXT not in "".join(traceback.format_exception(caught.value))


def test_without_any_key_the_hint_says_how_to_get_one() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({}).require_key()
    assert "--export-secret-keys" in caught.value.hint


# --- mistakes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EDX_ORG", "demox,university x"),
        ("EDX_ORG", "demox/prod"),
        ("EDX_COURSE_DATA_BUCKET", "s3://course-data"),
        ("EDX_EVENT_BUCKET", "edx-course-data/demox"),
        ("STORAGE_URI", "postgres://db.example.org"),
        ("STORAGE_DB", "edx.events"),
        ("STORAGE_DB", "admin"),
        ("STORAGE_DB", "é" * 32),
        ("COURSES_FILE", "nowhere.yaml"),
        ("COMMANDS_PATH", "nowhere"),
        ("EDX_IMPORT_MONGOD", "nowhere"),
        ("EDX_IMPORT_MONGOD", "."),
    ],
)
def test_a_value_that_cannot_be_right_is_told_with_its_variable(name: str, value: str) -> None:
    (problem,) = problems_of({name: value})
    assert problem.startswith(f"{name}: ")


def test_a_linked_port_that_is_none_is_told() -> None:
    (problem,) = problems_of({"STORAGE_PORT_27017_TCP_ADDR": "192.0.2.1", "STORAGE_PORT_27017_TCP_PORT": "tcp"})
    assert problem == "STORAGE_PORT_27017_TCP_PORT: not a port"


@pytest.mark.parametrize(("said", "missing"), [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")])
def test_half_an_account_is_a_problem(said: str, missing: str) -> None:
    assert problems_of({said: TEXT}) == (f"{missing} is not set, though {said} is",)


def test_all_problems_are_told_at_once_without_a_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"STORAGE_URI": TEXT, "STORAGE_DB": "a b", "AWS_SECRET_ACCESS_KEY": TEXT, "COURSES_FILE": "nowhere"})
    error = caught.value
    assert len(error.problems) == 4
    assert all(problem in str(error) for problem in error.problems)
    assert error.exit_code == ExitCode.CONFIGURATION
    assert TEXT not in str(error)
