"""Blocks of lines hold exactly the lines that the file has, with their numbers, whatever the chunks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from edx_import.formats.line_blocks import LineBlock, first_with_content, line_blocks
from edx_import.formats.lines import HEAD_SIZE, Line, split_lines

contents = st.lists(st.sampled_from([b"\n", b"\n", b"\r", b"a", b"bc", b"\xef\xbb\xbf", b"\xef", b"long line"]), max_size=14).map(b"".join)
sizes = st.integers(1, 12)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def lines_of(blocks: Iterable[LineBlock]) -> list[Line]:
    return [(block.first + offset, line, block.whole) for block in blocks for offset, line in enumerate(block.data.split(b"\n"))]


@given(contents, sizes, sizes, st.integers(0, 10), st.sampled_from([1, 1, 40]))
def test_the_lines_are_those_of_the_file(data: bytes, chunk: int, size: int, limit: int, first: int) -> None:
    assert lines_of(line_blocks(pieces(data, chunk), size, limit, first)) == list(split_lines(pieces(data, chunk), limit, first))


@given(contents, sizes)
def test_lines_without_content_are_left_out_with_their_numbers(data: bytes, chunk: int) -> None:
    found = [pair for block in line_blocks(pieces(data, chunk)) for pair in zip(*block.with_content(), strict=True)]
    assert found == [(number, line) for number, line, _ in split_lines([data]) if line not in (b"", b"\r")]


@given(contents, sizes, st.integers(1, 10))
def test_the_header_is_the_first_line_with_content_and_the_rest_comes_after_it(data: bytes, chunk: int, limit: int) -> None:
    expected = list(split_lines([data], limit))
    while expected and expected[0][1] in (b"", b"\r"):
        expected.pop(0)
    found = first_with_content(line_blocks(pieces(data, chunk), limit=limit))
    assert (found is None) == (not expected)
    if found is not None:
        header, rest = found
        assert [header, *lines_of(rest)] == expected


@given(contents, sizes)
def test_no_line_waits_for_another_chunk(data: bytes, chunk: int) -> None:
    given_out = 0

    def counted() -> Iterator[bytes]:
        nonlocal given_out
        for piece in pieces(data, chunk):
            yield piece
            given_out += len(piece)
            assert taken == data[:given_out].count(b"\n")

    taken = 0
    for block in line_blocks(counted(), first=2):  # in a part of a file there is no byte order mark to look for
        taken += block.data.count(b"\n") + 1


def test_a_large_chunk_and_an_endless_line_take_bounded_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b"ab\n" * 2**20
        for _ in range(64):
            yield bytes(1 << 18)

    tracemalloc.start()
    try:
        last = None
        for block in line_blocks(endless(), limit=1 << 20):
            assert len(block.data) <= 1 << 20
            last = block
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert last == LineBlock(2**20 + 1, bytes(HEAD_SIZE), whole=False)
    assert peak < 8 << 20
