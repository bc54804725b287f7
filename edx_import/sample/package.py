"""Writes a sample package into a folder, laid out as the buckets are:

    course-data/{org}-{date}.zip                                                          database ZIP, its members sealed one by one
    course-data/email-opt-in/email-opt-in-{org}-{date}.zip                                e-mail opt-ins
    edx-course-data/{org}/edx/events/{year}/{org}-edx-events-{date}.log.gz.gpg            events of a day
    edx-course-data/{org}/edge/events/...                                                 the same of edge.edx.org

The same recipe gives the same clear content; what is sealed differs every time, as a sealed message does. Nothing clear is written to disk.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from edx_import.model import EDGE, PROD, MemberName, ObjectKind, ObjectName, Site
from edx_import.packages.naming import build_key, build_member
from edx_import.sample import dirt
from edx_import.sample.catalogue import TABLE_FILES, TableFile
from edx_import.sample.events import Line, iter_lines
from edx_import.sample.forum import forum_lines
from edx_import.sample.offering import Offering
from edx_import.sample.olx import content_archive
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.sample.rows_learner import email_rows
from edx_import.sample.structure import structure_file
from edx_import.sample.table_files import write_email_csv
from edx_import.sample.totals import SampleTotals, Tally, collection_of
from edx_import.sample.zipped import seal_zipped

if TYPE_CHECKING:
    from edx_import.sample.sealing import Sealer

COURSE_BUCKET: Final = "course-data"
EVENT_BUCKET: Final = "edx-course-data"

_EVENT_TOKENS: Final = {PROD: "edx", EDGE: "edge"}


def make_package(recipe: Recipe, folder: Path, sealer: Sealer) -> SampleTotals:
    """Makes the package below `folder` (made if need be; files there are replaced) and says what a sync of it gives.

    Raises UsageError for dirt that does not exist, and what the sealer raises.
    """
    dirt.named_dirt(recipe)
    tally = Tally()
    for day in recipe.snapshots:
        newest = tally if day == recipe.snapshots[-1] else Tally()
        _write_zip(folder, ObjectName(ObjectKind.DATABASE, recipe.key_org, day), database_members(recipe, day, newest), recipe, sealer)
        if recipe.email:
            _write_zip(folder, ObjectName(ObjectKind.EMAIL, recipe.key_org, day), [_email_member(recipe, day, newest)], recipe, sealer)
    for site in recipe.sites:
        for day in recipe.event_days:
            _write_events(recipe, folder, site, day, tally if site == PROD else Tally(), sealer)
    if recipe.foreign:
        _write_foreign(recipe, folder, sealer)
    return tally.totals(recipe)


class Member(NamedTuple):
    """A member of a ZIP before it is sealed: its path below the top folder, and its content. None: nothing was sealed, the member has no bytes."""

    path: str
    content: bytes | None


# --- the weekly ZIP


def database_members(recipe: Recipe, day: date, tally: Tally) -> Iterator[Member]:
    """The members of the weekly ZIP of a day, in the clear, one at a time; what edx.org's hold is counted."""
    top = build_key(ObjectName(ObjectKind.DATABASE, recipe.key_org, day)).removesuffix(".zip")
    for site in recipe.sites:
        for course in courses_of(recipe):
            offering = Offering(recipe, site, course, day)
            yield from _course_members(offering, top, tally if site == PROD else Tally())
    if dirt.UNKNOWN_MEMBER in dirt.named_dirt(recipe):
        yield Member(f"{top}/READ_ME.txt.gpg", b"Not data.\n")


def _course_members(offering: Offering, top: str, tally: Tally) -> Iterator[Member]:
    wanted = offering.recipe.tables
    for file in TABLE_FILES:
        if not wanted or file.task in wanted:
            yield from _table_member(offering, file, top, tally)
    posts = list(forum_lines(offering))
    tally.rows("forum", len(posts))
    yield Member(_path(offering, "forum", "mongo", top), b"".join(posts))
    tally.rows("course_structure", len(offering.blocks))
    yield Member(_path(offering, "course_structure", "json", top), structure_file(offering.course, offering.site))
    yield Member(_path(offering, "course", "xml.tar.gz", top), content_archive(offering.course, offering.site))


def _table_member(offering: Offering, file: TableFile, top: str, tally: Tally) -> Iterator[Member]:
    names = dirt.table_dirt(offering)
    folder = f"{top}/{file.folder}".rstrip("/")
    if file.task == dirt.FAILED_TASK and dirt.FAILED_MEMBER in names:
        yield Member(_path(offering, file.task, "sql", folder, failed=True), b"Traceback (most recent call last):\n  ...\nMySQLError: gone away\n")
    elif file.task == dirt.ZERO_BYTE_TASK and dirt.ZERO_BYTE_MEMBER in names:
        yield Member(_path(offering, file.task, "sql", folder), None)
    else:
        lines, rejected = dirt.dirty_table(file.task, list(file.lines(offering)), names)
        if len(lines) > 1 or file.task != "courseware_studentmodule":  # the other exporter makes no file without rows
            tally.rows(collection_of(file.task), len(lines) - 1 - rejected, rejected)
            yield Member(_path(offering, file.task, "sql", folder), b"".join(lines))


def _path(offering: Offering, task: str, extension: str, folder: str, *, failed: bool = False) -> str:
    return build_member(MemberName("", offering.course.file_part, task, extension, offering.site, failed), folder)


def _email_member(recipe: Recipe, day: date, tally: Tally) -> Member:
    chunks = [list(email_rows(Offering(recipe, PROD, course, day))) for course in courses_of(recipe)]
    tally.rows("email_opt_in", sum(map(len, chunks)))
    name = MemberName("", recipe.key_org, "email_opt_in", "csv", PROD)
    return Member(build_member(name, f"email-opt-in-{recipe.key_org}-{day}"), b"".join(write_email_csv(chunks)))


def _write_zip(folder: Path, name: ObjectName, members: Iterable[Member], recipe: Recipe, sealer: Sealer) -> None:
    path = _made(folder / COURSE_BUCKET / build_key(name))
    stamp = (name.date.year, name.date.month, name.date.day, 3, 0, 0)
    with ZipFile(path, "w", ZIP_STORED) as archive:
        if dirt.DIRECTORY_ENTRY in dirt.named_dirt(recipe):
            archive.writestr(ZipInfo(f"{path.stem}/", stamp), b"")
        for member in members:
            archive.writestr(ZipInfo(member.path, stamp), b"" if member.content is None else sealer.seal(member.content))


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


# --- event files


def _write_events(recipe: Recipe, folder: Path, site: Site, day: date, tally: Tally, sealer: Sealer) -> None:
    key = build_key(ObjectName(ObjectKind.EVENTS, recipe.key_org, day, _EVENT_TOKENS[site]))
    lines = tally.lines(key, dirty_lines(recipe, day, site))
    seal_zipped((line.data + b"\n" for line in lines), _made(folder / EVENT_BUCKET / key), sealer)


def dirty_lines(recipe: Recipe, day: date, site: Site = PROD) -> Iterator[Line]:
    """The lines of an event file as it is delivered: `iter_lines`, and the dirt that the recipe asks for."""
    return dirt.dirty_lines(iter_lines(recipe, day, site), recipe, day, site)


# --- what is not ours


def _write_foreign(recipe: Recipe, folder: Path, sealer: Sealer) -> None:
    """Keys that lie beside ours and are not to be loaded: of organisations whose name begins like ours, or is another; patches; leftovers."""
    for org in (f"{recipe.key_org}-pro", "otherx"):
        member = Member(f"{org}-{recipe.last_day}/OtherX-O1-R1-auth_user-prod-analytics.sql.gpg", b"id\tusername\n1\tstranger\n")
        _write_zip(folder, ObjectName(ObjectKind.DATABASE, org, recipe.last_day), [member], Recipe(), sealer)
    patches = build_key(ObjectName(ObjectKind.EVENTS, recipe.key_org, recipe.last_day, "patches"))
    _made(folder / EVENT_BUCKET / patches).write_bytes(sealer.seal(gzip.compress(b'{"time": "2020-01-12T00:00:00+00:00"}\n', mtime=0)))
    _made(folder / COURSE_BUCKET / "legacy" / "note.txt").write_bytes(b"old things\n")
