"""Open response assessments: what learners hand in, who assesses it by which rubric, and how far each has come.

    submissions_submission.student_item_id -> submissions_studentitem.id
    submissions_submission.uuid = submission_uuid of assessments, workflows and feedback
    submissions_studentitem.student_id = student_anonymoususerid.anonymous_user_id

All are delivered since 13 December 2015, each with the columns that the platform's table then had.
"""

from __future__ import annotations

from edx_import.tables.columns import course_key, date, flag, integer, json_text, personal, row_number, text
from edx_import.tables.spec import ColumnSpec, Table

_PERIOD = "since 13 December 2015"


def _table(name: str, meaning: str, *columns: ColumnSpec, shared: bool = False, broken: str = "") -> Table:
    return Table(name, meaning, (row_number(), *columns), key=("id",), shared=shared, broken=broken, period=_PERIOD)


def _student(name: str = "student_id") -> ColumnSpec:
    return personal(name, "student_anonymoususerid.anonymous_user_id", required=True)


def _submission() -> ColumnSpec:
    return text("submission_uuid", "submissions_submission.uuid")


def _block() -> ColumnSpec:
    return text("item_id", "block key of the assessment")


def _rubric() -> ColumnSpec:
    return integer("rubric_id", "assessment_rubric.id")


_ASSESSMENTS = (
    _table(
        "assessment_assessment",
        "assessments of submissions, by peers, the learner or staff",
        _submission(),
        _rubric(),
        date("scored_at", "when it was made"),
        _student("scorer_id"),
        text("score_type", "PE: by a peer, SE: by the learner, ST: by staff"),
        personal("feedback", "free text of who assessed", required=True),
    ),
    _table(
        "assessment_assessmentpart",
        "an assessment's choice for each criterion",
        integer("assessment_id", "assessment_assessment.id"),
        integer("criterion_id", "assessment_criterion.id"),
        integer("option_id", "assessment_criterionoption.id; null where the criterion asks for text only"),
        personal("feedback", "free text of who assessed", required=True),
    ),
    _table(
        "assessment_assessmentfeedback",
        "what learners say of the assessments that they got",
        _submission(),
        personal("feedback_text", "free text of the learner", required=True),
    ),
    _table(
        "assessment_assessmentfeedback_assessments",
        "which assessments such feedback is about",
        integer("assessmentfeedback_id", "assessment_assessmentfeedback.id"),
        integer("assessment_id", "assessment_assessment.id"),
    ),
    _table(
        "assessment_assessmentfeedback_options",
        "which ready-made opinions were ticked in such feedback",
        integer("assessmentfeedback_id", "assessment_assessmentfeedback.id"),
        integer("assessmentfeedbackoption_id", "assessment_assessmentfeedbackoption.id"),
    ),
    _table(
        "assessment_assessmentfeedbackoption",
        "the ready-made opinions",
        text("text", "what it says", required=True),
        shared=True,
    ),
)

_RUBRICS = (
    _table(
        "assessment_rubric",
        "rubrics",
        text("content_hash", "hash of all that it says"),
        text("structure_hash", "hash of its criteria and options without their wording"),
        shared=True,
    ),
    _table(
        "assessment_criterion",
        "the criteria of a rubric",
        _rubric(),
        text("name", "its name", required=True),
        text("label", "its name as learners see it", required=True),
        integer("order_num", "its place, from 0"),
        text("prompt", "what it asks", required=True),
        shared=True,
    ),
    _table(
        "assessment_criterionoption",
        "the options of a criterion",
        integer("criterion_id", "assessment_criterion.id"),
        integer("order_num", "its place, from 0"),
        integer("points", "what it is worth"),
        text("name", "its name", required=True),
        text("label", "its name as learners see it", required=True),
        text("explanation", "when to choose it", required=True),
        shared=True,
    ),
)

_PEERS_AND_TRAINING = (
    _table(
        "assessment_peerworkflow",
        "how far a learner has come in assessing others",
        _student(),
        _block(),
        course_key(),
        _submission(),
        date("created_at", "begun"),
        date("completed_at", "has assessed enough others"),
        date("grading_completed_at", "was assessed by enough others"),
        date("cancelled_at", "taken out by staff"),
    ),
    _table(
        "assessment_peerworkflowitem",
        "who was given whose submission to assess",
        integer("scorer_id", "assessment_peerworkflow.id of who assesses"),
        integer("author_id", "assessment_peerworkflow.id of who is assessed"),
        _submission(),
        date("started_at", "when it was given"),
        integer("assessment_id", "assessment_assessment.id; null: not done"),
        flag("scored", "counted for the score"),
        broken="The exporter picks its rows by comparing assessment_id with ids of peer workflows: they have nothing to do with the course.",
    ),
    _table(
        "assessment_studenttrainingworkflow",
        "learners who practise assessing",
        _submission(),
        _student(),
        _block(),
        course_key(),
    ),
    _table(
        "assessment_studenttrainingworkflowitem",
        "the examples that a learner practised on",
        integer("workflow_id", "assessment_studenttrainingworkflow.id"),
        integer("order_num", "its place, from 0"),
        date("started_at", "when it was shown"),
        date("completed_at", "when it was assessed as staff had done"),
        integer("training_example_id", "assessment_trainingexample.id"),
    ),
    _table(
        "assessment_trainingexample",
        "examples to practise on, assessed by staff",
        _rubric(),
        json_text("raw_answer", "the example, as raw_answer of a submission"),
        text("content_hash", "hash of all that it says"),
        shared=True,
    ),
    _table(
        "assessment_trainingexample_options_selected",
        "what staff chose for an example",
        integer("trainingexample_id", "assessment_trainingexample.id"),
        integer("criterionoption_id", "assessment_criterionoption.id"),
        shared=True,
    ),
)

_SUBMISSIONS = (
    _table(
        "submissions_studentitem",
        "learners and the assessments that they work on",
        _student(),
        course_key(),
        _block(),
        text("item_type", "block type"),
    ),
    _table(
        "submissions_submission",
        "what learners handed in; uploaded files are not delivered",
        text("uuid", "submission_uuid of other tables, 36 or 32 characters"),
        integer("student_item_id", "submissions_studentitem.id"),
        integer("attempt_number", "1, 2, ..."),
        date("submitted_at", "when it was handed in"),
        date("created_at", "creation of the row"),
        json_text("raw_answer", "text (old), or parts [{text}], file_keys, ...", personal=True),
        text("status", "A: active, D: deleted; in newer packages"),
        integer("team_submission_id", "the team's submission that it is part of; in newer packages"),
    ),
    _table(
        "submissions_score",
        "points for submissions",
        integer("student_item_id", "submissions_studentitem.id"),
        integer("submission_id", "submissions_submission.id"),
        integer("points_earned", "points"),
        integer("points_possible", "possible points"),
        date("created_at", "when they were given"),
        flag("reset", "staff took back what was before"),
    ),
    _table(
        "submissions_scoresummary",
        "the score that counts for a learner and an assessment",
        integer("student_item_id", "submissions_studentitem.id"),
        integer("highest_id", "submissions_score.id of the highest"),
        integer("latest_id", "submissions_score.id of the latest"),
    ),
)

_WORKFLOWS = (
    _table(
        "workflow_assessmentworkflow",
        "how far a submission has come",
        date("created", "creation"),
        date("modified", "last change"),
        text("status", "peer, self, training, staff, waiting, done, cancelled, ...; open set"),
        date("status_changed", "when it came to this status"),
        _submission(),
        text("uuid", "of the workflow; gone from newer packages"),
        course_key(),
        _block(),
    ),
    _table(
        "workflow_assessmentworkflowstep",
        "the steps of a submission",
        integer("workflow_id", "workflow_assessmentworkflow.id"),
        text("name", "peer, self, training, staff, ..."),
        date("submitter_completed_at", "when the learner had done it"),
        date("assessment_completed_at", "when others had done it"),
        integer("order_num", "its place, from 0"),
    ),
)

ASSESSMENT_TABLES = (*_ASSESSMENTS, *_RUBRICS, *_PEERS_AND_TRAINING, *_SUBMISSIONS, *_WORKFLOWS)
