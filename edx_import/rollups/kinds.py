"""What an event is counted as, by its type: the rules of docs/rollups.md.

The rules are regular expressions that mean the same to MongoDB and to Python. Of the types that are logged by name (there are some two hundred) the
common ones are known beforehand: what they are is looked up (MongoDB makes a hash table of a constant list), and only paths and other names are held
against the expressions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Expression = dict[str, Any]

#: The path of a course's page up to what follows the course: either form of the id, the new one also percent-encoded.
_COURSE_PATH: Final = r"^/courses/(?:(?:course|ccx)-v1(?::|%3[Aa])[^/]+|[^/]+/[^/]+/[^/]+)"

#: The end of the text; a `$` alone would also be before a newline that ends it.
_END: Final = r"$(?!\n)"


@dataclass(frozen=True, slots=True)
class Rule:
    """A type belongs here when it has one of the texts in it (a quick test) and matches the expression. `of_paths`: it has to be a path or a name."""

    pattern: str
    texts: tuple[str, ...]
    of_paths: bool | None = None

    def takes(self, event_type: str) -> bool:
        """Whether a type belongs here."""
        return (
            self.of_paths in (None, is_path(event_type))
            and any(text in event_type for text in self.texts)
            and bool(re.search(self.pattern, event_type))
        )

    def expression(self, value: str, of_paths: bool) -> Expression | None:
        """The same for MongoDB, of a value that is text and known to be a path, or a name; None when it cannot be."""
        if self.of_paths not in (None, of_paths):
            return None
        quick: list[Expression] = [{"$gte": [{"$indexOfBytes": [value, text]}, 0]} for text in self.texts]
        return {"$and": [quick[0] if len(quick) == 1 else {"$or": quick}, {"$regexMatch": {"input": value, "regex": self.pattern}}]}


def is_path(event_type: str) -> bool:
    """Whether it is the path of a request: an implicit event."""
    return event_type.startswith("/")


#: The classes of types of which there are many. An event is in the first one that takes it.
XBLOCK, ENROLLMENT, FORUM_CREATED, PROGRESS, THREAD, FORUM = range(1, 7)
CLASSES: Final = {
    XBLOCK: Rule("/xblock/", ("/xblock/",)),
    ENROLLMENT: Rule(r"^edx\.course\.enrollment\.", ("edx.course.enrollment.",), False),
    FORUM_CREATED: Rule(r"^edx\.forum\..*\.created" + _END, (".created",), False),
    PROGRESS: Rule(_COURSE_PATH + rf"/progress(?:[/?]|{_END})", ("/progress",), True),
    THREAD: Rule(_COURSE_PATH + r"/discussion/forum/[^/]+/threads/[^/?]+", ("/threads/",), True),
    FORUM: Rule(_COURSE_PATH + r"/discussion/", ("/discussion/",), True),
}

#: The four kinds of time on task; an event that fits several is of the first. MIT's expressions, with ours for the forum, of which MIT's is not told.
TASKS: Final = ("video", "problem", "forum", "text")
TASK_RULES: Final = {
    "video": Rule("[A-Za-z0-9_]+_(?:video|transcript)", ("_video", "_transcript")),
    "problem": Rule("problem_[A-Za-z0-9_]+", ("problem_",)),
    "forum": Rule(r"^edx\.forum\.|/discussion/", ("edx.forum.", "/discussion/")),
    "text": Rule(r"^textbook\.|/wiki/", ("textbook.", "/wiki/")),
}

#: Names that are common enough to be looked up. A name that is missing here is counted all the same.
NAMES: Final = tuple(
    """
    load_video play_video pause_video seek_video stop_video complete_video speed_change_video show_transcript hide_transcript video_show_cc_menu
    video_hide_cc_menu edx.video.closed_captions.shown edx.video.closed_captions.hidden edx.video.bumper.loaded edx.video.bumper.played
    edx.video.bumper.stopped seq_goto seq_next seq_prev edx.ui.lms.sequence.tab_selected edx.ui.lms.sequence.next_selected
    edx.ui.lms.sequence.previous_selected edx.ui.lms.link_clicked edx.ui.lms.outline.selected edx.ui.lms.jump_nav.selected page_close
    edx.bookmark.accessed edx.bookmark.added edx.bookmark.removed edx.bookmark.listed edx.course.tool.accessed problem_check save_problem_check
    problem_check_fail problem_reset problem_save problem_graded problem_show showanswer show_answer reset_problem save_problem_success
    save_problem_fail problem_rescore edx.problem.hint.demandhint_displayed edx.problem.hint.feedback_displayed edx.grades.problem.submitted
    edx.grades.problem.rescored edx.grades.subsection.grade_calculated edx.grades.course.grade_calculated edx.forum.thread.viewed
    edx.forum.thread.created edx.forum.response.created edx.forum.comment.created edx.forum.thread.voted edx.forum.response.voted edx.forum.searched
    edx.course.enrollment.activated edx.course.enrollment.deactivated edx.course.enrollment.mode_changed edx.certificate.created book
    textbook.pdf.page.loaded textbook.pdf.page.navigatednext textbook.pdf.page.scrolled textbook.pdf.thumbnails.toggled
    openassessmentblock.save_submission openassessmentblock.create_submission openassessmentblock.get_peer_submission openassessmentblock.peer_assess
    openassessmentblock.self_assess edx.done.toggled xblock.poll.submitted xblock.poll.view_results edx.team.page_viewed
    """.split()
)

_OTHER: Final = -1


def class_of(event_type: str) -> int:
    """The class of a type; 0 for none."""
    return next((number for number, rule in CLASSES.items() if rule.takes(event_type)), 0)


def task_of(event_type: str) -> int:
    """The kind of time on task of a type: its place in `TASKS`, from 1; 0 for none."""
    return next((number for number, task in enumerate(TASKS, 1) if TASK_RULES[task].takes(event_type)), 0)


def kind_expression(value: str) -> Expression:
    """`class_of` and `task_of` for MongoDB, of a value that is text: an object with `class` and `task`.

    The list of what is known ends with what stands for names that are not in it: so it is indexed by the -1 that they give.
    """
    known = [{"class": class_of(name), "task": task_of(name)} for name in NAMES]
    found = {"$arrayElemAt": [[*known, _OTHER], {"$indexOfArray": [list(NAMES), value]}]}
    named = {"$let": {"vars": {"n": found}, "in": {"$cond": [{"$eq": ["$$n", _OTHER]}, _held_against(value, False), "$$n"]}}}
    # "0" is the character after "/"
    return {"$cond": [{"$and": [{"$gte": [value, "/"]}, {"$lt": [value, "0"]}]}, _held_against(value, True), named]}


def _held_against(value: str, of_paths: bool) -> Expression:
    tasks = {number: TASK_RULES[task] for number, task in enumerate(TASKS, 1)}
    return {"class": _switch(value, CLASSES, of_paths), "task": _switch(value, tasks, of_paths)}


def _switch(value: str, rules: Mapping[int, Rule], of_paths: bool) -> Expression:
    cases = [(number, rule.expression(value, of_paths)) for number, rule in rules.items()]
    return {"$switch": {"branches": [{"case": case, "then": number} for number, case in cases if case], "default": 0}}
