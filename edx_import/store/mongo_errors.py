"""The one place where what pymongo raises becomes an error of ours. No message carries a credential or a value of a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    InvalidName,
    InvalidURI,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
)

from edx_import.errors import StoreError

#: Codes of the server, https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_AUTHENTICATION_FAILED = {18, 8000}
_UNAUTHORIZED = {13}
_NOT_PRIMARY = {10107, 13435, 13436, 189}
_OUT_OF_DISK_SPACE = {14031}
_WRITE_CONCERN = {64, 79, 100}
_ENDING = {91, 11600}
#: The server's own words show a value that it could not convert, that is there already, that is too large or not valid,
_SHOWING_VALUES = {121, 241, 10334, 11000, 17280}
#: or, when the question itself was understood, any that the answer did not allow for.
_WHILE_READING = "Executor error during"

#: Codes that blame the moment: a server ends or is no longer the primary, another behind it cannot be reached, a cursor went with its server, a
#: limit of time was reached (that of waiting for the majority, too; not one that somebody set for the operation).
_PASSING = frozenset({6, 7, 43, 64, 89, 91, 133, 134, 189, 202, 237, 262, 317, 9001, 10107, 11600, 11602, 13435, 13436})

_LOGIN_HINT = "Put a user name and password that MongoDB knows into STORAGE_URI (mongodb://USER:PASSWORD@HOST/?authSource=admin), percent-encoded."
_RIGHTS_HINT = "Give the user in STORAGE_URI the role readWrite on the database STORAGE_DB, or put a login into STORAGE_URI if it has none."
_DOWN_HINT = "Check that MongoDB is running, that STORAGE_URI names it, and that a firewall lets this machine through."
PRIMARY_HINT = "Name all members and the set in STORAGE_URI (mongodb://A,B,C/?replicaSet=NAME) and leave directConnection out."
_AGAIN_HINT = "Check MongoDB, then run the same command again: it takes up the work where it stopped."
_DISK_HINT = "Free some space where MongoDB keeps its data, then run the same command again."
_TLS_HINT = "Check the tls options in STORAGE_URI (tls, tlsCAFile, tlsCertificateKeyFile) against what the server asks for."
_URI_HINT = "Write it as mongodb://USER:PASSWORD@HOST:PORT/?OPTIONS; percent-encode anything but letters and digits in user and password."


@contextmanager
def mongo_errors(what: str) -> Iterator[None]:
    """Raises StoreError for whatever pymongo raises inside; `what` was being done, for a person ("writing to events")."""
    try:
        yield
    except PyMongoError as error:
        # The original may show documents or the URI in a traceback, so it does not go along.
        raise store_error(what, error) from None


def store_error(what: str, error: PyMongoError) -> StoreError:
    """The same error for a person."""
    happened, hint = _explained(error)
    return StoreError(f"{what}: {happened}", hint)


def reason_of(error: PyMongoError) -> str:
    """What happened, in half a line."""
    return _explained(error)[0]


def is_passing(error: PyMongoError) -> bool:
    """Whether the cause may be gone in a moment, so that the same is worth another try."""
    if isinstance(error, ConnectionFailure):
        return True
    return isinstance(error, OperationFailure) and bool(error_codes(error) & _PASSING)


def bad_uri() -> StoreError:
    """STORAGE_URI cannot be understood. Says nothing of what stands in it: a slip there makes part of a password look like a host."""
    return StoreError("STORAGE_URI cannot be understood, or has an option that MongoDB does not know", _URI_HINT)


def _explained(error: PyMongoError) -> tuple[str, str]:
    if isinstance(error, InvalidURI):
        return bad_uri().what, _URI_HINT
    if isinstance(error, InvalidName):
        return "the name of the database or of a collection is not a valid one", "Set STORAGE_DB to a name of letters, digits, - and _."
    if isinstance(error, ServerSelectionTimeoutError):
        return _unreachable(str(error))
    if isinstance(error, NotPrimaryError):
        return _not_primary(error)
    if isinstance(error, AutoReconnect):
        return "the connection to MongoDB was lost", _AGAIN_HINT
    if isinstance(error, OperationFailure):
        return _refused(error)
    if isinstance(error, ConfigurationError):
        return _unusable(str(error).lower())
    return f"MongoDB's driver gave up ({type(error).__name__})", _AGAIN_HINT


def _not_primary(error: NotPrimaryError) -> tuple[str, str]:
    # the driver's class for a server that ends, too
    details = error.details if isinstance(error.details, dict) else {}
    if details.get("code") in _ENDING:
        return "MongoDB is shutting down", _AGAIN_HINT
    return "the server is not, or no longer, the primary of its replica set", PRIMARY_HINT


def _unreachable(message: str) -> tuple[str, str]:
    lowered = message.lower()
    if "no primary" in lowered or "primary()" in lowered:
        return "no primary of the replica set can be reached", PRIMARY_HINT
    if "ssl" in lowered or "tls" in lowered or "certificate" in lowered:
        return "no secure connection to MongoDB can be made", _TLS_HINT
    reasons = ("name or service not known", "nodename nor servname", "temporary failure in name resolution")
    if any(reason in lowered for reason in reasons):
        return "no host of that name is known", _DOWN_HINT
    return "MongoDB cannot be reached", _DOWN_HINT


def _unusable(message: str) -> tuple[str, str]:
    if "wire version" in message:
        return "this version of MongoDB is too old", "Use MongoDB 5.0 or newer; 7 or 8 is best."
    if any(word in message for word in ("dns", "nameserver", "resolution")):
        return "the addresses behind a mongodb+srv:// URI cannot be looked up", "Check the host's name in STORAGE_URI, and the DNS of this machine."
    return "MongoDB cannot be used with the options in STORAGE_URI", _URI_HINT


def _refused(error: OperationFailure) -> tuple[str, str]:
    codes = error_codes(error)
    if codes & _AUTHENTICATION_FAILED:
        return "MongoDB does not accept the user name or password", _LOGIN_HINT
    if codes & _UNAUTHORIZED:
        return "MongoDB does not allow it to this login", _RIGHTS_HINT
    if codes & _NOT_PRIMARY:
        return "the server is not, or no longer, the primary of its replica set", PRIMARY_HINT
    if codes & _ENDING:
        return "MongoDB is shutting down", _AGAIN_HINT
    if codes & _OUT_OF_DISK_SPACE or "no space left" in str(error).lower():
        return "MongoDB has no disk space left", _DISK_HINT
    if isinstance(error, WriteConcernError) or codes & _WRITE_CONCERN:
        return "MongoDB did not confirm the write in time (a majority of the replica set must)", _AGAIN_HINT
    if isinstance(error, (WriteError, BulkWriteError)):
        return f"MongoDB refused a write (codes {', '.join(map(str, sorted(codes)))})", _AGAIN_HINT
    message = str((error.details or {}).get("errmsg", error))
    if codes & _SHOWING_VALUES or _WHILE_READING in message:
        message = f"{(error.details or {}).get('codeName')}; its own words may show a document, and are left out"
    return f"MongoDB refused (code {error.code}): {message[:300]}", _AGAIN_HINT if codes & _PASSING else ""


def error_codes(error: OperationFailure) -> set[int]:
    """Every code in it: of the command, of single writes, of the write concern."""
    details = error.details or {}
    problems = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    if isinstance(details.get("writeConcernError"), dict):
        problems.append(details["writeConcernError"])
    codes = {problem.get("code") for problem in problems}
    if not isinstance(error, BulkWriteError):
        codes.add(error.code)
    return {code for code in codes if isinstance(code, int)}
