"""Tracking logs: one event a line, to one document a line, and back.

A document has every field of its line, and these of ours: `_id`, `site`, `course_id`, `user_id`, `time` (a date), `time_microseconds` (what a date
cannot hold), `event_truncated`, `module_id` (the block, where one is named); `import` is added when it is written. `event` is parsed where it is JSON
in a string. What that replaces or shadows stands in `original`, so that `restore` gives back what the line said:

    time                  the text, unless it is canonical
    event                 the text, unless it can be rebuilt
    event_form            how it is rebuilt: compact, spaced, or empty (the empty string)
    values                the records of values that BSON cannot hold (see json_mapping)
    prefix                what stood on the line before the object (a log shipper's mark)
    line                  the raw line, when it was not UTF-8
    _id, site, ...        a field of the line that is named like one of ours
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edx_import.formats.base import ReadContext
from edx_import.formats.event_bson import EventEncoder
from edx_import.formats.event_document import ADDED_FIELDS, NOT_UTF8, PREFIX, event_item
from edx_import.formats.event_time import canonical_text
from edx_import.formats.json_mapping import rebuild_text, restore_value
from edx_import.formats.json_rows import LINE_TOO_LONG, items
from edx_import.formats.lines import split_lines
from edx_import.model import FastItems, Items, Rejected

__all__ = ["ADDED_FIELDS", "NOT_UTF8", "PREFIX", "TrackingLogReader", "restore"]


class TrackingLogReader:
    """Reads the lines of a day's event file (a `FormatReader`). A blank line is not read."""

    version = 2

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """One document or rejection for each line that is not blank, in the order of the file."""
        return items(chunks, lambda number, raw, line: event_item(number, raw, line, context))

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext, first_line: int = 1) -> FastItems:
        """The same, most documents already as their bytes. `first_line` is the number of the first line, where the chunks are a part of a file."""
        encode = EventEncoder(context).encode
        for number, raw, whole in split_lines(chunks, first=first_line):
            line = raw.strip()
            if not whole:
                yield Rejected(number, LINE_TOO_LONG, raw)
            elif line:
                yield encode(number, raw, line) or event_item(number, raw, line, context)


def restore(document: Mapping[str, Any]) -> Any:
    """What the line of a document said: the value of its JSON, types and all."""
    original = document.get("original", {})
    stored = {name: value for name, value in document.items() if name not in ADDED_FIELDS}
    stored |= {name: original[name] for name in ADDED_FIELDS & original.keys()}
    stored["time"] = original.get("time") or canonical_text(document["time"], document["time_microseconds"])
    event: dict[str, Any] = restore_value(stored, original.get("values", ()))
    if "event" in original:
        event["event"] = original["event"]
    elif "event_form" in original:
        form = original["event_form"]
        event["event"] = "" if form == "empty" else rebuild_text(event["event"], form)
    return event
