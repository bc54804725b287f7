"""What the environment asks for: where to read, with which keys, where to store.

Read once and checked all at once. Nothing else looks into the environment for settings.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from edx_import.errors import ConfigurationError
from edx_import.secrecy import remember


class Secret:
    """A text that shows itself to nobody but the caller of `reveal`.

    Its repr, str and format are `***`, so that no log line, traceback or f-string can leak it; no JSON encoder knows it. It can be
    compared, hashed and pickled (worker processes get their secrets through a pipe). Once there is one, `secrecy.masked` finds its text
    in whatever is written.
    """

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)
        remember(text)

    def reveal(self) -> str:
        """The text itself: only for handing it to the one who must have it."""
        return self._text

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a secret does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a secret does not change")

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode("utf-8", "surrogatepass"), other._text.encode("utf-8", "surrogatepass"))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self._text,)


class Variable(NamedTuple):
    """One line of the documentation of the environment."""

    name: str
    meaning: str
    default: str


#: The variables that hold a secret. Each can also be given as `NAME_FILE`, the path of a file that holds it.
SECRET_VARIABLES: tuple[str, ...] = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "KEY",
    "KEY_PASSPHRASE",
    "STORAGE_URI",
    "ANONYMIZE_KEY",
)

VARIABLES: tuple[Variable, ...] = (
    Variable("AWS_ACCESS_KEY_ID", "the S3 account's key id; unset, boto3's own ways count (AWS_PROFILE, ...), as do its other variables", ""),
    Variable("AWS_SECRET_ACCESS_KEY", "the S3 account's secret key", ""),
    Variable("AWS_SESSION_TOKEN", "the token of a temporary S3 account", ""),
    Variable("EDX_ORG", "the organisations in the S3 keys, comma-separated, in lower case", "those of the ids in courses.yaml"),
    Variable("EDX_COURSE_DATA_BUCKET", "the bucket of the weekly packages", "course-data"),
    Variable("EDX_EVENT_BUCKET", "the bucket of the daily event files", "edx-course-data"),
    Variable("KEY", "the armoured private key itself", ""),
    Variable("KEY_FILE", "the file that holds it", "/run/secrets/edx_key.asc, then ./key.asc"),
    Variable("KEY_PASSPHRASE", "the private key's passphrase", ""),
    Variable("STORAGE_URI", "the MongoDB to store in, mongodb://...", "a linked container, else a local MongoDB of our own"),
    Variable("STORAGE_PORT_27017_TCP_ADDR", "set by a Docker link called storage: its address, used when STORAGE_URI is unset", ""),
    Variable("STORAGE_PORT_27017_TCP_PORT", "set by the same link: its port", "27017"),
    Variable("STORAGE_DB", "the database", "edx"),
    Variable("EDX_IMPORT_HOME", "the folder of the local MongoDB and of the scratch space", "the user's data folder; /data in the image"),
    Variable("EDX_IMPORT_SCRATCH", "where downloads wait, still encrypted", "scratch in EDX_IMPORT_HOME"),
    Variable("COURSES_FILE", "the course metadata", "./courses.yaml, then courses.yaml in EDX_IMPORT_HOME, then the one that came along"),
    Variable("COMMANDS_PATH", "more folders with commands, separated by colons", ""),
    Variable("ANONYMIZE_KEY", "what `cmd NAME --anonymize` makes learners' hashes with, at least 16 characters", ""),
    Variable("GEOIP_DATABASE", "a MaxMind database (.mmdb) that tells countries of IP addresses", "the one of June 2024 that came along"),
    Variable("EDX_IMPORT_MONGOD", "the mongod program of the local MongoDB", "mongod on PATH, else the embedded one"),
)

#: A shorter key of learners' hashes can be guessed: learners' numbers are no secret.
SHORTEST_ANONYMIZE_KEY = 16
_NEW_KEY = "Make one (openssl rand -hex 32)"

KEY_PLACES: tuple[Path, ...] = (Path("/run/secrets/edx_key.asc"), Path("key.asc"))


def forget_secrets(environ: MutableMapping[str, str]) -> None:
    """Takes the secrets out of an environment (`os.environ`, once the settings are read), so that no child inherits them."""
    for name in (*SECRET_VARIABLES, "AWS_SECURITY_TOKEN"):  # the last is an old name of AWS_SESSION_TOKEN
        environ.pop(name, None)
    for name in [name for name in environ if name.startswith("STORAGE_ENV_")]:
        del environ[name]  # what a Docker link tells of the other container's environment, its passwords included


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the environment says. Paths are absolute; organisations are in lower case.

    `access_key_id` and its fellows are None when boto3 is to look by itself. `storage_uri` is None when neither a URI nor a linked
    container is named. `courses_file` is None when there is no file of course metadata. `key` and `key_file` are what was said about the
    private key; `require_key` reads it, so that whoever needs no key need not have one.
    """

    home: Path
    scratch: Path
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    orgs: tuple[str, ...] = ()
    course_bucket: str = "course-data"
    event_bucket: str = "edx-course-data"
    key: Secret | None = None
    key_file: Path | None = None
    passphrase: Secret | None = None
    storage_uri: Secret | None = None
    storage_db: str = "edx"
    courses_file: Path | None = None
    commands_path: tuple[Path, ...] = ()
    mongod: Path | None = None
    anonymize_key: Secret | None = None
    geoip_database: Path | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Reads and checks an environment. An empty variable counts as unset. Raises one ConfigurationError that lists every problem."""
        asked = _Environment(env)
        settings = _read(asked)
        if asked.problems:
            raise ConfigurationError.of("the environment", asked.problems, "Correct the environment and try again.")
        return settings

    def require_key(self) -> Secret:
        """The armoured private key: from KEY, else KEY_FILE, else the usual places. Raises ConfigurationError."""
        if self.key is not None:
            # An env file cannot hold line ends, so people write them as \n; armour itself never has a backslash.
            return Secret(self.key.reveal().replace("\\n", "\n"))
        path = self.key_file or next((place for place in KEY_PLACES if place.is_file()), None)
        if path is None:
            raise ConfigurationError(
                "there is no private key: neither KEY nor KEY_FILE is set, and there is no " + " and no ".join(map(str, KEY_PLACES)),
                "Export it (gpg --armor --export-secret-keys) and set KEY_FILE to the path of the file.",
            )
        return _key_in(path)

    def require_anonymize_key(self) -> Secret:
        """The key of learners' hashes. Raises ConfigurationError when there is none: one that is made up would give others each time."""
        if self.anonymize_key is None:
            raise ConfigurationError("--anonymize needs a key: ANONYMIZE_KEY is not set", f"{_NEW_KEY}, keep it, and set ANONYMIZE_KEY to it.")
        return self.anonymize_key


def _key_in(path: Path) -> Secret:
    try:
        text = _text_of(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the private key in {path} cannot be read: {_why(error)}",
            "Set KEY_FILE to an armoured key (gpg --armor --export-secret-keys) that this user may read.",
        ) from None
    if not text:
        raise ConfigurationError(f"the private key in {path} cannot be read: the file is empty", "Export the key again.")
    return Secret(text + "\n")


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig").rstrip("\r\n")


def _why(error: Exception) -> str:
    """The reason without the content: a decoding error would show it."""
    return (error.strerror or "it cannot be read") if isinstance(error, OSError) else "it is not UTF-8 text"


@dataclass(slots=True)
class _Environment:
    """The variables, and what was found wrong with them so far."""

    env: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        return self.env.get(name) or default

    def path(self, name: str) -> Path | None:
        said = self.text(name)
        return _absolute(said) if said else None

    def checked(self, name: str, default: str, valid: Callable[[str], object], problem: str) -> str:
        said = self.text(name, default)
        if not valid(said):
            self.problems.append(f"{name}: {problem}")
        return said

    def secret(self, name: str) -> Secret | None:
        said, path = self.text(name), self.path(name + "_FILE")
        if said and path:
            self.problems.append(f"{name} and {name}_FILE are both set: keep one of them")
        if said:
            return Secret(said)
        return self._secret_in(name + "_FILE", path) if path else None

    def _secret_in(self, variable: str, path: Path) -> Secret | None:
        try:
            text = _text_of(path)
        except (OSError, ValueError) as error:
            self.problems.append(f"{variable}: the file it names cannot be read: {_why(error)}")
            return None
        return Secret(text) if text else None


def _read(asked: _Environment) -> Settings:
    home = asked.path("EDX_IMPORT_HOME") or _default_home()
    access_key_id, secret_access_key = _aws_pair(asked)
    key, key_file = _key_said(asked)
    return Settings(
        home=home,
        scratch=asked.path("EDX_IMPORT_SCRATCH") or home / "scratch",
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=asked.secret("AWS_SESSION_TOKEN"),
        orgs=_orgs(asked),
        course_bucket=asked.checked("EDX_COURSE_DATA_BUCKET", "course-data", _BUCKET.fullmatch, "not the name of a bucket (no s3://, no folder)"),
        event_bucket=asked.checked("EDX_EVENT_BUCKET", "edx-course-data", _BUCKET.fullmatch, "not the name of a bucket (no s3://, no folder)"),
        key=key,
        key_file=key_file,
        passphrase=asked.secret("KEY_PASSPHRASE"),
        storage_uri=_storage_uri(asked),
        storage_db=asked.checked("STORAGE_DB", "edx", _is_database_name, "not a name that MongoDB takes for a database of ours"),
        courses_file=_courses_file(asked, home),
        commands_path=_commands_path(asked),
        mongod=_mongod(asked),
        anonymize_key=_anonymize_key(asked),
        geoip_database=_geoip_database(asked),
    )


_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}|arn:[^\s]+")
_ORG = re.compile(r"\w[\w.~-]*")


def _absolute(text: str) -> Path:
    return Path(os.path.expanduser(text)).absolute()


def _default_home() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("edx-import", appauthor=False)).absolute()


def _aws_pair(asked: _Environment) -> tuple[Secret | None, Secret | None]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    pair = asked.secret(names[0]), asked.secret(names[1])
    for name, fellow, secret, other in ((*names, *pair), (*names[::-1], *pair[::-1])):
        if secret is None and other is not None and not any(problem.startswith(name) for problem in asked.problems):
            asked.problems.append(f"{name} is not set, though {fellow} is")
    return pair


def _key_said(asked: _Environment) -> tuple[Secret | None, Path | None]:
    text, path = asked.text("KEY"), asked.path("KEY_FILE")
    if text and path:
        asked.problems.append("KEY and KEY_FILE are both set: keep one of them")
    if path and "-----BEGIN" in str(path):
        asked.problems.append("KEY_FILE: holds the key itself, not the path of its file: set KEY to it")
    return Secret(text) if text else None, path


def _orgs(asked: _Environment) -> tuple[str, ...]:
    said = [org.strip().lower() for org in asked.text("EDX_ORG").split(",")]
    orgs = tuple(dict.fromkeys(org for org in said if org))
    wrong = [org for org in orgs if not _ORG.fullmatch(org)]
    if wrong:
        asked.problems.append("EDX_ORG: not the name of an organisation: " + ", ".join(map(repr, wrong)))
    return orgs


def _storage_uri(asked: _Environment) -> Secret | None:
    said = asked.secret("STORAGE_URI")
    if said is None:
        return _linked_storage(asked)
    if not said.reveal().startswith(("mongodb://", "mongodb+srv://")):
        asked.problems.append("STORAGE_URI: does not begin with mongodb:// or mongodb+srv://")
    return said


def _linked_storage(asked: _Environment) -> Secret | None:
    address, port = asked.text("STORAGE_PORT_27017_TCP_ADDR"), asked.text("STORAGE_PORT_27017_TCP_PORT", "27017")
    if not address:
        return None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        asked.problems.append("STORAGE_PORT_27017_TCP_PORT: not a port")
    return Secret(f"mongodb://[{address}]:{port}" if ":" in address else f"mongodb://{address}:{port}")


def _is_database_name(name: str) -> bool:
    # The characters that MongoDB refuses on any of its platforms, and its own databases.
    return not set(name) & set('/\\. "$*<>:|?\0') and len(name.encode("utf-8", "replace")) < 64 and name not in ("admin", "local", "config")


def _courses_file(asked: _Environment, home: Path) -> Path | None:
    said = asked.path("COURSES_FILE")
    if said is None:
        return next((place for place in (Path("courses.yaml").absolute(), home / "courses.yaml", *_packaged_courses()) if place.is_file()), None)
    if not said.is_file():
        asked.problems.append(f"COURSES_FILE: there is no file {said}")
    return said


def _packaged_courses() -> tuple[Path, ...]:
    """The file that came along: inside the installed package, or at the root of a clone."""
    package = Path(__file__).resolve().parent
    clone = package.parent
    return (package / "courses.yaml", *((clone / "courses.yaml",) if (clone / "pyproject.toml").is_file() else ()))


def _commands_path(asked: _Environment) -> tuple[Path, ...]:
    folders = tuple(_absolute(text) for text in asked.text("COMMANDS_PATH").split(":") if text)
    asked.problems += [f"COMMANDS_PATH: there is no folder {folder}" for folder in folders if not folder.is_dir()]
    return folders


def _mongod(asked: _Environment) -> Path | None:
    said = asked.path("EDX_IMPORT_MONGOD")
    if said is not None and not (said.is_file() and os.access(said, os.X_OK)):
        asked.problems.append(f"EDX_IMPORT_MONGOD: there is no program {said}")
    return said


def _anonymize_key(asked: _Environment) -> Secret | None:
    said = asked.secret("ANONYMIZE_KEY")
    if said is not None and len(said.reveal()) < SHORTEST_ANONYMIZE_KEY:
        asked.problems.append(f"ANONYMIZE_KEY: shorter than {SHORTEST_ANONYMIZE_KEY} characters, so it could be guessed. {_NEW_KEY}")
    return said


def _geoip_database(asked: _Environment) -> Path | None:
    said = asked.path("GEOIP_DATABASE")
    if said is not None and not said.is_file():
        asked.problems.append(f"GEOIP_DATABASE: there is no file {said}")
    return said
