"""The tree of a sample course, as blocks, and the `course_structure` file made from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from edx_import.model import PROD, Site
from edx_import.sample.courses import Course, digest

CHAPTERS: Final = 3
SEQUENTIALS: Final = 2
VERTICALS: Final = 2

#: What stands in the units of a course, in turn.
_COMPONENTS: Final = (
    ("html", "video", "problem"),
    ("problem", "discussion", "problem"),
    ("video", "html", "poll"),
    ("problem", "openassessment", "html"),
)

_CONTAINERS: Final = ("course", "chapter", "sequential", "vertical")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a course. `name` is the last part of its key; `path` the names of its ancestors, the course's first."""

    key: str
    html_id: str
    category: str
    name: str
    display_name: str
    children: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_container(self) -> bool:
        """Whether it holds other blocks."""
        return self.category in _CONTAINERS


@lru_cache(maxsize=64)
def blocks_of(course: Course, site: Site = PROD) -> tuple[Block, ...]:
    """The blocks of a course in the order of a walk from its root: a parent, then what is in it."""
    return tuple(_Tree(course, site).walk("course", course.run if course.old else "course", (), ()))


class _Tree:
    """Builds one course's blocks; a block's numbers are its 1-based places in its ancestors and in its parent."""

    def __init__(self, course: Course, site: Site) -> None:
        self._course = course
        self._site = site

    def walk(self, category: str, name: str, numbers: tuple[int, ...], path: tuple[str, ...]) -> Iterator[Block]:
        course = self._course
        inner = [(kind, self._name(kind, (*numbers, place)), (*numbers, place)) for place, kind in enumerate(self._within(category, numbers), 1)]
        children = [course.block_key(kind, child) for kind, child, _ in inner]
        if course.index == 1 and category == "vertical" and numbers[-1] == 1 and numbers[0] == 1:
            children.append(course.block_key("html", digest(course.id, "gone")))  # listed, without an entry of its own: real files have such
        yield Block(
            key=course.block_key(category, name),
            html_id=course.html_id(category, name),
            category=category,
            name=name,
            display_name=self._title(category, numbers),
            children=tuple(children),
            path=path,
            metadata={"display_name": self._title(category, numbers), **_settings(course, category, name, numbers)},
        )
        for kind, child, place in inner:
            yield from self.walk(kind, child, place, (*path, name))

    def _within(self, category: str, numbers: tuple[int, ...]) -> tuple[str, ...]:
        if category == "course":
            return ("chapter",) * CHAPTERS
        if category == "chapter":
            return ("sequential",) * SEQUENTIALS
        if category == "sequential":
            return ("vertical",) * VERTICALS
        if category == "vertical":
            return _COMPONENTS[(numbers[1] * VERTICALS + numbers[2]) % len(_COMPONENTS)]
        return ()

    def _name(self, category: str, numbers: tuple[int, ...]) -> str:
        if self._course.old and category in ("chapter", "sequential", "problem"):
            return f"{category.title()}_{'.'.join(map(str, numbers))}"
        return digest(self._course.id, category, numbers)

    def _title(self, category: str, numbers: tuple[int, ...]) -> str:
        if category == "course":
            return self._course.name
        title = f"{category.title()} {'.'.join(map(str, numbers))}" + (" – “¿Qué tal?”" if category == "html" else "")
        return title if self._site == PROD else f"Edge: {title}"


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _settings(course: Course, category: str, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    """What has been set on a block explicitly; nothing is inherited in this file."""
    maker = _SETTINGS.get(category)
    return maker(course, name, numbers) if maker else {}


def _course_settings(course: Course, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    return {
        "start": _iso(course.starts),
        "end": _iso(course.closes),
        "advertised_start": None,
        "days_early_for_beta": 5.0,
        "graceperiod": "1 day 12 hours 59 minutes 59 seconds",
        "advanced_modules": ["poll", "done"],
        "discussion_topics": {"General": {"id": topic_of(course)}},
        "tabs": [{"name": "Course", "type": "courseware"}, {"name": "Wiki", "type": "wiki", "is_hidden": True}],
        "user_partitions": [
            {"id": 1, "name": "Colours", "scheme": "random", "version": 3, "groups": [{"id": 0, "name": "Red"}, {"id": 1, "name": "Blue"}]}
        ],
    }


def _chapter_settings(course: Course, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    return {"start": _iso(course.starts + timedelta(days=7 * (numbers[0] - 1)))}


def _sequential_settings(course: Course, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    if numbers[1] == 1:
        return {"visible_to_staff_only": False}
    return {
        "due": _iso(course.starts + timedelta(days=7 * numbers[0] + 6)),
        "format": "Homework" if numbers[0] < CHAPTERS else "Final Exam",
        "graded": True,
    }


def _problem_settings(course: Course, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    return {
        "weight": float(numbers[-1]),
        "max_attempts": 3,
        "showanswer": "finished",
        "rerandomize": "never",
        "markdown": ">>Which one?<<\n\n( ) a\n(x) b\n",
    }


def _video_settings(course: Course, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    return {"youtube_id_1_0": name[:11], "html5_sources": [f"https://video.example.org/{name}.mp4"], "sub": name[:11], "download_video": True}


def _discussion_settings(course: Course, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    return {"discussion_id": name, "discussion_category": f"Week {numbers[0]}", "discussion_target": "Questions"}


def _assessment_settings(course: Course, name: str, numbers: tuple[int, ...]) -> dict[str, Any]:
    return {"start": _iso(course.starts), "due": None, "xml_attributes": {}}


_SETTINGS: Final = {
    "course": _course_settings,
    "chapter": _chapter_settings,
    "sequential": _sequential_settings,
    "problem": _problem_settings,
    "video": _video_settings,
    "discussion": _discussion_settings,
    "openassessment": _assessment_settings,
}


def topic_of(course: Course) -> str:
    """The course-wide forum topic."""
    return course.html_id("course", course.run) if course.old else "course"


def structure_file(course: Course, site: Site = PROD) -> bytes:
    """The file: one JSON object, pretty-printed, keys sorted."""
    entries = {
        block.key: {"category": block.category, "children": list(block.children), "metadata": block.metadata} for block in blocks_of(course, site)
    }
    return json.dumps(entries, indent=4, sort_keys=True).encode() + b"\n"
