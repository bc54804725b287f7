"""Names of keys and members: read exactly, written back the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.model import EDGE, NO_DATE, PROD, MemberName, ObjectKind, ObjectName
from edx_import.packages.base import Wanted
from edx_import.packages.naming import ORG_TASKS, build_key, build_member, listing_prefixes, parse_file_name, parse_key, parse_member

DAY = date(2020, 1, 5)

orgs = st.from_regex(r"[a-z0-9_][a-z0-9_.~:-]*", fullmatch=True) | st.sampled_from(
    ["a-2020-01-05", "email-opt-in", "email-opt-in-x", "mitx-pro", "x-edx-events", "edx", "x.zip", "a-edx-events-2020-01-05.log.gz.gpg"]
)
days = st.dates(min_value=date(1000, 1, 1))
zips = st.builds(ObjectName, st.sampled_from([ObjectKind.DATABASE, ObjectKind.EMAIL]), orgs, days)
event_files = st.builds(ObjectName, st.just(ObjectKind.EVENTS), orgs, days, st.sampled_from(["edx", "prod", "edge", "patches"]))
requests = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*", fullmatch=True)
stems = st.from_regex(r"[^\W_][\w.~:-]*_[\w.~:-]+_[\w.~:-]+", fullmatch=True) | st.sampled_from(
    ["DemoX_D101_1T2020", "DemoX_D90_2013_Fall", "D_C_R.tar.gz.gpg", "a_b_rdx", "Ñ_ß_½"]
)
rdx_files = st.builds(ObjectName, st.just(ObjectKind.RDX), orgs, st.just(NO_DATE), st.just(""), requests, stems)
names = zips | event_files | rdx_files


@settings(deadline=None)
@given(names)
def test_every_name_survives_being_written_and_read(name: ObjectName) -> None:
    assert parse_key(build_key(name)) == name


@settings(deadline=None)
@given(event_files)
def test_the_base_name_of_an_event_file_says_as_much_as_its_key(name: ObjectName) -> None:
    assert parse_file_name(build_key(name).rpartition("/")[2]) == name


@settings(deadline=None)
@given(rdx_files)
def test_the_base_name_of_a_research_package_says_all_but_its_request(name: ObjectName) -> None:
    loose = parse_file_name(build_key(name).rpartition("/")[2])
    assert loose == ObjectName(ObjectKind.RDX, name.stem.partition("_")[0].lower(), NO_DATE, stem=name.stem)
    assert loose.site is None
    with pytest.raises(ValueError, match="no request"):
        build_key(loose)


keyish = st.lists(
    st.sampled_from(
        "a - / _ . rdx A_B_C .tar.gz.gpg edx prod edge patches events -events- 2020 2020-01-05 2020-02-30 .zip .log.gz.gpg email-opt-in".split()
    ),
    max_size=14,
).map("".join)


@settings(deadline=None)
@given(keyish | st.text())
def test_a_key_that_is_read_is_written_back_the_same(key: str) -> None:
    name = parse_key(key)
    if name is not None:
        guide_form = f"email-opt-in/{name.org}-{name.date}.zip"
        assert key in (build_key(name), guide_form)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("universityx-2020-01-05.zip", ObjectName(ObjectKind.DATABASE, "universityx", DAY)),
        ("mitx-pro-2020-01-05.zip", ObjectName(ObjectKind.DATABASE, "mitx-pro", DAY)),
        ("a-2020-01-05-2020-01-05.zip", ObjectName(ObjectKind.DATABASE, "a-2020-01-05", DAY)),
        ("email-opt-in/universityx-2020-01-05.zip", ObjectName(ObjectKind.EMAIL, "universityx", DAY)),
        ("email-opt-in/email-opt-in-universityx-2020-01-05.zip", ObjectName(ObjectKind.EMAIL, "universityx", DAY)),
        (
            "u-x/edx/events/2020/u-x-edx-events-2020-01-05.log.gz.gpg",
            ObjectName(ObjectKind.EVENTS, "u-x", DAY, "edx"),
        ),
        (
            "u-x/rdx/r-2020-001/U-X_D-1.2_2013_Fall.tar.gz.gpg",
            ObjectName(ObjectKind.RDX, "u-x", NO_DATE, request="r-2020-001", stem="U-X_D-1.2_2013_Fall"),
        ),
    ],
)
def test_each_kind_of_key_is_read(key: str, name: ObjectName) -> None:
    assert parse_key(key) == name


def test_an_email_report_is_written_under_the_name_used_in_practice() -> None:
    assert build_key(ObjectName(ObjectKind.EMAIL, "universityx", DAY)) == "email-opt-in/email-opt-in-universityx-2020-01-05.zip"


@pytest.mark.parametrize("token", ["edx", "prod"])
def test_both_tokens_of_the_main_site_mean_prod(token: str) -> None:
    name = parse_key(f"u/{token}/events/2020/u-{token}-events-2020-01-05.log.gz.gpg")
    assert name is not None
    assert (name.site, name.site_token) == (PROD, token)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "universityx-2020-01-05",
        "universityx-2020-02-30.zip",
        "universityx-2020-1-5.zip",
        "universityx-20200105.zip",
        "universityx-٢٠٢٠-01-05.zip",
        "universityx-2020-01-05.zip\n",
        "UniversityX-2020-01-05.zip",
        "-2020-01-05.zip",
        "../x-2020-01-05.zip",
        "test/universityx-2020-01-05.zip",
        "email-opt-in/old/universityx-2020-01-05.zip",
        "u/edx/events/2019/u-edx-events-2020-01-05.log.gz.gpg",
        "u/edx/events/2020/u-edge-events-2020-01-05.log.gz.gpg",
        "u/edx/events/2020/v-edx-events-2020-01-05.log.gz.gpg",
        "u/stage/events/2020/u-stage-events-2020-01-05.log.gz.gpg",
        "u/edx/events/2020/u-edx-events-2020-01-05.log.gz",
        "u/edx/events/2020/",
        "u/rdx/UniversityX_Demo_2020.tar.gz.gpg",
        "u/rdx//UniversityX_Demo_2020.tar.gz.gpg",
        "u/rdx/../UniversityX_Demo_2020.tar.gz.gpg",
        "u/rdx/1,2/UniversityX_Demo_2020.tar.gz.gpg",
        "u/rdx/1/7/UniversityX_Demo_2020.tar.gz.gpg",
        "u/rdx/17/UniversityX-Demo-2020.tar.gz.gpg",
        "u/rdx/17/_Demo_2020.tar.gz.gpg",
        "u/rdx/17/.UniversityX_Demo_2020.tar.gz.gpg",
        "u/rdx/17/UniversityX_Demo_2020.tar.gz",
        "U/rdx/17/UniversityX_Demo_2020.tar.gz.gpg",
        "rdx/17/UniversityX_Demo_2020.tar.gz.gpg",
    ],
)
def test_what_is_nearly_a_key_is_none(key: str) -> None:
    assert parse_key(key) is None


def test_a_research_package_is_a_site_of_its_request() -> None:
    name = parse_key("universityx/rdx/r-17/UniversityX_Demo_2020.tar.gz.gpg")
    assert name is not None
    assert name.site == "rdx:r-17"
    assert listing_prefixes(Wanted(ObjectKind.RDX, "universityx"), 2020) == ("universityx/rdx/",)


def test_loose_files_are_known_by_their_own_prefix() -> None:
    email = parse_file_name("email-opt-in-universityx-2020-01-05.zip")
    weekly = parse_file_name("universityx-2020-01-05.zip")
    assert (email and email.kind, weekly and weekly.kind) == (ObjectKind.EMAIL, ObjectKind.DATABASE)
    assert parse_file_name("notes.txt") is None


def test_event_prefixes_cover_tokens_of_the_site_patches_and_all_years() -> None:
    prefixes = listing_prefixes(Wanted(ObjectKind.EVENTS, "u"), 2020)
    assert {prefix.split("/")[1] for prefix in prefixes} == {"edx", "prod", "patches"}
    assert [prefix for prefix in prefixes if "/edx/" in prefix] == [f"u/edx/events/{year}/" for year in range(2012, 2022)]
    assert list(prefixes) == sorted(prefixes)


def test_event_prefixes_are_only_of_the_years_asked_for() -> None:
    wanted = Wanted(ObjectKind.EVENTS, "u", ("edge",), date(2018, 12, 31), date(2019, 1, 1))
    assert listing_prefixes(wanted, 2020) == ("u/edge/events/2018/", "u/edge/events/2019/", "u/patches/events/2018/", "u/patches/events/2019/")
    far = Wanted(ObjectKind.EVENTS, "u", ("edge",), date.min, date.max)
    assert len(listing_prefixes(far, 2020)) == 20


# Members

course_parts = st.from_regex(r"[A-Za-z0-9_.~-]+", fullmatch=True) | st.sampled_from(
    ["DemoX-Intro-2020", "DemoX-A-B-prod", "DemoX-edge-analytics", "DemoX-C-1.2", "D-C-R-ccx-7", "D-auth_user-prod-analytics.sql"]
)
tasks = st.from_regex(r"[a-z_]+", fullmatch=True) | st.sampled_from(["course", "course_structure", "teams", "teams_membership", "prod", "edge"])
sites = st.sampled_from([PROD, EDGE])
folders = st.sampled_from(["universityx-2020-01-05", "universityx-2020-01-05/ora"])
table_members = st.builds(MemberName, st.just(""), course_parts, tasks, st.sampled_from(["sql", "json", "csv", "xml.tar.gz"]), sites, st.booleans())
forum_members = st.builds(MemberName, st.just(""), course_parts, st.just("forum"), st.just("mongo"), sites, st.booleans())


@settings(deadline=None)
@given(table_members | forum_members, folders)
def test_every_member_survives_being_written_and_read(member: MemberName, folder: str) -> None:
    path = build_member(member, folder)
    assert parse_member(path) == replace(member, path=path)


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from("A-B-C - auth_user -prod -edge -analytics .sql .mongo .failed .gpg".split())).map("".join))
def test_a_member_that_is_read_is_written_back_the_same_but_for_old_spellings(path: str) -> None:
    member = parse_member(path)
    if member is not None and "/" not in path:
        written = build_member(member, "f").removeprefix("f/")
        without_site = f"{member.course_part}.mongo{'.failed' if member.failed else ''}.gpg"
        assert path in (written, written.replace("-prod-edge-analytics.", "-edge-analytics."), without_site)


@pytest.mark.parametrize(
    ("base", "course_part", "task", "extension", "site"),
    [
        ("DemoX-Intro-2020-auth_user-prod-analytics.sql.gpg", "DemoX-Intro-2020", "auth_user", "sql", PROD),
        ("DemoX-Intro-2020-auth_user-prod-edge-analytics.sql.gpg", "DemoX-Intro-2020", "auth_user", "sql", EDGE),
        ("DemoX-Intro-2020-auth_user-edge-analytics.sql.gpg", "DemoX-Intro-2020", "auth_user", "sql", EDGE),
        ("DemoX-Intro-2020-course-prod-analytics.xml.tar.gz.gpg", "DemoX-Intro-2020", "course", "xml.tar.gz", PROD),
        ("DemoX-Intro-2020-course_structure-prod-analytics.json.gpg", "DemoX-Intro-2020", "course_structure", "json", PROD),
        ("DemoX-Intro-2020-prod.mongo.gpg", "DemoX-Intro-2020", "forum", "mongo", PROD),
        ("DemoX-Intro-2020-edge.mongo.gpg", "DemoX-Intro-2020", "forum", "mongo", EDGE),
        ("DemoX-Intro-2020.mongo.gpg", "DemoX-Intro-2020", "forum", "mongo", PROD),
        ("DemoX-Intro-2020-ccx-3-teams_membership-prod-analytics.sql.gpg", "DemoX-Intro-2020-ccx-3", "teams_membership", "sql", PROD),
        ("universityx-email_opt_in-prod-analytics.csv.gpg", "universityx", "email_opt_in", "csv", PROD),
    ],
)
def test_each_kind_of_member_is_read(base: str, course_part: str, task: str, extension: str, site: str) -> None:
    path = f"universityx-2020-01-05/{base}"
    assert parse_member(path) == MemberName(path, course_part, task, extension, site)


def test_a_member_in_the_ora_folder_is_read_by_its_base_name() -> None:
    member = parse_member("universityx-2020-01-05/ora/DemoX-Intro-2020-assessment_rubric-prod-analytics.sql.gpg")
    assert member is not None
    assert (member.course_part, member.task) == ("DemoX-Intro-2020", "assessment_rubric")


def test_a_failed_task_is_marked() -> None:
    member = parse_member("f/DemoX-Intro-2020-auth_user-prod-analytics.sql.failed.gpg")
    assert member is not None
    assert member.failed
    assert (member.task, member.extension) == ("auth_user", "sql")


def test_the_member_of_a_whole_org_keeps_the_org() -> None:
    member = parse_member("f/u-x-email_opt_in-prod-analytics.csv.gpg")
    assert member is not None
    assert member.task in ORG_TASKS
    assert member.course_part == "u-x"


@pytest.mark.parametrize(
    "path",
    [
        "universityx-2020-01-05/",
        "universityx-2020-01-05/ora/",
        "f/DemoX-Intro-2020-auth_user-prod-analytics.sql",
        "f/DemoX-Intro-2020-auth_user-prod-analytics.gpg",
        "f/DemoX-Intro-2020-auth_user.sql.gpg",
        "f/auth_user-prod-analytics.sql.gpg",
        "f/-prod.mongo.gpg",
        "f/.mongo.gpg",
        "f/.gpg",
        "f/DemoX-a-very-long-name-cut-0123456789abcdef0123456789abcdef.sql.gpg",
    ],
)
def test_what_is_no_member_is_none(path: str) -> None:
    assert parse_member(path) is None
