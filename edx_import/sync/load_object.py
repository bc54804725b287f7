"""One object from the source into the database, start to finish. Safe to repeat: the same object gives the same documents.

The order is fetch, verify, load, and only then mark as loaded, so that a crash anywhere before means doing it again and nothing else.
"""

from __future__ import annotations

import time
from dataclasses import replace

from edx_import.errors import EdxImportError, Interrupted, LockHeldError, UnexpectedError
from edx_import.model import ImportState, ObjectKind
from edx_import.progress import Step
from edx_import.sync.attempt import Attempt
from edx_import.sync.fetch import fetched
from edx_import.sync.load_database import load_database
from edx_import.sync.load_events import load_events
from edx_import.sync.load_rdx import load_rdx
from edx_import.sync.outcome import ObjectOutcome
from edx_import.sync.plan import Task
from edx_import.sync.tools import Tools

_LOADERS = {ObjectKind.EVENTS: load_events, ObjectKind.DATABASE: load_database, ObjectKind.EMAIL: load_database, ObjectKind.RDX: load_rdx}


def load_object(task: Task, tools: Tools) -> ObjectOutcome:
    """Loads one object and records it. What goes wrong with it becomes a failed outcome, a bug included, so that the other objects go on.

    Raises Interrupted when the work is to end, LockHeldError, and StoreError when it cannot even be recorded.
    """
    started = time.monotonic()
    attempt = Attempt.begin(task, tools)
    outcome = attempt.outcome
    tools.at(Step.STARTED, attempt.key)
    tools.progress.start(attempt.key, task.delivered.size)
    try:
        _deliver(attempt)
        outcome.state = ImportState.FAILED if outcome.error else ImportState.LOADED
    except LockHeldError:
        raise
    except Interrupted as error:
        attempt.stopped(error)
        raise
    except EdxImportError as error:
        outcome.state, outcome.error = ImportState.FAILED, error
    except Exception as error:
        outcome.state, outcome.error = ImportState.FAILED, UnexpectedError.of(error, "The other objects are not affected.")
    outcome.seconds = time.monotonic() - started
    attempt.end()
    tools.progress.finish(outcome.key, outcome.line)
    return outcome


def _deliver(attempt: Attempt) -> None:
    """Fetches, then hands the sealed file to the loader of its kind."""
    task, tools = attempt.task, attempt.tools

    def advance(size: int) -> None:
        tools.progress.advance(attempt.key, size)
        tools.at(Step.FETCHING, attempt.key)

    attempt.enter(ImportState.FETCHING)
    with fetched(tools.source, task.delivered, tools.scratch, tools.keep, advance) as sealed:
        tools.at(Step.FETCHED, attempt.key)
        content_hash = _LOADERS[task.delivered.name.kind](attempt, sealed)
    attempt.record = replace(attempt.record, content_hash=content_hash or attempt.record.content_hash)
