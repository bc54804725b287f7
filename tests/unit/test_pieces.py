"""A file cut into pieces for several readers is, line by line, the file."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from edx_import.formats.lines import Line, split_lines
from edx_import.sync.load_rows import pieces

LIMIT = 20

TEXT = st.lists(st.one_of(st.text("ab\r\u2028é", max_size=8), st.just("x" * 50)), max_size=30).map(lambda lines: "\n".join(lines).encode())
CUTS = st.lists(st.integers(1, 12), min_size=1, max_size=10)


def in_chunks(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        for cut in cuts:
            yield data[position : position + cut]
            position += cut


def lines_of(data: bytes) -> list[Line]:
    return list(split_lines([data], LIMIT))


def lines_of_pieces(data: bytes, cuts: list[int], size: int) -> list[Line]:
    found = []
    for first_line, piece in pieces(in_chunks(data, cuts), size, LIMIT):
        found += [(number + first_line - 1, line, whole) for number, line, whole in split_lines([piece], LIMIT)]
    return found


@given(TEXT, CUTS, st.integers(1, 40))
def test_lines_of_all_pieces_are_those_of_the_file(data: bytes, cuts: list[int], size: int) -> None:
    told = [(number, line[:LIMIT], whole) for number, line, whole in lines_of_pieces(data, cuts, size)]
    assert told == [(number, line[:LIMIT], whole) for number, line, whole in lines_of(data)]


@given(TEXT, CUTS, st.integers(1, 40))
def test_every_piece_but_the_last_ends_with_a_line(data: bytes, cuts: list[int], size: int) -> None:
    found = [piece for _, piece in pieces(in_chunks(data, cuts), size, LIMIT)]
    assert all(piece.endswith(b"\n") for piece in found[:-1])
    assert all(len(piece) >= size for piece in found[:-1])


def test_line_without_an_end_is_not_heaped_up() -> None:
    ((first_line, piece),) = pieces((b"x" * 10 for _ in range(10_000)), 1, LIMIT)
    assert first_line == 1
    assert LIMIT < len(piece) <= LIMIT + 11
