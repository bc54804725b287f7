"""The forum of a sample course: threads, responses and replies, and the file that an export of them gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from edx_import.sample.courses import digest
from edx_import.sample.offering import Offering
from edx_import.sample.people import other_than
from edx_import.sample.rows_learner import GHOST_ID, GHOST_NAME
from edx_import.sample.structure import topic_of

_BODIES: Final = (
    "Hello,\n\nI have a question about *week 1*.",
    "¿Alguien más? «Sí» 🦊\n\n    code\tindented\\n",
    "See https://www.example.org/?a=1&b=2 – <b>bold</b>",
    "Null\u0000 is not allowed, they say: $where, a.b",
    "",
)

#: One learner in so many who study starts a thread.
_TALKERS: Final = 4


@dataclass(frozen=True, slots=True)
class Post:
    """A thread (no `thread`), a response to one (no `parent`), or a reply to a response. `gone`: when it was deleted. Times are UTC."""

    id: str
    number: int
    author_id: int
    author: str
    created: datetime
    body: str
    thread: str = ""
    parent: str = ""
    gone: datetime | None = None


def posts_of(offering: Offering) -> list[Post]:
    """The posts that are there by then. A deleted thread takes its comments with it."""
    return [post for thread in _threads(offering) for post in _present(offering, thread)]


def _present(offering: Offering, thread: list[Post]) -> list[Post]:
    there = [post for post in thread if post.created < offering.until and (post.gone is None or post.gone > offering.until)]
    return there if there and not there[0].thread else []


def _threads(offering: Offering) -> Iterator[list[Post]]:
    """Each thread with its comments, the thread first."""
    for number, enrollment in enumerate(offering.studying[::_TALKERS]):
        rng = offering.rng("thread", enrollment.learner.index)
        created = enrollment.created + timedelta(minutes=5, milliseconds=rng.randrange(10**8))
        author = (GHOST_ID, GHOST_NAME) if offering.course.old and number == 0 else (enrollment.learner.id, enrollment.learner.username)
        gone = offering.recipe.events_begin if rng.random() < 0.05 else None
        thread = Post(_object_id(created, number, 0, offering), number, *author, created, rng.choice(_BODIES), gone=gone)
        posts = [thread]
        for place in range(1, rng.randrange(5)):
            other = other_than(rng, enrollment.learner, offering.learners)
            at = created + timedelta(hours=place)
            parent = posts[-1].id if place % 2 == 0 and not posts[-1].parent else ""
            gone = offering.recipe.events_begin if rng.random() < 0.05 and parent else None
            identity = _object_id(at, number, place, offering)
            posts.append(Post(identity, number, other.id, other.username, at, rng.choice(_BODIES), thread.id, parent, gone))
        yield posts


def _object_id(created: datetime, number: int, place: int, offering: Offering) -> str:
    """24 hex digits that begin with the second, as the ids of a document database do."""
    return f"{int(created.timestamp()):08x}{digest(offering.course.id, offering.site, number, place, 'post')[:16]}"


def forum_lines(offering: Offering) -> Iterator[bytes]:
    """The lines of the file: one JSON document each, with its line end."""
    posts = posts_of(offering)
    date = _DATES[offering.course.index % len(_DATES)]
    comments: dict[str, int] = {}
    for post in posts:
        comments[post.thread] = comments.get(post.thread, 0) + 1
    for post in posts:
        document = _common(offering, post, date) | (_comment(post, date) if post.thread else _thread(offering, post, date, comments.get(post.id, 0)))
        yield json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _zulu(moment: datetime) -> Any:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _offset(moment: datetime) -> Any:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _milliseconds(moment: datetime) -> Any:
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


#: The forms that exports have had, by course: new ones, others, those of old courses.
_DATES: Final[tuple[Callable[[datetime], Any], ...]] = (_zulu, _offset, _milliseconds)


def _common(offering: Offering, post: Post, date: Callable[[datetime], Any]) -> dict[str, Any]:
    voters = [str(learner.id) for learner in offering.learners[post.number % 7 : post.number % 7 + post.number % 3]]
    flagged = [str(post.author_id)] if post.number % 9 == 4 else []
    return {
        "_id": {"$oid": post.id},
        "_type": "Comment" if post.thread else "CommentThread",
        "author_id": str(post.author_id),
        "author_username": post.author,
        "body": post.body,
        "course_id": offering.course.id,
        "anonymous": False,
        "anonymous_to_peers": post.number % 8 == 1,
        "created_at": {"$date": date(post.created)},
        "updated_at": {"$date": date(post.created + timedelta(seconds=1))},
        "votes": {"up": voters, "down": [], "up_count": len(voters), "down_count": 0, "count": len(voters), "point": len(voters)},
        "visible": True,
        "at_position_list": [],
        "abuse_flaggers": flagged,
        "historical_abuse_flaggers": [],
    }


def _thread(offering: Offering, post: Post, date: Callable[[datetime], Any], comments: int) -> dict[str, Any]:
    newer = {"context": "course", "group_id": None, "thread_type": ("discussion", "question")[post.number % 2]}
    return {
        "title": f"Question {post.number}: «¿por qué?»",
        "commentable_id": offering.by_category["discussion"][0].name if post.number % 2 else topic_of(offering.course),
        "comment_count": comments,
        "closed": False,
        "pinned": post.number == 0,
        "tags_array": [],
        "last_activity_at": {"$date": date(post.created + timedelta(hours=comments))},
        **({} if offering.course.old else newer),
    }


def _comment(post: Post, date: Callable[[datetime], Any]) -> dict[str, Any]:
    endorsed = not post.parent and post.number % 3 == 0
    endorsement: Any = {"user_id": str(post.author_id), "time": {"$date": date(post.created + timedelta(hours=1))}} if endorsed else None
    return {
        "comment_thread_id": {"$oid": post.thread},
        "parent_ids": [{"$oid": post.parent}] if post.parent else [],
        **({"parent_id": {"$oid": post.parent}} if post.parent else {}),
        "endorsed": endorsed,
        "endorsement": "null" if post.number % 11 == 5 and not endorsed else endorsement,
        "sk": f"{post.parent}-{post.id}" if post.parent else post.id,
        "depth": 1 if post.parent else 0,
        "child_count": 0,
    }
