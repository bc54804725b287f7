"""The rows of the tables about roles, groups, teams, experiments and the wiki of a course."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from edx_import.sample.courses import digest
from edx_import.sample.offering import Offering
from edx_import.sample.table_files import Row

COURSE_TAGS: Final = ("id", "user_id", "key", "course_id", "value")
ACCESS_ROLES: Final = ("org", "course_id", "user_id", "role")
FORUM_ROLES: Final = ("course_id", "user_id", "name")
COHORTS: Final = ("user_id", "course_id", "group_type", "name")
TEAMS: Final = tuple(
    "id team_id name course_id topic_id date_created description country language "
    "discussion_topic_id last_activity_at team_size organization_protected".split()
)
TEAM_MEMBERS: Final = ("id", "user_id", "team_id", "date_joined", "last_activity_at")
WIKI_ARTICLES: Final = tuple("id current_revision_id created modified owner_id group_id group_read group_write other_read other_write".split())
WIKI_REVISIONS: Final = tuple(
    "id revision_number user_message automatic_log ip_address user_id modified created previous_revision_id "
    "deleted locked article_id content title".split()
)

#: The key of the content experiment that every sample course runs: a name with dots, here and in events.
PARTITION_KEY: Final = "xblock.partition_service.partition_1"


def group_of(user_id: int) -> str:
    """The experiment group that a learner is in."""
    return str(user_id % 2)


def tag_rows(offering: Offering) -> Iterator[Row]:
    """The experiment group of everybody who opened the course."""
    for one in offering.studying:
        yield {
            "id": one.id,
            "user_id": one.learner.id,
            "key": PARTITION_KEY,
            "course_id": offering.course.id,
            "value": group_of(one.learner.id),
        }


_STAFF: Final = ("staff", "instructor", "beta_testers")


def access_role_rows(offering: Offering) -> Iterator[Row]:
    """The course team: some of those who enrolled."""
    for learner, role in zip(offering.learners[5::40], _STAFF * 10, strict=False):
        yield {"org": offering.course.org, "course_id": offering.course.id, "user_id": learner.id, "role": role}


def forum_roles_of(index: int) -> list[str]:
    """A learner's roles in the forum, by index."""
    team = {25: "Moderator", 45: "Community TA", 5: "Administrator"}.get(index)
    return [team, "Student"] if team else ["Student"]


def forum_role_rows(offering: Offering) -> Iterator[Row]:
    """One per learner and role; everybody is at least a Student."""
    for learner in offering.learners:
        for name in forum_roles_of(learner.index):
            yield {"course_id": offering.course.id, "user_id": learner.id, "name": name}


COHORT_NAMES: Final = ("Default Group", 'Cohort "Ñandú"\tA')


def cohort_rows(offering: Offering) -> Iterator[Row]:
    """The cohort of every learner, in courses that use cohorts."""
    if offering.course.index % 3 == 1:
        for learner in offering.learners:
            yield {"user_id": learner.id, "course_id": offering.course.id, "group_type": "cohort", "name": COHORT_NAMES[learner.index % 2]}


_TEAM_SIZE: Final = 4


def team_slug(offering: Offering, number: int) -> str:
    """What events call a team."""
    return f"team-{number}-{digest(offering.course.id, offering.site, number, 'team')}"


def team_rows(offering: Offering) -> Iterator[Row]:
    """Teams of four, in new-form courses."""
    for number, members in enumerate(_teams(offering)):
        made = datetime(2019, 12, 1, 13, 14, 41, tzinfo=UTC) + timedelta(hours=number)
        yield {
            "id": offering.course.index * 100_000 + number + 1,
            "team_id": team_slug(offering, number),
            "name": f"Team {number} 🦊",
            "course_id": offering.course.id,
            "topic_id": "topic-1" if number % 5 else None,
            "date_created": made,
            "description": "We meet\ton Mondays\nand Fridays",
            "country": "CL" if number % 3 else None,
            "language": "es" if number % 2 else None,
            "discussion_topic_id": digest(offering.course.id, number, "topic"),
            "last_activity_at": made + timedelta(days=2),
            "team_size": len(members),
            "organization_protected": False,
        }


def team_member_rows(offering: Offering) -> Iterator[Row]:
    """Who is in which team; `team_id` is the team's number, not its slug."""
    for number, members in enumerate(_teams(offering)):
        team = offering.course.index * 100_000 + number + 1
        for user_id in members:
            joined = datetime(2019, 12, 2, 8, tzinfo=UTC) + timedelta(minutes=user_id)
            yield {
                "id": user_id * 1000 + offering.course.index,
                "user_id": user_id,
                "team_id": team,
                "date_joined": joined,
                "last_activity_at": joined,
            }


def _teams(offering: Offering) -> list[list[int]]:
    if offering.course.old:
        return []
    ids = [one.learner.id for one in offering.studying if one.learner.index % 3 == 0]
    return [ids[start : start + _TEAM_SIZE] for start in range(0, len(ids), _TEAM_SIZE)]


#: Articles belong to a course number, so that files of other runs, and of others who use the number, hold the same.
_ARTICLES: Final = 3
_REVISIONS: Final = 2


def _article_id(offering: Offering, number: int) -> int:
    return 1000 + offering.course.index % 2 * 100 + number


def article_rows(offering: Offering) -> Iterator[Row]:
    """Wiki articles; the first and the third course of a sample share theirs."""
    for number in range(_ARTICLES):
        article = _article_id(offering, number)
        yield {
            "id": article,
            "current_revision_id": article * 10 + _REVISIONS,
            "created": datetime(2013, 8, 8, 22, 0, 58, tzinfo=UTC),
            "modified": datetime(2014, 3, 31, 2, 8, 44, tzinfo=UTC),
            "owner_id": None if number else 2,
            "group_id": None,
            "group_read": True,
            "group_write": True,
            "other_read": True,
            "other_write": number == 0,
        }


def revision_rows(offering: Offering) -> Iterator[Row]:
    """Revisions of wiki articles, by article and revision."""
    for number in range(_ARTICLES):
        article = _article_id(offering, number)
        for revision in range(1, _REVISIONS + 1):
            made = datetime(2013, 9, 27, 13, 52, revision, tzinfo=UTC)
            yield {
                "id": article * 10 + revision,
                "revision_number": revision,
                "user_message": "",
                "automatic_log": "" if revision == 1 else "Restoring\nrevision #1",
                "ip_address": "192.0.2.33" if number == 1 else None,
                "user_id": 2 if number != 1 else None,
                "modified": made,
                "created": made,
                "previous_revision_id": article * 10 + revision - 1 if revision > 1 else None,
                "deleted": False,
                "locked": False,
                "article_id": article,
                "content": "<h2>Guía</h2>\r\n\r\n* one\r\n* two \\ three\t|",
                "title": f"Guide {number}",
            }
