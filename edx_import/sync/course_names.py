"""Whether what content says of its course and what the name of its file says can be true together. Pure.

Names of members are visible and can be changed by anybody; so can a sealed file be made by anybody, for the key to seal with is public. A file that
says of itself that it is another course's must not take the place of that course's rows.
"""

from __future__ import annotations

import re

from edx_import.courses import CourseCatalog, file_form, is_course_id

#: The platform's own limit on the length of a course id.
LONGEST_ID = 255


def is_named(course_id: str, course_part: str, catalog: CourseCatalog) -> bool:
    """Whether files of the course can bear that name: producers differ in how they write odd characters, not in the others."""
    if len(course_id) > LONGEST_ID or not is_course_id(course_id):
        return False
    return _plain(file_form(course_id)) == _plain(course_part) or catalog.by_file_name(course_part) == catalog.resolve(course_id)


def is_another(found: str | None, course_id: str, catalog: CourseCatalog) -> bool:
    """Whether a file that names `found` cannot be of the course. One that names no course at all can."""
    if not found or len(found) > LONGEST_ID or not is_course_id(found):
        return False
    return catalog.resolve(found) != course_id and _plain(file_form(found)) != _plain(file_form(course_id))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold())
