"""Which country an IP address is in: by the GeoIP database of the extra `geoip`, or by a MaxMind database of one's own.

The countries of `geoip2fast` come along with that package and are as old as its version; who needs newer ones gives a `.mmdb` file
(GeoLite2 Country or City, GeoIP2, DB-IP Lite). Nothing is asked of the network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from edx_import.errors import ConfigurationError

Address = IPv4Address | IPv6Address

_CODE = re.compile("[A-Z]{2}")
_INSTALL = 'Install it: pip install "edx-import[geoip]" (the image has it).'


class Countries:
    """Tells countries. `description` says what it knows them from."""

    def __init__(self, find: Callable[[Address], Any], description: str, find_subdivision: Callable[[Address], Any] = lambda address: None) -> None:
        self._find = find
        self._find_subdivision = find_subdivision
        self.description = description

    def country_of(self, ip: object) -> str | None:
        """The country of an address, IPv4 or IPv6, in ISO 3166-1 alpha-2.

        None where it is not known: a private or reserved address, one that the database does not have, or what is no address at all.
        """
        address = _public_address(ip)
        code = self._find(address) if address is not None else None
        return code if isinstance(code, str) and _CODE.fullmatch(code) else None

    def subdivision_of(self, ip: object) -> str | None:
        """The part of the country, as ISO 3166-2 has it after the country (`SCL`, `QC`); None where the database does not tell (few do)."""
        address = _public_address(ip)
        code = self._find_subdivision(address) if address is not None else None
        return code if isinstance(code, str) and code else None


def open_countries(database: Path | None = None) -> Countries:
    """Opens a MaxMind database, or without one that of the extra `geoip` (0.1 s, 60 MB). Raises ConfigurationError."""
    return _maxmind(database) if database is not None else _built_in()


def _public_address(ip: object) -> Address | None:
    try:
        address = ip_address(ip.strip()) if isinstance(ip, str) else None
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address if address is not None and address.is_global else None


def _maxmind(path: Path) -> Countries:
    try:
        import maxminddb
    except ImportError:
        raise ConfigurationError("the package maxminddb, which reads MaxMind databases, is not installed", _INSTALL) from None
    try:
        reader = maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no MaxMind database"
        raise ConfigurationError(f"the GeoIP database {path} cannot be read: {reason}", "Give the path of a .mmdb file with countries.") from error

    def record_of(address: Address) -> dict[str, Any]:
        record = None if address.version == 6 and reader.metadata().ip_version == 4 else reader.get(address)
        return record if isinstance(record, dict) else {}

    def find(address: Address) -> Any:
        return _iso_code(record_of(address).get("country"))

    def find_subdivision(address: Address) -> Any:
        parts = record_of(address).get("subdivisions")
        return _iso_code(parts[0]) if isinstance(parts, list) and parts else None

    return Countries(find, f"{reader.metadata().database_type} ({path.name})", find_subdivision)


def _iso_code(place: Any) -> Any:
    return place.get("iso_code") if isinstance(place, dict) else None


def _built_in() -> Countries:
    try:
        with _unchanged_environment():
            import geoip2fast
    except ImportError:
        what = "there is no GeoIP database: the package geoip2fast is not installed, and no MaxMind database was given"
        raise ConfigurationError(what, f"{_INSTALL} Or set GEOIP_DATABASE to the path of a .mmdb file.") from None
    data = Path(geoip2fast.__file__).with_name("geoip2fast-ipv6.dat.gz")
    reader = geoip2fast.GeoIP2Fast(geoip2fast_data_file=str(data))
    return Countries(lambda address: reader.lookup(str(address)).country_code, f"geoip2fast {geoip2fast.__version__}")


@contextmanager
def _unchanged_environment() -> Iterator[None]:
    """The package sets variables for all Python programs that are started later, which is none of its business."""
    names = ("PYTHONWARNINGS", "PYTHONIOENCODING")
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
