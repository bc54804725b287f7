"""What gpg said of a message, and what that means: whole, or one of our errors. Pure.

The return code alone says too little: gpg ends well after a message that was cut in its header, and after one that was never encrypted.
Its status lines (doc/DETAILS of GnuPG) are what counts; its other words only make the error more telling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edx_import.errors import CorruptMessageError, DecryptionError, UnprotectedMessageError, WrongKeyError, WrongPassphraseError

_AGAIN: Final = "Fetch it again; if that does not help, ask edX to deliver it again."
_PASSPHRASE_HINT: Final = "Set KEY_PASSPHRASE to the passphrase of this key."

#: gpg's words for a message that ended too early. They are in no status line.
_CUT: Final = re.compile(r"block_filter.*(?:read error|pending bytes)|problem reading source|unexpected EOF|premature E[Oo][Ff]", re.IGNORECASE)

# Codes of libgpg-error; a status line has the code of the source of the error in its upper bits.
_BAD_PASSPHRASE: Final = frozenset({11, 177})  # bad passphrase, no passphrase
NO_SECRET_KEY: Final = 17
_BAD_SESSION_KEY: Final = frozenset({4, 12, 18, 55, 79, 84, 89, 152})  # what a changed byte in the message's header leads to


@dataclass(frozen=True, slots=True)
class Testimony:
    """What gpg said: its status lines (keyword, value), its other words, its return code (negative: the signal that ended it)."""

    status: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    return_code: int

    def has(self, keyword: str) -> bool:
        """Whether there is such a status line."""
        return any(key == keyword for key, _ in self.status)

    def values(self, keyword: str) -> list[str]:
        """The values of all such status lines, in their order."""
        return [value for key, value in self.status if key == keyword]

    def error_code(self, where: str) -> int | None:
        """The libgpg-error code of `ERROR where code`, if there is one."""
        for value in self.values("ERROR"):
            place, _, code = value.partition(" ")
            if place == where and (number := re.match(r"\d+", code)):
                return int(number[0]) & 0xFFFF
        return None

    @property
    def last_words(self) -> str:
        """The last line that gpg wrote for people, without its name."""
        spoken = [line.removeprefix("gpg: ") for line in self.words if line.startswith("gpg: ") and "encrypted with" not in line]
        return spoken[-1] if spoken else f"return code {self.return_code}"


def is_wrong_passphrase(code: int | None) -> bool:
    """Whether a libgpg-error code says that the passphrase was wrong or missing."""
    return code in _BAD_PASSPHRASE


def wrong_passphrase(fingerprint: str) -> WrongPassphraseError:
    """The error for a passphrase that does not open a key."""
    return WrongPassphraseError(f"the passphrase does not open the private key {fingerprint}", _PASSPHRASE_HINT)


def judge(said: Testimony, size: int, fingerprint: str, allow_unprotected: bool) -> DecryptionError | None:
    """The error of a message of `size` sealed bytes that was decrypted with the key of that fingerprint; None when it was whole."""
    if said.return_code < 0:
        return DecryptionError(f"gpg was ended by signal {-said.return_code}", "Is there enough memory? Try again.")
    if _is_whole(said, allow_unprotected):
        return None
    if not size:
        return CorruptMessageError("the message is empty (0 bytes)", "Its encryption failed where it was made: ask edX to deliver it again.")
    if not said.has("DECRYPTION_INFO"):
        return _not_begun(said, size, fingerprint)
    return _not_finished(said, size, allow_unprotected)


def _is_whole(said: Testimony, allow_unprotected: bool) -> bool:
    infos = said.values("DECRYPTION_INFO")
    if len(infos) != 1 or said.return_code != 0 or not said.has("DECRYPTION_OKAY"):
        return False
    if said.has("DECRYPTION_FAILED") or said.has("BADMDC"):
        return False
    # With --ignore-mdc-error gpg also lets a damaged message pass, and only leaves out GOODMDC.
    return said.has("GOODMDC") if _is_protected(infos[0]) else allow_unprotected


def _is_protected(info: str) -> bool:
    """`DECRYPTION_INFO mdc_method cipher [aead]`: 0 means none."""
    fields = info.split()
    return fields[:1] != ["0"] or fields[2:3] not in ([], ["0"])


def _not_begun(said: Testimony, size: int, fingerprint: str) -> DecryptionError:
    """The session key was not found, so that not one byte was decrypted."""
    recipients, missing = said.values("ENC_TO"), said.values("NO_SECKEY")
    code = said.error_code("pkdecrypt_failed")
    if is_wrong_passphrase(code):
        return wrong_passphrase(fingerprint)
    if recipients and {line.split()[0] for line in recipients} <= {line.split()[0] for line in missing}:
        return _wrong_key(recipients, fingerprint)
    if not recipients:
        return _no_message(said, size)
    if code in _BAD_SESSION_KEY:
        return CorruptMessageError("the message is damaged in its header", _AGAIN)
    if code is not None:
        return DecryptionError(f"gpg could not use the private key {fingerprint}: {said.last_words}", "Try again; look at the gpg installation.")
    return CorruptMessageError(f"the message is cut short after {size:,} bytes, or damaged in its header", _AGAIN)


def _wrong_key(recipients: list[str], fingerprint: str) -> WrongKeyError:
    keys = sorted({line.split()[0] for line in recipients} - {"0000000000000000"})
    whom = f"for {', '.join(keys)}" if keys else "for a hidden recipient"
    return WrongKeyError(
        f"the message is encrypted {whom}, not for the key {fingerprint}",
        "Set KEY_FILE to the private key that edX encrypted for at that time.",
    )


def _no_message(said: Testimony, size: int) -> DecryptionError:
    if said.has("NEED_PASSPHRASE_SYM"):
        return WrongKeyError("the message is encrypted with a password of its own, not for a key", "Ask edX to encrypt it for your key.")
    if said.has("PLAINTEXT"):
        return CorruptMessageError("the message is not encrypted", "Nobody sealed it, so it is not trusted: ask edX to deliver it again.")
    if said.has("UNEXPECTED"):
        return CorruptMessageError("this is a key or a signature where an encrypted message should be", _AGAIN)
    return CorruptMessageError(f"this is no OpenPGP message, or only the beginning of one ({size:,} bytes)", _AGAIN)


def _not_finished(said: Testimony, size: int, allow_unprotected: bool) -> DecryptionError:
    if not allow_unprotected and not _is_protected(said.values("DECRYPTION_INFO")[0]):
        return UnprotectedMessageError(
            "the message has no integrity protection, so that a change to it would go unnoticed",
            "Deliveries of 2012-14 may lack it: use --allow-unprotected to load it all the same.",
        )
    if any(_CUT.search(line) for line in said.words):
        return CorruptMessageError(f"the message is cut short after {size:,} bytes", _AGAIN)
    if said.has("GOODMDC"):
        return CorruptMessageError("there are more bytes after the end of the message", _AGAIN)
    why = "its integrity check fails" if said.has("BADMDC") else said.last_words
    return CorruptMessageError(f"the message is damaged ({why})", _AGAIN)
