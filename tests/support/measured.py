"""The command line, and how much memory it took at most: `python measured.py FILE ARGUMENTS...` writes the bytes to FILE at the end.

From the process itself: what the system tells of a child begins with the size of its parent.
"""

from __future__ import annotations

import atexit
import re
import runpy
import sys
from pathlib import Path


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    target = Path(sys.argv.pop(1))
    atexit.register(lambda: target.write_text(str(peak())))
    runpy.run_module("edx_import", run_name="__main__", alter_sys=True)
