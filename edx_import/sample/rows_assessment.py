"""The rows of the 21 tables of open response assessment, joined as the real ones are.

A submission belongs to a student item; assessments, workflows and feedback refer to the submission's uuid; students and scorers are
anonymous ids of the course; rubrics repeat in every course.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from edx_import.sample.courses import digest
from edx_import.sample.offering import Offering
from edx_import.sample.rows_learner import anonymous_id
from edx_import.sample.table_files import Row

COLUMNS: Final = {
    "assessment_assessment": "id submission_uuid rubric_id scored_at scorer_id score_type feedback",
    "assessment_assessmentpart": "id assessment_id criterion_id option_id feedback",
    "assessment_assessmentfeedback": "id submission_uuid feedback_text",
    "assessment_assessmentfeedback_assessments": "id assessmentfeedback_id assessment_id",
    "assessment_assessmentfeedback_options": "id assessmentfeedback_id assessmentfeedbackoption_id",
    "assessment_assessmentfeedbackoption": "id text",
    "assessment_criterion": "id rubric_id name label order_num prompt",
    "assessment_criterionoption": "id criterion_id order_num points name label explanation",
    "assessment_rubric": "id content_hash structure_hash",
    "assessment_peerworkflow": "id student_id item_id course_id submission_uuid created_at completed_at grading_completed_at cancelled_at",
    "assessment_peerworkflowitem": "id scorer_id author_id submission_uuid started_at assessment_id scored",
    "assessment_studenttrainingworkflow": "id submission_uuid student_id item_id course_id",
    "assessment_studenttrainingworkflowitem": "id workflow_id order_num started_at completed_at training_example_id",
    "assessment_trainingexample": "id rubric_id raw_answer content_hash",
    "assessment_trainingexample_options_selected": "id trainingexample_id criterionoption_id",
    "submissions_studentitem": "id student_id course_id item_id item_type",
    "submissions_submission": "id uuid student_item_id attempt_number submitted_at created_at raw_answer status team_submission_id",
    "submissions_score": "id student_item_id submission_id points_earned points_possible created_at reset",
    "submissions_scoresummary": "id student_item_id highest_id latest_id",
    "workflow_assessmentworkflow": "id created modified status status_changed submission_uuid uuid course_id item_id",
    "workflow_assessmentworkflowstep": "id workflow_id name submitter_completed_at assessment_completed_at order_num",
}

RUBRIC_ID: Final = 7
RUBRIC_HASH: Final = digest("rubric") + "0" * 8
CRITERIA: Final = ("Ideas", "Style. And $form")
OPTIONS: Final = ("Poor", "Good")
TRAINING_ID: Final = 3
_FEEDBACK_OPTION: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One learner's answer to a course's assessment, and who (an earlier one) assessed it. `key` is the base of all its row ids."""

    key: int
    student: str
    scorer: str
    item: str
    course_id: str
    uuid: str
    at: datetime
    text: str
    points: int

    @property
    def option_ids(self) -> tuple[int, ...]:
        """The option chosen for each criterion."""
        return tuple(_option_id(number, min(self.points, 1)) for number in range(len(CRITERIA)))


def answers_of(offering: Offering) -> list[Answer]:
    """The answers that exist by then: about one in five of those who study."""
    item = offering.by_category["openassessment"][0].key
    answers: list[Answer] = []
    for one in offering.studying[::5]:
        rng = offering.rng("answer", one.learner.index)
        at = offering.moment(rng, one.created + timedelta(hours=1))
        if at < offering.until:
            student = anonymous_id(offering, one.learner.id)
            uuid = digest(offering.course.id, offering.site, one.learner.id, "submission")
            uuid = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
            scorer = answers[-1].student if answers else student
            text = rng.choice(("My answer:\n\n\tone \\ two", '«Sí», dijo. "No" 🦊', ""))
            answers.append(Answer(one.id * 10, student, scorer, item, offering.course.id, uuid, at, text, rng.randrange(3)))
    return answers


def assessment_rows(offering: Offering, task: str) -> Iterator[Row]:
    """The rows of one of the tables in COLUMNS."""
    if task in _FIXED:
        yield from (dict(zip(COLUMNS[task].split(), cells, strict=True)) for cells in _FIXED[task])
        return
    for answer in answers_of(offering):
        for cells in _PER_ANSWER[task](answer):
            yield dict(zip(COLUMNS[task].split(), cells, strict=True))


Cells = list[tuple[str | int | float | bool | datetime | None, ...]]


def _option_id(criterion: int, option: int) -> int:
    return 100 + criterion * 10 + option


def raw_answer(text: str) -> str:
    """An answer as JSON text."""
    return json.dumps({"parts": [{"text": text}], "file_keys": [], "files_descriptions": []})


_FIXED: Final[dict[str, Cells]] = {
    "assessment_rubric": [(RUBRIC_ID, RUBRIC_HASH, RUBRIC_HASH[::-1])],
    "assessment_criterion": [(10 + n, RUBRIC_ID, name, name, n, f"How good is it?\n{name}") for n, name in enumerate(CRITERIA)],
    "assessment_criterionoption": [
        (_option_id(n, m), 10 + n, m, m, name, name, "because") for n in range(len(CRITERIA)) for m, name in enumerate(OPTIONS)
    ],
    "assessment_assessmentfeedbackoption": [(_FEEDBACK_OPTION, "These assessments were useful.")],
    "assessment_trainingexample": [(TRAINING_ID, RUBRIC_ID, raw_answer("An example\nof an answer"), digest("example") + "0" * 8)],
    "assessment_trainingexample_options_selected": [(1 + n, TRAINING_ID, _option_id(n, 1)) for n in range(len(CRITERIA))],
}


def _assessments(a: Answer) -> Cells:
    return [
        (a.key, a.uuid, RUBRIC_ID, a.at + timedelta(hours=1), a.scorer, "PE", "Well\tdone"),
        (a.key + 1, a.uuid, RUBRIC_ID, a.at + timedelta(hours=2), a.student, "SE", ""),
    ]


def _parts(a: Answer) -> Cells:
    return [(a.key + 5 * assessment + n, a.key + assessment, 10 + n, option, "") for assessment in (0, 1) for n, option in enumerate(a.option_ids)]


def _peer_workflow(a: Answer) -> Cells:
    return [(a.key, a.student, a.item, a.course_id, a.uuid, a.at, a.at + timedelta(hours=1), None, None)]


def _training(a: Answer) -> Cells:
    return [(a.key, a.uuid, a.student, a.item, a.course_id)]


def _training_item(a: Answer) -> Cells:
    return [(a.key, a.key, 0, a.at, a.at + timedelta(minutes=5), TRAINING_ID)]


def _submission(a: Answer) -> Cells:
    return [(a.key, a.uuid, a.key, 1, a.at, a.at, raw_answer(a.text), "A", None)]


def _workflow(a: Answer) -> Cells:
    done = a.at + timedelta(hours=2)
    return [(a.key, a.at, done, "done" if a.points else "peer", done, a.uuid, a.uuid.replace("-", "")[::-1], a.course_id, a.item)]


def _steps(a: Answer) -> Cells:
    finished = a.at + timedelta(hours=1) if a.points else None
    return [(a.key + n, a.key, name, a.at, finished, n) for n, name in enumerate(("training", "peer", "self"))]


_PER_ANSWER: Final[dict[str, Callable[[Answer], Cells]]] = {
    "assessment_assessment": _assessments,
    "assessment_assessmentpart": _parts,
    "assessment_assessmentfeedback": lambda a: [(a.key, a.uuid, "Thank you,\nwhoever you are")],
    "assessment_assessmentfeedback_assessments": lambda a: [(a.key, a.key, a.key)],
    "assessment_assessmentfeedback_options": lambda a: [(a.key, a.key, _FEEDBACK_OPTION)],
    "assessment_peerworkflow": _peer_workflow,
    # The exporter picks these by the wrong column: they are rows of others, unrelated to the course.
    "assessment_peerworkflowitem": lambda a: [(a.key + 1, 99_000_001, 99_000_002, digest(a.uuid, "other"), a.at, a.key, True)],
    "assessment_studenttrainingworkflow": _training,
    "assessment_studenttrainingworkflowitem": _training_item,
    "submissions_studentitem": lambda a: [(a.key, a.student, a.course_id, a.item, "openassessment")],
    "submissions_submission": _submission,
    "submissions_score": lambda a: [(a.key, a.key, a.key, a.points, 2, a.at + timedelta(hours=2), False)],
    "submissions_scoresummary": lambda a: [(a.key, a.key, a.key, a.key)],
    "workflow_assessmentworkflow": _workflow,
    "workflow_assessmentworkflowstep": _steps,
}
