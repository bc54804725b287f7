"""`edx-import` that waits for a MongoDB which is away for PATIENCE seconds. `python impatient.py ARGUMENTS`; workers import this file as well."""

from __future__ import annotations

import os

from edx_import.__main__ import main
from edx_import.store import patience

patience.LIMIT = float(os.environ.get("PATIENCE", "60"))

if __name__ == "__main__":
    main()
