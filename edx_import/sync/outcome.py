"""What came of a sync: per member, per object, in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edx_import.errors import EdxImportError, ExitCode
from edx_import.model import Counts, ImportState
from edx_import.sync.plan import ALREADY_LOADED, Plan, Skip


@dataclass(slots=True)
class ObjectOutcome:
    """What came of one object. `collections` counts the documents loaded by collection, `members` the members of a ZIP by state."""

    key: str
    state: ImportState
    counts: Counts = field(default_factory=Counts)
    collections: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    manifest: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unlisted: set[str] = field(default_factory=set)
    seconds: float = 0.0
    unchanged: bool = False
    error: EdxImportError | None = None

    def add(self, counts: Counts, collections: Mapping[str, int], reasons: Mapping[str, int]) -> None:
        """Adds the account of a part."""
        self.counts.add(counts)
        _sum_into(self.collections, collections)
        _sum_into(self.reasons, reasons)

    def join(self, other: ObjectOutcome) -> None:
        """Adds what came of some of its members."""
        self.add(other.counts, other.collections, other.reasons)
        _sum_into(self.members, other.members)
        self.manifest += other.manifest
        self.warnings += other.warnings
        self.unlisted |= other.unlisted

    def count_members(self, outcome: str, number: int = 1) -> None:
        """Counts members of a ZIP by what came of them."""
        self.members[outcome] = self.members.get(outcome, 0) + number

    @property
    def line(self) -> str:
        """One line for a person."""
        if self.state is ImportState.FAILED:
            return f"FAILED: {self.error}"
        if self.unchanged:
            return "content unchanged, nothing to load"
        counts = self.counts
        text = f"{counts.loaded:,} loaded"
        for name in ("duplicate", "rejected", "filtered", "removed", "superseded"):
            number = getattr(counts, name)
            text += f", {number:,} {name}" if number else ""
        return f"{text} in {self.seconds:.1f} s"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        plain: dict[str, Any] = {
            "key": self.key,
            "state": str(self.state),
            "unchanged": self.unchanged,
            "counts": self.counts.as_dict(),
            "collections": dict(sorted(self.collections.items())),
            "seconds": round(self.seconds, 3),
        }
        if self.members:
            plain["members"] = dict(sorted(self.members.items()))
        if self.manifest:
            plain["manifest"] = self.manifest
        if self.reasons:
            plain["reject_reasons"] = dict(sorted(self.reasons.items()))
        if self.error:
            plain["error"] = {"what": self.error.what, "hint": self.error.hint}
        return plain


def _sum_into(total: dict[str, int], part: Mapping[str, int]) -> None:
    for name, number in part.items():
        total[name] = total.get(name, 0) + number


@dataclass(slots=True)
class SyncSummary:
    """What came of a whole sync. `source_errors` are listings that could not be had."""

    plan: Plan
    outcomes: list[ObjectOutcome] = field(default_factory=list)
    source_errors: list[EdxImportError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    courses_refreshed: int = 0
    seconds: float = 0.0
    #: Days of courses whose roll-ups were made anew, and how long that took.
    days_rolled_up: int = 0
    rollup_seconds: float = 0.0
    interrupted: bool = False
    #: What an interruption means to the one that started the process: 130 for Ctrl-C, 143 for SIGTERM.
    interrupted_code: ExitCode = ExitCode.INTERRUPTED

    @property
    def given_up(self) -> list[Skip]:
        """The objects that are not tried any more."""
        return [skip for skip in self.plan.skips if skip.given_up]

    @property
    def failed(self) -> list[ObjectOutcome]:
        """The objects that could not be loaded, in whole or in part."""
        return [outcome for outcome in self.outcomes if outcome.state is ImportState.FAILED]

    @property
    def total(self) -> ObjectOutcome:
        """All objects added up."""
        total = ObjectOutcome("", ImportState.LOADED, seconds=self.seconds)
        for outcome in self.outcomes:
            total.add(outcome.counts, outcome.collections, outcome.reasons)
            _sum_into(total.members, outcome.members)
            total.unlisted |= outcome.unlisted
        return total

    @property
    def exit_code(self) -> ExitCode:
        """0 when all is done; the one cause when nothing could be loaded for one cause; 7 when a part is done."""
        if self.interrupted:
            return self.interrupted_code
        errors = [*self.source_errors, *(outcome.error for outcome in self.failed if outcome.error)]
        if not errors:
            return ExitCode.DONE
        causes = {error.exit_code for error in errors}
        nothing_done = len(self.failed) == len(self.outcomes) and not self.total.counts.loaded
        nothing_done = nothing_done and not any(skip.reason == ALREADY_LOADED for skip in self.plan.skips)
        if nothing_done and len(causes) == 1:
            return causes.pop()
        return ExitCode.PARTLY

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        total = self.total
        return {
            "exit_code": int(self.exit_code),
            "objects": len(self.outcomes),
            "failed": len(self.failed),
            "skipped": len(self.plan.skips),
            "given_up": [skip.key for skip in self.given_up],
            "counts": total.counts.as_dict(),
            "collections": dict(sorted(total.collections.items())),
            "reject_reasons": dict(sorted(total.reasons.items())),
            "unlisted_courses": sorted(total.unlisted),
            "courses_refreshed": self.courses_refreshed,
            "days_rolled_up": self.days_rolled_up,
            "rollup_seconds": round(self.rollup_seconds, 3),
            "warnings": self.warnings,
            "errors": [{"what": error.what, "hint": error.hint} for error in self.source_errors],
            "seconds": round(self.seconds, 3),
            "imports": [outcome.as_dict() for outcome in self.outcomes],
        }
