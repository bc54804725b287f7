"""Implicit events: one per request to the platform, named by its path, with the request's fields as text that is cut at 512 characters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from edx_import.sample.moment import Moment

#: Where the platform cuts the payload, in characters.
PAYLOAD_LIMIT: Final = 512


class Request(NamedTuple):
    """A request: its path, and its fields as lists of texts. `names_course`: the path alone tells the course."""

    path: str
    post: dict[str, list[str]]
    get: dict[str, list[str]]
    names_course: bool = True

    @property
    def payload(self) -> str:
        """The fields as the event carries them."""
        return json.dumps({"POST": self.post, "GET": self.get})[:PAYLOAD_LIMIT]


def request(m: Moment) -> Request:
    """Any request of a learner."""
    return m.rng.choice(_REQUESTS)(m)


def _page(m: Moment) -> Request:
    pages = (
        "",
        "info",
        "progress",
        "course_wiki",
        "about",
        "teams",
        m.hex(),
        f"jump_to_id/{m.block('problem').name}",
        "pdfbook/0/chapter/2/14",
        "wiki/D101/Guía/",
    )
    return Request(f"/courses/{m.course.id}/{m.rng.choice(pages)}", {}, {})


def _courseware(m: Moment) -> Request:
    path = f"/courses/{m.course.id}/courseware/{m.block('chapter').name}/{m.block('sequential').name}/"
    return Request(path, {}, {"activate_block_id": [m.block("vertical").key]} if m.chance(0.3) else {})


def _handler(m: Moment) -> Request:
    """A component's request to its server part: the answer to a problem, the place in a sequence."""
    block = m.block(m.choice("problem", "sequential", "video"))
    usage = block.key if not m.course.old else quote(block.key, safe=":").replace("/", ";_")
    post = {f"input_{block.html_id}_2_1": [m.text(1)], "a.b[]": ["1", "2"]} if block.category == "problem" else {"position": ["2"]}
    return Request(f"/courses/{m.course.id}/xblock/{usage}/handler/xmodule_handler/{m.choice('problem_check', 'goto_position')}", post, {})


def _reply(m: Moment) -> Request:
    """A forum post: as long as people write, so mostly cut."""
    return Request(f"/courses/{m.course.id}/discussion/threads/{m.hex(24)}/reply", {"body": [m.text(5 + m.number(60))]}, {"ajax": ["1"]})


def _forum(m: Moment) -> Request:
    return Request(f"/courses/{m.course.id}/discussion/forum/{m.block('discussion').name}/inline", {}, {"page": ["1"], "sort_key": ["activity"]})


def _account(m: Moment) -> Request:
    """A request that names no course."""
    return Request(
        m.choice("/dashboard", "/user_api/v1/account/login_session/"), {"email": [m.learner.email], "password": ["********"]}, {}, names_course=False
    )


_REQUESTS: Final[tuple[Callable[[Moment], Request], ...]] = (
    *(_courseware,) * 5,
    *(_handler,) * 5,
    *(_page,) * 3,
    *(_reply,) * 2,
    *(_forum,) * 2,
    _account,
)


def unreadable() -> dict[str, Any]:
    """The payload when the body of a request could not be read."""
    return {"event-type": "exception", "exception": "UnreadablePostError()"}
