"""The console script, and `python -m edx_import`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    from edx_import.cli.error_boundary import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
