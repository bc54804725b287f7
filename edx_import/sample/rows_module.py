"""The rows of `courseware_studentmodule`: what learners did in the blocks of a course."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from edx_import.sample.courses import digest
from edx_import.sample.enrollment import Enrollment
from edx_import.sample.offering import Offering
from edx_import.sample.structure import Block
from edx_import.sample.table_files import Row

STUDENT_MODULE: Final = ("id", "module_type", "module_id", "student_id", "state", "grade", "created", "modified", "max_grade", "done", "course_id")

ANSWERS: Final = ("choice_0", "choice_1", "C:\\new\\table", 'say "sí"', "two\nlines\tand a tab", "½ 🦊", "a\\nb", "", "3.14")

#: Blocks whose state is not kept.
_STATELESS: Final = ("vertical", "html", "discussion")

#: Beyond 32 bits, as the ids of the real table are.
_FIRST_ID: Final = 5_000_000_000


def module_rows(offering: Offering) -> Iterator[Row]:
    """One per learner and visited block. Some rows go away (an instructor resets a state) when the event days begin."""
    for enrollment in offering.studying:
        yield from _visited(offering, enrollment)


def _visited(offering: Offering, enrollment: Enrollment) -> Iterator[Row]:
    rng = offering.rng("modules", enrollment.learner.index)
    wanted = rng.randrange(1, 2 * offering.recipe.blocks_per_learner)
    moment = enrollment.created
    for number, block in enumerate(offering.blocks):
        if block.category in _STATELESS or (number and rng.random() < 0.2):
            continue
        wanted -= 1
        moment += timedelta(seconds=round(20 + rng.expovariate(1 / 7200), 6))
        if wanted < 0 or moment >= offering.until:
            return
        row = _row(offering, rng, enrollment, number, block, moment)
        reset = offering.recipe.events_begin if rng.random() < 0.03 and number else None
        if reset is None or not moment < reset <= offering.until:
            yield row


def _row(offering: Offering, rng: Random, enrollment: Enrollment, number: int, block: Block, created: datetime) -> Row:
    state, grade = _state(rng, block)
    modified = offering.moment(rng, created + timedelta(seconds=5))
    seen = modified < offering.until
    return {
        "id": _FIRST_ID + enrollment.id * 1000 + number,
        "module_type": block.category,
        "module_id": block.key,
        "student_id": enrollment.learner.id,
        "state": state if seen or block.is_container else "{}",
        "grade": grade if seen else None,
        "created": created,
        "modified": modified if seen else created,
        "max_grade": None if grade is None or not seen else block.metadata.get("weight", 1.0),
        "done": "na",
        "course_id": offering.course.id,
    }


def _state(rng: Random, block: Block) -> tuple[str | None, float | None]:
    """The state as JSON text, or NULL; and the raw points."""
    if rng.random() < 0.02:
        return None, None
    if block.category == "problem":
        correct = rng.random() < 0.6
        state = problem_state(rng, block, correct)
        return _json(rng, state), float(block.metadata["weight"]) if correct else 0.0
    return _json(rng, _STATES.get(block.category, _position)(rng, block)), None


def _json(rng: Random, state: dict[str, Any]) -> str:
    """JSON text; now and then with a raw TAB between tokens, which is legal, and hard on readers."""
    text = json.dumps(state)
    return text.replace(": ", ":\t", 1) if rng.random() < 0.02 else text


def problem_state(rng: Random, block: Block, correct: bool) -> dict[str, Any]:
    """The state of a problem that was answered: its inner keys begin with digits or `i4x-`, and one has dots."""
    answer_id = f"{block.html_id}_2_1"
    answer: str | list[str] = rng.choice(ANSWERS) if rng.random() < 0.8 else ["choice_1", "choice_3"]
    return {
        "attempts": rng.randrange(1, 4),
        "done": True,
        "seed": 1,
        "student_answers": {answer_id: answer, f"{answer_id}_dynamath": "x"} if rng.random() < 0.1 else {answer_id: answer},
        "correct_map": {answer_id: correctness(correct)},
        "input_state": {answer_id: {}, "draft.v1": {"$ref": None}} if rng.random() < 0.05 else {answer_id: {}},
        "last_submission_time": "2020-01-06T09:05:00Z",
    }


def correctness(correct: bool) -> dict[str, Any]:
    """An entry of a correct_map."""
    return {
        "correctness": "correct" if correct else "incorrect",
        "npoints": None,
        "msg": "",
        "hint": "",
        "hintmode": None,
        "queuestate": None,
        "answervariable": None,
    }


def _position(rng: Random, block: Block) -> dict[str, Any]:
    return {"position": rng.randrange(1, max(2, len(block.children) + 1))}


def _video(rng: Random, block: Block) -> dict[str, Any]:
    return {
        "saved_video_position": f"00:{rng.randrange(60):02d}:{rng.randrange(60):02d}",
        "speed": rng.choice((1.0, 1.5, None)),
        "transcript_language": "es",
    }


def _poll(rng: Random, block: Block) -> dict[str, Any]:
    return {"choice": rng.choice("RBG"), "submissions_count": 1}


def _assessment(rng: Random, block: Block) -> dict[str, Any]:
    return {"submission_uuid": digest(rng.random()), "has_saved": False, "saved_response": json.dumps({"parts": [{"text": 'draft "one"\n'}]})}


_STATES: Final[dict[str, Callable[[Random, Block], dict[str, Any]]]] = {"video": _video, "poll": _poll, "openassessment": _assessment}
