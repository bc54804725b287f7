"""A course's structure, content and forum in a research package: only known settings, beside the names of the others; people disguised."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree import ElementTree

from edx_import.model import PROD
from edx_import.sample.courses import Course
from edx_import.sample.forum import forum_lines
from edx_import.sample.offering import Offering
from edx_import.sample.olx import content_files, pack_content
from edx_import.sample.people import Learner
from edx_import.sample.rdx_disguise import Disguise
from edx_import.sample.structure import blocks_of

#: The settings of blocks that stay.
KEPT_SETTINGS: Final = frozenset(
    "display_name start end due format graded weight max_attempts showanswer rerandomize graceperiod visible_to_staff_only "
    "youtube_id_1_0 download_video discussion_id discussion_category discussion_target".split()
)

#: What an element of course content needs to be one.
_KEPT_ATTRIBUTES: Final = KEPT_SETTINGS | frozenset(("url_name", "org", "course", "filename", "youtube"))

#: Elements within a block that go: they name files of the course's authors.
_REMOVED_CHILDREN: Final = frozenset(("video_asset",))


def rdx_structure(course: Course) -> bytes:
    """The `course_structure` file."""
    entries = {
        block.key: {"category": block.category, "children": list(block.children), **_redacted(block.metadata)} for block in blocks_of(course, PROD)
    }
    return _json(entries)


def _redacted(settings: Mapping[str, Any]) -> dict[str, Any]:
    removed = sorted(settings.keys() - KEPT_SETTINGS)
    kept = {name: value for name, value in settings.items() if name in KEPT_SETTINGS}
    return {"metadata": kept, "redacted_metadata": removed} if removed else {"metadata": kept}


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=4, sort_keys=True).encode() + b"\n"


def rdx_content(course: Course) -> bytes:
    """The archive of course content; it could not be imported again."""
    return pack_content(course, _content(course))


def _content(course: Course) -> Iterator[tuple[str, bytes]]:
    for path, content in content_files(course, PROD):
        if path.endswith(".xml"):
            yield path, _redacted_xml(content)
        elif path.endswith("/policy.json"):
            yield path, _redacted_policy(content)
        else:
            yield path, content


def _redacted_xml(content: bytes) -> bytes:
    root = ElementTree.fromstring(content)
    removed = sorted(root.attrib.keys() - _KEPT_ATTRIBUTES)
    children = sorted({child.tag for child in root} & _REMOVED_CHILDREN)
    for name in removed:
        del root.attrib[name]
    for child in [child for child in root if child.tag in _REMOVED_CHILDREN]:
        root.remove(child)
    if removed:
        root.set("redacted_attributes", ",".join(removed))
    if children:
        root.set("redacted_children", ",".join(children))
    return ElementTree.tostring(root) + b"\n"


def _redacted_policy(content: bytes) -> bytes:
    policies = {}
    for key, settings in json.loads(content).items():
        redacted = _redacted(settings)
        policies[key] = redacted.pop("metadata") | redacted
    return _json(policies)


def rdx_forum(offering: Offering, disguise: Disguise) -> list[bytes]:
    """The lines of the forum file, each with its line end."""
    return [_line(_disguised_post(json.loads(line), disguise)) for line in forum_lines(offering)]


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _disguised_post(post: dict[str, Any], disguise: Disguise) -> dict[str, Any]:
    author_id = int(post["author_id"])
    author = disguise.learner(author_id, None)
    made = {
        **post,
        "author_id": str(disguise.user_id(author_id)),
        "author_username": disguise.name_of(author_id),
        "body": disguise.text(_signed(post["body"], author), author),
        "votes": post["votes"] | {way: _ids(post["votes"][way], disguise) for way in ("up", "down")},
        "abuse_flaggers": _ids(post["abuse_flaggers"], disguise),
        "historical_abuse_flaggers": _ids(post["historical_abuse_flaggers"], disguise),
    }
    if "title" in post:
        made["title"] = disguise.text(post["title"], author)
    if isinstance(post.get("endorsement"), dict):
        made["endorsement"] = post["endorsement"] | {"user_id": _ids([post["endorsement"]["user_id"]], disguise)[0]}
    return made


def _signed(body: str, author: Learner | None) -> str:
    """A post with what its author might sign it with: nobody in the weekly ZIP does, and there would be nothing to scrub."""
    if author is None or not body:
        return body
    return f"{body}\n\n{author.name} ({author.username}), {author.email}, +1 202 555 0143"


def _ids(originals: list[str], disguise: Disguise) -> list[str]:
    return [str(disguise.user_id(int(original))) for original in originals]
