"""The course content archive (OLX in a tar.gz) of a sample course. Its bytes are the same for the same course: no clock, no owner."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from edx_import.model import PROD, Site
from edx_import.sample.courses import Course
from edx_import.sample.structure import Block, blocks_of

_POLICY_DATES: Final = ("start", "end")
_GRADER: Final = [
    {"type": "Homework", "short_label": "HW", "min_count": 2, "drop_count": 0, "weight": 0.6},
    {"type": "Final Exam", "short_label": "FE", "min_count": 1, "drop_count": 0, "weight": 0.4},
]
_PIXEL: Final = b"\x89PNG\r\n\x1a\n not really a picture"


def content_files(course: Course, site: Site = PROD) -> Iterator[tuple[str, bytes]]:
    """The files of the archive, below its one top folder: (path, content)."""
    root, *others = blocks_of(course, site)
    names = {block.key: (block.category, block.name) for block in (root, *others)}
    yield "course.xml", f"<course url_name={quoteattr(course.run)} org={quoteattr(course.org)} course={quoteattr(course.number)}/>\n".encode()
    yield f"course/{course.run}.xml", _container(root, names)
    for block in others:
        yield from _COMPONENTS.get(block.category, _plain)(block, names)
    yield f"policies/{course.run}/policy.json", _json({f"course/{course.run}": root.metadata})
    yield f"policies/{course.run}/grading_policy.json", _json({"GRADER": _GRADER, "GRADE_CUTOFFS": {"Pass": course.passing_grade}})
    yield "about/overview.html", f"<section class='about'><h2>{escape(course.name)}</h2></section>".encode()
    yield "info/updates.html", b"<ol></ol>"
    yield "static/picture.png", _PIXEL
    yield "assets/assets.xml", b"<assets/>\n"


Names = dict[str, tuple[str, str]]


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=4, sort_keys=True).encode() + b"\n"


def _attributes(block: Block) -> str:
    simple = {name: value for name, value in block.metadata.items() if isinstance(value, str | bool | float) and name != "markdown"}
    return "".join(f" {name}={quoteattr(str(value))}" for name, value in simple.items())


def _container(block: Block, names: Names) -> bytes:
    inner = "".join(f"  <{names[key][0]} url_name={quoteattr(names[key][1])}/>\n" for key in block.children if key in names)
    return f"<{block.category}{_attributes(block)}>\n{inner}</{block.category}>\n".encode()


def _plain(block: Block, names: Names) -> Iterator[tuple[str, bytes]]:
    yield f"{block.category}/{block.name}.xml", _container(block, names)


def _problem(block: Block, names: Names) -> Iterator[tuple[str, bytes]]:
    choices = '<choice correct="true">b</choice><choice correct="false">a</choice>'
    body = f"<multiplechoiceresponse><choicegroup>{choices}</choicegroup></multiplechoiceresponse>"
    yield f"problem/{block.name}.xml", f"<problem{_attributes(block)}>\n  <p>Which one, señor?</p>\n  {body}\n</problem>\n".encode()


def _video(block: Block, names: Names) -> Iterator[tuple[str, bytes]]:
    asset = f'<video_asset client_video_id="clip.mp4" duration="{120 + int(block.name[:2], 16)}.5"/>'
    youtube = quoteattr(f"1.00:{block.metadata['youtube_id_1_0']}")
    title = quoteattr(block.display_name)
    yield (
        f"video/{block.name}.xml",
        f"<video url_name={quoteattr(block.name)} youtube={youtube} display_name={title}>\n  {asset}\n</video>\n".encode(),
    )


def _html(block: Block, names: Names) -> Iterator[tuple[str, bytes]]:
    yield f"html/{block.name}.xml", f"<html filename={quoteattr(block.name)}{_attributes(block)}/>\n".encode()
    yield f"html/{block.name}.html", f"<p>{escape(block.display_name)}</p>\n".encode()


_COMPONENTS: Final[dict[str, Callable[[Block, Names], Iterator[tuple[str, bytes]]]]] = {"problem": _problem, "video": _video, "html": _html}


def content_archive(course: Course, site: Site = PROD) -> bytes:
    """The archive: gzip, tar, one top folder named as the run."""
    return pack_content(course, content_files(course, site))


def pack_content(course: Course, files: Iterable[tuple[str, bytes]]) -> bytes:
    """An archive of a course that holds these files (paths below its top folder)."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        folder = tarfile.TarInfo(course.run)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for path, content in files:
            entry = tarfile.TarInfo(f"{course.run}/{path}")
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
