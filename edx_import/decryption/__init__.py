"""From sealed bytes to plaintext: the throw-away keyring, streaming decryption, and verification before anything is believed.

gpg hands out plaintext before it has checked that a message is whole: what comes from `Keyring.decrypt` may be believed only after the
iterator has ended well. `verified` does that for the caller.
"""

from __future__ import annotations

from edx_import.decryption.keyring import Keyring, KeyringTicket
from edx_import.decryption.verification import VerifiedContent, verified

__all__ = ["Keyring", "KeyringTicket", "VerifiedContent", "verified"]
