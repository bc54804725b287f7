"""`edx-import`, killed at a step of its delivery. `python crashing.py ARGUMENTS`, with what to kill and where in the environment.

    CRASH_AT      a step (`edx_import.progress.Step`), or `decrypting`: gpg has just been started on a message
    CRASH_NTH     at which time it is reached (from 1), in each process
    CRASH_WHAT    process: this one and, from a worker, its parent too; gpg: the one that is at work; mongod: process CRASH_PID;
                  SIGINT, SIGTERM: not killed, but the first process is told so; twice with CRASH_TWICE, by a worker that then hangs

The step is told by the program itself: a progress that says nothing is replaced by one that kills. Workers import this file as well.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from subprocess import Popen

from edx_import.__main__ import main
from edx_import.decryption.gpg import Gpg
from edx_import.progress import SilentProgress, Step

_AT = os.environ.get("CRASH_AT", "")
_NTH = int(os.environ.get("CRASH_NTH", "1"))
_WHAT = os.environ.get("CRASH_WHAT", "process")
_reached: Counter[str] = Counter()
_open = Gpg._open_subprocess


def strike(step: str, gpg: Popen[bytes] | None = None) -> None:
    """Kills, if this is the step."""
    _reached[step] += 1
    if step != _AT or _reached[step] != _NTH:
        return
    if _WHAT == "gpg":
        assert gpg is not None
        gpg.kill()
    elif _WHAT == "mongod":
        os.kill(int(os.environ["CRASH_PID"]), signal.SIGKILL)
    elif _WHAT.startswith("SIG"):
        _tell(signal.Signals[_WHAT])
    else:
        os.kill(_first_process(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _tell(number: int) -> None:
    os.kill(_first_process(), number)
    if "CRASH_TWICE" in os.environ:
        time.sleep(0.5)  # two that come at once may count as one
        os.kill(_first_process(), number)
        time.sleep(300)


def _first_process() -> int:
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None or parent.pid is None else parent.pid


def _stepped(self: SilentProgress, key: str, step: Step) -> None:
    strike(step)


def _opened(self: Gpg, args: list[str], passphrase: bool = False) -> Popen[bytes]:
    process = _open(self, args, passphrase)
    if "--decrypt" in args:
        strike("decrypting", process)
    return process


SilentProgress.step = _stepped  # type: ignore[method-assign]
Gpg._open_subprocess = _opened  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
