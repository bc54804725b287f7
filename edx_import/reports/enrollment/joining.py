"""Learners and rows of a table, both by learner, side by side: neither is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from edx_import.reports.enrollment.history import Learner

Row = Mapping[str, Any]


def with_rows(learners: Iterable[Learner], rows: Iterable[Row]) -> Iterator[tuple[int, Learner | None, list[Row]]]:
    """Every learner that either side has, by number: the number, what the events say of them if anything, and their rows, if there are any.

    Both sides come by number.
    """
    rows_of = ((int(user_id), list(of_learner)) for user_id, of_learner in groupby(rows, key=lambda row: row["user_id"]))
    left, right = iter(learners), iter(rows_of)
    learner, row = next(left, None), next(right, None)
    while learner is not None or row is not None:
        if row is None or (learner is not None and learner.user_id < row[0]):
            assert learner is not None
            yield learner.user_id, learner, []
            learner = next(left, None)
        elif learner is None or row[0] < learner.user_id:
            yield row[0], None, row[1]
            row = next(right, None)
        else:
            yield learner.user_id, learner, row[1]
            learner, row = next(left, None), next(right, None)
