"""Makes the first user, as the official image does, then becomes the server, which asks for a login from then on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pymongo import MongoClient

DATA = Path("/data/db")
SERVER = ["mongod", "--dbpath", str(DATA), "--wiredTigerCacheSizeGB", "0.25", "--quiet"]


def make_user() -> None:
    """Before anybody can reach the server."""
    name = os.environ["MONGO_INITDB_ROOT_USERNAME"]
    password = Path(os.environ["MONGO_INITDB_ROOT_PASSWORD_FILE"]).read_text().strip()
    with subprocess.Popen([*SERVER, "--bind_ip", "127.0.0.1", "--port", "27018"]) as server:
        MongoClient(port=27018).admin.command("createUser", name, pwd=password, roles=["root"])
        server.terminate()


if not (DATA / "WiredTiger").exists():
    make_user()
os.execvp(SERVER[0], [*SERVER, "--auth", "--bind_ip_all"])
