"""What this process knows and must tell nobody: its memory is closed to others, and no text that it writes holds a secret.

Secrets are remembered as soon as they are read (`settings.Secret`), and taken out of every message. What an exception says that nobody
expected is never shown: it may hold a learner's data.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

#: A shorter secret is not looked for: it would be found in ordinary words, which would then tell what it is.
SHORTEST: Final = 8

_MASK: Final = "***"
_PR_SET_DUMPABLE: Final = 4

#: A line of the body of an armoured key.
_ARMOUR: Final = re.compile(r"[A-Za-z0-9+/=]{16,}")
#: What of a URI is secret: the password of the login (also when what should be escaped in it is not), and options that hold one.
_IN_URI: Final = (
    re.compile(r"://[^:@/]*:([^@/?]*)@"),
    re.compile(r"://[^:@/]*:(.*)@"),
    re.compile(r"(?:password|aws_session_token)(?:=|:|%3a)([^&,]+)", re.IGNORECASE),
)

#: Every way to write what must not be told, the longest first.
_known: list[str] = []


def close_to_others() -> None:
    """From now on there is no core dump of this process, nor of those it starts, and on Linux no process but root's looks into its memory.

    Nor into /proc/PID/environ, where the system keeps the environment that the process was started with. For a process that it starts,
    only the first holds: it has to close itself.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        # Also where the system pipes core dumps into a program, which the limit does not keep it from.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_silent(tell: Callable[[BaseException], None] | None = None) -> None:
    """From now on exceptions that end a thread or come from a destructor are given to `tell` (by default: written on stderr without their words)."""
    tell = tell or _tell

    def in_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
            tell(failed.exc_value)

    def unraisable(failed: Any) -> None:
        if failed.exc_value is not None:
            tell(failed.exc_value)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable


def silence_libraries() -> None:
    """From now on the warnings and errors that libraries log go nowhere, unless a command of the user's sets up a log."""
    import logging

    logging.lastResort = logging.NullHandler()


def remember(secret: str) -> None:
    """Makes a text one that `masked` looks for. Of a URI only the password, and options that hold one."""
    forms = {form for part in _parts(secret) if len(part) >= SHORTEST for form in _forms(part)}
    _known.extend(forms.difference(_known))
    _known.sort(key=len, reverse=True)


def masked(text: str) -> str:
    """The text, with `***` in place of every secret that this process knows, however it is written."""
    for form in _known:
        if form in text:
            text = text.replace(form, _MASK)
    return text


class WordlessError(Exception):
    """What of an exception may be told, also to another process: the `name` of its type, and the `trace`: where it came from, and those before it."""

    def __init__(self, name: str, trace: str) -> None:
        super().__init__(name, trace)
        self.name = name
        self.trace = trace


def wordless(error: BaseException) -> WordlessError:
    """Lines of code and names of types, never what the exceptions say."""
    if isinstance(error, WordlessError):
        return error
    return WordlessError(type(error).__name__, "\n\nwhich led to\n\n".join(reversed([_frames(each) for each in _chain(error)])))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and not any(following is each for each in seen):
        yield following
        seen.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


def _frames(error: BaseException) -> str:
    return f"Traceback (most recent call last):\n{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}"


def _tell(error: BaseException) -> None:
    with suppress(OSError, ValueError, AttributeError):  # there may be no stderr any more
        print(wordless(error).trace, file=sys.stderr, flush=True)


def _parts(secret: str) -> Iterator[str]:
    """What of it must not be told."""
    if "://" in secret:
        for found in (found for pattern in _IN_URI for found in pattern.findall(secret)):
            yield from (found, _unquoted(found))
        return
    yield secret
    if "-----BEGIN" in secret:
        yield from _ARMOUR.findall(secret)


def _forms(part: str) -> Iterator[str]:
    """How it may be written: as it is, as Python and JSON write it, in a URI, and as python-gnupg has it (its UTF-8 read as Latin-1)."""
    from urllib.parse import quote

    encoded = part.encode("utf-8", "surrogatepass")
    yield from (part, encoded.decode("latin-1"))
    yield from (repr(part)[1:-1], repr(encoded)[2:-1])
    yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
    yield from (quote(encoded), quote(encoded, safe=""))


def _unquoted(text: str) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(text)
