"""The collection of events."""

from __future__ import annotations

from edx_import.data_dictionary.entry import Entry, Field
from edx_import.store.collections import EVENTS, INDEXES


def _same(name: str, type: str, meaning: str, *, personal: bool = False, is_open: bool = False) -> Field:
    """A field of the line under its own name."""
    return Field(name, type, meaning, f"`{name}`", personal, is_open)


_ENVELOPE = (
    Field(
        "course_id",
        "string or null",
        "course key; null where the event belongs to no course, or none can be told",
        "`context.course_id`; else the address in `event_type` (server), `page` (browser), `context.open_in_browser_url` or `page` (mobile); "
        "else `event.course_id`, `context.path`, `name`",
    ),
    Field("user_id", "int or null", "auth_user.id of who acts (the learner may be somebody else, named in `event`)", "`context.user_id`"),
    Field("time", "date", "when it happened (UTC, milliseconds). Days before the day of the file where an app was offline", "`time`"),
    Field("time_microseconds", "int", "0 to 999: what comes on top of the milliseconds, all that a date holds", "`time`"),
    _same("username", "string", "who acts; empty: not logged in; `anonymous`, `unknown`; blanks and line ends occur", personal=True),
    _same("event_type", "string", "what happened; for implicit events (begins with /) the path of the request"),
    _same("name", "string", "newer name of what happened; where there is one, it counts. From servers and apps since 7 May 2014"),
    _same("event_source", "string", "server, browser, mobile (since October 2014), task"),
    Field(
        "event",
        "object, array, string or null",
        "the payload, which depends on the event type; parsed where it is JSON in a string. Text: a form, or JSON cut at 512 characters",
        "`event`",
        personal=True,
        is_open=True,
    ),
    Field("event_truncated", "bool", "true where the platform has cut the payload of an implicit event; else absent", "`event`"),
    Field(
        "module_id",
        "string",
        "key of the block that the event is about, as in `course_structure.block_id`; absent where none is named",
        "payload, URL",
    ),
    _same("page", "string or null", "browser: the address of the page; server: null or x_module", personal=True),
    _same("session", "string or null", "browser session, 32 hex digits; may be absent", personal=True),
    _same("ip", "string", "IPv4, IPv6 or empty", personal=True),
    _same("agent", "string", "the browser, as it calls itself", personal=True),
    _same("host", "string", "the server's name"),
    _same("referer", "string", "the page before, since 23 February 2015", personal=True),
    _same("accept_language", "string", "languages that the browser asks for, since 23 February 2015"),
    _same("label", "string", "course key, put there for web statistics; since about 2015 on some"),
    _same("nonInteraction", "int", "1, put there for web statistics; since about 2015 on some"),
    _same("courserun_key", "string", "course key, put there for web statistics; newer, on some"),
    _same("roles", "any", "left by a log shipper, 2017", is_open=True),
    _same("environment", "any", "left by a log shipper, 2017", is_open=True),
    _same("minion_id", "any", "left by a log shipper, 2017", is_open=True),
    _same("augmented", "object", "research packages: `country_code`, found by the IP address", is_open=True),
)

_CONTEXT = (
    _same("context", "object or null", "where it happened, since 23 October 2013; more members than listed here occur", personal=True, is_open=True),
    _same("context.course_id", "string", "course key as written; empty where unknown; may have blanks"),
    _same("context.org_id", "string", "organisation of the course; empty where unknown"),
    _same("context.path", "string", "path of the request, since 7 May 2014", personal=True),
    _same("context.user_id", "int, string or null", "as in `user_id`; digits or empty at times"),
    _same("context.course_user_tags", "object", "groups of content experiments by key, since 12 March 2014"),
    _same("context.module", "object", "`display_name`, `usage_key` (since 28 January 2015) of the block"),
    _same("context.asides", "object", "what asides of the block add, since 2016"),
    _same("context.application", "object", "apps: `name`, `version`"),
    _same("context.client", "object", "apps: device, network, screen, ...", personal=True),
    _same("context.received_at", "string", "apps: when the platform got it; decides in which day's file it is"),
)

EVENTS_ENTRY = Entry(
    name=EVENTS,
    holds="events: the lines of the tracking logs, each something that somebody, or the platform, did",
    id="ObjectId: 4 bytes the second, 8 bytes hash of site and line. The same line always gets the same id, and ids sort by time",
    source="`{org}-{site}-events-{date}.log.gz`",
    common=("site", "import", "original"),
    indexes=INDEXES[EVENTS],
    notes=(
        "Join with `courses` by `site` and `course_id`.",
        "The index `site_enrollment` holds only events whose type begins with `edx.course.enrollment.`.",
        "Keys of inner objects are escaped: `%2E` for a dot, `%24` for a dollar sign in front, `%25` for a per cent sign, `%00` for NUL.",
    ),
    fields=_ENVELOPE + _CONTEXT,
    is_open=True,
)
