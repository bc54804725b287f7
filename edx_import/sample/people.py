"""The learners of a sample package: invented people with the names, gaps and oddities that real ones have.

The two sites have the same user ids and nothing else in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Final

from edx_import.model import EDGE, PROD, Site
from edx_import.sample.courses import digest
from edx_import.sample.recipe import Recipe, moment_between

FIRST_USER_ID: Final = 501

#: Who every sample of edx.org has, whatever its seed: (username, full name); an empty username is made up like the others.
_REMARKABLE: Final = (
    ("00123", "Zoë Numeric"),
    ("ann", 'Ann "Nan" Lee'),
    ("", "Tab\there, new\nline, carriage\r\nreturn"),
    ("", "C:\\new\\temp \\N \\"),
    ("null_name", "NULL"),
    ("NULL", "Nora Ull"),
    ("", "Emoji 🦊👩🏽‍🎓 Fan"),
    ("", "محمد الأمين"),
    ("", "王小明"),
    ("", "Ольга Иванова"),
    ("", "अनीता शर्मा"),
    ("", "山田 太郎"),
    ("", "Nguyễn Thị Hoa"),
    ("", "O'Brien; DROP--\t"),
    ("42", "Δημήτρης Παππάς"),
    ("retired__user_1f2e3d", ""),
)

_FIRST: Final = "Ana Luis José María Ígor Chloé Søren Amina Kwame Mei Fatima João Ivan Priya Łukasz Tamar Bo".split()
_PLAIN: Final = "ana luis jose maria igor chloe soren amina kwame mei fatima joao ivan priya lukasz tamar bo".split()
_LAST: Final = "Pérez|Muñoz|da Silva|Nielsen|Okafor|Nowak|García Márquez|Smith|Ünal|Çelik|O'Neil|Rossi|Park|Quispe|Le".split("|")

_COUNTRIES: Final = (
    "CL CO PE MX AR BR EC BO UY PY VE CR GT SV HN NI PA DO HT JM US CA ES PT FR DE GB IE NL BE IT GR RU UA PL RO TR EG MA DZ NG GH KE ET "
    "ZA IN PK BD CN JP KR VN PH ID TH AU NZ"
).split()
_EDUCATION: Final = ("p", "m", "m", "b", "b", "b", "a", "hs", "hs", "jhs", "el", "none", "other", "p_se", "p_oth", "", None)
_GENDERS: Final = ("f", "f", "f", "f", "m", "m", "m", "m", "o", "", None)
_LANGUAGES: Final = ("es", "en", "pt", "fr", "zh_HANS", "zh_HANT", "ru", "ar")
_GOALS: Final = ("Learn statistics", 'Line one\r\nline two \\ end, and "quotes"', "Mejorar mi trabajo — día a día\n\n(en serio)", "\tindented\t", "")
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.117 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:72.0) Gecko/20100101 Firefox/72.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 13_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0.4 Mobile/15E148 Safari/604.1",
    "",
)


@dataclass(frozen=True, slots=True)
class Learner:
    """One account of a site. None stands for NULL; times are UTC."""

    index: int
    id: int
    username: str
    name: str
    joined: datetime
    last_login: datetime | None
    gender: str | None
    year_of_birth: int | None
    education: str | None
    goals: str | None
    country: str | None
    address: str | None
    has_profile: bool
    languages: tuple[str, ...]
    ip: str
    agent: str
    session: str
    hash_id: str

    @property
    def email(self) -> str:
        """A unique address in a domain that nobody has."""
        return f"learner{self.id}@{'edge.' if self.session.startswith('e') else ''}example.org"

    @property
    def profile_id(self) -> int:
        """auth_userprofile.id: not the user id."""
        return self.id * 7 + 3


@lru_cache(maxsize=8)
def learners_of(recipe: Recipe, site: Site) -> tuple[Learner, ...]:
    """Everybody with an account on a site, by id."""
    return tuple(_learner(recipe, site, index) for index in range(recipe.learners))


def _learner(recipe: Recipe, site: Site, index: int) -> Learner:
    rng = recipe.rng("learner", site, index)
    username, name = _names(rng, site, index)
    joined = _joined(rng, recipe)
    has_profile = index < len(_REMARKABLE) or rng.random() > 0.04
    return Learner(
        index=index,
        id=FIRST_USER_ID + index,
        username=username,
        name=name,
        joined=joined,
        last_login=None if rng.random() < 0.03 else moment_between(rng, joined, recipe.events_begin),
        gender=rng.choice(_GENDERS),
        year_of_birth=rng.randrange(1945, 2006) if rng.random() > 0.15 else None,
        education=rng.choice(_EDUCATION),
        goals=rng.choice(_GOALS) if rng.random() > 0.4 else None,
        country=_country(rng),
        address=f"{rng.randrange(1, 999)} Example Street\r\nDemo Town" if rng.random() < 0.1 else None,
        has_profile=has_profile,
        languages=tuple(rng.sample(_LANGUAGES, rng.choice((0, 0, 1, 1, 2)))),
        ip=_address(rng),
        agent=rng.choice(_AGENTS),
        session=("e" if site == EDGE else "0") + digest(recipe.seed, site, index, "session")[1:],
        hash_id=digest(recipe.seed, site, index, "user"),
    )


def _names(rng: Random, site: Site, index: int) -> tuple[str, str]:
    number = rng.randrange(len(_FIRST))
    name = f"{_FIRST[number]} {rng.choice(_LAST)}"
    made_up = f"{index:06d}" if rng.random() < 0.03 else f"{_PLAIN[number]}{rng.choice('._-+@')}{index}"
    if site != PROD:
        return f"edge_{made_up}", name
    if index < len(_REMARKABLE):
        username, name = _REMARKABLE[index]
        return username or made_up, name
    return made_up, name


def _joined(rng: Random, recipe: Recipe) -> datetime:
    if rng.random() < 0.5:
        return moment_between(rng, datetime(2012, 9, 5, tzinfo=UTC), datetime(2013, 11, 1, tzinfo=UTC))
    return moment_between(rng, datetime(2014, 1, 10, tzinfo=UTC), recipe.events_begin - timedelta(days=1))


def _country(rng: Random) -> str | None:
    draw = rng.random()
    if draw < 0.08:
        return ""
    if draw < 0.12:
        return None
    return _COUNTRIES[min(int(rng.expovariate(0.09)), len(_COUNTRIES) - 1)]


def _address(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.02:
        return ""
    if draw < 0.10:
        return f"2001:db8::{rng.randrange(1, 65536):x}"
    return f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}"


def other_than(rng: Random, learner: Learner, others: Sequence[Learner]) -> Learner:
    """Somebody else, as long as there is anybody else."""
    chosen = rng.choice(others)
    return chosen if chosen.id != learner.id or len(others) == 1 else others[(others.index(chosen) + 1) % len(others)]
