"""What is personal in a database, and where it stands: a look at every document, as a person with a text search would have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bson import ObjectId
from desk import Desk

#: About courses, and our own books: names in them are not learners'.
NOT_LEARNERS = ("courses", "course_structure", "course_content", "imports", "meta", "rollup_todo")


def documents(desk: Desk) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document that may hold something of a learner's, with its collection."""
    with desk.store() as store:
        for collection in sorted(store.database.list_collection_names(filter={"type": "collection"})):
            if collection not in NOT_LEARNERS:
                yield from ((collection, document) for document in store.database[collection].find())


def values(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a document, with its path; keys of objects count as values, too."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield f"{path}.{key}", key
            yield from values(value, f"{path}.{key}")
    elif isinstance(document, list):
        for value in document:
            yield from values(value, f"{path}[]")
    else:
        yield path, document


def texts(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of a document, those in bytes as well, with its path."""
    for path, value in values(document):
        if isinstance(value, bytes):
            yield path, value.decode("utf-8", "replace")
        elif isinstance(value, str):
            yield path, value


def containing(desk: Desk, wanted: Iterable[str], site: str = "") -> set[tuple[str, str, str]]:
    """Where one of these words stands anywhere in a text, of one site or of all: collection, path, the word."""
    words = [word.casefold() for word in wanted]
    found = set()
    for collection, document in documents(desk):
        if site and document.get("site", site) != site:
            continue
        for path, text in texts(document):
            small = text.casefold()
            found |= {(collection, path, word) for word in words if word in small}
    return found


def naming(desk: Desk, number: int, site: str) -> set[tuple[str, str]]:
    """Where a learner's number stands as a value: collection and path. Values that happen to be that number count as well."""
    found = set()
    for collection, document in documents(desk):
        if document.get("site", site) != site:
            continue
        for path, value in values(document):
            if path == ".time_microseconds":
                continue
            if (type(value) is int and value == number) or (isinstance(value, str) and value.strip() == str(number)):
                found.add((collection, path))
            if path == "._id" and not isinstance(value, ObjectId) and str(number) in str(value).split("|")[2:]:
                found.add((collection, path))
    return found
