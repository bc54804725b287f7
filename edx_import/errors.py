"""Everything that edx-import expects to go wrong, and the exit code of each.

    EdxImportError                 an expected error: what happened, and what to do about it
      UsageError            2      an option or a command that does not exist
      ConfigurationError    3      settings, courses.yaml, keys that are missing or wrong
      SourceError           4      S3 or a folder: unreachable, denied, object gone
      DecryptionError       5
        WrongKeyError              encrypted for another key than ours
        WrongPassphraseError       the key is right, its passphrase is not
        CorruptMessageError        cut, damaged, or not an OpenPGP message
        UnprotectedMessageError    no integrity protection (2012-14)
      StoreError            6      MongoDB
      PackageError          7      the content of an object is not what it should be
      UnexpectedError       1      a bug that one object brought to light; the others go on
      LockHeldError         75     another sync works on this database
      Interrupted           130    the user said stop (143 where the system did, by SIGTERM)

Anything else that is raised is a bug, keeps its traceback and exits 1. No message carries a secret: those that are known are masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar, Self

from edx_import.secrecy import masked, wordless


class ExitCode(IntEnum):
    """What the process says to the one that started it."""

    DONE = 0
    BUG = 1
    USAGE = 2
    CONFIGURATION = 3
    SOURCE = 4
    DECRYPTION = 5
    STORE = 6
    PARTLY = 7
    LOCKED = 75
    INTERRUPTED = 130
    TERMINATED = 143


class EdxImportError(Exception):
    """An expected error: one line of what happened, one of what to do.

    `hint` may be empty where there is nothing to do. Survives pickling, so that a worker process can raise it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = masked(what)
        self.hint = masked(hint)
        super().__init__(self.what, self.hint)

    @property
    def passing(self) -> bool:
        """Whether the cause lies around the object (network, disk, database, settings), so that a later try at it may well end otherwise."""
        return False

    def __str__(self) -> str:
        return self.what

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.hint)


class UsageError(EdxImportError):
    """An option, a command or a combination that does not exist."""

    exit_code = ExitCode.USAGE


class ConfigurationError(EdxImportError):
    """Settings, courses.yaml or keys are missing or wrong. `problems` holds every one that was found, when there may be several."""

    exit_code = ExitCode.CONFIGURATION

    def __init__(self, what: str, hint: str = "", problems: Sequence[str] = (), where: str = "") -> None:
        super().__init__(what, hint)
        self.problems = tuple(map(masked, problems))
        self.where = where

    @classmethod
    def of(cls, where: str, problems: Sequence[str], hint: str) -> Self:
        """All that is wrong with one place (a file, the environment)."""
        return cls(f"{where}: {'; '.join(problems)}", hint, problems, where)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.hint, self.problems, self.where)


class SourceError(EdxImportError):
    """S3 or the folder cannot be read. `transient`: trying again later may help."""

    exit_code = ExitCode.SOURCE

    def __init__(self, what: str, hint: str = "", transient: bool = False) -> None:
        super().__init__(what, hint)
        self.transient = transient

    @property
    def passing(self) -> bool:
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.hint, self.transient)


class DecryptionError(EdxImportError):
    """A message that cannot be decrypted. The class itself: for a cause that does not lie in the message (gpg was killed, ...)."""

    exit_code = ExitCode.DECRYPTION

    @property
    def passing(self) -> bool:
        return type(self) in (DecryptionError, WrongPassphraseError)


class WrongKeyError(DecryptionError):
    """The message is encrypted for other keys than the one we hold."""


class WrongPassphraseError(DecryptionError):
    """The key is there, the passphrase does not open it."""


class CorruptMessageError(DecryptionError):
    """The message is cut, damaged, or no OpenPGP message at all."""


class UnprotectedMessageError(DecryptionError):
    """The message has no integrity protection, so that a change to it would go unnoticed."""


class StoreError(EdxImportError):
    """MongoDB cannot be reached, refuses, or went away."""

    exit_code = ExitCode.STORE

    @property
    def passing(self) -> bool:
        return True


class PackageError(EdxImportError):
    """An object's content is not what its kind should hold (a broken archive, mostly rejected rows, ...)."""

    exit_code = ExitCode.PARTLY


class UnexpectedError(EdxImportError):
    """A bug, told of with its traceback. One that a single object brought to light leaves the other objects to go on."""

    def __init__(self, what: str, hint: str = "", trace: str = "") -> None:
        super().__init__(what, hint)
        self.trace = masked(trace)

    @classmethod
    def of(cls, error: BaseException, others: str = "") -> Self:
        """What of a bug may be told. What the exception itself says is left out: it may hold a learner's data. `others`: what becomes of them."""
        bug = wordless(error)
        return cls(f"unexpected: {bug.name}", f"This is a bug in edx-import: please report it. {others}".strip(), bug.trace)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.hint, self.trace)


class LockHeldError(EdxImportError):
    """Another sync works on this database."""

    exit_code = ExitCode.LOCKED


class Interrupted(EdxImportError):
    """Stopped by a signal; what was done is kept, the rest is taken up by the next sync."""

    exit_code = ExitCode.INTERRUPTED
