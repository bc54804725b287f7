"""Text for a person: no secret, nothing that a terminal would take as a command, sizes that can be read."""

from __future__ import annotations

from edx_import.secrecy import masked


def printable(text: str) -> str:
    """The text with secrets masked, control characters and lone surrogates shown as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii") for char in masked(text))


def human_size(size: float) -> str:
    """Bytes as a person reads them (1 kB = 1,000 bytes)."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
