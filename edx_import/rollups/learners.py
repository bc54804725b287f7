"""Who an event is of, and of which day, for MongoDB. A learner is a number, else the username without outer blanks; empty where neither is known."""

from __future__ import annotations

from typing import Any

from edx_import.rollups.kinds import Expression


def is_text(value: Any) -> Expression:
    """Whether a value is text."""
    return {"$eq": [{"$type": value}, "string"]}


def has_number(value: Any) -> Expression:
    """Whether a value is a learner's number; 0 is none."""
    return {"$and": [{"$isNumber": value}, {"$ne": [value, 0]}]}


def trimmed(value: str) -> Expression:
    """A text without outer blanks, of which usernames in logs have some; empty where it is no text."""
    return {"$cond": [is_text(value), {"$trim": {"input": {"$cond": [is_text(value), value, ""]}}}, ""]}


def learner_of() -> Expression:
    """What stands for the learner: a number or a text."""
    return {"$cond": [has_number("$user_id"), "$user_id", trimmed("$username")]}


def midnight_of(time: str) -> Expression:
    """The beginning of a time's UTC day, in milliseconds since 1970: half the cost of truncating the date."""
    return {"$subtract": [{"$toLong": time}, {"$mod": [{"$toLong": time}, 86_400_000]}]}


def escaped(part: Any) -> Expression:
    """A text as a part of an id (see `ids.escape_part`)."""
    found: Any = part
    for char, text in (("%", "%25"), ("|", "%7C"), ("\0", "%00")):
        found = {"$replaceAll": {"input": found, "find": char, "replacement": text}}
    return dict(found)
