"""Which process holds something, told so that another one on the same machine can see that it is gone. Elsewhere than on Linux that is never seen."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_PROC = Path("/proc")


def myself() -> dict[str, Any]:
    """This process: `host` and `pid` for a person; `space` and `born` so that neither another container's process nor a later one with the same
    number is taken for it.
    """
    return {"host": socket.gethostname(), "pid": os.getpid(), "space": _space(), "born": _born(os.getpid())}


def is_gone(holder: Mapping[str, Any]) -> bool:
    """Whether that process has surely ended: it lived where this one does, and is there no more."""
    space, pid = holder.get("space"), holder.get("pid")
    if not space or space != _space() or not isinstance(pid, int):
        return False
    return _born(pid) != holder.get("born")


def _space() -> str:
    """Where process numbers mean the same: this boot of this machine, this container. Empty when that cannot be told."""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"
    return ""


def _born(pid: int) -> str:
    """When a process was started, in ticks since the boot; empty when there is none, or one that has ended and was not yet buried."""
    with suppress(OSError):
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    return ""
