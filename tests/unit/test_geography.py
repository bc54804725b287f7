"""Countries of IP addresses: the database that comes along, and MaxMind databases of one's own."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import pytest
from mmdb import write_mmdb

from edx_import.errors import ConfigurationError
from edx_import.geography import Countries, open_countries

KNOWN = {"200.160.0.0/16": "BR", "193.0.0.0/16": "NL", "2800:3f0::/32": "AR"}


@pytest.fixture(scope="module")
def built_in() -> Countries:
    return open_countries()


@pytest.fixture
def maxmind(tmp_path: Path) -> Countries:
    return open_countries(write_mmdb(tmp_path / "countries.mmdb", KNOWN))


@pytest.mark.parametrize(
    ("ip", "country"),
    [("200.160.2.3", "BR"), ("193.0.6.139", "NL"), (" 193.0.6.139\n", "NL"), ("2001:67c:2e8:22::c100:68b", "NL"), ("::ffff:193.0.6.139", "NL")],
)
def test_an_address_is_in_its_country(built_in: Countries, ip: str, country: str) -> None:
    assert built_in.country_of(ip) == country


@pytest.mark.parametrize(
    "ip",
    [
        *("10.0.0.1", "192.168.1.1", "172.16.0.9", "127.0.0.1", "169.254.3.3", "100.64.0.1", "0.0.0.0", "255.255.255.255", "192.0.2.1"),
        *("::1", "fe80::1", "fe80::1%eth0", "fc00::1", "2001:db8::1", "::ffff:10.0.0.1", "::"),
        *("", "x", "1.2.3", "1", "1.2.3.4, 5.6.7.8", "193.0.6.139:80", "193.0.6.1390"),
        *(None, 3221227147, ["193.0.6.139"], {"ip": "193.0.6.139"}),
    ],
)
def test_private_reserved_and_odd_addresses_are_nowhere(built_in: Countries, maxmind: Countries, ip: object) -> None:
    assert built_in.country_of(ip) is None
    assert maxmind.country_of(ip) is None


def test_a_maxmind_database_is_used_when_given(maxmind: Countries) -> None:
    found = {ip: maxmind.country_of(ip) for ip in ("200.160.2.3", "::ffff:200.160.2.3", "193.0.6.139", "2800:3f0:4001::1", "8.8.8.8", "2600::1")}
    assert found == {
        **dict.fromkeys(("200.160.2.3", "::ffff:200.160.2.3"), "BR"),
        "193.0.6.139": "NL",
        "2800:3f0:4001::1": "AR",
        "8.8.8.8": None,
        "2600::1": None,
    }
    assert maxmind.description == "Test-Country (countries.mmdb)"


def test_a_database_of_ipv4_knows_no_ipv6(tmp_path: Path) -> None:
    countries = open_countries(write_mmdb(tmp_path / "v4.mmdb", {"193.0.0.0/16": "NL"}, ip_version=4))
    assert (countries.country_of("193.0.6.139"), countries.country_of("2600::1")) == ("NL", None)


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "countries.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"countries\.mmdb cannot be read") as caught:
        open_countries(path)
    assert ".mmdb" in caught.value.hint


@pytest.mark.parametrize(("missing", "database"), [("geoip2fast", None), ("maxminddb", Path("any.mmdb"))])
def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str, database: Path | None) -> None:
    def without(name: str, *rest: Any) -> Any:
        if name == missing:
            raise ImportError(name)
        return imported(name, *rest)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=missing) as caught:
        open_countries(database)
    assert "edx-import[geoip]" in caught.value.hint


def test_the_environment_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    open_countries()
    assert dict(os.environ) == before
