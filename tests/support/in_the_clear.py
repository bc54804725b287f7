"""Sample packages in the clear, so that tests can look at them without gpg, and a decoder of their tables."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import BinaryIO

from edx_import.sample.sealing import Sealer
from edx_import.tables import Dialect


class Unsealed(Sealer):
    """Leaves everything in the clear."""

    def __init__(self) -> None: ...

    def close(self) -> None: ...

    def seal(self, data: bytes | BinaryIO, *, compress: bool = True) -> bytes:
        return data if isinstance(data, bytes) else data.read()

    def seal_file(self, source: Path | BinaryIO, target: Path, *, compress: bool = True) -> None:
        assert not isinstance(source, Path)
        target.write_bytes(source.read())


def decoded(content: bytes, dialect: Dialect) -> list[dict[str, str]]:
    """The rows of a table file: a decoder that shares nothing with the maker or with our readers."""
    text = content.decode()
    if dialect is Dialect.STUDENT_MODULE:
        return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE, escapechar="\\"))
    header, *lines = text.removesuffix("\n").split("\n")
    meaning = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
    rows = [[re.sub(r"\\(.)", lambda pair: meaning[pair[1]], cell) for cell in line.split("\t")] for line in lines]
    return [dict(zip(header.split("\t"), row, strict=True)) for row in rows]
