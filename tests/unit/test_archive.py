"""Archives: what is right is read exactly, what is wrong is told as one kind of error, what is made to harm is refused."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.errors import PackageError
from edx_import.packages.archive import MAX_MEMBERS, Archive, ArchiveMember, inflate


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for path, data in members:
            target.writestr(path, data)
    return file.getvalue()


def read_all(data: bytes) -> dict[str, bytes]:
    with Archive(io.BytesIO(data)) as archive:
        return {member.path: archive.open(member.path).read() for member in archive.members()}


# ZIP archives


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,9}(/[a-z]{1,9})?", fullmatch=True), st.binary(max_size=2000), max_size=5), st.sampled_from([0, 8]))
def test_every_member_is_read_as_it_was_written(files: dict[str, bytes], compression: int) -> None:
    assert read_all(zipped(*files.items(), compression=compression)) == files


def test_members_come_by_path_with_size_and_checksum_and_without_directories() -> None:
    data = zipped(("top/", b""), ("top/b.gpg", b"bb"), ("top/a.gpg", b""))
    with Archive(io.BytesIO(data)) as archive:
        assert archive.members() == [ArchiveMember("top/a.gpg", 0, 0), ArchiveMember("top/b.gpg", 2, zlib.crc32(b"bb"))]


def test_a_large_member_is_read_in_pieces() -> None:
    content = random.Random(1).randbytes(1 << 20)
    with Archive(io.BytesIO(zipped(("a", content)))) as archive, archive.open("a") as stream:
        assert b"".join(iter(lambda: stream.read(65_537), b"")) == content


def test_zip64_is_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target, target.open("a", "w", force_zip64=True) as member:
        member.write(b"content")
    assert read_all(file.getvalue()) == {"a": b"content"}


def test_an_archive_leaves_the_file_open() -> None:
    file = io.BytesIO(zipped(("a", b"x")))
    with Archive(file):
        pass
    assert not file.closed


@pytest.mark.parametrize(
    "data",
    [b"", b"no zip at all", zipped(("a", b"x" * 1000))[:-30], zipped(("a", b"x" * 1000))[40:]],
    # a ZIP holds the time of its making, which would make the names of the tests differ between processes
    ids=["empty", "no zip", "without its end", "without its beginning"],
)
def test_a_cut_zip_is_told(data: bytes) -> None:
    with pytest.raises(PackageError, match="cut or damaged"):
        read_all(data)


def test_a_changed_byte_in_a_member_is_noticed_while_reading() -> None:
    data = bytearray(zipped(("a", b"x" * 1000), compression=zipfile.ZIP_STORED))
    data[100] ^= 1
    with pytest.raises(PackageError, match="'a' is cut or damaged"):
        read_all(bytes(data))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_damaged_the_content_is_right_or_the_error_is_ours(data: st.DataObject) -> None:
    files = {"a": b"first" * 20, "b": b"second" * 20}
    damaged = bytearray(zipped(*files.items()))
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=3)):
        damaged[position] = data.draw(st.integers(0, 255))
    try:
        found = read_all(bytes(damaged))
    except PackageError:
        return
    assert set(found.values()) <= set(files.values())


def test_an_unknown_member_is_told() -> None:
    with Archive(io.BytesIO(zipped(("a", b"x")))) as archive, pytest.raises(PackageError, match="not in the ZIP"):
        archive.open("b")


def test_too_many_members_are_refused() -> None:
    data = zipped(*((f"{number}", b"") for number in range(MAX_MEMBERS + 1)), compression=zipfile.ZIP_STORED)
    with pytest.raises(PackageError, match=r"20,001 members"):
        Archive(io.BytesIO(data))


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", "..\\up", "C:\\up", "\\up", "a/.."])
def test_paths_that_lead_out_are_refused(path: str) -> None:
    with pytest.raises(PackageError, match="leads out"):
        Archive(io.BytesIO(zipped((path, b"x"))))


def test_a_name_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped(("a", b"x"), ("a", b"y"))
    with pytest.raises(PackageError, match="twice"):
        Archive(io.BytesIO(data))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(compression: int) -> None:
    with pytest.raises(PackageError, match="method"):
        Archive(io.BytesIO(zipped(("a", b"x"), compression=compression)))


def test_members_encrypted_by_zip_are_refused() -> None:
    data = bytearray(zipped(("a", b"x")))
    data[data.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(PackageError, match="encrypted"):
        Archive(io.BytesIO(data))


def test_members_that_share_their_bytes_are_refused() -> None:
    data = bytearray(zipped(("a", b"x"), ("b", b"x")))
    first = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", first + 1)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    with pytest.raises(PackageError, match="shares its bytes"):
        Archive(io.BytesIO(data))


def test_a_member_that_reaches_into_the_directory_is_refused() -> None:
    data = bytearray(zipped(("a", b"x" * 10), compression=zipfile.ZIP_STORED))
    directory = data.index(b"PK\1\2")
    data[directory + 20 : directory + 28] = struct.pack("<2L", 30, 30)
    with pytest.raises(PackageError, match="shares its bytes"):
        Archive(io.BytesIO(data))


def test_a_member_that_inflates_out_of_proportion_is_refused_unread() -> None:
    data = bytearray(zipped(("a", b"x" * 10)))
    directory = data.index(b"PK\1\2")
    data[directory + 24 : directory + 28] = struct.pack("<L", (1 << 30) + 1)
    with pytest.raises(PackageError, match="inflates to 1,073,741,825 bytes"):
        Archive(io.BytesIO(data))


# gzip streams


def rechunked(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return (data[start:end] for start, end in pairwise(places))


contents = st.binary(max_size=3000) | st.builds(lambda piece, times: piece * times, st.binary(min_size=1, max_size=40), st.integers(1, 40_000))


@settings(deadline=None)
@given(st.lists(contents, min_size=1, max_size=3), st.lists(st.integers(0, 5000), max_size=8), st.integers(0, 600))
def test_inflating_gives_back_what_was_deflated_whatever_the_chunks(parts: list[bytes], cuts: list[int], padding: int) -> None:
    data = b"".join(gzip.compress(part, mtime=0) for part in parts) + bytes(padding)
    assert b"".join(inflate(rechunked(data, cuts))) == b"".join(parts)


def test_chunks_of_single_bytes_are_enough() -> None:
    file = io.BytesIO()
    with gzip.GzipFile("a long name in the header", "wb", fileobj=file) as target:
        target.write(b"content" * 50)
    data = file.getvalue() * 2
    assert b"".join(inflate(data[at : at + 1] for at in range(len(data)))) == b"content" * 100


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_pieces_are_of_bounded_size(extra: int) -> None:
    pieces = list(inflate([gzip.compress(bytes((1 << 20) + extra))]))
    assert sum(map(len, pieces)) == (1 << 20) + extra
    assert max(map(len, pieces)) <= 1 << 18


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_nothing_is_not_an_empty_day(chunks: list[bytes]) -> None:
    with pytest.raises(PackageError, match="0 bytes"):
        list(inflate(chunks))


def test_a_gzip_of_nothing_is_an_empty_day() -> None:
    assert list(inflate([gzip.compress(b"", mtime=0)])) == []


WHOLE = gzip.compress(b"some lines\n" * 100, mtime=0)


@settings(deadline=None)
@given(st.integers(1, len(WHOLE) - 1), st.booleans())
def test_a_stream_cut_anywhere_is_told(end: int, after_a_whole_one: bool) -> None:
    with pytest.raises(PackageError, match="cut short"):
        list(inflate([WHOLE * after_a_whole_one + WHOLE[:end]]))


@pytest.mark.parametrize("position", [-1, -5, -8])
def test_a_wrong_checksum_or_length_is_told(position: int) -> None:
    data = bytearray(WHOLE)
    data[position] ^= 1
    with pytest.raises(PackageError, match="damaged"):
        list(inflate([bytes(data)]))


@pytest.mark.parametrize("data", [b"plain text, no gzip", bytes(20), bytes(20) + WHOLE])
def test_what_is_no_gzip_is_told(data: bytes) -> None:
    with pytest.raises(PackageError, match="no gzip stream"):
        list(inflate([data]))


@pytest.mark.parametrize("rest", [b"something that follows", bytes(7) + b"something that follows"])
@pytest.mark.parametrize("own_chunk", [True, False])
def test_what_follows_the_end_is_told(rest: bytes, own_chunk: bool) -> None:
    with pytest.raises(PackageError, match="followed by something else"):
        list(inflate([WHOLE, rest] if own_chunk else [WHOLE + rest]))


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_the_same_content_or_our_error(position: int, value: int) -> None:
    data = bytearray(WHOLE)
    data[position] = value
    try:
        found = b"".join(inflate([bytes(data)]))
    except PackageError:
        return
    assert found == b"some lines\n" * 100


def test_a_bomb_is_stopped_soon_after_its_first_gigabyte() -> None:
    bomb = gzip.compress(bytes(64 << 20), 9)
    written = 0
    stream = inflate(bomb for _ in range(100))
    with pytest.raises(PackageError, match="1000 times"):  # noqa: PT012
        for piece in stream:
            written += len(piece)
    assert 1 << 30 <= written < 1.1 * (1 << 30)
