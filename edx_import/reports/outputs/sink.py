"""A stream for the libraries that make files: they may count on it, and not close it."""

from __future__ import annotations

from types import TracebackType
from typing import BinaryIO, Self


class Sink:
    """Passes on what is written and counts it. A context manager: after an error nothing is passed on any more.

    Such libraries end a file as soon as nobody holds it, also after an error. What was cut short must not look like a whole file.
    """

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: BinaryIO | None = stream
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._stream = None

    def write(self, data: bytes) -> int:
        """Errors of the stream go through as they are."""
        if self._stream is not None:
            self._stream.write(data)
        self._written += len(data)
        return len(data)

    def flush(self) -> None:
        """What is buffered below is flushed when the report has ended."""

    def close(self) -> None:
        """The stream is not ours to close."""

    def tell(self) -> int:
        """How many bytes were written."""
        return self._written

    def seekable(self) -> bool:
        """It may be a pipe."""
        return False

    def readable(self) -> bool:
        """Nothing can be read back."""
        return False

    def writable(self) -> bool:
        """As long as it lives."""
        return True
