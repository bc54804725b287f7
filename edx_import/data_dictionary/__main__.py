"""`python -m edx_import.data_dictionary > docs/data-dictionary.md`"""

from __future__ import annotations

import sys

from edx_import.data_dictionary import ENTRIES, dictionary_page

sys.stdout.buffer.write(dictionary_page(ENTRIES).encode())
