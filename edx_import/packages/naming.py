"""What the names of delivered objects and of ZIP members say, read and written. Pure; no I/O.

Keys:
    {org}-{date}.zip                                                      weekly database ZIP, at the root of the course bucket
    email-opt-in/email-opt-in-{org}-{date}.zip                            email opt-in report (older guides: email-opt-in/{org}-{date}.zip)
    {org}/{token}/events/{year}/{org}-{token}-events-{date}.log.gz.gpg    one day of events; token: edx, prod, edge or patches
    {org}/rdx/{request}/{Org}_{Course}_{Run}.tar.gz.gpg                   research package (RDX) of one course; `rdx_naming` has what is in it

A date stands at a fixed place counted from the end, so that an org may hold hyphens, dots, even a date, and is still read exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from edx_import.model import EDGE, NO_DATE, PROD, MemberName, ObjectKind, ObjectName, Site
from edx_import.packages.base import Wanted

#: The first year of which a platform log can exist.
FIRST_YEAR = 2012

#: Tasks whose member is of the whole org: their `course_part` is the org.
ORG_TASKS = frozenset({"email_opt_in"})

EMAIL_FOLDER = "email-opt-in/"
FORUM_TASK = "forum"
FORUM_EXTENSION = "mongo"

_ORG = r"(?P<org>[a-z0-9_][a-z0-9_.~:-]*)"
_DATE = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
_TOKEN = r"(?P<token>edx|prod|edge|patches)"

_WEEKLY = re.compile(rf"{_ORG}-{_DATE}\.zip")
_EMAIL = re.compile(rf"email-opt-in-{_ORG}-{_DATE}\.zip")
_EVENTS_FILE = re.compile(rf"{_ORG}-{_TOKEN}-events-{_DATE}\.log\.gz\.gpg")
_EVENTS = re.compile(
    rf"{_ORG}/{_TOKEN}/events/(?P<year>[0-9]{{4}})/(?P=org)-(?P=token)-events-(?P<date>(?P=year)-[0-9]{{2}}-[0-9]{{2}})\.log\.gz\.gpg"
)
# At least two underscores. What an org, course or run may hold is not kept apart: any of them may hold underscores, too.
_STEM = r"(?P<stem>[^\W_][\w.~:-]*?_[\w.~:-]+?_[\w.~:-]+)"
_RDX_FILE = re.compile(rf"{_STEM}\.tar\.gz\.gpg")
_RDX = re.compile(rf"{_ORG}/rdx/(?P<request>[A-Za-z0-9_][A-Za-z0-9_.~-]*)/{_RDX_FILE.pattern}")

_TOKENS_OF_SITE: dict[Site, tuple[str, ...]] = {PROD: ("edx", "prod"), EDGE: ("edge",)}


def parse_key(key: str) -> ObjectName | None:
    """What an S3 key says; None for a key of no kind that we know."""
    return _read(ObjectKind.EVENTS, _EVENTS, key) or _read(ObjectKind.DATABASE, _WEEKLY, key) or _parse_email(key) or _parse_rdx(key)


def parse_file_name(name: str) -> ObjectName | None:
    """What the base name of a loose file says; None when it says nothing.

    A ZIP of email opt-ins is known by its own prefix only: without it, and without its folder, it cannot be told from a weekly ZIP. A research
    package does not name its request, and its org only as course ids spell it: taken is what stands before the first underscore.
    """
    kinds = ((ObjectKind.EVENTS, _EVENTS_FILE), (ObjectKind.EMAIL, _EMAIL), (ObjectKind.DATABASE, _WEEKLY))
    return next(filter(None, (_read(kind, pattern, name) for kind, pattern in kinds)), None) or _parse_rdx_file(name)


def build_key(name: ObjectName) -> str:
    """The canonical S3 key of an object. Raises ValueError for a research package whose request is not known."""
    day = name.date.isoformat()
    match name.kind:
        case ObjectKind.DATABASE:
            return f"{name.org}-{day}.zip"
        case ObjectKind.EMAIL:
            return f"{EMAIL_FOLDER}email-opt-in-{name.org}-{day}.zip"
        case ObjectKind.EVENTS:
            return f"{name.org}/{name.site_token}/events/{day[:4]}/{name.org}-{name.site_token}-events-{day}.log.gz.gpg"
        case ObjectKind.RDX if name.request:
            return f"{name.org}/rdx/{name.request}/{name.stem}.tar.gz.gpg"
        case _:
            raise ValueError(f"a research package of no request has no key: {name.stem}")


def listing_prefixes(wanted: Wanted, this_year: int) -> tuple[str, ...]:
    """The key prefixes to list for what is wanted, in the order of keys. Years run from the first possible one up to the one after this."""
    match wanted.kind:
        case ObjectKind.DATABASE:
            return (f"{wanted.org}-",)
        case ObjectKind.EMAIL:
            return (EMAIL_FOLDER,)
        case ObjectKind.RDX:
            return (f"{wanted.org}/rdx/",)
        case ObjectKind.EVENTS:
            tokens = sorted({"patches", *(token for site in wanted.sites for token in _TOKENS_OF_SITE.get(site, ()))})
            return tuple(f"{wanted.org}/{token}/events/{year}/" for token in tokens for year in _years(wanted, this_year))


def _years(wanted: Wanted, this_year: int) -> range:
    first = max(FIRST_YEAR, wanted.since.year) if wanted.since else FIRST_YEAR
    last = min(this_year + 1, wanted.until.year) if wanted.until else this_year + 1
    return range(first, last + 1)


def _parse_email(key: str) -> ObjectName | None:
    if not key.startswith(EMAIL_FOLDER):
        return None
    name = key.removeprefix(EMAIL_FOLDER)
    return _read(ObjectKind.EMAIL, _EMAIL, name) or _read(ObjectKind.EMAIL, _WEEKLY, name)


def _parse_rdx(key: str) -> ObjectName | None:
    found = _RDX.fullmatch(key)
    return ObjectName(ObjectKind.RDX, found["org"], NO_DATE, request=found["request"], stem=found["stem"]) if found else None


def _parse_rdx_file(name: str) -> ObjectName | None:
    found = _RDX_FILE.fullmatch(name)
    return ObjectName(ObjectKind.RDX, found["stem"].partition("_")[0].lower(), NO_DATE, stem=found["stem"]) if found else None


def _read(kind: ObjectKind, pattern: re.Pattern[str], text: str) -> ObjectName | None:
    found = pattern.fullmatch(text)
    if found is None:
        return None
    try:
        day = date.fromisoformat(found["date"])
    except ValueError:  # not in the calendar
        return None
    return ObjectName(kind, found["org"], day, found.groupdict().get("token", ""))


# Members of a ZIP: {course}-{task}-{prod|prod-edge}-analytics.{extension}[.failed].gpg, forum: {course}-{prod|edge}.mongo[.failed].gpg

_TABLE_SITES: tuple[tuple[str, Site], ...] = (("-prod-edge-analytics", EDGE), ("-prod-analytics", PROD), ("-edge-analytics", EDGE))
_FORUM_SITES: tuple[tuple[str, Site], ...] = (("-prod", PROD), ("-edge", EDGE), ("", PROD))
_SUFFIX = {PROD: "-prod-analytics", EDGE: "-prod-edge-analytics"}
_TASK = re.compile(r"[a-z_]+")
_EXTENSION = re.compile(r"(?P<stem>.+?)\.(?P<extension>xml\.tar\.gz|[a-z0-9]+)", re.DOTALL)


def parse_member(path: str) -> MemberName | None:
    """What the path of a ZIP member says; None for a directory, a member that is not encrypted, and a name cut beyond recognition.

    `extension` has no leading dot (`sql`, `json`, `mongo`, `csv`, `xml.tar.gz`). A member of the whole org (a task of ORG_TASKS) keeps the org as its
    `course_part`: org names look like course parts, only the task tells them apart, and so a name can be built again.
    """
    base = path.rpartition("/")[2]
    if not base.endswith(".gpg"):
        return None
    base = base.removesuffix(".gpg")
    found = _EXTENSION.fullmatch(base.removesuffix(".failed"))
    if found is None:
        return None
    read: Callable[[str], tuple[str, str, Site] | None] = _forum_stem if found["extension"] == FORUM_EXTENSION else _table_stem
    parts = read(found["stem"])
    if parts is None:
        return None
    course_part, task, site = parts
    return MemberName(path, course_part, task, found["extension"], site, failed=base.endswith(".failed"))


def build_member(member: MemberName, folder: str) -> str:
    """The path of a member in `folder` (`{org}-{date}`, or `{org}-{date}/ora`) from its other fields; its own `path` does not count."""
    failed = ".failed" if member.failed else ""
    if member.extension == FORUM_EXTENSION:
        stem = f"{member.course_part}-{member.site}"
    else:
        stem = f"{member.course_part}-{member.task}{_SUFFIX[member.site]}"
    return f"{folder}/{stem}.{member.extension}{failed}.gpg"


def _forum_stem(stem: str) -> tuple[str, str, Site] | None:
    course_part, site = _without_site(stem, _FORUM_SITES) or ("", PROD)
    return (course_part, FORUM_TASK, site) if course_part else None


def _table_stem(stem: str) -> tuple[str, str, Site] | None:
    found = _without_site(stem, _TABLE_SITES)
    if found is None:
        return None
    course_part, _, task = found[0].rpartition("-")
    return (course_part, task, found[1]) if course_part and _TASK.fullmatch(task) else None


def _without_site(stem: str, sites: tuple[tuple[str, Site], ...]) -> tuple[str, Site] | None:
    """The first suffix that fits decides: `-prod-edge-analytics` has to be tried before `-edge-analytics`."""
    return next(((stem[: len(stem) - len(suffix)], site) for suffix, site in sites if stem.endswith(suffix)), None)
