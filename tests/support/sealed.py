"""A sealed message, opened or spoilt, for the tests of decryption."""

from __future__ import annotations

import io
import random

from edx_import.decryption import Keyring

#: What cannot be packed.
NOISE = random.Random(7).randbytes(300_000)


def opened(keyring: Keyring, sealed: bytes) -> bytes:
    """The plaintext of a message."""
    return b"".join(keyring.decrypt(io.BytesIO(sealed)))


def flipped(sealed: bytes, position: int) -> bytes:
    """The message with one bit changed."""
    changed = bytearray(sealed)
    changed[position] ^= 0x10
    return bytes(changed)
