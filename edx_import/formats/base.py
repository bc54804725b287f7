"""What a format reader is: bytes in, `Document | Rejected` out, pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from edx_import.model import FastItems, Items, Site


def same_id(course_id: str) -> str:
    """The resolver when there is nothing to resolve."""
    return course_id


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a reader needs to know beside the bytes.

    `resolve` turns any id form of a course into its one key. `course_id` is the course of the file (empty for a day of events; for those of a
    research package it is what lines have that name none). `course` is its metadata `{name, sme, start_date, end_date}` as put on documents.
    `note` counts what had to be mended.
    """

    site: Site
    course_id: str = ""
    course: Mapping[str, Any] | None = None
    resolve: Callable[[str], str] = same_id
    note: Callable[[str], None] = field(default=lambda name: None)


class FormatReader(Protocol):
    """Turns the bytes of one file into documents. One malformed row is a `Rejected`, never an exception."""

    @property
    def version(self) -> int:
        """Raised when the same bytes give other documents than before, so that a sync reads them again."""

    def read(self, chunks: Iterable[bytes], context: ReadContext) -> Items:
        """The rows of the file in its order, one at a time, in bounded memory."""

    def read_fast(self, chunks: Iterable[bytes], context: ReadContext) -> FastItems:
        """The same rows, for whoever only writes them: a reader of very many may give the bytes of a document instead of the document."""
