"""Views as if each course had collections of its own, for notebooks and tools written for those.

Six for each course: `users` (auth_user), `demographics` (auth_userprofile), `certificates` (certificates_generatedcertificate), `courseware`
(courseware_studentmodule), `enrollments` (student_courseenrollment) and `userIDs` (user_id_map), called Org-Course-Run.users and so on. Their
fields are the columns of the data package's tables; dates, numbers and truth values are typed, NULL is null.

A view takes no space and shows what the last sync brought. Run again, this brings the views up to date and adds those of new courses. What
has one of their names and was not made by this command is never replaced or removed: it is listed as taken. docs/reports.md tells more.
"""

from __future__ import annotations

from typing import Annotated

from edx_import.api import Column, Context, Option, Report, compatibility

WRITES = True
COLUMNS = (
    Column("view", str, "name of the view"),
    Column("course_id", str, "course key"),
    Column("collection", str, "what it shows the course's rows of"),
    Column("outcome", str, "created, renewed, unchanged, taken (by something else, which stays), removed"),
)


def run(
    context: Context,
    *,
    name: Annotated[str, Option("how the names begin, with {org}, {course} and {run} filled in")] = "{org}-{course}-{run}",
    drop: Annotated[bool, Option("remove the views instead, whatever their names")] = False,
) -> Report:
    context.refuse_days("a view shows all rows of its course")
    return Report(COLUMNS, compatibility.drop_views(context) if drop else compatibility.create_views(context, name))
