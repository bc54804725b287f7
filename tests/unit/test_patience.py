"""Waiting for a server that is away: for what may pass, as long as agreed, aloud, and never against the user's will."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    DuplicateKeyError,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteError,
    WTimeoutError,
)

from edx_import.errors import Interrupted, LockHeldError, StoreError
from edx_import.store import patience
from edx_import.store.patience import Patience

LOST = AutoReconnect("connection closed")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.002)


class Operation:
    """Raises what it is given, one after the other, then gives how often it was called."""

    def __init__(self, *failures: Exception) -> None:
        self._failures: Iterator[Exception] = iter(failures)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        for failure in self._failures:
            raise failure
        return self.calls


def away() -> Callable[[], int]:
    """What never ends well."""
    return Operation(*[LOST] * 100_000)


@pytest.mark.parametrize(
    "failure",
    [
        LOST,
        ServerSelectionTimeoutError("no servers"),
        NotPrimaryError("not primary", {"code": 10107}),
        CursorNotFound("gone", 43),
        WTimeoutError("waiting for replication timed out", 64),
        WriteError("shutting down", 11600),
        OperationFailure("too slow", 262),
        BulkWriteError({"writeErrors": [{"index": 3, "code": 11602}], "writeConcernErrors": []}),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 91}]}),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_may_pass_is_tried_again(failure: PyMongoError) -> None:
    assert Patience().ride_out("writing", Operation(failure, failure, failure)) == 4


@pytest.mark.parametrize(
    "failure",
    [
        OperationFailure("not authorized", 13),
        OperationFailure("no space left", 14031),
        OperationFailure("no such write concern", 79),
        OperationFailure("not enough members", 100),
        OperationFailure("bad pipeline", 40324),
        DuplicateKeyError("twice", 11000),
    ],
    ids=lambda failure: str(failure.code),
)
def test_what_does_not_pass_fails_at_once(failure: PyMongoError) -> None:
    operation = Operation(failure)
    with pytest.raises(StoreError, match=r"^writing: "):
        Patience().ride_out("writing", operation)
    assert operation.calls == 1


def test_user_is_told_once_that_and_why_it_waits() -> None:
    said: list[str] = []
    waiting = Patience(tell=said.append)
    for _ in range(2):
        waiting.ride_out("writing", Operation(LOST, LOST, LOST))
    assert said == ["MongoDB does not answer (the connection to MongoDB was lost); trying again for up to a minute"]


def test_user_is_not_told_again_while_nothing_goes_well() -> None:
    said: list[str] = []
    waiting = Patience(tell=said.append, limit=0)
    for _ in range(2):
        waiting.explain(LOST)
    waiting.ride_out("reading", Operation())
    waiting.explain(LOST)
    assert len(said) == 2


def test_hiccup_is_not_worth_a_word() -> None:
    said: list[str] = []
    assert Patience(tell=said.append).ride_out("writing", Operation(LOST)) == 2
    assert not said


def test_after_the_limit_it_fails_and_what_follows_waits_no_more() -> None:
    waiting = Patience(limit=0.05)
    with pytest.raises(StoreError, match=r"^writing: the connection to MongoDB was lost") as caught:
        waiting.ride_out("writing", away())
    assert caught.value.hint
    operation = Operation(LOST, LOST)
    with pytest.raises(StoreError):
        waiting.ride_out("reading", operation)
    assert operation.calls == 1


def test_patience_comes_back_with_the_server() -> None:
    waiting = Patience(limit=0.05)
    with pytest.raises(StoreError):
        waiting.ride_out("writing", away())
    waiting.ride_out("reading", Operation())
    assert waiting.ride_out("reading", Operation(LOST)) == 2


def test_wish_to_stop_ends_the_waiting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 60)
    asked = iter([False, False, True])

    def check() -> None:
        if next(asked):
            raise Interrupted("stopped before its end")

    started = time.monotonic()
    with pytest.raises(Interrupted):
        Patience(check_stop=check, limit=1000).ride_out("writing", away())
    assert time.monotonic() - started < 20


def test_nothing_is_tried_again_before_the_right_to_is_known() -> None:
    def check() -> None:
        raise LockHeldError("another sync has taken over")

    operation = Operation(LOST)
    with pytest.raises(LockHeldError):
        Patience(make_sure=check).ride_out("removing", operation)
    assert operation.calls == 1


def test_question_for_that_right_may_itself_have_to_be_asked_again() -> None:
    operation, asking = Operation(LOST), Operation(LOST, LOST)

    def check() -> None:
        asking()

    assert Patience(make_sure=check).ride_out("removing", operation) == 2
    assert asking.calls == 3
