"""Work side by side: all of it, its results in order, and no more of it begun after an error."""

from __future__ import annotations

import threading
import time

import pytest

from edx_import.sync.threads import all_of, side_by_side


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_are_in_the_order_of_the_work(threads: int) -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * 2

    assert all_of(slow_first, range(20), threads) == [number * 2 for number in range(20)]


def test_nothing_to_do() -> None:
    assert all_of(str, [], 3) == []
    assert list(side_by_side(str, [], 3)) == []


def test_as_many_at_a_time_as_there_are_threads() -> None:
    met = threading.Barrier(3, timeout=20)
    assert len(list(side_by_side(lambda _: met.wait(), range(3), 3))) == 3


@pytest.mark.parametrize("threads", [1, 3])
def test_error_is_raised_once_what_was_begun_has_ended(threads: int) -> None:
    begun: list[int] = []

    def failing(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ValueError("two")
        time.sleep(0.01)
        return number

    with pytest.raises(ValueError, match="two"):
        all_of(failing, range(1000), threads)
    assert len(begun) < 20


def test_a_result_of_none_is_a_result() -> None:
    assert all_of(lambda _: None, range(3), 2) == [None, None, None]
