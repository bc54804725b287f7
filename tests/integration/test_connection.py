"""The connection: durable, tolerant, and silent about credentials."""

from __future__ import annotations

import subprocess
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from pymongo import MongoClient
from pymongo.errors import ServerSelectionTimeoutError

from edx_import.errors import ExitCode, StoreError
from edx_import.settings import Secret
from edx_import.store.collections import ensure_collections
from edx_import.store.connection import Store, check_version
from edx_import.store.mongo_errors import mongo_errors

StartMongod = Callable[..., tuple[int, "subprocess.Popen[bytes]"]]

PASSWORD = "wOrd-of-Ann"


@pytest.fixture(scope="module")
def guarded(start_mongod: StartMongod) -> str:
    """The host of a server that asks for a login: ann may do all, bob may read."""
    port, _ = start_mongod("--auth")
    client: MongoClient[dict[str, object]]
    with MongoClient(f"mongodb://127.0.0.1:{port}") as client:
        client.admin.command("createUser", "ann", pwd=PASSWORD, roles=["root"])
    with MongoClient(f"mongodb://ann:{PASSWORD}@127.0.0.1:{port}") as client:
        client.admin.command("createUser", "bob", pwd=PASSWORD, roles=["readAnyDatabase"])
    return f"127.0.0.1:{port}"


def test_writes_are_confirmed_by_majority_and_journal(database: Store) -> None:
    concern = database.database["anything"].write_concern
    assert (concern.document["w"], concern.document["j"]) == ("majority", True)
    assert database.database["anything"].insert_one({"_id": 1}).acknowledged


def test_dates_are_utc_and_those_beyond_python_survive(database: Store) -> None:
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    beyond = DatetimeMS(253402300800000)  # the year 10000
    database.database["dates"].insert_one({"_id": 1, "now": moment, "beyond": beyond})
    assert database.database["dates"].find_one() == {"_id": 1, "now": moment, "beyond": beyond}


def test_local_socket_is_protected(database: Store) -> None:
    assert not database.unprotected
    assert database.name in database.where


def test_server_with_login_takes_it_and_shows_it_nowhere(guarded: str) -> None:
    with Store.connect(Secret(f"mongodb://ann:{PASSWORD}@{guarded}/?authSource=admin"), "guarded") as store:
        assert not store.unprotected
        assert store.where == f"{guarded}, database guarded"
        assert PASSWORD not in repr(store)


def test_network_server_without_login_is_unprotected(start_mongod: StartMongod) -> None:
    port, server = start_mongod()
    with Store.connect(f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=300", "open") as store:
        assert store.unprotected
        server.kill()
        server.wait()
        message = "writing: (MongoDB cannot be reached|the connection to MongoDB was lost)"
        with pytest.raises(StoreError, match=message) as lost, mongo_errors("writing"):
            store.database["any"].insert_one({})
        assert lost.value.hint
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        Store.connect(f"mongodb://ann:{PASSWORD}@127.0.0.1:{port}", "open", timeout_s=0.2)
    assert caught.value.exit_code == ExitCode.STORE
    assert PASSWORD not in _everything(caught.value)


@pytest.mark.parametrize("login", ["", "ann:wrong@", f"eve:{PASSWORD}@"])
def test_refused_login_says_so(guarded: str, login: str) -> None:
    with pytest.raises(StoreError, match=r"does not accept the user name or password|does not allow it to this login") as caught:
        Store.connect(f"mongodb://{login}{guarded}", "guarded")
    assert "STORAGE_URI" in caught.value.hint
    assert PASSWORD not in _everything(caught.value)


def test_reading_login_needs_no_right_to_write_once_all_is_there(guarded: str) -> None:
    with Store.connect(f"mongodb://ann:{PASSWORD}@{guarded}", "guarded") as store:
        ensure_collections(store)
    with Store.connect(f"mongodb://bob:{PASSWORD}@{guarded}/?authSource=admin", "guarded") as store:
        ensure_collections(store)
        with pytest.raises(StoreError, match="writing: MongoDB does not allow it to this login"), mongo_errors("writing"):
            store.database["events"].insert_one({})


def test_member_that_is_not_the_primary_is_refused(start_mongod: StartMongod) -> None:
    port, _ = start_mongod("--replSet", "rs")
    with pytest.raises(StoreError, match="not the primary") as caught:
        Store.connect(f"mongodb://127.0.0.1:{port}/?directConnection=true", "any")
    assert "replicaSet" in caught.value.hint
    with pytest.raises(StoreError, match="no primary"):
        Store.connect(f"mongodb://127.0.0.1:{port}/?replicaSet=rs", "any", timeout_s=0.2)


@pytest.mark.parametrize(
    "uri",
    [
        f"http://ann:{PASSWORD}@db.example.org",
        f"mongodb://ann:{PASSWORD}/x@db.example.org",
        f"mongodb://ann@x:{PASSWORD}@db.example.org",
        f"mongodb://ann:{PASSWORD}",
        f"mongodb://ann:{PASSWORD}@db.example.org/?tls={PASSWORD}",
        f"mongodb://ann:{PASSWORD}@db.example.org/?{PASSWORD}=1",
        f"mongodb://ann:{PASSWORD}@db.example.org/?authMechanism={PASSWORD}",
        f"mongodb://ann:{PASSWORD}@db.example.org/?authMechanismProperties={PASSWORD}",
        "",
    ],
)
def test_bad_uri_is_told_without_showing_it(uri: str) -> None:
    with pytest.raises(StoreError, match="STORAGE_URI cannot be understood") as caught:
        Store.connect(Secret(uri), "any", timeout_s=0.2)
    assert caught.value.hint
    assert PASSWORD not in _everything(caught.value)


def test_unknown_srv_name_is_told_without_showing_the_password() -> None:
    with pytest.raises(StoreError, match="cannot be looked up") as caught:
        Store.connect(f"mongodb+srv://ann:{PASSWORD}@db.example.invalid/", "any", timeout_s=1)
    assert PASSWORD not in _everything(caught.value)


def test_bad_database_name_is_told(mongod: str) -> None:
    with pytest.raises(StoreError, match="name of the database") as caught:
        Store.connect(mongod, "no good.name")
    assert "STORAGE_DB" in caught.value.hint


@pytest.mark.parametrize("version", ["4.4.29", "3.6.0", "4.9.0-rc1"])
def test_old_server_is_refused(version: str) -> None:
    with pytest.raises(StoreError, match=f"MongoDB {version} is too old"):
        check_version(version)


@pytest.mark.parametrize("version", ["5.0.0", "6.0.5", "7.0.2-ent", "8.2.1", "10.0"])
def test_newer_server_is_fine(version: str) -> None:
    check_version(version)
    assert version


def test_refused_write_shows_no_document(database: Store) -> None:
    document = {"_id": "ann@example.org", "name": "Ann"}
    database.database["people"].insert_one(document)
    with pytest.raises(StoreError, match=r"writing: MongoDB refused a write \(codes 11000\)") as caught, mongo_errors("writing"):
        database.database["people"].insert_many([bson.decode(bson.encode(document))])
    assert "ann@example.org" not in _everything(caught.value)


def test_refused_question_says_what_is_wrong_with_it(database: Store) -> None:
    with pytest.raises(StoreError, match="Unrecognized pipeline stage name"), mongo_errors("asking"):
        database.database["people"].aggregate([{"$nonsense": 1}])


def test_unknown_host_is_told_apart() -> None:
    with pytest.raises(StoreError, match="no host of that name"), mongo_errors("asking"):
        raise ServerSelectionTimeoutError("db.example.invalid:27017: [Errno -2] Name or service not known")


def _everything(error: BaseException) -> str:
    """All that a traceback with values would show."""
    hint = getattr(error, "hint", "")
    return "".join(traceback.format_exception(error)) + str(error) + repr(error) + hint
