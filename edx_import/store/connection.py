"""The connection to MongoDB: how it is opened, checked and described."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from edx_import.errors import StoreError
from edx_import.settings import Secret
from edx_import.store.mongo_errors import PRIMARY_HINT, bad_uri, mongo_errors
from edx_import.store.patience import Patience

__all__ = ["Store", "mongo_errors"]

Result = TypeVar("Result")

OLDEST_SERVER = (5, 0)

#: How long the driver looks for a server before an operation fails, in milliseconds; STORAGE_URI may say otherwise. An election takes about 12 s:
#: who has more patience than the driver (`patience`) tells the user, and looks again. Until then nobody hears that the user wants to stop.
_SELECTION_LIMIT = 2_000

#: How long a majority may take to confirm a write before it counts as failed, in milliseconds.
_CONFIRMATION_LIMIT = 120_000

#: A write counts once it is in the journal of a majority: without the journal, a server that is killed loses writes it has confirmed.
_WRITE_CONCERN = WriteConcern(w="majority", j=True, wtimeout=_CONFIRMATION_LIMIT)

#: Dates come back as aware UTC datetimes; those that Python cannot hold as milliseconds, instead of an error.
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(dict, tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)


class Store:
    """An open database. Each process makes its own; a context manager that closes it.

    `where` describes host and database without credentials. `unprotected`: a server on the network that asks for no login. `patience` is how it
    waits for a server that is away.
    """

    def __init__(self, client: MongoClient[dict[str, Any]], name: str, where: str, unprotected: bool) -> None:
        self._client = client
        self.database: Database[dict[str, Any]] = client.get_database(name, codec_options=CODEC, write_concern=_WRITE_CONCERN)
        self.where = where
        self.unprotected = unprotected
        self.patience = Patience()

    @classmethod
    def connect(cls, uri: Secret | str, database: str, *, timeout_s: float = 10) -> Store:
        """Opens the database, and makes sure that it answers, is one we can write to and lets us in. Does not wait for it. Raises StoreError."""
        store = cls.unchecked(uri, database)
        try:
            with mongo_errors(store.where), pymongo.timeout(timeout_s):
                store._check()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def unchecked(cls, uri: Secret | str, database: str) -> Store:
        """The same without a question to the server, which may be away just now: for a process whose parent has made sure. Raises StoreError."""
        text = uri.reveal() if isinstance(uri, Secret) else uri
        client = _client(text)
        try:
            hosts, on_network, has_login = _described(text)
            where = f"{hosts}, database {database}"
            with mongo_errors(where):
                return cls(client, database, where, unprotected=on_network and not has_login)
        except BaseException:
            client.close()
            raise

    def _check(self) -> None:
        hello = self._client.admin.command("hello")
        if not hello.get("isWritablePrimary"):
            raise StoreError(f"{self.where}: the server is not the primary of its replica set", PRIMARY_HINT)
        # A server that asks for a login answers `hello` and `ping` to everybody, but not this.
        self.database.command({"listCollections": 1, "nameOnly": True, "authorizedCollections": True})
        check_version(str(self._client.admin.command("buildInfo")["version"]))

    @property
    def name(self) -> str:
        """The name of the database."""
        return self.database.name

    def ride_out(self, what: str, operation: Callable[[], Result]) -> Result:
        """Does something that can be done twice, with patience for a server that is away. Raises StoreError."""
        return self.patience.ride_out(what, operation)

    def drop(self) -> None:
        """Removes the whole database, for what is temporary (a demo, a test). Raises StoreError."""
        with mongo_errors(f"removing the database {self.name}"):
            self._client.drop_database(self.name)

    def close(self) -> None:
        """Ends the connection; may be called again."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.where!r})"


def whole_milliseconds(moment: datetime | None) -> datetime | None:
    """The moment as the database gives it back, which keeps nothing finer."""
    return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def check_version(version: str) -> None:
    """Raises StoreError for a server older than the oldest that we work with."""
    found = tuple(int(part) for part in version.split(".")[:2])
    if found < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        hint = f"Use MongoDB {oldest} or newer (7 or 8 is best), or leave STORAGE_URI out to use a local one."
        raise StoreError(f"MongoDB {version} is too old", hint)


def _client(uri: str) -> MongoClient[dict[str, Any]]:
    if re.match(r"[^/]*://[^/?]*/[^?]*@", uri):  # a slash in a password that is not escaped: what stands before it would be taken for a host
        raise bad_uri()
    try:
        with warnings.catch_warnings():
            # pymongo only warns of an option it does not understand, and its warning may show the option's value.
            warnings.simplefilter("error", UserWarning)
            limit: dict[str, Any] = {} if "serverselectiontimeoutms=" in uri.lower() else {"serverSelectionTimeoutMS": _SELECTION_LIMIT}
            return MongoClient(uri, document_class=dict, appname="edx-import", connect=False, **limit)
    except (PyMongoError, ValueError, TypeError, UserWarning):
        raise bad_uri() from None


def _described(uri: str) -> tuple[str, bool, bool]:
    """The hosts (no credentials), whether any is on the network (no socket), and whether the URI holds a login."""
    if uri.startswith("mongodb+srv://"):
        # Parsing it would ask the DNS again.
        host = uri.removeprefix("mongodb+srv://").split("/")[0].rsplit("@")[-1]
        return host, True, "@" in uri.split("/")[2] or "authmechanism=" in uri.lower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = parse_uri(uri)
    hosts = [host if port is None else f"{host}:{port}" for host, port in parsed["nodelist"]]
    has_login = parsed["username"] is not None or "authMechanism" in parsed["options"]
    return ",".join(hosts), any(port is not None for _, port in parsed["nodelist"]), has_login
