"""The collections that commands write."""

from __future__ import annotations

from edx_import.data_dictionary.entry import Entry, Field
from edx_import.store.collections import LOCATED, REPORTS

REPORTS_ENTRY = Entry(
    name=REPORTS,
    holds="the numbers of each course, as `cmd update_reports` saved them; keys of inner objects are escaped as those of events",
    id="site|course id",
    common=("site", "course_id"),
    fields=(
        Field("course", "object", "what `courses` said: `name`, `sme`, `start_date`, `end_date`, `passing_grade`, `listed`", is_open=True),
        Field("users", "object", "enrolled learners"),
        Field("users.total", "int", "all, those who left included"),
        Field("users.active", "int", "those who opened any block of the course"),
        Field("users.certificates", "object", "rows of certificates"),
        Field("users.certificates.failed", "int", "status notpassing"),
        Field("users.certificates.approved", "int", "grade of at least the passing grade"),
        Field("users.certificates.certified", "int", "status downloadable"),
        Field("gender", "object", "learners by what their profiles say; `unknown`: nothing", is_open=True),
        Field("education", "object", "the same by level of education", is_open=True),
        Field("countries", "object", "the same by country", is_open=True),
        Field("by_country", "object", "for each country `gender`, `education` and `year_of_birth`, each again learners by value", is_open=True),
        Field("created", "date", "when it was made (UTC)"),
    ),
)

LOCATED_ENTRY = Entry(
    name=LOCATED,
    holds="the countries that `cmd locate_users` found for learners whose profiles say none; profiles have them as `located_country`",
    id="site|user id",
    fields=(
        Field("site", "string", "the site"),
        Field("user_id", "int", "auth_user.id"),
        Field("country", "string", "ISO 3166-1 alpha-2"),
    ),
)
