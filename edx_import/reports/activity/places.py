"""Where learners were on a day, by the address of their last event: the country, and its part where the database of addresses has it."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

from edx_import.errors import ConfigurationError
from edx_import.geography import Countries
from edx_import.reports.context import Context

#: Addresses are remembered, since a learner has the same one for many days.
_REMEMBERED = 100_000

Place = tuple[str | None, str | None]


class Places:
    """Tells country and subdivision of addresses; nothing where there is no database of addresses."""

    def __init__(self, countries: Countries | None) -> None:
        self._countries = countries
        self.of_address = lru_cache(maxsize=_REMEMBERED)(self._of_address)

    @classmethod
    def of(cls, context: Context) -> Self:
        """By the database that the settings name. Where there is none, says so, and leaves places empty."""
        try:
            return cls(context.countries())
        except ConfigurationError as error:
            context.dialogue.say(f"no countries: {error.what}. {error.hint}")
            return cls(None)

    def _of_address(self, address: str | None) -> Place:
        if self._countries is None or not address:
            return None, None
        return self._countries.country_of(address), self._countries.subdivision_of(address)
