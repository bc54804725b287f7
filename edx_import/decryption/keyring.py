"""The institution's private key in a throw-away keyring, its passphrase tried, shared by threads and processes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from edx_import.decryption.gpg import INSTALL_HINT, Gpg, as_sent
from edx_import.decryption.home import Home
from edx_import.decryption.identity import Identity, identify
from edx_import.decryption.message import Conversation
from edx_import.decryption.verdict import NO_SECRET_KEY, is_wrong_passphrase, judge, wrong_passphrase
from edx_import.errors import ConfigurationError, DecryptionError, WrongPassphraseError
from edx_import.settings import Secret

_EXPORT_HINT: Final = "Export it with gpg --armor --export-secret-keys, and set KEY_FILE to the path of that file."
_SECRET_KEYS_READ: Final = 9  # the place of that number in IMPORT_RES


@dataclass(frozen=True, slots=True)
class KeyringTicket:
    """All that another process needs to use an open keyring. Picklable; to be handed over through a pipe, since it holds the passphrase."""

    home: Path
    passphrase: Secret | None
    identity: Identity
    allow_unprotected: bool = False


class Keyring:
    """The institution's private key in a throw-away keyring. A context manager; several threads may decrypt at a time."""

    def __init__(self, ticket: KeyringTicket, gpg: Gpg, home: Home | None) -> None:
        self.ticket: Final = ticket
        self._gpg = gpg
        self._home = home  # of who made it, and so has to remove it

    @classmethod
    def open(cls, key: Secret, passphrase: Secret | None, parent: Path | None = None, *, allow_unprotected: bool = False) -> Keyring:
        """A new keyring with that (armoured) private key, in `parent` if that has a short path, else in memory or the temporary folder.

        `allow_unprotected` lets messages pass that have no integrity protection. Raises ConfigurationError (no gpg, no key) and
        WrongPassphraseError: the passphrase is tried at once, also that of an expired key.
        """
        _check_sendable(passphrase)
        home = Home.make(parent)
        try:
            gpg = Gpg(home.path)
            identity = _import(gpg, key)
            _try_passphrase(gpg, identity.fingerprint, passphrase)
        except BaseException:
            home.remove()
            raise
        return cls(KeyringTicket(home.path, passphrase, identity, allow_unprotected), gpg, home)

    @classmethod
    def attached(cls, ticket: KeyringTicket) -> Keyring:
        """The same keyring in another process; to close it removes nothing. Raises DecryptionError when it is gone."""
        _check_there(ticket.home)
        return cls(ticket, Gpg(ticket.home), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the agent and removes the folder, if this is the keyring that made them. May be called again."""
        if self._home is not None:
            self._home.remove()

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the primary key, 40 hex digits."""
        return self.ticket.identity.fingerprint

    @property
    def expired(self) -> bool:
        """Whether nobody can encrypt for the key any more. What was encrypted for it can still be read."""
        return self.ticket.identity.expired

    @property
    def owner(self) -> str:
        """The key's first user id: `Name <address>`."""
        return self.ticket.identity.owner

    def decrypt(self, sealed: BinaryIO) -> Generator[bytes, None, None]:
        """The plaintext of a message, in chunks, in bounded memory.

        Ends normally only if gpg found the message whole; else raises WrongKeyError, WrongPassphraseError, CorruptMessageError,
        UnprotectedMessageError or DecryptionError, at the start or at the end: until then nothing that it gave may be believed. An error of
        `sealed.read` is raised as it is. Closing the generator ends gpg.
        """
        _check_there(self.ticket.home)
        options = ["--ignore-mdc-error"] if self.ticket.allow_unprotected else []
        conversation = Conversation(self._gpg, sealed, self.ticket.passphrase, options)
        try:
            yield from conversation.chunks()
        finally:
            conversation.end()
        error = judge(conversation.testimony(), conversation.size, self.fingerprint, self.ticket.allow_unprotected)
        if error is not None:
            raise error


def _check_sendable(passphrase: Secret | None) -> None:
    if passphrase is not None and set("\r\n\0") & set(passphrase.reveal()):
        raise ConfigurationError("the passphrase holds a line end, which no passphrase of gpg can", "Set KEY_PASSPHRASE to one line.")


def _check_there(home: Path) -> None:
    if not home.is_dir():
        raise DecryptionError("the keyring is gone: it has been closed", "Start again.")


def _import(gpg: Gpg, key: Secret) -> Identity:
    """Imports the key; gives what gpg lists of it."""
    said = gpg.ask(["--import"], stdin=key.reveal().encode("utf-8", "surrogateescape")).testimony
    identity = identify(gpg.ask(["--list-secret-keys"]).data)
    if identity is not None:
        return identity
    if not said.has("IMPORT_OK"):
        raise ConfigurationError(f"the private key cannot be read: {said.last_words}", _EXPORT_HINT)
    results = said.values("IMPORT_RES")
    if not results or results[-1].split()[_SECRET_KEYS_READ] == "0":
        raise ConfigurationError("this is a public key: the private one is needed to decrypt", _EXPORT_HINT)
    raise ConfigurationError(f"gpg does not take the private key: {said.last_words}", f"{_EXPORT_HINT} gpg-agent must be there too. {INSTALL_HINT}")


def _try_passphrase(gpg: Gpg, fingerprint: str, passphrase: Secret | None) -> None:
    """Unlocks every part of the key, and leaves it with the quick hash of the agent. `gpg --passwd` ends with 0 even if it fails."""
    said = gpg.ask(["--dry-run", "--passwd", fingerprint], passphrase).testimony
    code = said.error_code("keyedit.passwd")
    if "keyedit.passwd" in said.values("SUCCESS"):
        return
    if as_sent(passphrase) is None and (code is None or is_wrong_passphrase(code)):
        raise WrongPassphraseError(f"the private key {fingerprint} has a passphrase, and none was given", "Set KEY_PASSPHRASE.")
    if is_wrong_passphrase(code):
        raise wrong_passphrase(fingerprint)
    if code == NO_SECRET_KEY:
        raise ConfigurationError(f"the file of the key {fingerprint} holds no private part of it, only a reference", _EXPORT_HINT)
    raise ConfigurationError(f"the private key {fingerprint} cannot be used: {said.last_words}", _EXPORT_HINT)
