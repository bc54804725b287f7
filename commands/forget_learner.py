"""Take one learner out of every collection of a site, and keep the learner out.

The learner is given by user id, username or e-mail address. Rows of the learner's go: accounts, enrolments, grades, answers and what others
said of them, events, posts. Where rows of others name the learner, the name goes. With `--pseudonymise` the learner's rows stay, without
personal details and under a number that tells nothing; no sync changes or removes them any more.

First it says what it would do, then it asks; `--yes` skips both, `--dry-run` stops before the question. A keyed hash of the user id, the
username, the e-mail address and whatever else names the learner stays in the collection `meta`: rows that match are counted as filtered by
every later sync, `--force` or not. `--let-return` takes it away. docs/privacy.md tells the limits.
"""

from __future__ import annotations

from typing import Annotated

from edx_import.api import Argument, Column, Context, Option, Report, UsageError, privacy

WRITES = True
COLUMNS = (
    Column("collection", str, "where"),
    Column("documents", int, "the learner's documents that were removed (--pseudonymise: put under a number); with --dry-run: would be"),
    Column("mentions", int, "documents of others that named the learner, and no longer do"),
)


def run(
    context: Context,
    *,
    learner: Annotated[str, Argument("user id, username or e-mail address")],
    by: Annotated[str | None, Option("which of them it is: user_id, username or email")] = None,
    pseudonymise: Annotated[bool, Option("put the learner's rows under a number instead")] = False,
    dry_run: Annotated[bool, Option("only say what would be done")] = False,
    yes: Annotated[bool, Option("do not ask")] = False,
    let_return: Annotated[bool, Option("have later syncs bring the learner back; removes nothing")] = False,
) -> Report:
    context.refuse_days("a learner is forgotten as a whole")
    if context.orgs or context.course:
        raise UsageError("a learner cannot be forgotten in single courses", "It is done to the whole site: leave --org and --course out.")
    known = privacy.forgotten_before(context, learner, by)
    if let_return:
        return _let_return(context, known)
    found = privacy.find_learner(context, learner, by)
    if found is None and not known:
        hint = "Check the spelling, and --site; a learner of whom nothing is in the database cannot be told from a typing error."
        raise UsageError(f"nobody on site {context.site} has this user id, username or e-mail address", hint)
    whom = found or privacy.Learner(context.site, None)
    if pseudonymise and whom.number is None:
        raise UsageError("this learner was forgotten before, and is known by a hash only", "Leave --pseudonymise out: what is left is removed.")

    def preview() -> Report:
        return Report(COLUMNS, privacy.forget(context, whom, known, pseudonymise=pseudonymise, dry_run=True))

    if dry_run:
        return preview()
    if not context.agreed(yes, preview, "Forget this learner? It cannot be undone"):
        context.say("nothing was changed")
        return Report(COLUMNS, [])
    # all of it at once: who reads only the beginning of the report must not stop the work
    return Report(COLUMNS, list(privacy.forget(context, whom, known, pseudonymise=pseudonymise, dry_run=False)))


def _let_return(context: Context, known: frozenset[bytes]) -> Report:
    if not context.writer.privacy.remember(context.site, known):
        raise UsageError(f"nobody who was forgotten on site {context.site} is known by this", "Give the user id.")
    context.say("`sync --force` brings the learner back")
    return Report(COLUMNS, [])
