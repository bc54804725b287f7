"""A small delivery of every container, and the ways to damage one."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from random import Random

from bench import COURSE, SISTER, Bench, enrollments, part, people, tarred, zipped

from edx_import.errors import DecryptionError, PackageError
from edx_import.model import ImportState
from edx_import.sync.outcome import ObjectOutcome


def event(number: int, course: str = COURSE) -> bytes:
    time = f"2020-01-12T10:00:00.{number:06d}+00:00"
    return json.dumps({"time": time, "event_type": "page_close", "context": {"course_id": course, "user_id": number}, "event": ""}).encode()


LOG = b"\n".join(event(number, (COURSE, SISTER)[number % 2]) for number in range(40))
BLOCKS = b'{"block-v1:DemoX+D102+1T2020+type@course+block@course": {"category": "course", "children": [], "metadata": {}}}'
CONTENT = gzip.compress(tarred({"course/course.xml": b'<course url_name="1T2020"/>', "course/html/a.html": b"<p>words</p>" * 50}), mtime=0)


MEMBERS = {
    part("student_courseenrollment"): enrollments(COURSE, *range(8)),
    part("auth_user"): people(*range(8)),
    part("course", "xml.tar.gz"): CONTENT,
    part("student_courseenrollment", course="DemoX-D102-1T2020"): enrollments(SISTER, *range(20, 26)),
    part("course_structure", "json", "DemoX-D102-1T2020"): BLOCKS,
}
CSV = b"user_id,username,email,full_name,course_id,is_opted_in_for_email,preference_set_datetime\r\n" + b"".join(
    f"{number},u{number},u{number}@example.org,N,{COURSE},True,2020-01-01 10:00:00\r\n".encode() for number in range(8)
)
RESEARCH = tarred(
    {
        "metadata_file.json": b"{}",
        "events/DemoX_D101_1T2020-events-2020-01-12.log.gz": gzip.compress(event(1) + b"\n" + event(2)),
        "state/2020-01-12/DemoX-D101-1T2020-student_courseenrollment-prod-analytics.sql": enrollments(COURSE, *range(8)),
        "state/2020-01-12/DemoX-D101-1T2020-course-prod-analytics.xml.tar.gz": CONTENT,
    }
)


def refused(outcome: ObjectOutcome, bench: Bench, before: dict[str, str]) -> None:
    """The object failed with a reason, the ledger says so, and the database is what it was."""
    assert outcome.state is ImportState.FAILED, outcome
    assert isinstance(outcome.error, DecryptionError | PackageError)
    assert outcome.error.what
    assert outcome.error.hint
    record = bench.record(outcome.key)
    assert (record.state, record.error) == (ImportState.FAILED, f"{outcome.error.what} {outcome.error.hint}")
    assert bench.hash() == before


def places(size: int, number: int, seed: int = 1) -> list[int]:
    """Sampled places of a file, its first and last bytes among them."""
    return sorted({0, 1, size - 1, *Random(seed).sample(range(size), number)})


def flipped(data: bytes, *positions: int, bit: int = 0x10) -> bytes:
    changed = bytearray(data)
    for position in positions:
        changed[position] ^= bit
    return bytes(changed)


def spans(data: bytes) -> Iterator[tuple[str, int, int]]:
    """The parts of a ZIP: what they are, from where to where."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for info in file.infolist():
            start = info.header_offset + 30 + len(info.filename)
            yield "header", info.header_offset, start
            yield "content", start, start + info.compress_size
        yield "directory", file.start_dir, len(data) - 22
        yield "end", len(data) - 22, len(data)


def changed_zip(data: bytes, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return zipped(change({info.filename: file.read(info) for info in file.infolist()}))


def sealed_member(members: dict[str, bytes], part: str) -> str:
    return next(path for path in members if part in path)
