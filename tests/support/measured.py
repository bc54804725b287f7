"""The command line, and how much memory it took at most: `python measured.py FILE ARGUMENTS...` writes the bytes to FILE at the end.

From the process itself: what the system tells of a child begins with the size of its parent.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from edx_import.cli.error_boundary import run


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    target = Path(sys.argv.pop(1))
    code = run(sys.argv[1:])
    target.write_text(str(peak()))
    sys.exit(code)
