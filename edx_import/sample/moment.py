"""One learner doing one thing in one course at one time: what the payload of an event is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from edx_import.model import PROD
from edx_import.sample.courses import Course
from edx_import.sample.offering import Offering
from edx_import.sample.people import Learner, other_than
from edx_import.sample.structure import Block

BROWSER: Final = "browser"
SERVER: Final = "server"
MOBILE: Final = "mobile"
TASK: Final = "task"

_WORDS: Final = (
    "hola",
    "statistics",
    "“quoted”",
    "C:\\temp",
    "two\nlines",
    "½",
    "🦊",
    "a.b.c",
    "$price",
    "tab\there",
    "мир",
    "<b>bold</b>",
    "世界",
    "100%",
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Not repeatable: what it picks comes from a stream of chance that goes on. `time` is UTC."""

    rng: Random
    offering: Offering
    learner: Learner
    time: datetime

    @property
    def course(self) -> Course:
        """The course it happens in."""
        return self.offering.course

    @property
    def host(self) -> str:
        """The web host of the site."""
        return "courses.edx.org" if self.offering.site == PROD else "edge.edx.org"

    @property
    def url(self) -> str:
        """The course's address."""
        return f"https://{self.host}/courses/{self.course.id}"

    def block(self, category: str) -> Block:
        """Any block of a category."""
        return self.rng.choice(self.offering.by_category[category])

    def other(self) -> Learner:
        """Somebody else in the course."""
        return other_than(self.rng, self.learner, self.offering.learners)

    def hex(self, digits: int = 32) -> str:
        """Random hex digits."""
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def text(self, words: int = 5) -> str:
        """Free text, with the characters that real text has."""
        return " ".join(self.rng.choices(_WORDS, k=words))

    def number(self, below: int) -> int:
        """A whole number."""
        return self.rng.randrange(below)

    def seconds(self, below: float = 600) -> float:
        """A place in a video."""
        return round(self.rng.random() * below, 6)

    def chance(self, share: float) -> bool:
        """True as often as `share`."""
        return self.rng.random() < share

    def choice(self, *options: Any) -> Any:
        """One of some."""
        return self.rng.choice(options)

    def iso(self, form: str = "%Y-%m-%dT%H:%M:%S.%f+00:00") -> str:
        """Its own time as text."""
        return self.time.strftime(form)


Payload = dict[str, Any] | list[Any] | str
Maker = Callable[[Moment], Payload]


class EventKind(NamedTuple):
    """One type of event and how its payload is made. `name`: the newer name, where it differs; `context`: members added to the context."""

    event_type: str
    source: str
    payload: Maker
    name: str = ""
    context: Mapping[str, Any] = MappingProxyType({})


def nothing(m: Moment) -> Payload:
    """No payload."""
    return {}


def kinds(source: str, payload: Maker, types: str) -> list[EventKind]:
    """Kinds that share a payload; `types` are words, each `event_type` or `event_type=name`."""
    return [EventKind(event_type, source, payload, name) for event_type, _, name in (word.partition("=") for word in types.split())]
