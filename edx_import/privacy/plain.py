"""Values that tell of nobody: numbers, dates, choices, keys of courses and blocks."""

from __future__ import annotations

import re
from typing import Any

_PLAIN = re.compile(
    r"-?\d{1,15}(?:\.\d{1,20})?(?:[eE]-?\d{1,3})?"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?i:true|false|yes|no|null|none|nan|na|)"
    r"|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"
    r"|(?:course|block|library|asset|ccx|ccx-block|lib-block)-v1:\S{1,255}|i4x://\S{1,255}"
)
_ANSWER = re.compile(
    r"(?:choice|option|dummy|group|item)s?_?\w{0,20}|[A-Za-z]?\d{0,4}|-?\d{1,15}(?:\.\d{1,20})?(?:[eE]-?\d{1,3})?"
    r"|(?i:true|false|yes|no|correct|incorrect)"
)


def is_plain(value: Any) -> bool:
    """Whether a value of a column that nobody declared is surely no name, no address and no text. Longer numbers are phone numbers as well."""
    return _PLAIN.fullmatch(value) is not None if isinstance(value, str) else not isinstance(value, bytes)


def is_plain_answer(value: Any) -> bool:
    """Whether an answer is a choice or a number, not text that a learner wrote."""
    return not isinstance(value, str) or _ANSWER.fullmatch(value) is not None
