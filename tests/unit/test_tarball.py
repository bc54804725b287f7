"""Tar archives: what is right is read exactly, what is wrong is told as one kind of error, what is made to harm is skipped or refused."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.errors import PackageError
from edx_import.model import PROD
from edx_import.packages import tarball
from edx_import.packages.archive import inflate
from edx_import.packages.tarball import Skipped, TarMember, tar_members
from edx_import.sample.olx import content_archive, content_files
from edx_import.sample.recipe import Recipe, courses_of

Format = Literal[0, 1, 2]
FORMATS: st.SearchStrategy[Format] = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
END = bytes(1024)


def entry(path: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, size: int | None = None, format: Format = tarfile.PAX_FORMAT) -> bytes:
    info = tarfile.TarInfo(path)
    info.type, info.size, info.linkname = kind, len(content) if size is None else size, "target"
    return info.tobuf(format, "utf-8", "surrogateescape") + content + bytes(-len(content) % 512)


def tar(*entries: bytes) -> bytes:
    return b"".join(entries) + END


def members(data: bytes | Iterable[bytes], size: int = 1000, limit: int | None = tarball.MAX_FILE_SIZE) -> list[tuple[str, bytes] | Skipped]:
    chunks = (data[start : start + size] for start in range(0, len(data), size)) if isinstance(data, bytes) else data
    return [member if isinstance(member, Skipped) else (member.path, b"".join(member.chunks())) for member in tar_members(chunks, limit)]


# --- what is right

PATHS = st.from_regex(r"[a-zé][a-z.]{0,8}(/[a-z]{1,9}){0,2}|[a-z]{90,99}/[a-z]{90}|x{260}", fullmatch=True).filter(lambda path: ".." not in path)


@settings(deadline=None)
@given(st.dictionaries(PATHS, st.binary(max_size=1200), max_size=4), FORMATS, st.integers(1, 2000))
def test_every_file_is_read_as_it_was_written(files: dict[str, bytes], format: Format, size: int) -> None:
    if format == tarfile.USTAR_FORMAT:
        files = {path: content for path, content in files.items() if len(path) < 200}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as target:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    assert members(file.getvalue(), size) == list(files.items())


def test_a_member_has_its_size() -> None:
    assert [member.size for member in tar_members([tar(entry("a", b"xyz"))]) if isinstance(member, TarMember)] == [3]


def test_folders_are_left_out() -> None:
    assert members(tar(entry("top", kind=tarfile.DIRTYPE), entry("old/", kind=tarfile.AREGTYPE), entry("top/a", b"x"))) == [("top/a", b"x")]


def test_a_path_is_without_dots_and_empty_parts() -> None:
    assert members(tar(entry("./top//./a", b"x"))) == [("top/a", b"x")]


def test_a_path_that_is_not_utf8_can_still_be_told_from_others() -> None:
    assert members(tar(entry("caf\udce9", format=tarfile.GNU_FORMAT))) == [("caf\udce9", b"")]


def test_what_global_headers_say_holds_for_all_that_follow() -> None:
    header = tarfile.TarInfo.create_pax_global_header({"comment": "from a repository"})
    assert members(tar(header, entry("a", b"x"), entry("b", b"y"))) == [("a", b"x"), ("b", b"y")]


def test_a_header_whose_bytes_were_summed_with_sign_is_right() -> None:
    header = bytearray(entry("caf\xe9", format=tarfile.GNU_FORMAT))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in header)
    assert members(tar(bytes(header))) == [("café", b"")]


def test_an_archive_may_be_empty() -> None:
    assert members(END) == []
    assert members(END + bytes(9216)) == []


def test_content_that_is_not_taken_is_passed_over() -> None:
    found = tar_members([tar(entry("a", b"x" * 3000), entry("b", b"y" * 3000), entry("c", b"z"))])
    taken = [next(member.chunks())[:1] if member.path != "a" else b"" for member in found if isinstance(member, TarMember)]
    assert taken == [b"", b"y", b"z"]


def test_content_cannot_be_had_once_the_next_member_is_asked_for() -> None:
    found = tar_members([tar(entry("a", b"x" * 3000), entry("b"))])
    first = next(found)
    assert isinstance(first, TarMember)
    begun = first.chunks()
    next(begun)
    next(found)
    for chunks in (begun, first.chunks()):
        with pytest.raises(RuntimeError):
            next(chunks)


def test_a_large_member_comes_in_pieces_of_bounded_size() -> None:
    found = tar_members([tar(entry("a", bytes(10**6)))])
    assert max(len(chunk) for member in found if isinstance(member, TarMember) for chunk in member.chunks()) <= 2**18


# --- what is skipped


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "no regular file"),
        (tarfile.BLKTYPE, "no regular file"),
        (tarfile.FIFOTYPE, "no regular file"),
        (tarfile.GNUTYPE_SPARSE, "a file with holes"),
        (b"V", "no regular file"),
    ],
)
def test_what_is_no_regular_file_is_skipped_with_the_reason(kind: bytes, reason: str) -> None:
    assert members(tar(entry("a", kind=kind), entry("b", b"x"))) == [Skipped("a", reason), ("b", b"x")]


def test_the_size_of_a_link_is_not_that_of_content() -> None:
    assert members(tar(entry("a", kind=tarfile.SYMTYPE, size=5), entry("b", b"x"))) == [Skipped("a", "a link"), ("b", b"x")]


def test_a_sparse_file_of_pax_is_skipped() -> None:
    info = tarfile.TarInfo("a")
    info.size, info.pax_headers = 512, {"GNU.sparse.major": "1"}
    assert members(tar(info.tobuf(tarfile.PAX_FORMAT) + bytes(512))) == [Skipped("a", "a file with holes")]


@pytest.mark.parametrize("path", ["/etc/passwd", "a/../../b", "..", "\\a", "C:\\a", "a\\..\\b", ".", ""])
def test_a_path_that_leads_out_is_skipped(path: str) -> None:
    (skipped, after) = members(tar(entry(path, b"x"), entry("b", b"y")))
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, after) == ("a path that leads out of the archive", ("b", b"y"))


def test_two_dots_within_a_name_lead_nowhere() -> None:
    assert members(tar(entry("a..b/..c", b"x"))) == [("a..b/..c", b"x")]


def test_a_path_that_is_too_long_is_skipped() -> None:
    assert members(tar(entry("a" * 5000, b"x"))) == [Skipped("a" * 4096, "a path that is too long")]


def test_a_second_file_of_one_path_is_skipped() -> None:
    assert members(tar(entry("a", b"x"), entry("./a", b"y"))) == [("a", b"x"), Skipped("a", "twice in the archive")]


def test_a_file_over_the_limit_is_skipped_and_never_held() -> None:
    piece = bytes(2**20)

    def stream() -> Iterator[bytes]:
        yield entry("a", size=65 * 2**20)
        yield from [piece] * 65
        yield tar(entry("b", b"x"))

    tracemalloc.start()
    try:
        found = members(stream())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [Skipped("a", "too large"), ("b", b"x")]
    assert peak < 2**21


def test_the_limit_can_be_another_or_none() -> None:
    data = tar(entry("a", b"xx"))
    assert members(data, limit=1) == [Skipped("a", "too large")]
    assert members(data, limit=2) == members(data, limit=None) == [("a", b"xx")]


# --- what is wrong

WHOLE = tar(entry("a" * 150, b"x" * 700, format=tarfile.GNU_FORMAT), entry("é" * 150, b"y"), entry("link", kind=tarfile.SYMTYPE))


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_an_archive_that_is_cut_anywhere_is_told(length: int) -> None:
    with pytest.raises(PackageError):
        members(WHOLE[:length])


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_is_told_or_changes_a_content_but_never_crashes(position: int, byte: int) -> None:
    changed = bytearray(WHOLE)
    changed[position] = byte
    try:
        found = members(bytes(changed))
    except PackageError:
        return
    assert len(found) == 3


@settings(deadline=None)
@given(st.binary(max_size=3000))
def test_garbage_is_no_archive(data: bytes) -> None:
    if data.strip(b"\0") or len(data) < 1024:
        with pytest.raises(PackageError):
            members(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut short"),
        (entry("a", b"x"), "cut short"),
        (entry("a", b"x") + bytes(512), "cut short"),
        (entry("a", b"x") + bytes(512) + entry("b"), "something follows"),
        (tar(entry("a", b"x")) + entry("b"), "something follows"),
        (entry("a", size=2**40, format=tarfile.GNU_FORMAT) + b"x" * 4096, "cut short"),
        (b"no tar at all" * 100, "damaged"),
        (entry("a", b"x") + b"x" * 512 + END, "damaged"),
        (tar(entry("a", b"30 path=x\n", kind=tarfile.XHDTYPE), entry("b")), "damaged"),
        (tar(entry("a", b"path=x\n", kind=tarfile.XHDTYPE), entry("b")), "damaged"),
        (tar(entry("a", b"11 size=-5\n", kind=tarfile.XHDTYPE), entry("b")), "damaged"),
        (tar(entry("a", b"7 a=bc\n", kind=tarfile.XHDTYPE)), "damaged"),
        (tar(entry("a", bytes(2**20 + 1), kind=tarfile.GNUTYPE_LONGNAME), entry("b")), "1,048,577 bytes"),
    ],
)
def test_what_is_wrong_is_told(data: bytes, message: str) -> None:
    with pytest.raises(PackageError, match=message):
        members(data)


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tarball.MAX_ENTRIES == 1_000_000
    monkeypatch.setattr(tarball, "MAX_ENTRIES", 2)
    assert len(members(tar(entry("a"), entry("b")))) == 2
    with pytest.raises(PackageError, match="more than 2 entries"):
        members(tar(entry("a"), entry("b", kind=tarfile.DIRTYPE), entry("c")))


def test_a_pax_header_of_very_many_records_is_read_once_through() -> None:
    assert members(tar(entry("a", b"6 a=b\n" * 170_000, kind=tarfile.XHDTYPE), entry("b", b"x"))) == [("b", b"x")]


# --- the sample


@pytest.mark.parametrize("index", range(3))
def test_the_content_of_a_sample_course_comes_out_of_its_archive(index: int) -> None:
    course = courses_of(Recipe())[index]
    expected = [(f"{course.run}/{path}", content) for path, content in content_files(course, PROD)]
    assert members(inflate([content_archive(course, PROD)])) == expected
