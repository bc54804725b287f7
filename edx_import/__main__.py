"""The console script, and `python -m edx_import`."""

from __future__ import annotations

import os
import sys

#: What a process that a signal has stopped says is 128 and the number of the signal.
_STOPPED = 128


def main() -> None:
    """Runs the command line and exits with its code."""
    from edx_import.cli.error_boundary import run

    code = run(sys.argv[1:])
    if code > _STOPPED:
        # told to stop: all is put away, and threads and workers that still hang are not waited for
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
