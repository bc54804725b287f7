"""The event files of a sample: lines as the platform logs them, for every family of events, in no order, a day at a time.

Lines come one by one, so that a day of a million events needs no memory. No two clean lines of a sample are the same: each has a time of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, chain, islice
from random import Random
from typing import Any, Final, NamedTuple

from edx_import.model import PROD, Site
from edx_import.sample import envelopes, implicit, payloads_learning, payloads_other, payloads_social
from edx_import.sample.moment import BROWSER, MOBILE, EventKind, Moment
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe, courses_of, end_of

#: Every type of event that the reference of the data package names, but enrolments and implicit ones, which are made from what happened.
KINDS: Final[tuple[EventKind, ...]] = (
    *payloads_other.OFFERS,
    *payloads_learning.NAVIGATION,
    *payloads_learning.VIDEO,
    *payloads_learning.PROBLEM,
    *payloads_learning.GRADING,
    *payloads_social.FORUM,
    *payloads_social.ASSESSMENT,
    *payloads_social.NOTES,
    *payloads_social.EXPERIMENTS,
    *payloads_social.GROUPS,
    *payloads_other.CERTIFICATES,
    *payloads_other.COMPONENTS,
    *payloads_other.TEXTBOOK,
    *payloads_other.THIRD_PARTY,
    *payloads_other.EXAMS,
    *payloads_other.INSTRUCTOR,
    *payloads_other.UNDOCUMENTED,
)

#: One event in so many is the next of KINDS, in turn; the others are what people do all day.
_EVERY_KIND: Final = 5
_IMPLICIT_SHARE: Final = 0.5
_COMMON_NAMES: Final = {
    (BROWSER, "play_video"): 8,
    (BROWSER, "pause_video"): 8,
    (BROWSER, "seek_video"): 3,
    (BROWSER, "load_video"): 3,
    (MOBILE, "play_video"): 3,
    (BROWSER, "page_close"): 5,
    (BROWSER, "seq_next"): 5,
    (BROWSER, "seq_goto"): 3,
    ("server", "problem_check"): 8,
    (BROWSER, "problem_check"): 5,
    ("server", "edx.grades.problem.submitted"): 5,
    ("server", "edx.forum.thread.viewed"): 2,
}
_COMMON: Final = tuple(kind for kind in KINDS for _ in range(_COMMON_NAMES.get((kind.source, kind.event_type), 0)))

#: Lines are shuffled within blocks of this many.
_SHUFFLED: Final = 1000


class Outcome(StrEnum):
    """What a sync makes of a line; a blank one is not even read."""

    LOADED = "loaded"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    BLANK = "blank"


class Line(NamedTuple):
    """A line of an event file without its line end, the course a reader should find in it (empty: none), and what becomes of it."""

    data: bytes
    course_id: str
    outcome: Outcome = Outcome.LOADED


def iter_events(recipe: Recipe, day: date, site: Site = PROD) -> Iterator[bytes]:
    """The clean lines of a site's event file of a UTC day, without line ends, in the order of the file."""
    return (line.data for line in iter_lines(recipe, day, site))


def iter_lines(recipe: Recipe, day: date, site: Site = PROD) -> Iterator[Line]:
    """The same lines with their courses."""
    offerings = [Offering(recipe, site, course, day) for course in courses_of(recipe)]
    peopled = [offering for offering in offerings if offering.learners]
    rng = recipe.rng("events", site, day)
    activity = _activity(recipe, day, peopled, rng) if peopled else iter(())
    return _shuffled(chain(_enrollments(offerings, day, rng), activity), rng)


def _text(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def _shuffled(lines: Iterator[Line], rng: Random) -> Iterator[Line]:
    while block := list(islice(lines, _SHUFFLED)):
        rng.shuffle(block)
        yield from block


def _enrollments(offerings: list[Offering], day: date, rng: Random) -> Iterator[Line]:
    """What happened to enrolments on that day: the same as the enrolment rows say."""
    for offering in offerings:
        for enrollment in offering.enrollments:
            for change in enrollment.changes:
                if change.time.date() == day:
                    moment = Moment(rng, offering, enrollment.learner, change.time)
                    yield Line(_text(envelopes.enrollment(moment, change)), offering.course.id)


def _activity(recipe: Recipe, day: date, offerings: list[Offering], rng: Random) -> Iterator[Line]:
    """What learners did, spread over the day; more of it in new courses than in an archived one."""
    weights = list(accumulate(1 if offering.course.old else 8 for offering in offerings))
    turn = (day - recipe.event_days[0]).days * (recipe.events_per_day // _EVERY_KIND)
    start = end_of(day) - timedelta(days=1)
    for number in range(recipe.events_per_day):
        offering = rng.choices(offerings, cum_weights=weights)[0]
        moment = Moment(rng, offering, rng.choice(offering.learners), _time(start, number, recipe.events_per_day, rng))
        if number % _EVERY_KIND == 0:
            yield _explicit(moment, KINDS[(turn + number // _EVERY_KIND) % len(KINDS)])
        elif rng.random() < _IMPLICIT_SHARE:
            yield _implicit(moment)
        else:
            yield _explicit(moment, rng.choice(_COMMON))


def _time(start: datetime, number: int, of: int, rng: Random) -> datetime:
    """A moment in the event's own part of the day; one in 37 on a full second, which is never shared by two such events."""
    moment = start + timedelta(days=1) * ((number + rng.random() * 0.98) / of)
    return moment.replace(microsecond=0) if number % 37 == 11 else moment


def _explicit(moment: Moment, kind: EventKind) -> Line:
    return Line(_text(envelopes.explicit(moment, kind)), moment.course.id)


def _implicit(moment: Moment) -> Line:
    request = implicit.request(moment)
    return Line(_text(envelopes.implicit(moment, request)), moment.course.id if request.names_course else "")
