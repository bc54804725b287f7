"""`edx-import doctor`: is everything there that a sync needs? One line a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from edx_import.cli.terminal import Terminal
from edx_import.cli.text import printable
from edx_import.errors import EdxImportError, ExitCode

if TYPE_CHECKING:
    from edx_import.settings import Settings

#: How long MongoDB may take to answer when there is little time.
_QUICK_SECONDS = 3.0

Check = Callable[["Settings"], str]


def doctor(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="A folder to check instead of S3.", envvar="EDX_IMPORT_SOURCE")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only settings, courses.yaml and MongoDB; writes nothing, starts nothing.")] = False,
) -> None:
    """Check settings, key and passphrase, S3, MongoDB and courses.yaml, and say what to do about each problem."""
    from edx_import.cli.environment import read_settings

    terminal: Terminal = context.obj
    code = ExitCode.DONE
    try:
        settings = read_settings()
    except EdxImportError as error:
        terminal.error(error)
        raise typer.Exit(int(error.exit_code)) from None
    for name, check in _quick_checks() if quick else _checks(source):
        try:
            typer.echo(f"ok       {name}: {printable(check(settings))}")
        except EdxImportError as error:
            typer.echo(f"PROBLEM  {name}: {printable(error.what)}")
            if error.hint:
                typer.echo(f"         what to do: {printable(error.hint)}")
            code = code or error.exit_code
    raise typer.Exit(int(code))


def _checks(source: str | None) -> Iterator[tuple[str, Check]]:
    yield "courses.yaml", _courses
    yield "organisation", _organisation
    yield "key and passphrase", _key
    yield "source", lambda settings: _source(settings, source)
    yield "MongoDB", _storage


def _quick_checks() -> Iterator[tuple[str, Check]]:
    """What every command needs, sync and reports alike: in a second, so that a container's health can be asked for once a minute."""
    yield "courses.yaml", _courses
    yield "MongoDB", _answering


def _courses(settings: Settings) -> str:
    from edx_import.wiring import catalog_of

    number = len(catalog_of(settings).courses)
    where = settings.courses_file or "no file"
    return f"{number} courses in {where}" if number else f"no courses in {where}; all courses load, listed: false"


def _organisation(settings: Settings) -> str:
    from edx_import.wiring import catalog_of, organisations

    return ", ".join(organisations(settings, catalog_of(settings)))


def _key(settings: Settings) -> str:
    from edx_import.wiring import open_keyring

    with open_keyring(settings) as keyring:
        return f"{keyring.fingerprint}{', EXPIRED (what is encrypted for it can still be read)' if keyring.expired else ''}"


def _source(settings: Settings, source: str | None) -> str:
    from edx_import.packages.s3 import S3Source
    from edx_import.wiring import catalog_of, open_source, organisations

    opened = open_source(settings, source)
    for org in organisations(settings, catalog_of(settings)):
        if isinstance(opened, S3Source):
            opened.check_access(org)
    return opened.description


def _storage(settings: Settings) -> str:
    from edx_import.wiring import opened_store, storage

    with storage(settings) as uri, opened_store(uri, settings) as store:
        return f"{store.where}{'; WARNING: it asks for no login' if store.unprotected else ''}"


def _answering(settings: Settings) -> str:
    from edx_import.store.connection import Store
    from edx_import.store.local_server import find_mongod
    from edx_import.wiring import given_storage

    uri = given_storage(settings)
    if uri is None:
        return f"a local one, started when it is needed ({find_mongod(settings.mongod)})"
    with Store.connect(uri, settings.storage_db, timeout_s=_QUICK_SECONDS) as store:
        return store.where
