"""Makes the roll-ups: of the days that a sync has touched, or of all days there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from edx_import.rollups.module_day import module_day
from edx_import.rollups.person_day import person_day
from edx_import.rollups.spans import MOST_DAYS, Span, spans_of
from edx_import.store.collections import EVENTS, MODULE_COURSE_DAY, PERSON_COURSE_DAY, is_empty
from edx_import.store.connection import Store, whole_milliseconds
from edx_import.store.rollups import days_to_do, put, remove_others, rules_version, set_rules_version, stretches_of_events, strike_off

#: Rises when the rules or the documents change: the next sync then makes all days anew.
RULES_VERSION = 1

_PIPELINES = {PERSON_COURSE_DAY: person_day, MODULE_COURSE_DAY: module_day}


def begin(store: Store) -> None:
    """Before events are loaded: where there are none yet, noting the days that they touch is enough from the start. Raises StoreError."""
    if rules_version(store) is None and is_empty(store, EVENTS):
        set_rules_version(store, RULES_VERSION)


def roll_up(store: Store, threads: int = 1, check: Callable[[], None] = lambda: None, tell: Callable[[str], None] = lambda text: None) -> int:
    """Makes the days anew that have been noted, or all, where they never were made by the rules of today. Gives how many days of courses.

    `check` is called in between, and may raise. Raises StoreError.
    """
    if rules_version(store) != RULES_VERSION:
        tell("the days of all courses are rolled up anew: they never were, or by other rules")
        return rebuild(store, threads, check)
    days = days_to_do(store)
    _make(store, spans_of(days), _now(), threads, check)
    return len(days)


def rebuild(store: Store, threads: int = 1, check: Callable[[], None] = lambda: None) -> int:
    """Makes all days anew; gives how many days of courses that may have events. Cut off, it is done again by the next sync. Raises StoreError."""
    set_rules_version(store, None)
    made = _now()
    spans = [Span(*stretch) for stretch in stretches_of_events(store, MOST_DAYS)]
    _make(store, spans, made, threads, check)
    remove_others(store, made)
    set_rules_version(store, RULES_VERSION)
    return sum((span.last - span.first).days + 1 for span in spans)


def _now() -> datetime:
    now = whole_milliseconds(datetime.now(UTC))
    assert now is not None
    return now


def _make(store: Store, spans: Iterable[Span], made: datetime, threads: int, check: Callable[[], None]) -> None:
    """Several courses side by side: one aggregation keeps one core of the server busy."""
    with ThreadPoolExecutor(threads) as pool:
        try:
            for _ in pool.map(partial(_make_span, store, made, check), spans):
                pass
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _make_span(store: Store, made: datetime, check: Callable[[], None], span: Span) -> None:
    check()
    for collection, pipeline in _PIPELINES.items():
        put(store, collection, pipeline(span), span.ids, made)
    strike_off(store, span.site, span.course_id, span.first, span.last)
