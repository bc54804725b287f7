"""The collections that edx-import keeps for itself, and the courses."""

from __future__ import annotations

from edx_import.data_dictionary.entry import Entry, Field
from edx_import.store.collections import COURSES, IMPORTS, INDEXES, META, MODULE_COURSE_DAY, PERSON_COURSE_DAY, REJECTS, ROLLUP_TODO

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

_ROLLED_UP = Field("rolled_up", "date", "when it was made (UTC)")
_DAY = Field("day", "date", "the UTC day")

PERSON_COURSE_DAY_ENTRY = Entry(
    name=PERSON_COURSE_DAY,
    holds="what a learner did in a course on a UTC day, made from `events`; docs/rollups.md has the rules",
    id="site|course id|day|user id, or @ and the username",
    indexes=INDEXES[PERSON_COURSE_DAY],
    common=("site", "course_id"),
    fields=(
        _DAY,
        Field("learner", "int or string", "the user id; the username where events have none", personal=True),
        Field("user_id", "int or null", "the user id"),
        Field("username", "string or null", "the greatest of the usernames, without outer blanks", personal=True),
        Field("nevents_all", "int", "events"),
        Field("nevents", "int", "events but for requests of components (`/xblock/`)"),
        Field("active", "int", "events that Insights counts as activity; 0 without a user id, as are the next three"),
        Field("attempted_problem", "int", "server `problem_check`"),
        Field("played_video", "int", "`play_video` of browser and app"),
        Field("posted_forum", "int", "server `edx.forum.*.created`"),
        Field("nprogcheck", "int", "requests of the progress page"),
        Field("nshow_answer", "int", "answers shown"),
        Field("nvideo", "int", "`play_video`"),
        Field("nproblem_check", "int", "`problem_check`, of browser and server"),
        Field("nforum", "int", "requests of forum pages"),
        Field("ntranscript", "int", "`show_transcript`"),
        Field("nseq_goto", "int", "`seq_goto`"),
        Field("nseek_video", "int", "`seek_video`"),
        Field("npause_video", "int", "`pause_video`"),
        Field("nforum_reads", "int", "threads opened"),
        Field("nforum_posts", "int", "responses and comments written"),
        Field("nforum_threads", "int", "threads begun"),
        Field("nvideos_viewed", "int", "distinct videos played"),
        Field("videos_watched", "int", "the farthest positions in the videos, added up, in ms"),
        Field("nproblems_attempted", "int", "distinct problems answered"),
        Field("nproblems_answered", "int", "distinct parts of problems answered"),
        Field("first_event", "date or null", "time of the first of `nevents` (UTC)"),
        Field("last_event", "date or null", "time of the last of them (UTC)"),
        Field("last_event_all", "date", "time of the last of `nevents_all` (UTC)"),
        Field("gaps", "object", "the pauses between `nevents` that are no longer than five minutes"),
        Field("gaps.n", "int", "how many"),
        Field("gaps.sum", "int", "their sum, in ms"),
        Field("gaps.max", "int or null", "the longest, in ms"),
        Field("gaps.squares", "int", "the sum of their squares, in ms²"),
        Field("time_on_task", "object", "the sums of pauses between events of a kind, in ms: `kind_5`, `kind_30`, `serial_kind_30`", is_open=True),
        Field("sessions", "array of objects", "events with no pause of more than 30 minutes between them, in order"),
        Field("sessions.first", "date", "time of the first event (UTC)"),
        Field("sessions.last", "date", "time of the last event (UTC)"),
        Field("sessions.n", "int", "events"),
        Field("ip", "string or null", "the last IP address", personal=True),
        _ROLLED_UP,
    ),
)

MODULE_COURSE_DAY_ENTRY = Entry(
    name=MODULE_COURSE_DAY,
    holds="how often a block was used on a UTC day, made from `events`",
    id="site|course id|day|block key",
    indexes=INDEXES[MODULE_COURSE_DAY],
    common=("site", "course_id"),
    fields=(
        _DAY,
        Field("module_id", "string", "key of the block, as `course_structure` has it"),
        Field("nevents", "int", "events"),
        Field("learners", "int", "distinct learners"),
        _ROLLED_UP,
    ),
)

ROLLUP_TODO_ENTRY = Entry(
    name=ROLLUP_TODO,
    holds="the days of which events were written and that have not been rolled up since",
    id="site|course id|day",
    common=("site", "course_id"),
    fields=(_DAY, Field("replacing", "bool", "events were replaced: the day is made anew for every course")),
)

META_ENTRY = Entry(
    name=META,
    holds="what edx-import knows of the database itself; `schema` is its version, `rollups` the version of the rules of the roll-ups, `privacy` what "
    "it is kept free of, `forgotten|...` a learner who is forgotten, `saved|...` what is in the collection of a saved report, `saving|...` which "
    "process is saving one",
    id="`schema`, `rollups`, `privacy`, forgotten|site|hash, `saved|` and `saving|` with the name of a collection",
    fields=(
        Field("version", "int", "version of the schema; a newer one than the tool knows is refused"),
        Field("tool_version", "string", "version of edx-import that made the database, or saved the report"),
        Field("key", "binary", "`privacy`: the key of the hashes, random"),
        Field("keep_removed", "bool", "`privacy`: syncs write no personal details"),
        Field("kept", "array of strings", "`privacy`: the fields that are spared"),
        Field("site", "string", "`forgotten|...`: the learner's site; `saved|...`: the site that the report is about"),
        Field("hashes", "array of binaries", "`forgotten|...`: what the learner is known again by"),
        Field("pseudonymised", "bool", "`forgotten|...`: the learner's rows stand under a number"),
        Field("since", "date", "`forgotten|...`: when that was asked for (UTC)"),
        Field("command", "string", "`saved|...`: the command whose report it is"),
        Field("anonymized", "bool", "`saved|...`: learners are hashes"),
        Field("about", "object", "`saved|...`: what was chosen", is_open=True),
        Field("columns", "array of objects", "`saved|...`: name, type, unit, meaning, and whether it tells who a learner is", is_open=True),
        Field("rows", "int", "`saved|...`: how many documents"),
        Field("created", "date", "`saved|...`, `saving|...`: when (UTC)"),
        Field("holder", "object", "`saving|...`: the process", is_open=True),
    ),
)

SAVED_ENTRY = Entry(
    name="report_<name>",
    holds="the rows of a report that was kept by `cmd NAME --save`: `report_NAME`, or the name of the command where it begins so already",
    id="number of the row, from 1",
    fields=(Field("site", "string", "the site that the report is about"),),
    notes=(
        "A field for each column, as the help of the command lists them; `meta` says what was chosen. The collection is replaced as a whole.",
        "Days are midnight (UTC); integers of more than 64 bits are text.",
    ),
    is_open=True,
)
