"""The collections that hold the other files of a course: forum, structure, content, e-mail opt-ins, and tables that nobody declared."""

from __future__ import annotations

from edx_import.data_dictionary.entry import OF_COURSE_FILES, Entry, Field
from edx_import.store.collections import COURSE_CONTENT, COURSE_STRUCTURE, EMAIL_OPT_IN, FORUM, INDEXES, OTHER_PREFIX


def _same(name: str, type: str, meaning: str, *, personal: bool = False, is_open: bool = False) -> Field:
    """A field of the file under its own name."""
    return Field(name, type, meaning, f"`{name}`", personal, is_open)


_POST = (
    Field("post_id", "ObjectId", "the post's own id: what `thread_id`, `parent_id` and `parent_ids` refer to", "`_id`"),
    Field("kind", "string or null", "thread, response (to a thread), reply (to a response); null: something else", "`_type`, `parent_ids`"),
    Field("thread_id", "ObjectId or null", "the thread it belongs to; for a thread, its own `post_id`", "`_id`, `comment_thread_id`"),
    Field("author", "int or null", "auth_user.id of the author", "`author_id`"),
    _same("_type", "string", "CommentThread, Comment"),
    _same("author_id", "string or null", "auth_user.id of the author, as text"),
    _same("author_username", "string", "name of the author's account, also where the post is anonymous", personal=True),
    _same("retired_username", "string", "what it is called once the account is retired; newer", personal=True),
    _same("body", "string", "the text, Markdown", personal=True),
    _same("anonymous", "bool", "shown without the author's name"),
    _same("anonymous_to_peers", "bool", "shown with the author's name to the course team only"),
    _same("created_at", "date", "creation (UTC)"),
    _same("updated_at", "date", "last change (UTC)"),
    _same("votes", "object", "who likes it"),
    _same("votes.up", "array of strings", "ids of those who voted for it"),
    _same("votes.down", "array of strings", "not used"),
    _same("votes.up_count", "int", "votes for it"),
    _same("votes.down_count", "int", "not used"),
    _same("votes.count", "int", "votes"),
    _same("votes.point", "int", "votes for it"),
    _same("visible", "bool", "not used"),
    _same("at_position_list", "array", "not used", is_open=True),
    _same("abuse_flaggers", "array of strings", "ids of those who report it as abuse"),
    _same("historical_abuse_flaggers", "array of strings", "ids of those who once did"),
)

_THREAD = (
    _same("title", "string", "threads: the title", personal=True),
    _same("thread_type", "string", "threads: discussion, question; since 4 September 2014"),
    _same("commentable_id", "string", "threads (newer: all): the topic, of the course or of a discussion block"),
    _same("comment_count", "int", "threads: responses and replies"),
    _same("closed", "bool", "threads: no more responses"),
    _same("pinned", "bool", "threads: shown on top"),
    _same("tags_array", "array", "threads: not used", is_open=True),
    _same("last_activity_at", "date", "threads: last response or reply (UTC)"),
    _same("context", "string", "threads: course, or standalone for a team's; newer"),
    _same("group_id", "int or null", "threads: cohort that may see it; newer"),
)

_COMMENT = (
    _same("comment_thread_id", "ObjectId", "comments: the thread"),
    _same("parent_id", "ObjectId", "replies: the response"),
    _same("parent_ids", "array of ObjectIds", "comments: empty for a response; the response for a reply; more in very old courses"),
    _same("endorsed", "bool", "comments: marked as an answer, or as good"),
    _same("endorsement", "object or null", "comments: who marked it, since 4 September 2014; the text null occurs"),
    _same("endorsement.user_id", "string", "auth_user.id, as text"),
    _same("endorsement.time", "date", "when (UTC)"),
    _same("sk", "string", "comments: key for sorting"),
    _same("depth", "int", "comments: 0 for a response, 1 for a reply; newer"),
    _same("child_count", "int", "comments: replies; newer"),
)

_PLACES = tuple(
    field
    for place in ("chapter", "sequential", "vertical")
    for field in (
        Field(place, "object", f"the nearest {place}: the block itself, or an ancestor; absent where there is none", "`children`"),
        Field(f"{place}.id", "string", "its block key"),
        Field(f"{place}.name", "string or null", "its name"),
        Field(f"{place}.index", "int or null", "its place among its parent's children, from 1"),
    )
)

_BLOCK = (
    Field("block_id", "string", "block key", "key of the entry"),
    _same("category", "string or null", "course, chapter, sequential, vertical, problem, video, html, ...; open set"),
    _same("children", "array of strings", "block keys of its children, in order"),
    _same("metadata", "object", "settings made on this very block; keys are escaped as in events", is_open=True),
    _same("redacted_metadata", "array of strings", "research packages: names of settings that were taken out", is_open=True),
    Field("other", "object", "what else the entry holds; absent where there is nothing", is_open=True),
    Field("display_name", "string or null", "its name", "`metadata.display_name`"),
    Field("start", "date or null", "its own start (UTC); 2030 stands for none", "`metadata.start`"),
    Field("end", "date or null", "its own end (UTC)", "`metadata.end`"),
    Field("due", "date or null", "its own due date (UTC)", "`metadata.due`"),
    Field("index", "int or null", "its place among its parent's children, from 1; null without parent", "`children`"),
    Field("ancestors", "array of objects", "from the course down to its parent, 50 at most", "`children`"),
    Field("ancestors.id", "string", "block key"),
    Field("ancestors.category", "string or null", "category"),
    Field("ancestors.name", "string or null", "name"),
    Field("ancestors.index", "int or null", "place among its parent's children, from 1"),
    Field("inherited", "object", "what the nearest ancestor with a value says", "`metadata` of ancestors"),
    Field("inherited.format", "string", "kind of assignment"),
    Field("inherited.graded", "bool", "counts for the grade"),
    Field("inherited.due", "date", "due date (UTC)"),
    Field("inherited.start", "date", "start (UTC)"),
    *_PLACES,
)

FORUM_ENTRY = Entry(
    name=FORUM,
    holds="the threads, responses and replies of a course's forum",
    id="site|ObjectId of the post",
    source="`{course}-{prod|edge}.mongo`",
    common=OF_COURSE_FILES,
    indexes=INDEXES[FORUM],
    fields=_POST + _THREAD + _COMMENT,
    is_open=True,
)

STRUCTURE_ENTRY = Entry(
    name=COURSE_STRUCTURE,
    holds="the blocks of a course, each with its place in it",
    id="site|course id|block key",
    source="`{course}-course_structure-{site}.json`",
    common=("site", "course_id", "import", "original"),
    indexes=INDEXES[COURSE_STRUCTURE],
    notes=("Settings of a course's `course` block are also in `courses.package`.",),
    fields=_BLOCK,
)

CONTENT_ENTRY = Entry(
    name=COURSE_CONTENT,
    holds="the files of a course's content (OLX): what learners see, and the grading policy",
    id="site|course id|path",
    source="`{course}-course-{site}.xml.tar.gz`: the XML, HTML and JSON files in it, without static files, assets and drafts",
    common=("site", "course_id", "import", "original"),
    fields=(
        Field("path", "string", "path of the file below the archive's top folder", "name in the archive"),
        Field("kind", "string", "its folder (problem, video, html, about, ...); root for course.xml; policy, grading_policy", "name in the archive"),
        Field("url_name", "string", "its name in the course, the last part of an old block key; for a policy, the run", "name in the archive"),
        Field("text", "string", "exactly what the file holds", "the file"),
        Field("attributes", "object", "XML: those of the root element; keys are escaped as in events", "the file", is_open=True),
        Field("children", "array of strings", "XML: url_names of the elements right below the root, in order", "the file"),
        Field("content", "any", "JSON: what it says; keys are escaped as in events", "the file", is_open=True),
    ),
)

EMAIL_ENTRY = Entry(
    name=EMAIL_OPT_IN,
    holds="who of each course wants mail from the institution, one row per enrolment",
    id="site|course id|user_id (in older files the e-mail address)",
    source="`{org}-email_opt_in-{site}.csv`; edx.org only, never in research packages",
    common=("site", "import", "original"),
    fields=(
        _same("course_id", "string", "course key"),
        _same("user_id", "int or null", "auth_user.id; since January 2017"),
        _same("username", "string", "name of the account; since January 2017", personal=True),
        _same("email", "string", "e-mail address", personal=True),
        _same("full_name", "string", "full name, may be empty", personal=True),
        _same("is_opted_in_for_email", "bool or null", "wants mail from the institution; null: never chose, which counts as yes"),
        _same("preference_set_datetime", "date or null", "when the learner chose (UTC); 1 December 2014 in older files where none did"),
    ),
    notes=("A learner has a row for each course, with the same choice in all.",),
    is_open=True,
)

OTHER_ENTRY = Entry(
    name=f"{OTHER_PREFIX}<name>",
    holds="the rows of a table that nobody declared, called `<name>` in the names of its files",
    id="site|course id|hash of the row|its number among equal rows",
    source="`{course}-<name>-{site}.sql`",
    common=OF_COURSE_FILES,
    notes=("Every column is a field of its name (dots and a dollar sign in front escaped), a string; `NULL` is null.",),
    fields=(),
    is_open=True,
)
