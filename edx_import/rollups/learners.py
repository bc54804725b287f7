"""Who an event is of, for MongoDB: the learner's number, else the username without outer blanks; empty where neither is known."""

from __future__ import annotations

from typing import Any

from edx_import.rollups.kinds import Expression


def is_text(value: Any) -> Expression:
    """Whether a value is text."""
    return {"$eq": [{"$type": value}, "string"]}


def has_number(value: Any) -> Expression:
    """Whether a value is a learner's number; 0 is none."""
    return {"$and": [{"$isNumber": value}, {"$ne": [value, 0]}]}


def username_of() -> Expression:
    """The username without outer blanks, of which logs have some; empty where there is none."""
    return {"$cond": [is_text("$username"), {"$trim": {"input": {"$cond": [is_text("$username"), "$username", ""]}}}, ""]}


def learner_of() -> Expression:
    """What stands for the learner: a number or a text."""
    return {"$cond": [has_number("$user_id"), "$user_id", username_of()]}


def escaped(part: Any) -> Expression:
    """A text as a part of an id (see `ids.escape_part`)."""
    found: Any = part
    for char, text in (("%", "%25"), ("|", "%7C"), ("\0", "%00")):
        found = {"$replaceAll": {"input": found, "find": char, "replacement": text}}
    return dict(found)
