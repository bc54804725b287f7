"""Lines end at LF and nowhere else, whatever the chunks; memory is bounded by the longest line allowed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edx_import.formats.lines import HEAD_SIZE, LINE_LIMIT, split_lines

BOM = b"\xef\xbb\xbf"


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.lists(st.binary(max_size=6).filter(lambda line: b"\n" not in line), max_size=6), st.booleans(), st.integers(1, 9))
def test_any_chunking_gives_the_same_numbered_lines(lines: list[bytes], ended: bool, size: int) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    expected = data.removeprefix(BOM).split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert list(split_lines(pieces(data, size))) == [(number, line, True) for number, line in enumerate(expected, 1)]


@given(st.lists(st.integers(0, 12), max_size=6), st.integers(1, 30), st.integers(0, 8))
def test_exactly_the_lines_over_the_limit_are_not_whole(lengths: list[int], size: int, limit: int) -> None:
    data = b"".join(b"x" * length + b"\n" for length in lengths)
    assert [(len(line), whole) for _, line, whole in split_lines(pieces(data, size), limit)] == [(length, length <= limit) for length in lengths]


@pytest.mark.parametrize("other", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\0"])
def test_nothing_but_lf_ends_a_line(other: str) -> None:
    line = f"one{other}two".encode()
    assert list(split_lines([line + b"\nthree"])) == [(1, line, True), (2, b"three", True)]


def test_an_empty_file_has_no_lines() -> None:
    assert list(split_lines([])) == []
    assert list(split_lines([b"", b""])) == []


def test_blank_lines_are_counted() -> None:
    assert list(split_lines([b"\n\na\n"])) == [(1, b"", True), (2, b"", True), (3, b"a", True)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_byte_order_mark_is_removed_at_the_start_of_the_file_only(size: int) -> None:
    assert list(split_lines(pieces(BOM + b"a\n" + BOM + b"b\n", size))) == [(1, b"a", True), (2, BOM + b"b", True)]


@pytest.mark.parametrize("data", [b"\xef", b"\xef\xbb", b"\xef\xbbx"])
def test_the_beginning_of_a_byte_order_mark_is_data(data: bytes) -> None:
    assert list(split_lines(pieces(data, 1))) == [(1, data, True)]


def test_a_file_of_nothing_but_a_byte_order_mark_is_empty() -> None:
    assert list(split_lines([BOM])) == []


@pytest.mark.parametrize("size", [1000, HEAD_SIZE, 10**6])
def test_a_line_over_the_limit_shows_its_head_and_the_next_line_is_read(size: int) -> None:
    long = bytes(range(32, 127)) * 2000
    found = list(split_lines(pieces(b"a\n" + long + b"\nb\n" + long, size), limit=100_000))
    head = long[:HEAD_SIZE]
    assert found == [(1, b"a", True), (2, head, False), (3, b"b", True), (4, head, False)]


def test_an_endless_line_streams_by_in_bounded_memory() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(256):
            yield bytes(1 << 18)

    tracemalloc.start()
    try:
        found = list(split_lines(endless(), limit=1 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [(1, bytes(HEAD_SIZE), False)]
    assert peak < 4 << 20


def test_the_limit_is_16_mib() -> None:
    assert LINE_LIMIT == 16 * 1024 * 1024
