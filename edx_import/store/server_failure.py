"""Why a local MongoDB did not start or ended, told from its exit code and its logs."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edx_import.errors import StoreError
from edx_import.store import server_keeper

#: Exit codes of mongod, https://www.mongodb.com/docs/manual/reference/exit-codes/
_LOCKED_DATA = 100
_OTHER_VERSION = 62

#: How much free disk an empty server takes, in bytes: its journal is made in full at the start.
_LEAST_SPACE = 350 * 2**20

_TAIL = 64 * 1024
_USE_ANOTHER = "Set STORAGE_URI to a MongoDB server that runs elsewhere."


def explained(status: Mapping[str, Any], folder: Path) -> StoreError:
    """The error for what the keeper says of the server in this folder (nothing, if the keeper itself was killed)."""
    said = _tail(folder / server_keeper.KEEPER_LOG)
    what, hint = (
        _not_run(status)
        or _not_loaded(status, said)
        or _no_space(folder, said + _tail(folder / server_keeper.SERVER_LOG))
        or _unusable_data(status, folder)
        or _otherwise(status, folder)
    )
    return StoreError(f"the local MongoDB does not start: {what}", hint)


_Reason = tuple[str, str] | None


def _not_run(status: Mapping[str, Any]) -> _Reason:
    number = status.get("errno")
    if number == errno.ENOEXEC:
        return "mongod is a program for another kind of machine", _USE_ANOTHER
    return (f"mongod cannot be run ({os.strerror(number)})", _USE_ANOTHER) if number else None


def _not_loaded(status: Mapping[str, Any], said: str) -> _Reason:
    if status.get("exit") == -signal.SIGILL:
        return "this processor cannot run it (MongoDB 5 and newer need AVX)", _USE_ANOTHER
    missing = re.search(r"error while loading shared libraries: ([^:\s]+)", said)
    if missing and missing[1].startswith("libcurl"):
        return "the library libcurl is not installed", "Install it (Debian, Ubuntu: apt-get install libcurl4)."
    if missing:
        return f"the library {missing[1]} is not installed", f"Install it, or do without: {_USE_ANOTHER}"
    return ("the system's C library is too old for it", _USE_ANOTHER) if "GLIBC" in said else None


def _no_space(folder: Path, said: str) -> _Reason:
    full = "No space left on device" in said or shutil.disk_usage(folder).free < _LEAST_SPACE
    hint = "Free some space (an empty database takes 350 MB), or set EDX_IMPORT_HOME to a folder on another disk."
    return (f"there is no space left on the disk of {folder}", hint) if full else None


def _unusable_data(status: Mapping[str, Any], folder: Path) -> _Reason:
    if server_keeper.data_in_use(folder):
        hint = "End that one first; processes of one home that run on one machine share their server by themselves."
        return f"another MongoDB is using {folder / server_keeper.DATA}", hint
    if status.get("exit") == _OTHER_VERSION:
        hint = "Use the mongod that wrote it (EDX_IMPORT_MONGOD), or set EDX_IMPORT_HOME to a new folder and sync again."
        return f"{folder / server_keeper.DATA} was written by another version of MongoDB", hint
    if status.get("exit") == _LOCKED_DATA:
        hint = "Check who owns it and whether another machine or container uses it, or set EDX_IMPORT_HOME to another folder."
        return f"it cannot use {folder / server_keeper.DATA} ({_last_complaint(folder)})", hint
    return None


def _otherwise(status: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    end = f"exit code {status['exit']}" if "exit" in status else "it was killed"
    return f"{end} ({_last_complaint(folder)})", f"Look into {folder / server_keeper.SERVER_LOG}."


def _last_complaint(folder: Path) -> str:
    """The last error in the server's log, one JSON object a line."""
    for line in reversed(_tail(folder / server_keeper.SERVER_LOG).splitlines()):
        try:
            entry = json.loads(line)
            if entry["s"] in ("E", "F"):
                return str(entry.get("attr", {}).get("error") or entry["msg"])[:300]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return "no error in its log"


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
