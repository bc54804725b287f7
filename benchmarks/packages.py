"""The packages that are measured: made once, sealed for a key of their own, kept for the next run where BENCH_CACHE names a folder.

Lines of events are those of the sample, repeated with another time each, so that a gigabyte of them is made in a minute and none is like another.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final
from zipfile import ZIP_STORED, ZipFile

from edx_import.model import ObjectKind, ObjectName
from edx_import.packages.naming import build_key
from edx_import.sample.events import iter_events
from edx_import.sample.package import COURSE_BUCKET, EVENT_BUCKET, database_members
from edx_import.sample.recipe import Recipe, sample_courses_yaml
from edx_import.sample.sealing import InstitutionKey, Sealer, make_key
from edx_import.sample.totals import Tally
from edx_import.sample.zipped import seal_zipped
from edx_import.settings import Secret

#: Raised when packages are made in another way than before, so that those in a cache are not taken.
_VERSION: Final = 1

_DAY: Final = date(2020, 1, 12)
_NEXT_WEEK: Final = _DAY + timedelta(days=7)
_RECIPE: Final = Recipe(courses=4, learners=2000, days=1, events_per_day=20_000, last_day=_DAY, email=False)
_TIME: Final = b'"time": "'
_LINES_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Cabinet:
    """Where packages lie, and the key that opens them."""

    folder: Path
    key: InstitutionKey

    def package(self, name: str, make: Callable[[Path, Sealer], None]) -> Path:
        """The folder of a package, made if it is not there. One that was begun and not finished is made anew."""
        folder = self.folder / f"{name}-v{_VERSION}"
        if not folder.is_dir():
            begun = folder.with_name(f"{folder.name}.begun")
            shutil.rmtree(begun, ignore_errors=True)
            begun.mkdir(parents=True)
            with Sealer(self.key) as sealer:
                make(begun, sealer)
            begun.rename(folder)
        return folder


def open_cabinet(folder: Path) -> Cabinet:
    """The packages in a folder, and their key: the one that lies there, else a new one. It opens invented data and nothing else."""
    path = folder / "key.json"
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Cabinet(folder, InstitutionKey(Secret(kept["private"]), kept["public"], kept["fingerprint"], Secret(kept["passphrase"])))
    folder.mkdir(parents=True, exist_ok=True)
    key = make_key(folder, name="Bench", email="bench@example.org", passphrase="bench")
    kept = {"private": key.private.reveal(), "public": key.public, "fingerprint": key.fingerprint, "passphrase": key.passphrase.reveal()}
    path.write_text(json.dumps(kept), encoding="utf-8")
    return Cabinet(folder, key)


def courses_yaml() -> str:
    """A courses.yaml for all packages of the benchmark."""
    return sample_courses_yaml(_RECIPE)


# --- events


def lines(number: int, day: date = _DAY) -> Iterator[bytes]:
    """So many lines of events with their line ends, spread over a day in the order of their times; the same ones each time."""
    models = [_parted(line) for line in islice(iter_events(_RECIPE, _DAY), min(number, _RECIPE.events_per_day)) if _TIME in line]
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    step = timedelta(days=1) / number
    for index in range(number):
        before, after = models[index % len(models)]
        moment = (start + index * step).isoformat(timespec="microseconds")
        yield b"%b%b%b\n" % (before, moment.encode(), after)


def clear_size(number: int) -> int:
    """About how many bytes so many lines have."""
    some = list(lines(2000))
    return sum(map(len, some)) * number // len(some)


def day_of_events(cabinet: Cabinet, number: int) -> Path:
    """A package that is one event file of so many lines."""

    def make(folder: Path, sealer: Sealer) -> None:
        _seal_events(folder, _DAY, _joined(lines(number)), sealer)

    return cabinet.package(f"events-{number}", make)


def many_days(cabinet: Cabinet, files: int, each: int) -> Path:
    """The same lines as `day_of_events(cabinet, files * each)`, in so many small files of a day each."""

    def make(folder: Path, sealer: Sealer) -> None:
        rest = lines(files * each)
        for back in range(files):
            _seal_events(folder, _DAY - timedelta(days=back), islice(rest, each), sealer)

    return cabinet.package(f"files-{files}-of-{each}", make)


def _parted(line: bytes) -> tuple[bytes, bytes]:
    """What stands before the time, and after it."""
    before, mark, rest = line.partition(_TIME)
    return before + mark, rest[rest.index(b'"') :]


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    while block := list(islice(pieces, _LINES_AT_ONCE)):
        yield b"".join(block)


def _seal_events(folder: Path, day: date, pieces: Iterator[bytes], sealer: Sealer) -> None:
    path = folder / EVENT_BUCKET / build_key(ObjectName(ObjectKind.EVENTS, _RECIPE.key_org, day, "edx"))
    path.parent.mkdir(parents=True, exist_ok=True)
    seal_zipped(pieces, path, sealer)


# --- tables


def weekly(cabinet: Cabinet, learners: int) -> tuple[Path, Path]:
    """Two packages of a weekly ZIP each: all tables of 4 courses, and the same content a week later, encrypted anew."""
    recipe = replace(_RECIPE, learners=learners)
    both = cabinet.package(f"weekly-{learners}", lambda folder, sealer: _seal_weeks(folder, recipe, sealer))
    return both / "first", both / "again"


def _seal_weeks(folder: Path, recipe: Recipe, sealer: Sealer) -> None:
    weeks = ((folder / "first", _DAY), (folder / "again", _NEXT_WEEK))
    with ExitStack() as stack:
        archives = [(stack.enter_context(_new_zip(place, recipe, day)), day) for place, day in weeks]
        for member in database_members(recipe, _DAY, Tally()):
            below_top = member.path.partition("/")[2]
            for archive, day in archives:
                archive.writestr(f"{recipe.key_org}-{day}/{below_top}", b"" if member.content is None else sealer.seal(member.content))


def _new_zip(folder: Path, recipe: Recipe, day: date) -> ZipFile:
    path = folder / COURSE_BUCKET / build_key(ObjectName(ObjectKind.DATABASE, recipe.key_org, day))
    path.parent.mkdir(parents=True, exist_ok=True)
    return ZipFile(path, "w", ZIP_STORED)
