"""Encryption as edX does it: keys to try with, and messages sealed for them."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from edx_import.decryption.gpg import Gpg, Heard, as_sent
from edx_import.decryption.home import Home
from edx_import.errors import ConfigurationError
from edx_import.settings import Secret

_KINDS: Final = {
    "rsa": "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign\nSubkey-Type: RSA\nSubkey-Length: 2048\nSubkey-Usage: encrypt\n",
    "ecc": "Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: sign\nSubkey-Type: ECDH\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n",
}


@dataclass(frozen=True, slots=True)
class InstitutionKey:
    """A key pair such as an institution's data czar makes. `private` and `public` are armoured; an empty passphrase means that there is none.

    The private key is protected with a quick hash, unlike a person's: good for trying, and for nothing else.
    """

    private: Secret
    public: str
    fingerprint: str
    passphrase: Secret


def make_key(
    folder: Path,
    *,
    name: str,
    email: str,
    passphrase: str,
    kind: str = "rsa",
    created: datetime | None = None,
    lifetime: timedelta | None = None,
) -> InstitutionKey:
    """A new key pair: RSA with 2048 bits (what edX asks for) or `ecc`. Nothing is left in `folder`, where its keyring lies meanwhile.

    `created` (now, if not given) and `lifetime` (for ever, if not given) make an expired key. Raises ConfigurationError.
    """
    secret = Secret(passphrase)
    with Home.make(folder) as home:
        gpg = Gpg(home.path)
        fingerprint = _generate(gpg, _recipe(kind, name, email, created, lifetime, protected=bool(passphrase)), secret)
        private = gpg.export_keys(fingerprint, secret=True, passphrase=as_sent(secret), expect_passphrase=bool(passphrase))
        return InstitutionKey(Secret(private), gpg.export_keys(fingerprint), fingerprint, secret)


class Sealer:
    """Encrypts for one or more keys, in the order in which they are given: binary, not signed. A context manager.

    `protected=False` leaves out the integrity protection, as in deliveries of 2012-14. `clock` is the time that gpg believes it is, so that an
    expired key can be encrypted for. Raises ConfigurationError.
    """

    def __init__(self, *keys: InstitutionKey, protected: bool = True, clock: datetime | None = None) -> None:
        self._protected = protected
        self._recipients = [key.fingerprint for key in keys]
        self._home = Home.make()
        try:
            self._gpg = Gpg(self._home.path, ["--faked-system-time", f"{_stamp(clock)}!"] if clock else [])
            self._gpg.import_keys("".join(key.public for key in keys))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Removes the keyring."""
        self._home.remove()

    def seal(self, data: bytes | BinaryIO, *, compress: bool = True) -> bytes:
        """The message that holds `data`. `compress=False` for what is compressed already."""
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        return self._encrypt(source, compress, None).data

    def seal_file(self, source: Path | BinaryIO, target: Path, *, compress: bool = True) -> None:
        """Writes the message that holds `source` to the file `target`, in bounded memory; a file there is replaced."""
        if isinstance(source, Path):
            with source.open("rb") as file:
                self._encrypt(file, compress, target)
        else:
            self._encrypt(source, compress, target)

    def _encrypt(self, source: BinaryIO, compress: bool, target: Path | None) -> Heard:
        options = ["--no-encrypt-to", *([] if compress else ["--compress-algo", "none"]), *([] if self._protected else ["--rfc2440"])]
        output = None if target is None else str(target)
        result = self._gpg.encrypt_file(source, self._recipients, armor=False, output=output, extra_args=options)
        assert isinstance(result, Heard)
        self._check(result)
        return result

    def _check(self, heard: Heard) -> None:
        said = heard.testimony
        if heard.returncode != 0 or not said.has("END_ENCRYPTION"):
            raise ConfigurationError(f"gpg does not encrypt for {', '.join(self._recipients)}: {said.last_words}", "Has the key expired?")
        # `BEGIN_ENCRYPTION mdc_method cipher`: newer versions of gpg always protect.
        protected = not said.values("BEGIN_ENCRYPTION")[-1].startswith("0 ")
        if protected != self._protected:
            raise ConfigurationError("this version of gpg cannot encrypt without integrity protection", "Use GnuPG 2.2.")


def _generate(gpg: Gpg, recipe: str, passphrase: Secret) -> str:
    said = gpg.ask(["--gen-key"], passphrase, recipe.encode()).testimony
    created = said.values("KEY_CREATED")
    if not created:
        raise ConfigurationError(f"gpg makes no key: {said.last_words}", "Look at the gpg installation.")
    return created[0].split()[1]


def _recipe(kind: str, name: str, email: str, created: datetime | None, lifetime: timedelta | None, *, protected: bool) -> str:
    """The instructions of `gpg --gen-key --batch`; the passphrase is not in it, it goes before."""
    if not re.fullmatch(r"[^\x00-\x1f<>]{5,}\x00[^\x00-\x20<>]+", f"{name}\0{email}"):
        raise ConfigurationError(f"no name (of 5 characters or more) and e-mail address for a key: {name!r}, {email!r}")
    lines = [f"Name-Real: {name}", f"Name-Email: {email}", f"Expire-Date: seconds={int(lifetime.total_seconds())}" if lifetime else "Expire-Date: 0"]
    if created:
        lines.append(f"Creation-Date: {_stamp(created)}")
    if not protected:
        lines.append("%no-protection")
    return _KINDS[kind] + "\n".join(lines) + "\n%commit\n"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
