"""How a research package hides who people are: other ids, names made from them, tokens in what people wrote."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from edx_import.model import PROD
from edx_import.sample.courses import digest
from edx_import.sample.people import Learner, learners_of
from edx_import.sample.recipe import Recipe

EMAIL: Final = "<<EMAIL>>"
PHONE_NUMBER: Final = "<<PHONE_NUMBER>>"
FULLNAME: Final = "<<FULLNAME>>"
USERNAME: Final = "<<USERNAME>>"

#: In place of the name of somebody who has no account.
NOBODY: Final = "REDACTED_USERNAME"

#: A prime: ids stay below it, and two ids never become one.
_IDS: Final = 2**31 - 1

_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE: Final = re.compile(r"(?<!\w)\+[0-9]{1,3}[ -][0-9][0-9 -]{5,}[0-9](?!\w)")

#: Shorter names would be found in numbers and words that name nobody.
_SHORTEST_NAME: Final = 3


@dataclass(frozen=True)
class Disguise:
    """What one request makes of the people of a sample; another request makes something else of them. Not slotted: it keeps a list of accounts."""

    recipe: Recipe
    request: str

    @cached_property
    def _key(self) -> int:
        return int(digest(self.recipe.seed, self.request, "disguise"), 16) % (_IDS - 1) + 1

    @cached_property
    def _accounts(self) -> dict[str, Learner]:
        return {learner.username: learner for learner in learners_of(self.recipe, PROD)}

    @cached_property
    def _people(self) -> dict[int, Learner]:
        return {learner.id: learner for learner in learners_of(self.recipe, PROD)}

    def user_id(self, original: int) -> int:
        """The id that stands for another everywhere: a positive 32-bit number, like the original."""
        return original * self._key % _IDS

    def username(self, original: str) -> str:
        """The name of an account, made from its new id. Nobody's name stays empty."""
        learner = self._accounts.get(original.strip())
        if learner:
            return self.name_of(learner.id)
        return NOBODY if original else ""

    def name_of(self, original: int) -> str:
        """The name of an account, by its original id."""
        return f"username_{self.user_id(original)}" if original in self._people else NOBODY

    def learner(self, user_id: object, username: object) -> Learner | None:
        """Whom an original id or, failing that, a name belongs to."""
        found = self._people.get(user_id) if isinstance(user_id, int) else None
        return found or (self._accounts.get(username.strip()) if isinstance(username, str) else None)

    def text(self, text: str, author: Learner | None) -> str:
        """What somebody wrote, without addresses, telephone numbers and their own names."""
        text = _PHONE.sub(PHONE_NUMBER, _EMAIL.sub(EMAIL, text))
        for name, token in ((author.name, FULLNAME), (author.username, USERNAME)) if author else ():
            if len(name) >= _SHORTEST_NAME:
                text = _word(name).sub(token, text)
        return text

    def value(self, value: Any, author: Learner | None) -> Any:
        """The same for all texts in a JSON value; names of members stay."""
        if isinstance(value, str):
            return self.text(value, author)
        if isinstance(value, dict):
            return {name: self.value(inner, author) for name, inner in value.items()}
        return [self.value(inner, author) for inner in value] if isinstance(value, list) else value

    def json_text(self, text: str | None, author: Learner | None) -> str:
        """JSON text, scrubbed; an empty object for what is none."""
        try:
            return json.dumps(self.value(json.loads(text or ""), author))
        except ValueError:
            return "{}"


@lru_cache(maxsize=1024)
def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
