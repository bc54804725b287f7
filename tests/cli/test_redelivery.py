"""An event file that comes again with another content: new lines are added, the same are kept, and what it no longer has is counted."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Package

from edx_import.decryption import Keyring, verified
from edx_import.packages.archive import inflate
from edx_import.sample.sealing import InstitutionKey, Sealer

Deliver = Callable[[Sequence[bytes]], dict[str, Any]]


@pytest.fixture(scope="module")
def lines(package: Package, institution: InstitutionKey) -> list[bytes]:
    """The lines of a day."""
    path = max((package.folder / "edx-course-data" / "demox" / "edx").rglob("*.gpg"))
    with Keyring.open(institution.private, institution.passphrase) as keyring:
        content = verified(keyring, lambda: path.open("rb"), inflate)
        return b"".join(content.chunks()).splitlines()[:60]


@pytest.fixture
def deliver(desk: Desk, institution: InstitutionKey, tmp_path: Path) -> Deliver:
    """Puts a day of these lines where they are delivered, and syncs."""

    def delivered(lines: Sequence[bytes]) -> dict[str, Any]:
        with Sealer(institution) as sealer:
            sealed = sealer.seal(gzip.compress(b"\n".join(lines) + b"\n"))
        (tmp_path / "demox-edx-events-2020-01-12.log.gz.gpg").write_bytes(sealed)
        return desk.sync("--only", "events", EDX_IMPORT_SOURCE=str(tmp_path))

    return delivered


def test_new_lines_are_added_and_the_same_are_kept(desk: Desk, deliver: Deliver, lines: list[bytes]) -> None:
    deliver(lines[:40])
    counts = deliver(lines[10:60])["counts"]
    assert (counts["read"], counts["loaded"], counts["duplicate"], counts["superseded"]) == (50, 50, 0, 10)
    assert desk.count("events") == 60


def test_lines_in_another_order_and_twice(desk: Desk, deliver: Deliver, lines: list[bytes]) -> None:
    deliver(lines[:40])
    counts = deliver([*reversed(lines[:40]), lines[0]])["counts"]
    assert (counts["read"], counts["loaded"], counts["duplicate"], counts["superseded"]) == (41, 40, 1, 0)
    assert desk.count("events") == 40


def test_ledger_keeps_every_version(desk: Desk, deliver: Deliver, lines: list[bytes]) -> None:
    for version in (lines[:10], lines[5:20], lines[15:30]):
        deliver(version)
    (record,) = desk.find("imports")
    first, second = record["versions"]
    assert len({record["content_hash"], first["content_hash"], second["content_hash"]}) == 3
    assert len({record["etag"], first["etag"], second["etag"]}) == 3
    assert [version["counts"]["loaded"] for version in (first, second, record)] == [10, 15, 15]
    assert record["counts"]["superseded"] == 15
    (row,) = desk.run("status", "--json", check=True).json
    assert (row["versions"], row["superseded"]) == (2, 15)


def test_every_version_in_any_order_ends_in_the_same_events(make_desk: Any, deliver: Deliver, desk: Desk, lines: list[bytes]) -> None:
    deliver(lines[:30])
    deliver(lines[20:50])
    one = desk.hash()
    deliver(lines[:30])
    deliver(lines[:50])
    assert desk.hash() == one
    assert {event["import"]["object"] for event in desk.find("events")} == {"demox/edx/events/2020/demox-edx-events-2020-01-12.log.gz.gpg"}
