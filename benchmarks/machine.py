"""Which machine and which versions the numbers are of."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.place import Server
from benchmarks.scale import cores
from edx_import import __version__

_ROOT = Path(__file__).resolve().parent.parent


def described(server: Server) -> dict[str, str | int]:
    """The machine, the server, and the libraries that count."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "mongod": server.version,
        **{name: version(name) for name in ("pymongo", "orjson", "isal")},
    }


def release() -> dict[str, str]:
    """The version of edx-import, and the commit where there is one (with a + when files were changed since)."""
    return {"version": __version__, "commit": _commit()}


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "edx_import")
    return f"{commit}+" if commit and changed else commit


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
