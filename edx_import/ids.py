"""The recipes of every `_id`. They never change: a golden test holds them.

A row's id is a string `site|course id|key`, so that a course is a range of ids. An event's id is 12 bytes made from its second and its
line, so that the same line always has the same id and ids sort by time.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

from edx_import.model import Site


def escape_part(text: str) -> str:
    """Makes a part of an id safe to join with `|` (percent-escapes of `%`, `|` and NUL; lone surrogates as `%uXXXX`)."""
    escaped = text.replace("%", "%25").replace("|", "%7C").replace("\0", "%00")
    if escaped.isascii():
        return escaped
    return "".join(f"%u{ord(char):04X}" if 0xD800 <= ord(char) <= 0xDFFF else char for char in escaped)


def row_id(site: Site, course_id: str, *key: str) -> str:
    """The id of a row, block or course (no key) of a course."""
    return "|".join(escape_part(part) for part in (site, course_id, *key))


def course_range(site: Site, course_id: str) -> tuple[str, str]:
    """The ids of a course's rows: from the first, included, up to the second, excluded."""
    prefix = row_id(site, course_id)
    return prefix + "|", prefix + "}"  # "}" is the character after "|"


def event_id(site: Site, second: int, line: bytes) -> bytes:
    """The 12 bytes of an event's ObjectId: its second since 1970 (up to 2106), then a hash of site and line without outer blanks."""
    digest = blake2b(site.encode() + b"\0" + line.strip(), digest_size=8).digest()
    return struct.pack(">I", second) + digest
