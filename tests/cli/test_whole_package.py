"""Every file of a package loads: all collections, both sites, the e-mail report, research packages; and what did not come is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Package

from edx_import.sample.dirt import FAILED_MEMBER, FAILED_TASK, UNKNOWN_MEMBER
from edx_import.sample.package import make_package
from edx_import.sample.rdx import RdxTotals, make_rdx
from edx_import.sample.recipe import Recipe, sample_courses_yaml
from edx_import.sample.sealing import InstitutionKey, Sealer

SMALL: dict[str, Any] = {"learners": 30, "days": 1, "events_per_day": 120, "blocks_per_learner": 4}

Deliver = Callable[..., Package]


@pytest.fixture(scope="module")
def deliver(institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Deliver:
    """Makes a package of its own from a recipe."""

    def delivered(**recipe: Any) -> Package:
        made = Recipe(**SMALL | recipe)
        folder = tmp_path_factory.mktemp("delivery")
        with Sealer(institution) as sealer:
            return Package(made, folder, make_package(made, folder, sealer), institution)

    return delivered


@pytest.fixture(scope="module")
def both_sites(make_desk: Any, deliver: Deliver) -> Iterator[tuple[Desk, Package]]:
    """All of a package with both sites, loaded."""
    package = deliver(seed=11, edge=True)
    with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        desk.sync("--site", "all")
        yield desk, package


def test_every_collection_has_what_the_maker_says(both_sites: tuple[Desk, Package]) -> None:
    desk, package = both_sites
    counted = {name: desk.count(name, {"site": "prod"}) for name in package.totals.documents}
    assert counted == dict(package.totals.documents)


def test_prod_and_edge_never_meet(both_sites: tuple[Desk, Package]) -> None:
    desk, _ = both_sites
    for name in ("auth_user", "student_courseenrollment", "courseware_studentmodule", "events", "forum", "courses"):
        sites = Counter(document["site"] for document in desk.find(name))
        assert set(sites) == {"prod", "edge"}
        assert all(sites.values())
    prod = {row["_id"]: row["email"] for row in desk.find("auth_user", {"site": "prod"})}
    edge = {row["_id"].replace("edge|", "prod|"): row["email"] for row in desk.find("auth_user", {"site": "edge"})}
    both = prod.keys() & edge.keys()
    assert both
    assert all(prod[key] != edge[key] for key in both)


def test_one_site_leaves_the_other_out(make_desk: Any, both_sites: tuple[Desk, Package]) -> None:
    _, package = both_sites
    with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        desk.sync()
        assert {row["site"] for row in desk.find("auth_user")} == {"prod"}
        summary = desk.sync("--site", "edge")
        assert {row["site"] for row in desk.find("auth_user")} == {"prod", "edge"}
        assert summary["counts"]["loaded"] > 0


def test_reports_are_of_one_site(both_sites: tuple[Desk, Package]) -> None:
    desk, package = both_sites
    prod = desk.run("cmd", "report_enrollments", "--format", "json", check=True).json
    assert len(prod) == len(package.totals.enrollments)
    assert len(desk.run("cmd", "report_enrollments", "--format", "json", "--site", "edge", check=True).json) > 0


def test_manifest_tells_what_a_course_has_and_has_not(both_sites: tuple[Desk, Package]) -> None:
    desk, _ = both_sites
    rows = desk.run("status", "--courses", "--json", check=True).json
    assert {row["site"] for row in rows} == {"prod", "edge"}
    for row in rows:
        assert row["expected"] == row["found"] + len(row["absent"])
        assert row["failed"] == []


def test_content_archive_is_loaded_without_uploaded_files(both_sites: tuple[Desk, Package]) -> None:
    desk, _ = both_sites
    documents = desk.find("course_content", {"site": "prod"})
    assert {document["kind"] for document in documents} >= {"chapter", "sequential", "vertical", "problem", "grading_policy"}
    assert not [document["path"] for document in documents if document["path"].startswith(("static/", "assets/", "drafts/"))]


def test_forum_levels(both_sites: tuple[Desk, Package]) -> None:
    desk, _ = both_sites
    posts = desk.find("forum", {"site": "prod"})
    assert {post["kind"] for post in posts} == {"thread", "response", "reply"}
    threads = {post["post_id"] for post in posts if post["kind"] == "thread"}
    assert {post["thread_id"] for post in posts} <= threads


def test_failed_and_unknown_members_are_named_and_never_loaded(make_desk: Any, deliver: Deliver) -> None:
    package = deliver(seed=12, dirt=frozenset({FAILED_MEMBER, UNKNOWN_MEMBER}))
    with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        said = desk.run("sync", "--only", "database", check=True)
        failed = [line for line in said.err.splitlines() if "edX failed to make this file: " in line]
        assert len(failed) == 1
        assert f"-{FAILED_TASK}-" in failed[0]
        assert "Error" in failed[0].rpartition("edX failed to make this file: ")[2]
        assert [line for line in said.err.splitlines() if line.startswith("warning: ") and line.endswith("left out: unknown name")]
        rows = desk.run("status", "--courses", "--json", check=True).json
        assert [row["failed"] for row in rows if row["failed"]] == [[FAILED_TASK]]
        (package_row,) = desk.find("imports", {"member": ""})
        assert package_row["state"] == "loaded"
        assert package_row["site"] == "prod"


def test_table_that_nobody_declared_is_loaded_as_text(make_desk: Any, institution: InstitutionKey, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    _zip_of(
        source / "demox-2020-01-12.zip", institution, {"DemoX-D101-1T2020-new_fangled-prod-analytics.sql": b"id\tname\n1\t00123\n1\t00123\n2\tNULL\n"}
    )
    with make_desk(EDX_IMPORT_SOURCE=str(source)) as desk:
        said = desk.run("sync", "--only", "database", check=True)
        assert "warning: the table new_fangled is not declared: it is loaded as text, into other_new_fangled" in said.err
        assert sorted((row["id"], row["name"] or "") for row in desk.find("other_new_fangled")) == [("1", "00123"), ("1", "00123"), ("2", "")]


def test_no_member_can_name_a_collection_of_ours(make_desk: Any, institution: InstitutionKey, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    names = ("imports", "events", "meta", "courses", "system_users")
    members = {f"DemoX-D101-1T2020-{name}-prod-analytics.sql": b"_id\tsite\n1\t2\n" for name in names}
    _zip_of(source / "demox-2020-01-12.zip", institution, members)
    with make_desk(EDX_IMPORT_SOURCE=str(source)) as desk:
        desk.sync("--only", "database")
        assert [desk.count(f"other_{name}") for name in names] == [1] * 5
        assert desk.count("events") == 0


ENROLLMENT = b"id\tuser_id\tcourse_id\tcreated\tis_active\tmode\n1\t7\t%s\t2020-01-05 10:00:00\t1\taudit\n"
USERS = b"id\tusername\temail\n7\tann\tann@example.org\n"


@pytest.mark.parametrize(
    ("part", "course_id"),
    [
        ("Demo-X-D-101-1T-2020", b"course-v1:Demo-X+D-101+1T-2020"),
        ("DemoX-D90-2013_Fall", b"DemoX/D90/2013_Fall"),
        ("DemoX-D101-1T2020-ccx-9", b"ccx-v1:DemoX+D101+1T2020+ccx@9"),
    ],
)
def test_course_is_taken_from_the_rows_for_its_whole_group(
    make_desk: Any, institution: InstitutionKey, tmp_path: Path, part: str, course_id: bytes
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    members = {
        f"{part}-auth_user-prod-analytics.sql": USERS,
        f"{part}-student_courseenrollment-prod-analytics.sql": ENROLLMENT % course_id,
    }
    _zip_of(source / "demox-2020-01-12.zip", institution, members)
    with make_desk(EDX_IMPORT_SOURCE=str(source)) as desk:
        desk.sync("--only", "database")
        assert [row["course_id"] for row in desk.find("auth_user")] == [course_id.decode()]


@pytest.mark.parametrize("edge_too", [False, True])
def test_member_with_a_cut_name_is_known_by_its_content(make_desk: Any, institution: InstitutionKey, tmp_path: Path, edge_too: bool) -> None:
    source = tmp_path / "source"
    source.mkdir()
    course_id = b"course-v1:DemoX+D101+1T2020"
    modules = b"id\tmodule_type\tmodule_id\tstudent_id\tstate\tgrade\tcreated\tmodified\tmax_grade\tdone\tcourse_id\n"
    row = b"1\tproblem\tblock-v1:DemoX+D101+1T2020+type@problem+block@ab\t7\t{}\t1\t2020-01-05 10:00:00\t2020-01-05 10:00:00\t1\tna\t%s\n"
    members = {
        "DemoX-D101-1T2020-student_courseenrollment-prod-analytics.sql": ENROLLMENT % course_id,
        f"DemoX-D101-1T2020-coursewa-{'ab' * 16}.sql": modules + row % course_id,
    }
    if edge_too:
        members["DemoX-D101-1T2020-student_courseenrollment-prod-edge-analytics.sql"] = ENROLLMENT % course_id
    _zip_of(source / "demox-2020-01-12.zip", institution, members)
    with make_desk(EDX_IMPORT_SOURCE=str(source)) as desk:
        said = desk.run("sync", "--only", "database", "--site", "all", check=True)
        assert desk.count("courseware_studentmodule") == (0 if edge_too else 1)
        assert ("its name is cut" in said.err) == edge_too


def _zip_of(path: Path, key: InstitutionKey, members: dict[str, bytes]) -> None:
    import zipfile

    with Sealer(key) as sealer, zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{path.stem}/", b"")
        for name, data in members.items():
            file.writestr(f"{path.stem}/{name}.gpg", sealer.seal(data))


# --- the e-mail report


def test_email_report_is_loaded_by_default_and_by_name(make_desk: Any, both_sites: tuple[Desk, Package]) -> None:
    _, package = both_sites
    with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        summary = desk.sync("--only", "email")
        assert summary["collections"] == {"email_opt_in": package.totals.documents["email_opt_in"]}
        assert desk.sync("--only", "email")["objects"] == 0


def test_email_report_of_one_course_then_of_all(make_desk: Any, both_sites: tuple[Desk, Package]) -> None:
    _, package = both_sites
    with make_desk(EDX_IMPORT_SOURCE=str(package.folder)) as desk:
        desk.sync("--only", "email", "--course", "DemoX/D90/*")
        assert {row["course_id"] for row in desk.find("email_opt_in")} == {"DemoX/D90/2013_Fall"}
        desk.sync("--only", "email")
        assert desk.count("email_opt_in") == package.totals.documents["email_opt_in"]


# --- research packages


@pytest.fixture(scope="module")
def research(make_desk: Any, institution: InstitutionKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, RdxTotals]]:
    recipe = Recipe(**SMALL | {"seed": 13})
    folder = tmp_path_factory.mktemp("research")
    with Sealer(institution) as sealer:
        totals = make_rdx(recipe, folder, sealer)
        make_package(recipe, folder, sealer)
    with make_desk(EDX_IMPORT_SOURCE=str(folder)) as desk:
        Path(desk.environment["COURSES_FILE"]).write_text(sample_courses_yaml(recipe), encoding="utf-8")
        desk.sync()
        desk.sync("--only", "rdx")
        yield desk, totals


def test_research_package_is_loaded_under_a_site_of_its_own(research: tuple[Desk, RdxTotals]) -> None:
    desk, totals = research
    assert totals.site.startswith("rdx:")
    assert {name: desk.count(name, {"site": totals.site}) for name in totals.documents} == dict(totals.documents)
    assert Counter(event["course_id"] for event in desk.find("events", {"site": totals.site})) == totals.events


def test_research_package_shows_its_learners_as_the_producer_disguised_them(research: tuple[Desk, RdxTotals]) -> None:
    desk, totals = research
    for learner in totals.learners:
        (user,) = desk.find("auth_user", {"site": totals.site, "course_id": learner.course_id, "id": learner.user_id})
        assert (user["username"], user["email"]) == (learner.username, "")
        (enrolled,) = desk.find("student_courseenrollment", {"site": totals.site, "course_id": learner.course_id, "user_id": learner.user_id})
        assert (enrolled["mode"], enrolled["is_active"]) == (learner.mode, learner.is_active)


def test_research_package_never_by_default_and_never_twice(research: tuple[Desk, RdxTotals]) -> None:
    desk, _ = research
    before = desk.hash()
    assert desk.sync("--only", "rdx")["objects"] == 0
    desk.sync("--only", "rdx", "--force")
    assert desk.hash() == before
