"""A package source of bytes in memory: the same promises as S3, for tests and samples."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from hashlib import md5
from typing import BinaryIO

from edx_import.errors import SourceError
from edx_import.model import DeliveredObject
from edx_import.packages.base import Passed, Wanted
from edx_import.packages.listing import Found, choose, prefixes_now
from edx_import.packages.naming import parse_key


class MemorySource:
    """Objects by their S3 keys, of both buckets together. The mapping may change between calls, as a bucket may."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self._objects = objects

    @property
    def description(self) -> str:
        """Where it is, for a person."""
        return f"memory ({len(self._objects)} objects)"

    def list(self, wanted: Wanted) -> Iterator[DeliveredObject | Passed]:
        """The objects of that kind, in the order of their keys."""
        prefixes = prefixes_now(wanted)
        return choose((self._found(key) for key in tuple(self._objects) if key.startswith(prefixes)), wanted)

    def open(self, delivered: DeliveredObject) -> BinaryIO:
        """A stream of its bytes. Raises SourceError when it is gone or has changed since it was listed."""
        data = self._objects.get(delivered.location)
        if data is None:
            raise SourceError(f"{delivered.location} is not there any more", "Run the command again.", transient=True)
        if _fingerprint(data) != delivered.etag:
            raise SourceError(f"{delivered.location} has changed since it was listed", "Run the command again.", transient=True)
        return io.BytesIO(data)

    def _found(self, key: str) -> Found:
        data = self._objects[key]
        return Found(key, parse_key(key), len(data), _fingerprint(data))


def _fingerprint(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()
