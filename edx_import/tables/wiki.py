"""The wiki of a course. It belongs to the course's number, so that files of other runs, even of other organisations, hold the same rows."""

from __future__ import annotations

from edx_import.tables.columns import date, flag, integer, personal, row_number, text
from edx_import.tables.spec import Table

WIKI_ARTICLE = Table(
    name="wiki_article",
    meaning="articles of the wiki, which all courses of one number have in common",
    key=("id",),
    shared=True,
    columns=(
        row_number(),
        integer("current_revision_id", "wiki_articlerevision.id"),
        date("created", "creation"),
        date("modified", "last change"),
        integer("owner_id", "auth_user.id"),
        integer("group_id", "a group of the platform"),
        flag("group_read", "the group may read it"),
        flag("group_write", "the group may change it"),
        flag("other_read", "everybody may read it"),
        flag("other_write", "everybody may change it"),
    ),
)

WIKI_REVISION = Table(
    name="wiki_articlerevision",
    meaning="the versions of each article of the wiki",
    key=("id",),
    shared=True,
    columns=(
        row_number(),
        integer("revision_number", "1, 2, ... within the article"),
        personal("user_message", "what the author said of the change", required=True),
        text("automatic_log", "what the platform said of it", required=True),
        personal("ip_address", "of an author who was not logged in"),
        integer("user_id", "auth_user.id of the author"),
        date("modified", "last change"),
        date("created", "creation"),
        integer("previous_revision_id", "wiki_articlerevision.id"),
        flag("deleted", "the article is deleted"),
        flag("locked", "the article is locked"),
        integer("article_id", "wiki_article.id"),
        personal("content", "the text, Markdown or HTML", required=True),
        personal("title", "the title", required=True),
    ),
)

WIKI_TABLES = (WIKI_ARTICLE, WIKI_REVISION)
