"""What is personal inside a text: e-mail addresses, and the parts of addresses of pages that name somebody."""

from __future__ import annotations

import re
from collections.abc import Callable

from edx_import.privacy.keys import Says, says

#: What stands in the place of a name in a text.
REMOVED = "***"

#: Decides about a name, an e-mail address or the number of a learner that was found in a text: True takes it away.
Concerns = Callable[[Says, str], bool]

# Bounded on both sides, so that no text takes long.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
#: What looks like an address and is none: a part of a block's key, the name of a file (logo@2x.png).
_NO_ADDRESS = re.compile(
    r"(?:.*(?:\+|2B))?(?:type|block)(?:@|%40).*|.*\.(?:png|jpe?g|gif|svg|webp|css|js|json|pdf|html?|xml|mp[34]|srt|txt|zip|\d+)", re.IGNORECASE
)
#: /u/jane, /api/user/v1/accounts/jane, /courses/.../forum/users/501
_PERSON_IN_PATH = re.compile(
    r"(?<=/)(u|users?|accounts|preferences|profile|profile_images|student_progress|progress|learners?)/((?!v\d+(?:/|$))[^/?#\s\"']+)"
)
_PARAMETER = re.compile(r"(?<=[?&])([^=&#\s]{1,60})=([^&#\s]*)")
_WORD = re.compile(r"[\w.+-]{2,150}")


def scrubbed(text: str, concerns: Concerns) -> str:
    """The text without the e-mail addresses, and the names and numbers in addresses of pages, that it is decided to take away."""
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(lambda found: _email(found[0], concerns), text)
    if "/" in text:
        text = _PERSON_IN_PATH.sub(lambda found: _person(found, concerns), text)
        if "?" in text:
            text = _PARAMETER.sub(lambda found: _parameter(found, concerns), text)
    return text


def without_words(text: str, concerns: Concerns) -> str:
    """The text without the words that are decided to be somebody's username."""
    return _WORD.sub(lambda found: _word(found[0], concerns), text)


def _email(found: str, concerns: Concerns) -> str:
    concerning = _NO_ADDRESS.fullmatch(found) is None and concerns(Says.WHO, found.replace("%40", "@"))
    return REMOVED if concerning else found


def _person(found: re.Match[str], concerns: Concerns) -> str:
    name = found[2]
    meaning = Says.NUMBER if name.isascii() and name.isdigit() else Says.WHO
    return f"{found[1]}/{REMOVED}" if concerns(meaning, name) else found[0]


def _parameter(found: re.Match[str], concerns: Concerns) -> str:
    meaning = says(found[1])
    return f"{found[1]}=" if found[2] and meaning is not None and concerns(meaning, found[2]) else found[0]


def _word(word: str, concerns: Concerns) -> str:
    if word.isdigit():
        return word  # more likely a number than somebody's name
    for name in (word, word.strip(".+-")):
        if name and concerns(Says.WHO, name):
            return word.replace(name, REMOVED)
    return word
