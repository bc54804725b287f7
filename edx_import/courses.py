"""The institution's own courses: the forms of their ids, and courses.yaml.

One course is known under several ids: `course-v1:Org+Course+Run`, `Org/Course/Run`, and `Org-Course-Run` in the names of files. All of
them resolve to the id that stands in courses.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edx_import.errors import ConfigurationError
from edx_import.model import CourseFilter

if TYPE_CHECKING:
    import yaml

DEFAULT_PASSING_GRADE = 0.65

_PART = r"[\w\-~.:]+"
_PLUS_FORM = re.compile(rf"course-v1:({_PART})\+({_PART})\+({_PART})|ccx-v1:({_PART})\+({_PART})\+({_PART})\+ccx@(\d+)")
_SLASH_FORM = re.compile(rf"({_PART})/({_PART})/({_PART})")
_PREFIX = re.compile(r"[a-z-]+-v\d+:")
_BLOCK = re.compile(rf"(ccx-)?block-v1:({_PART}\+{_PART}\+{_PART}(?:\+ccx@\d+)?)\+.*")
_OLD_COURSE_BLOCK = re.compile(rf"i4x://({_PART})/({_PART})/course/({_PART})(?:@.*)?")
_CCX_PART = re.compile(r"(.+)-ccx-(\d+)")


def is_course_id(text: str) -> bool:
    """Whether this is a course id of the new or the old form (a library's id is none)."""
    return bool(_PLUS_FORM.fullmatch(text) or _SLASH_FORM.fullmatch(text))


def slash_form(course_id: str) -> str:
    """`Org/Course/Run`, whichever form the id has; `Org/Course/Run/ccx@N` for a custom course on top of another."""
    prefix = _PREFIX.match(course_id)
    return course_id[prefix.end() :].replace("+", "/") if prefix else course_id


def plus_form(course_id: str) -> str:
    """`course-v1:Org+Course+Run`, whichever form the id has."""
    return "course-v1:" + course_id.replace("/", "+") if _SLASH_FORM.fullmatch(course_id) else course_id


def file_form(course_id: str) -> str:
    """`Org-Course-Run[-ccx-N]` as in the names of members, where characters above code point 128 are underscores."""
    return "".join(char if ord(char) <= 128 else "_" for char in _hyphenated(course_id))


def _hyphenated(course_id: str) -> str:
    return re.sub(r"[+/@]", "-", slash_form(course_id))


def org_of(course_id: str) -> str:
    """The organisation in an id, as it is spelled there."""
    return slash_form(course_id).split("/", 1)[0]


def course_id_of_block(block_key: str) -> str | None:
    """The course that a block key names. An old key (`i4x://`) has no run, except that of the course itself."""
    if new := _BLOCK.fullmatch(block_key):
        return f"{'ccx' if new[1] else 'course'}-v1:{new[2]}"
    old = _OLD_COURSE_BLOCK.fullmatch(block_key)
    return "/".join(old.groups()) if old else None


def guess_course_id(course_part: str) -> str:
    """The last resort when only a file name tells: the first piece is the org, the last the run, the rest the course.

    Which pieces a hyphen joined, and which form the id has, a name does not say. A name of fewer than three pieces stays as it is.
    """
    ccx = _CCX_PART.fullmatch(course_part)
    pieces = (ccx[1] if ccx else course_part).split("-")
    if len(pieces) < 3:
        return course_part
    plus = "+".join((pieces[0], "-".join(pieces[1:-1]), pieces[-1]))
    return f"ccx-v1:{plus}+ccx@{ccx[2]}" if ccx else f"course-v1:{plus}"


@lru_cache(maxsize=65536)
def matches(course_id: str | None, wanted: CourseFilter) -> bool:
    """Whether a filter takes a course: its globs are held against the id, its slash form and its file form, upper and lower case apart.

    What belongs to no course (None) is taken only by a filter that takes all.
    """
    if wanted.takes_all or course_id is None:
        return wanted.takes_all
    forms = {course_id, slash_form(course_id), file_form(course_id)}
    return (not wanted.include or _any_matches(forms, wanted.include)) and not _any_matches(forms, wanted.exclude)


def _any_matches(forms: Iterable[str], globs: Iterable[str]) -> bool:
    globs = tuple(globs)
    return any(fnmatchcase(form, glob) for form in forms for glob in globs)


@dataclass(frozen=True, slots=True)
class Course:
    """One entry of courses.yaml. Dates are UTC; `end_date` lies in the last day of the course, that day included (see `ends`)."""

    id: str
    name: str | None = None
    sme: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    passing_grade: float = DEFAULT_PASSING_GRADE
    aliases: tuple[str, ...] = ()

    @property
    def ends(self) -> datetime | None:
        """The first moment after the course: midnight (UTC) after the day of `end_date`."""
        if self.end_date is None:
            return None
        return self.end_date.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    @property
    def known_as(self) -> frozenset[str]:
        """Every text that stands for this course: its id and its aliases, each in all forms."""
        return frozenset(form for text in (self.id, *self.aliases) for form in _forms(text))

    def metadata(self) -> dict[str, Any]:
        """What is put on the documents of the course."""
        return {"name": self.name, "sme": self.sme, "start_date": self.start_date, "end_date": self.end_date}


def _forms(text: str) -> tuple[str, ...]:
    if not is_course_id(text):
        return (text,)
    # The producer of courseware_studentmodule has a rule of its own for odd characters in its file's name.
    student_module_form = re.sub(r"[^A-Za-z0-9_.-]", "-", _hyphenated(text))
    return text, slash_form(text), plus_form(slash_form(text)), file_form(text), student_module_form


class CourseCatalog:
    """The listed courses. Picklable; does not change."""

    def __init__(self, courses: Iterable[Course] = ()) -> None:
        self.courses = tuple(courses)
        self._by_id = {course.id: course for course in self.courses}
        self._ids = {form: course.id for course in self.courses for form in course.known_as}

    def __reduce__(self) -> tuple[Any, ...]:
        return CourseCatalog, (self.courses,)

    def __eq__(self, other: object) -> bool:
        return self.courses == other.courses if isinstance(other, CourseCatalog) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.courses)

    def __repr__(self) -> str:
        return f"CourseCatalog({self.courses!r})"

    def resolve(self, course_id: str) -> str:
        """The one id of a listed course, given any form of it or an alias; any other text as it is."""
        return self._ids.get(course_id, course_id)

    def get(self, course_id: str) -> Course | None:
        """The listed course, under any of its ids."""
        return self._by_id.get(self.resolve(course_id))

    def metadata(self, course_id: str) -> dict[str, Any] | None:
        """`{name, sme, start_date, end_date}` of a listed course, as put on its documents; None for any other."""
        course = self.get(course_id)
        return course.metadata() if course else None

    def by_file_name(self, course_part: str) -> str | None:
        """The id of the listed course whose files bear this name; of a custom course (`...-ccx-N`) made from it, too."""
        if found := self._ids.get(course_part):
            return found
        ccx = _CCX_PART.fullmatch(course_part)
        base = self._ids.get(ccx[1]) if ccx else None
        return f"ccx-v1:{slash_form(base).replace('/', '+')}+ccx@{ccx[2]}" if ccx and base else None

    def matches(self, course_id: str | None, wanted: CourseFilter) -> bool:
        """Whether the filter takes the course; see `matches`."""
        return matches(course_id, wanted)

    def org_candidates(self) -> tuple[str, ...]:
        """The organisations of the listed courses, in lower case as in the keys, sorted."""
        return tuple(sorted({org_of(course.id).lower() for course in self.courses}))


def load_courses(path: Path | None) -> CourseCatalog:
    """Reads and checks courses.yaml; no path, no courses. Raises one ConfigurationError that lists every problem with its line."""
    if path is None:
        return CourseCatalog()
    problems = _Problems()
    entries = [_course(node, problems) for node in _entries(_composed(path), problems)]
    listed = [entry for entry in entries if entry is not None]
    _check_clashes(listed, problems)
    if problems.found:
        raise _wrong(path, [f"line {line}: {text}" for line, text in sorted(problems.found)])
    return CourseCatalog(course for _, course in listed)


def _wrong(path: Path, problems: list[str]) -> ConfigurationError:
    hint = "Correct the file; the courses.yaml that comes along shows how it is written."
    return ConfigurationError.of(str(path), problems, hint)


@dataclass(slots=True)
class _Problems:
    """What is wrong with the file so far: lines (from 1) and texts."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, node: yaml.Node, text: str) -> None:
        self.found.append((_line(node), text))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _composed(path: Path) -> yaml.Node | None:
    """The nodes of the file, not the values: these keep their lines, and what YAML would take for a number or a date keeps its text."""
    import yaml

    try:
        return yaml.compose(_text_in(path), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _wrong(path, [f"line {mark.line + 1 if mark else 1}: not YAML: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _wrong(path, [f"not YAML: {str(error).splitlines()[0]}"]) from None


def _text_in(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", "Set COURSES_FILE to a file that this user may read.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _wrong(path, [f"line {line}: not UTF-8 text"]) from None


def _entries(root: yaml.Node | None, problems: _Problems) -> list[yaml.Node]:
    if root is None or _kind(root) != "mapping":
        problems.found.append((1, "the file must begin with courses: and a list below it"))
        return []
    top = _members(root, ("courses",), problems)
    listed = top.get("courses")
    if listed is None or _is_null(listed):
        if not top and not problems.found:
            problems.add(root, "there is no list of courses")
        return []
    if _kind(listed) != "sequence":
        problems.add(listed, "courses must be a list: each course begins with a hyphen")
        return []
    return list(listed.value)


def _kind(node: yaml.Node) -> str:
    """`scalar`, `sequence` or `mapping`."""
    return str(getattr(node, "id", ""))


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _members(mapping: yaml.Node, known: Iterable[str], problems: _Problems) -> dict[str, yaml.Node]:
    """The known members of a mapping; the unknown and the repeated ones are problems."""
    members: dict[str, yaml.Node] = {}
    for key, value in mapping.value:
        name = str(key.value) if _kind(key) == "scalar" else "(not a plain name)"
        if name not in known:
            problems.add(key, f"unknown field {name}; known are {', '.join(known)}")
        elif name in members:
            problems.add(key, f"{name} is given twice")
        else:
            members[name] = value
    return members


def _course(node: yaml.Node, problems: _Problems) -> tuple[int, Course] | None:
    if _kind(node) != "mapping":
        problems.add(node, "a course must have fields, such as id: course-v1:Org+Course+Run")
        return None
    members = _members(node, _FIELDS, problems)
    if "id" not in members:
        problems.add(node, "a course without id")
        return None
    values = _values(members, problems)
    if "start_date" in values and "end_date" in values and values["end_date"] < values["start_date"]:
        problems.add(members["end_date"], "end_date is before start_date")
    return (_line(node), Course(**values)) if "id" in values else None


def _values(members: Mapping[str, yaml.Node], problems: _Problems) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, member in members.items():
        try:
            values[name] = _FIELDS[name](member)
        except ValueError as error:
            problems.add(member, f"{name}: {error}")
    return {name: value for name, value in values.items() if value is not None}


def _read_text(node: yaml.Node) -> str | None:
    if _kind(node) != "scalar":
        raise ValueError("must be a text")
    return None if _is_null(node) else str(node.value).strip() or None


def _read_id(node: yaml.Node) -> str:
    text = _read_text(node)
    if text is None or not is_course_id(text):
        raise ValueError(f"{text or 'nothing'} is not a course id, which looks like course-v1:Org+Course+Run or Org/Course/Run")
    return text


def _read_date(node: yaml.Node) -> datetime | None:
    text = _read_text(node)
    if text is None:
        return None
    try:
        said = datetime.fromisoformat(text)
        moment = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text} is not a date; write 2020-01-31, or 2020-01-31T12:00:00+02:00") from None
    if not 1970 <= moment.year < 3000:
        raise ValueError(f"{text} is not a date of a course: the year must be between 1970 and 2999")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _read_grade(node: yaml.Node) -> float | None:
    text = _read_text(node)
    if text is None:
        return None
    try:
        grade = float(text)
    except ValueError:
        grade = -1.0
    if not 0 <= grade <= 1:
        raise ValueError(f"{text} is not a number from 0 to 1")
    return grade


def _read_aliases(node: yaml.Node) -> tuple[str, ...] | None:
    if _is_null(node):
        return None
    if _kind(node) != "sequence":
        raise ValueError("must be a list of ids, such as [Org/Course/Run]")
    aliases = tuple(_read_text(item) for item in node.value)
    if None in aliases:
        raise ValueError("an alias is empty")
    return tuple(alias for alias in aliases if alias)


_FIELDS: dict[str, Callable[[yaml.Node], Any]] = {
    "id": _read_id,
    "name": _read_text,
    "sme": _read_text,
    "start_date": _read_date,
    "end_date": _read_date,
    "passing_grade": _read_grade,
    "aliases": _read_aliases,
}


def _check_clashes(listed: list[tuple[int, Course]], problems: _Problems) -> None:
    """No text may stand for two courses: a file or an event that bears it could not be attributed."""
    owners: dict[str, tuple[int, Course]] = {}
    for line, course in listed:
        taken = sorted(form for form in course.known_as if form in owners)
        if taken:
            first_line, first = owners[taken[0]]
            what = f"{course.id} is listed twice" if course.id == first.id else f"{course.id} and {first.id} can both be written {taken[0]}"
            problems.found.append((line, f"{what} (line {first_line})"))
        owners |= dict.fromkeys(course.known_as - owners.keys(), (line, course))
