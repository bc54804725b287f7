"""What a database holds after one sync of a sample package: the numbers that tests compare with.

For the site edx.org (`prod`), default options, the sample's courses.yaml: the newest weekly ZIP, the newest e-mail opt-ins, every event file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from edx_import.model import PROD
from edx_import.sample.catalogue import iter_rows
from edx_import.sample.courses import Course
from edx_import.sample.events import Line, Outcome
from edx_import.sample.offering import Offering
from edx_import.sample.recipe import Recipe, courses_of
from edx_import.tables import BY_TASK


@dataclass(frozen=True, slots=True)
class FileTotals:
    """The account of one event file: read = loaded + duplicate + rejected. Blank lines are not read."""

    read: int
    loaded: int
    duplicate: int
    rejected: int


@dataclass(frozen=True, slots=True)
class GeneralTotals:
    """A row of the report `report_general`, in numbers."""

    course_id: str
    name: str
    total_users: int
    active_users: int
    approved_users: int
    certified_users: int
    failed_users: int
    male: int
    female: int
    countries: int


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    """A row of the report `report_enrollments`. `registration_date` is UTC, in whole milliseconds; what is not known is empty."""

    course_name: str
    course_id: str
    registration_date: datetime
    gender: str
    country: str
    mode: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class SampleTotals:
    """`documents` by collection, `rejected_rows` by collection of the rows that cannot be loaded, `event_files` by S3 key, `events` by course id
    (empty: no course), the rows of two reports."""

    documents: Mapping[str, int]
    rejected_rows: Mapping[str, int]
    event_files: Mapping[str, FileTotals]
    events: Mapping[str, int]
    enrollments: tuple[EnrollmentRow, ...]
    general: tuple[GeneralTotals, ...]

    def as_dict(self) -> dict[str, Any]:
        """The totals as plain values."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """Counts what goes into a package while it is made."""

    documents: dict[str, int] = field(default_factory=dict)
    rejected_rows: dict[str, int] = field(default_factory=dict)
    event_files: dict[str, FileTotals] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)

    def rows(self, collection: str, loaded: int, rejected: int = 0) -> None:
        """A file gave so many documents to a collection."""
        self.documents[collection] = self.documents.get(collection, 0) + loaded
        if rejected:
            self.rejected_rows[collection] = self.rejected_rows.get(collection, 0) + rejected

    def lines(self, key: str, lines: Iterable[Line]) -> Iterator[Line]:
        """Hands on the lines of an event file, and counts them."""
        seen = dict.fromkeys(Outcome, 0)
        for line in lines:
            seen[line.outcome] += 1
            if line.outcome is Outcome.LOADED:
                self.events[line.course_id] = self.events.get(line.course_id, 0) + 1
            yield line
        loaded, duplicate, rejected = seen[Outcome.LOADED], seen[Outcome.DUPLICATE], seen[Outcome.REJECTED]
        self.event_files[key] = FileTotals(loaded + duplicate + rejected, loaded, duplicate, rejected)
        self.rows("events", loaded)

    def totals(self, recipe: Recipe) -> SampleTotals:
        """The totals, once all is made."""
        courses = courses_of(recipe)
        self.documents["courses"] = len(courses)
        return SampleTotals(
            dict(sorted(self.documents.items())),
            dict(sorted(self.rejected_rows.items())),
            dict(sorted(self.event_files.items())),
            dict(sorted(self.events.items())),
            tuple(row for course in courses for row in enrollment_rows(recipe, course)),
            tuple(general_totals(recipe, course) for course in courses),
        )


def collection_of(task: str) -> str:
    """The collection of a table's rows: its own, or, for one that is not declared, one of strings."""
    table = BY_TASK.get(task)
    return table.name if table else f"other_{task}"


def enrollment_rows(recipe: Recipe, course: Course) -> Iterator[EnrollmentRow]:
    """The enrolments of a course with what learners say of themselves."""
    offering = Offering(recipe, PROD, course, recipe.snapshots[-1])
    for one in offering.enrollments:
        learner = one.learner
        gender, country = (learner.gender or "", learner.country or "") if learner.has_profile else ("", "")
        is_active, mode = one.state(offering.until)
        created = one.created.replace(microsecond=one.created.microsecond // 1000 * 1000)
        yield EnrollmentRow(course.name, course.id, created, gender, country, mode, is_active)


def general_totals(recipe: Recipe, course: Course) -> GeneralTotals:
    """The numbers of a course."""
    enrollments = list(enrollment_rows(recipe, course))
    certificates = list(iter_rows(recipe, course, "certificates_generatedcertificate"))
    genders = [row.gender for row in enrollments]
    statuses = [row["status"] for row in certificates]
    return GeneralTotals(
        course_id=course.id,
        name=course.name,
        total_users=len(enrollments),
        active_users=len({row["student_id"] for row in iter_rows(recipe, course, "courseware_studentmodule")}),
        approved_users=sum(float(str(row["grade"]) or -1) >= course.passing_grade for row in certificates),
        certified_users=statuses.count("downloadable"),
        failed_users=statuses.count("notpassing"),
        male=genders.count("m"),
        female=genders.count("f"),
        countries=len({row.country for row in enrollments} - {""}),
    )
