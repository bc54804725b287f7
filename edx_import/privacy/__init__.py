"""What is personal in the documents of the database, how it is removed, and how a learner is forgotten. Pure: documents in, documents out.

`removal` takes away what says who somebody is; `forgetting` takes away one learner. Both are done to what the database holds (`reports/privacy.py`)
and to what a sync brings (`sync/screening.py`) by the same code, so that a sync never brings back what a command has taken away.
"""

from __future__ import annotations

from edx_import.privacy.forgetting import Forgetting
from edx_import.privacy.identity import Identity, Kind, identity_hash, pseudonym_number
from edx_import.privacy.removal import Remover
from edx_import.privacy.state import PrivacyState

__all__ = ["Forgetting", "Identity", "Kind", "PrivacyState", "Remover", "identity_hash", "pseudonym_number"]
