"""The dictionary as a page to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edx_import.data_dictionary.entry import COMMON_FIELDS, Entry, Field

_HEAD = """# Data dictionary

What is in the database: every collection and every field. This page is made from the code (`python -m edx_import.data_dictionary`); a test fails
when they disagree. Change the declarations, not the page.

- Times are UTC. Ids of two sites (`site`) are unrelated, so `site` belongs into every query and every join.
- **personal**: the field says who somebody is, or holds what a learner wrote; anonymous ids count, for others know whose they are.
- *in files*: the columns or fields that it is made from, newer names first; nothing where edx-import makes it.
- `|` joins the parts of an `_id`. Within a part `%` stands as `%25` and `|` as `%7C`.
- A column that a table has and this page does not is kept all the same: a field of its name, a string.
- A cell or value that does not fit its type is null, and its text is kept in `original`.
"""


def dictionary_page(entries: Iterable[Entry]) -> str:
    """The whole page, Markdown."""
    sections = list(entries)
    return "\n".join([_HEAD, *_contents(sections), *_common_fields(), *(line for entry in sections for line in _section(entry))])


def _contents(entries: Iterable[Entry]) -> Iterator[str]:
    yield "## Collections\n"
    yield "| collection | holds | |\n|---|---|---|"
    for entry in entries:
        yield _row(f"[`{entry.name}`](#{_anchor(entry.name)})", entry.holds, "broken" if entry.broken else "shared" if entry.shared else "")
    yield ""


def _anchor(name: str) -> str:
    return name.replace("<", "").replace(">", "")


def _common_fields() -> Iterator[str]:
    yield "## Fields that many collections have\n"
    yield from _table(COMMON_FIELDS)


def _section(entry: Entry) -> Iterator[str]:
    yield f"## `{entry.name}`\n"
    yield f"{entry.holds[0].upper()}{entry.holds[1:]}.\n"
    if entry.broken:
        yield f"**Broken: do not use.** {entry.broken}\n"
    yield f"- `_id`: {_code(entry.id)}"
    if entry.source:
        yield f"- made from: {entry.source}"
    if entry.period:
        yield f"- delivered: {entry.period}"
    if entry.shared:
        yield "- shared: the same rows come with several courses"
    for index in entry.indexes:
        yield f"- index `{index.name}`: {', '.join(index.fields)}"
    if entry.common:
        yield f"- fields described above: {', '.join(f'`{name}`' for name in entry.common)}"
    yield from (f"- {note}" for note in entry.notes)
    if entry.is_open:
        yield "- Documents may have fields that are not listed."
    yield ""
    if entry.fields:
        yield from _table(entry.fields)


def _code(text: str) -> str:
    return f"`{text}`" if "|" in text else text


def _table(fields: Iterable[Field]) -> Iterator[str]:
    yield "| field | type | meaning | in files | |\n|---|---|---|---|---|"
    for field in fields:
        yield _row(f"`{field.path}`", field.type, field.meaning, field.source, "personal" if field.personal else "")
    yield ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
