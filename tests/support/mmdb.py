"""A writer of small MaxMind databases: as much of the format as country look-ups need."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

#: The kinds of integer that readers insist on; 16 bits where nothing is said.
_INTEGERS = {"node_count": 6, "build_epoch": 9}
_MARK = b"\xab\xcd\xefMaxMind.com"
Node = list["Node | str | None"]


def write_mmdb(path: Path, countries: Mapping[str, str], *, ip_version: int = 6) -> Path:
    """Writes a database that has these networks (IPv4 ones without a prefix of their own) in these countries."""
    root: Node = [None, None]
    for network, country in countries.items():
        _insert(root, _bits(network, ip_version), country)
    nodes = _numbered(root)
    data = b""
    places: dict[str, int] = {}
    for country in sorted(set(countries.values())):
        places[country] = len(data)
        data += _encoded({"country": {"iso_code": country}})
    tree = b"".join(_record(nodes, places, side).to_bytes(3, "big") for node in nodes.values() for side in node[1])
    metadata = {"binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_600_000_000, "database_type": "Test-Country"}
    metadata |= {"description": {"en": "for tests"}, "ip_version": ip_version, "languages": [], "node_count": len(nodes), "record_size": 24}
    path.write_bytes(tree + b"\0" * 16 + data + _MARK + _encoded(metadata))
    return path


def _bits(network: str, ip_version: int) -> str:
    parsed = ip_network(network)
    bits = f"{int(parsed.network_address):0{parsed.max_prefixlen}b}"[: parsed.prefixlen]
    return "0" * 96 + bits if parsed.version == 4 and ip_version == 6 else bits


def _insert(node: Node, bits: str, country: str) -> None:
    for bit in bits[:-1]:
        below = node[int(bit)]
        if not isinstance(below, list):
            below = node[int(bit)] = [None, None]
        node = below
    node[int(bits[-1])] = country


def _numbered(root: Node) -> dict[int, tuple[int, Node]]:
    """The nodes by identity, each with its number."""
    found: dict[int, tuple[int, Node]] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        found[id(node)] = (len(found), node)
        waiting += [side for side in node if isinstance(side, list)]
    return found


def _record(nodes: Mapping[int, tuple[int, Node]], places: Mapping[str, int], side: Node | str | None) -> int:
    if side is None:
        return len(nodes)
    return nodes[id(side)][0] if isinstance(side, list) else len(nodes) + 16 + places[side]


def _encoded(value: object, integer: int = 5) -> bytes:
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, Mapping):
        return _control(7, len(value)) + b"".join(_encoded(key) + _encoded(inner, _INTEGERS.get(key, 5)) for key, inner in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    assert isinstance(value, int)
    size = (value.bit_length() + 7) // 8
    return _control(integer, size) + value.to_bytes(size, "big")


def _control(kind: int, size: int) -> bytes:
    assert size < 285
    extended = bytes([kind - 7]) if kind > 7 else b""
    first = 0 if kind > 7 else kind << 5
    return bytes([first | min(size, 29)]) + extended + (bytes([size - 29]) if size >= 29 else b"")
