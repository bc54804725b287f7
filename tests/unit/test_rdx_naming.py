"""Names of members of a research package: read exactly, written back the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edx_import.model import EDGE, PROD, MemberName
from edx_import.packages.rdx_naming import RdxMember, RdxMemberKind, build_rdx_member, parse_rdx_member

DAY = date(2020, 1, 5)

days = st.dates(min_value=date(1000, 1, 1))
parts = st.from_regex(r"[A-Za-z0-9_.~-]+", fullmatch=True) | st.sampled_from(
    ["DemoX-Intro-2020", "DemoX_Intro_2020", "a-events-2020-01-05", "D-C-R-ccx-7", "D-C-edge-analytics", "D-auth_user-prod-analytics.sql"]
)
tasks = st.from_regex(r"[a-z_]+", fullmatch=True) | st.sampled_from(["course", "course_structure", "prod"])
sites = st.sampled_from([PROD, EDGE])
tables = st.builds(MemberName, st.just(""), parts, tasks, st.sampled_from(["sql", "json", "xml.tar.gz"]), sites, st.booleans())
forums = st.builds(MemberName, st.just(""), parts, st.just("forum"), st.just("mongo"), sites)
members = (
    st.just(RdxMember("", RdxMemberKind.METADATA, None))
    | st.builds(RdxMember, st.just(""), st.just(RdxMemberKind.EVENTS), days, parts)
    | st.builds(RdxMember, st.just(""), st.just(RdxMemberKind.STATE), days, st.just(""), tables | forums)
)


@settings(deadline=None)
@given(members)
def test_every_member_survives_being_written_and_read(member: RdxMember) -> None:
    path = build_rdx_member(member)
    assert parse_rdx_member(path) == replace(member, path=path, state=member.state and replace(member.state, path=path))


memberish = st.lists(
    st.sampled_from("./ events/ state/ 2020-01-05 2020-02-30 / A_B_C A-B-C - -auth_user -prod -edge -analytics -events- .log.gz .sql .gpg".split())
).map("".join)


@settings(deadline=None)
@given(st.text() | memberish)
def test_a_member_that_is_read_is_written_back_the_same_but_for_old_spellings(path: str) -> None:
    member = parse_rdx_member(path)
    if member is not None:
        written = build_rdx_member(member)
        spellings = (written, written.replace("-prod-edge-analytics.", "-edge-analytics."), written.replace("-prod.mongo", ".mongo"))
        assert path.removeprefix("./") in spellings


@pytest.mark.parametrize(
    ("base", "course_part", "task", "extension", "site"),
    [
        ("DemoX-Intro-2020-auth_user-prod-analytics.sql", "DemoX-Intro-2020", "auth_user", "sql", PROD),
        ("DemoX_Intro_2020-auth_user-prod-analytics.sql", "DemoX_Intro_2020", "auth_user", "sql", PROD),
        ("DemoX-Intro-2020-auth_user-prod-edge-analytics.sql", "DemoX-Intro-2020", "auth_user", "sql", EDGE),
        ("DemoX-Intro-2020-course-prod-analytics.xml.tar.gz", "DemoX-Intro-2020", "course", "xml.tar.gz", PROD),
        ("DemoX_Intro_2020-course_structure-prod-analytics.json", "DemoX_Intro_2020", "course_structure", "json", PROD),
        ("DemoX-Intro-2020-prod.mongo", "DemoX-Intro-2020", "forum", "mongo", PROD),
        ("DemoX_Intro_2020-edge.mongo", "DemoX_Intro_2020", "forum", "mongo", EDGE),
    ],
)
def test_each_kind_of_state_is_read_with_hyphens_and_with_underscores(base: str, course_part: str, task: str, extension: str, site: str) -> None:
    path = f"state/2020-01-05/{base}"
    state = MemberName(path, course_part, task, extension, site)
    assert parse_rdx_member(path) == RdxMember(path, RdxMemberKind.STATE, DAY, state=state)


def test_metadata_and_events_are_read() -> None:
    assert parse_rdx_member("metadata_file.json") == RdxMember("metadata_file.json", RdxMemberKind.METADATA, None)
    path = "./events/DemoX_D90_2013_Fall-events-2020-01-05.log.gz"
    assert parse_rdx_member(path) == RdxMember(path, RdxMemberKind.EVENTS, DAY, stem="DemoX_D90_2013_Fall")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "events/",
        "state/2020-01-05/",
        "metadata_file.json.gpg",
        "../metadata_file.json",
        "/metadata_file.json",
        "DemoX_Intro_2020/metadata_file.json",
        "events/DemoX_Intro_2020-events-2020-02-30.log.gz",
        "events/DemoX_Intro_2020-events-2020-01-05.log",
        "events/2020/DemoX_Intro_2020-events-2020-01-05.log.gz",
        "events/-events-2020-01-05.log.gz",
        "state/DemoX-Intro-2020-auth_user-prod-analytics.sql",
        "state/2020-02-30/DemoX-Intro-2020-auth_user-prod-analytics.sql",
        "state/2020-01-05/../DemoX-Intro-2020-auth_user-prod-analytics.sql",
        "state/2020-01-05/DemoX-Intro-2020-auth_user-prod-analytics.sql.gpg",
        "state/2020-01-05/DemoX-Intro-2020-auth_user-prod-analytics.gpg",
        "state/2020-01-05/DemoX-Intro-2020-prod.mongo.gpg",
        "state/2020-01-05/notes.txt",
    ],
)
def test_what_is_no_member_is_none(path: str) -> None:
    assert parse_rdx_member(path) is None


@pytest.mark.parametrize("kind", [RdxMemberKind.EVENTS, RdxMemberKind.STATE])
def test_a_member_without_its_parts_has_no_name(kind: RdxMemberKind) -> None:
    with pytest.raises(ValueError, match=kind):
        build_rdx_member(RdxMember("", kind, DAY))
