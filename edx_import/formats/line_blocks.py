"""Cuts a stream of bytes into blocks of whole lines, to be read many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edx_import.formats.lines import LINE_LIMIT, Begun, Line, without_bom

#: How many bytes of lines come together, if the chunks are no smaller: enough that what is done once for a block costs nothing.
BLOCK_SIZE = 256 * 2**10


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Lines of a file that follow each other: the number of the first, and all with an LF between them.

    Not `whole`: the block is a single line over the limit, and `data` is its head.
    """

    first: int
    data: bytes
    whole: bool = True

    def with_content(self) -> tuple[list[int], list[bytes]]:
        """The numbers and the bytes of the lines that are not blank."""
        lines = self.data.split(b"\n")
        numbers = list(range(self.first, self.first + len(lines)))
        if b"" in lines or b"\r" in lines:
            kept = [(number, line) for number, line in zip(numbers, lines, strict=True) if line not in (b"", b"\r")]
            return [number for number, _ in kept], [line for _, line in kept]
        return numbers, lines


def line_blocks(chunks: Iterable[bytes], size: int = BLOCK_SIZE, limit: int = LINE_LIMIT, first: int = 1) -> Iterator[LineBlock]:
    """All lines of a file, or of a part of it, in blocks; numbers, limit and byte order mark are as with `split_lines`.

    No line waits for the chunk after the one that it ends in: the chunks decide how large a block is, up to `size` and a line that was begun before.
    """
    number, begun = first, Begun(limit)
    for piece in _pieces(without_bom(chunks) if first == 1 else chunks, max(1, min(size, limit))):
        head, end, rest = piece.partition(b"\n")
        begun.add(head)
        if not end:
            continue
        line, whole = begun.take()
        lines, end, last = rest.rpartition(b"\n")
        if whole and end:
            yield LineBlock(number, line + b"\n" + lines)
        else:
            yield LineBlock(number, line, whole)
            if end:
                yield LineBlock(number + 1, lines)
        number += 1 + (lines.count(b"\n") + 1 if end else 0)
        begun.add(last)
    if begun.size:
        yield LineBlock(number, *begun.take())


def first_with_content(blocks: Iterator[LineBlock]) -> tuple[Line, Iterator[LineBlock]] | None:
    """The first line that is not blank, and the lines after it; None for a file without one."""
    for block in blocks:
        numbers, lines = block.with_content()
        if lines:
            return (numbers[0], lines[0], block.whole), _with_rest(block, numbers[0], blocks)
    return None


def _with_rest(block: LineBlock, number: int, blocks: Iterator[LineBlock]) -> Iterator[LineBlock]:
    """What comes after a line of a block."""
    passed = number - block.first + 1
    lines = block.data.split(b"\n", passed)
    if len(lines) > passed:
        yield LineBlock(number + 1, lines[-1])
    yield from blocks


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes with no chunk over a size, so that no line within one is over the limit."""
    for chunk in chunks:
        if len(chunk) <= size:
            yield chunk
        else:
            yield from (chunk[start : start + size] for start in range(0, len(chunk), size))
