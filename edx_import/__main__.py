"""The console script, and `python -m edx_import`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the command line and ends the process with its code.

    At once: all is put away by then, and the libraries' own farewells take half a second, or for ever where something hangs.
    """
    from edx_import.cli.error_boundary import run

    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass  # nobody reads any more: nothing is owed
    except OSError:
        sys.exit(code)  # the interpreter knows what to say of it
    os._exit(code)


if __name__ == "__main__":
    main()
