"""Files with a JSON object on each line (tracking logs, forum files): what their readers have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from edx_import.formats.json_mapping import NestedTooDeepError
from edx_import.formats.json_size import TooLargeError
from edx_import.formats.lines import split_lines
from edx_import.model import Document, Item, Items, Rejected

NOT_JSON = "not JSON"
NOT_AN_OBJECT = "not an object"
LINE_TOO_LONG = "line over 16 MB"
DOCUMENT_TOO_LONG = "document over 16 MB"
NESTED_TOO_DEEP = "nested too deep"


class RefusedError(Exception):
    """The line cannot be loaded, for this reason. Private to the readers."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def items(chunks: Iterable[bytes], item: Callable[[int, bytes, bytes], Item]) -> Items:
    """What `item` makes of the number, the raw bytes and the stripped bytes of each line that is not blank, in the order of the file."""
    for number, raw, whole in split_lines(chunks):
        line = raw.strip()
        if not whole:
            yield Rejected(number, LINE_TOO_LONG, raw)
        elif line:
            yield item(number, raw, line)


def item_of(collection: str, number: int, raw: bytes, fields: Callable[[], dict[str, Any]]) -> Item:
    """The document with the fields that come out, or the rejection of the line when they cannot be made."""
    try:
        return Document(collection, fields(), number, raw)
    except RefusedError as refused:
        return Rejected(number, refused.reason, raw, refused.detail)
    except NestedTooDeepError:
        return Rejected(number, NESTED_TOO_DEEP, raw)
    except TooLargeError:
        return Rejected(number, DOCUMENT_TOO_LONG, raw)
