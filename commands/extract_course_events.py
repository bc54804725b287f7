"""The events of courses, each with what the course says of its block.

For a course's own database: `--save` keeps them in a collection, `--output` with a name that ends in .jsonl or .parquet in a file.

By course and time. `parent_data` tells where the block of an event stands (`chapter_id`, `chapter_display_name`, ...), `metadata` its settings,
both as the newest structure of the course has them; empty where an event names no block, or one that the course no longer has. Blocks of category
conditional and wrapper are left out, what is in them stands in what they are in. `X_order` is the place, from 0, of the next block on the way down
in its X: chapter_order is that of the sequential in its chapter. `--since` and `--until` choose days (UTC).
"""

from __future__ import annotations

from datetime import datetime

from edx_import.api import Column, Context, Personal, Report, activity

COLUMNS = (
    Column("event_id", str, "id of the event, 24 hex digits"),
    Column("course_id", str, "course key"),
    Column("time", datetime, "when it happened (UTC)"),
    Column("event_type", str, "its type; of requests the path", personal=Personal.REMOVED),
    Column("action", str, "its type where that is a name; empty for a request"),
    Column("name", str, "its newer name", personal=Personal.REMOVED),
    Column("event_source", str, "browser, server, mobile or task"),
    Column("user_id", int, "the learner's number", personal=Personal.LEARNER),
    Column("username", str, "name of the account", personal=Personal.REMOVED),
    Column("module_id", str, "key of the block"),
    Column("block", str, "the same as McGill's databases have it: of old keys what follows the last slash"),
    Column("event", dict, "the payload", personal=Personal.REMOVED),
    Column("page", str, "page in the browser", personal=Personal.REMOVED),
    Column("session", str, "session in the browser", personal=Personal.REMOVED),
    Column("ip", str, "IP address", personal=Personal.REMOVED),
    Column("agent", str, "program of the learner", personal=Personal.REMOVED),
    Column("host", str, "host of the site"),
    Column("context", dict, "context of the event", personal=Personal.REMOVED),
    Column("parent_data", dict, "the blocks that the block is in"),
    Column("metadata", dict, "the settings of the block"),
)


def run(context: Context) -> Report:
    return Report.of(COLUMNS, activity.course_events(context), "Events of courses")
