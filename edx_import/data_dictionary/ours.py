"""The collections that edx-import keeps for itself, and the courses."""

from __future__ import annotations

from edx_import.data_dictionary.entry import Entry, Field
from edx_import.store.collections import COURSES, IMPORTS, INDEXES, META, REJECTS

COURSES_ENTRY = Entry(
    name=COURSES,
    holds="the courses: what courses.yaml says of each, and what the package says",
    id="site|course id",
    source="courses.yaml, and the course block of `{course}-course_structure-{site}.json`",
    common=("site", "course_id"),
    fields=(
        Field("listed", "bool", "whether it is in courses.yaml"),
        Field("name", "string or null", "name", "courses.yaml `name`; for a course that is not listed, `package.display_name`"),
        Field("sme", "string or null", "subject matter expert", "courses.yaml `sme`"),
        Field("start_date", "date or null", "first day (UTC)", "courses.yaml `start_date`; not listed: `package.start`"),
        Field("end_date", "date or null", "last day (UTC), that day included", "courses.yaml `end_date`; not listed: `package.end`"),
        Field("passing_grade", "float or null", "0 to 1; null: not listed, and reports take 0.65", "courses.yaml `passing_grade`"),
        Field("aliases", "array of strings", "other ids of the course", "courses.yaml `aliases`"),
        Field("package", "object or null", "what the course block says; null where no package had the course's structure"),
        Field("package.display_name", "string or null", "name", "`metadata.display_name`"),
        Field("package.start", "date or null", "start (UTC); 2030 stands for none", "`metadata.start`"),
        Field("package.end", "date or null", "end (UTC)", "`metadata.end`"),
    ),
)

IMPORTS_ENTRY = Entry(
    name=IMPORTS,
    holds="the ledger: what was done with each delivered object, and with each member of one",
    id="key of the object; `//` and the path follow for a member",
    indexes=INDEXES[IMPORTS],
    fields=(
        Field("key", "string", "key of the object in S3, whatever the source was"),
        Field("member", "string", "path of the member; empty for the object itself"),
        Field("kind", "string", "database, events, email, rdx; for a member its task (auth_user, forum, ...)"),
        Field("org", "string", "organisation, lower case"),
        Field("site", "string", "the site, or several with commas between"),
        Field("date", "string", "day of a snapshot or of events (YYYY-MM-DD)"),
        Field("course_id", "string", "members: the course key of their documents"),
        Field("state", "string", "pending, fetching, verifying, loading, loaded, failed, skipped"),
        Field("size", "int", "bytes as delivered"),
        Field("etag", "string", "what S3 says of the content"),
        Field("content_hash", "string", "hash of what was inside"),
        Field("filter", "object", "the courses that were asked for; nothing: all"),
        Field("filter.include", "array of strings", "patterns of course ids that were taken"),
        Field("filter.exclude", "array of strings", "patterns of course ids that were left out"),
        Field("reader_version", "int", "version of what read it"),
        Field(
            "counts",
            "object",
            "the account: read = loaded + duplicate + rejected + filtered; removed; superseded; notes on what was mended",
            is_open=True,
        ),
        Field("collections", "object", "documents loaded, by collection", is_open=True),
        Field("reasons", "object", "rows rejected, by reason", is_open=True),
        Field(
            "manifest",
            "array of objects",
            "weekly ZIPs: of each course what was expected, found, absent, failed, empty and skipped",
            is_open=True,
        ),
        Field("started", "date or null", "begun (UTC)"),
        Field("finished", "date or null", "ended (UTC)"),
        Field("attempts", "int", "tries since it was last loaded"),
        Field("failures", "int", "those of them that failed for a reason of the object's own; after five it is given up"),
        Field("error", "string", "why it failed"),
        Field("tool_version", "string", "version of edx-import"),
        Field("versions", "list", "the deliveries of the same key before this one: etag, size, state, content_hash, counts, finished"),
        Field("first_id", "string", "the least id of its events, of all versions, in hex; empty when not known"),
        Field("last_id", "string", "the greatest"),
        Field("host", "string", "the machine that wrote it"),
    ),
)

REJECTS_ENTRY = Entry(
    name=REJECTS,
    holds="lines and rows that could not be loaded; the first 10,000 of each object or member",
    id="the import, a colon, the line",
    fields=(
        Field("file", "string", "the import; of a member of a weekly ZIP its organisation and path, the same every week"),
        Field("import", "object", "where it comes from"),
        Field("import.object", "string", "the import: `_id` in `imports`"),
        Field("line", "int", "line in the file (for files without lines: the number of the entry), from 1"),
        Field("reason", "string", "the rule that failed"),
        Field("detail", "string", "what exactly", personal=True),
        Field("raw", "binary", "the bytes of the line, 64 kB at most", personal=True),
        Field("raw_length", "int", "how many bytes it has"),
    ),
)

META_ENTRY = Entry(
    name=META,
    holds="what edx-import knows of the database itself; `schema` is its version",
    id="`schema`",
    fields=(
        Field("version", "int", "version of the schema; a newer one than the tool knows is refused"),
        Field("tool_version", "string", "version of edx-import that made the database"),
    ),
)
